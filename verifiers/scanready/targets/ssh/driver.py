"""The abilities of paramiko, compared with those of the agent's own ssh client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanready.catalogue import Driver

from . import client

#: So many names are stated; the facts have all.
_MOST_NAMES = 3
_LISTS = {
    "kex": "_preferred_kex",
    "host_key": "_preferred_keys",
    "cipher": "_preferred_ciphers",
    "mac": "_preferred_macs",
}


def facts(module: Any) -> dict[str, Any]:
    """Return the algorithms that the library offers, by slot."""
    return {"algorithms": {slot: list(getattr(module.Transport, name, ())) for slot, name in _LISTS.items()}}


def limits(driver: Driver, facts: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name the algorithms that the agent's ssh client offers by default and paramiko lacks. Blocks: it runs ssh."""
    lacks = _lacking(facts["algorithms"])
    if not lacks:
        return driver.limits, {}
    some = ", ".join(lacks[:_MOST_NAMES]) + (", ..." if len(lacks) > _MOST_NAMES else "")
    return f"lacks {len(lacks)} algorithm{'' if len(lacks) == 1 else 's'} that the ssh client offers ({some})", {
        "paramiko_lacks": lacks
    }


def _lacking(knows: dict[str, list[str]]) -> list[str]:
    found = client.present()
    if found is None or found.general is None:
        return []
    offer = found.general.offer
    offered = {"kex": offer.kex, "host_key": offer.host_keys, "cipher": offer.ciphers_c2s, "mac": offer.macs_c2s}
    lacking = [
        name
        for slot, names in offered.items()
        for name in names
        if name not in knows[slot] and not name.startswith(("ext-info-", "kex-strict-")) and "-cert-v01" not in name
    ]
    return list(dict.fromkeys(lacking))
