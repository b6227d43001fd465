"""Find the hosts and ports of a target, and the addresses and facts of its result, for firewall rules."""

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
    """Return the places where a target is contacted: its host, or each endpoint of the service that its host names."""
    row = catalogue().get(target.type)
    return row.places(target) if row is not None else [target]


def places_seen(result: Mapping[str, Any]) -> dict[tuple[str, int], Seen]:
    """Return the evidence of a result (schema 1) by the places of its target; nearly always there is one place."""
    found, row = result["target"], catalogue().get(result["target"]["type"])
    whole = evidence(result)
    if row is None or not row.hostless:
        return {(found["host"], found["port"]): whole}
    names = {check["endpoint"]: _addresses(check) for check in result["checks"] if check["facts"]}
    target = Target(found["host"], found["type"], found["port"], found["options"])
    return {(place.host, place.port): Seen(names.get(place.host, ()), (), whole.facts) for place in where(target)}


def evidence(result: Mapping[str, Any]) -> Seen:
    """Return the addresses, endpoints and facts of a result (schema 1)."""
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
    """Return the addresses of a name in the facts of a check; drop other types, which a file may contain."""
    listed = check["facts"].get("addresses")
    return tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, (list, tuple)) else ()
