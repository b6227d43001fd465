"""Say what a plan knows of its agent: where the requirements want another one, and which targets are in its subnets."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence
from typing import Any

from scanready.model import Agent, Target, is_address
from scanready.run.agent_step import mismatch, shared_subnets, unsuited
from scanready.run.registry import catalogue

from .share import Share


def plan_agent(share: Share, addresses: Sequence[str], targets: Sequence[Target]) -> dict[str, Any]:
    """Return the agent of a plan as JSON types, and the names of all declared agents.

    Args:
        addresses: those of the agent, perhaps with a prefix length.
        targets: the planned targets.
    """
    inventory, declared = share.inventory, share.agent
    names = [one.name for one in inventory.agents] if inventory else []
    if declared is None:
        return {"agent": None, "agents": names}
    agent = Agent(declared.name, declared.platform, networks=tuple(one for one in addresses if "/" in one))
    types = Counter(target.type for target in targets if not target.guessed)
    rows = [(catalogue()[name], count) for name, count in types.items() if name in catalogue()]
    refused = [row for row, _ in rows if agent.platform and row.requirements.agent not in (None, agent.platform)]
    unsuitable = [row for row, _ in rows if agent.platform and row.requirements.suits not in (None, agent.platform)]
    known = [target for target in targets if is_address(target.host) and not _on_agent(target.host)]
    return {
        "agent": {
            "name": declared.name,
            "platform": declared.platform,
            "sites": list(declared.sites),
            "addresses": list(addresses),
            "refused": [_note(row.name, types, mismatch(row.name, row.requirements.agent, agent)) for row in refused],
            "unsuited": [_note(row.name, types, unsuited(row)) for row in unsuitable if row not in refused],
            "same_subnet": sum(bool(shared_subnets(agent, [target.host])) for target in known),
            "elsewhere": sum(shared_subnets(agent, [target.host]) == {} for target in known),
        },
        "agents": names,
    }


def _on_agent(address: str) -> bool:
    """Return whether an address is that of whichever host uses it: it is in no subnet of the agent, and in no other."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _note(type_: str, types: Counter[str], text: str) -> dict[str, Any]:
    return {"type": type_, "targets": types[type_], "note": text}
