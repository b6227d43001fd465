"""Define the agents of an inventory, and which of them check a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .target import Target


@dataclass(frozen=True, slots=True)
class DeclaredAgent:
    """Describe an agent as an inventory declares it; it may not exist yet.

    Attributes:
        name: its name in reports.
        sites: the sites that it is at.
        platform: as ``platform.system()`` names it; empty if the inventory does not say.
    """

    name: str
    sites: tuple[str, ...] = ()
    platform: str = ""


def assigned(target: Target, agents: Sequence[DeclaredAgent]) -> tuple[str, ...]:
    """Return the names of the agents that check a target, in the order of ``agents``; those it names come first."""
    if target.agents:
        return target.agents
    if target.sites:
        return tuple(agent.name for agent in agents if not set(target.sites).isdisjoint(agent.sites))
    return tuple(agent.name for agent in agents)
