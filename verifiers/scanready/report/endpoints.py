"""Where a target is contacted, and what a result found there: addresses, endpoints, facts. For the firewall rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scanready.catalogue import Seen
from scanready.model import Target
from scanready.run.registry import catalogue
from scanready.run.settings import CANARY_PORT

_ENDPOINT = re.compile(r"(?P<host>\[[^\]]+\]|[^/]*):(?P<port>\d{1,5})(/(?P<transport>tcp|udp)6?)?")


def where(target: Target) -> list[Target]:
    """Where a target is contacted: at its host, or at each endpoint of the service that its host names."""
    row = catalogue().get(target.type)
    return row.places(target) if row is not None else [target]


def places_seen(result: Mapping[str, Any]) -> dict[tuple[str, int], Seen]:
    """What a result (schema 1) found, by the places of its target; nearly always that is one."""
    found, row = result["target"], catalogue().get(result["target"]["type"])
    whole = evidence(result)
    if row is None or not row.hostless:
        return {(found["host"], found["port"]): whole}
    names = {check["endpoint"]: _addresses(check) for check in result["checks"] if check["facts"]}
    target = Target(found["host"], found["type"], found["port"], found["options"])
    return {(place.host, place.port): Seen(names.get(place.host, ()), (), whole.facts) for place in where(target)}


def evidence(result: Mapping[str, Any]) -> Seen:
    """Read what a result (schema 1) found."""
    host = result["target"]["host"]
    addresses: dict[str, None] = {}
    endpoints: dict[tuple[str, int, str], None] = {}
    for check in result["checks"]:
        if check["step"] == "resolve" and check["endpoint"] in (host, host.strip("[]")):
            addresses.update(dict.fromkeys(_addresses(check)))
        if check["step"] not in ("agent", "resolve") and check["outcome"] != "skipped":
            where = _ENDPOINT.fullmatch(check["endpoint"])
            if where and int(where["port"]) not in (0, CANARY_PORT):
                endpoints[where["host"].strip("[]"), int(where["port"]), where["transport"] or "tcp"] = None
    return Seen(tuple(addresses), tuple(endpoints), result["facts"])


def _addresses(check: Mapping[str, Any]) -> tuple[str, ...]:
    """The addresses of a name, as a check has them; a file, or another package, may have something else there."""
    told = check["facts"].get("addresses")
    return tuple(one for one in told if isinstance(one, str)) if isinstance(told, (list, tuple)) else ()
