"""Define the frame of an estate view: the declared agents, and the missing results.

A run that holds the results of many agents keeps it as JSON. The reader treats it as hostile, as it does the results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scanready.model import Agent, DeclaredAgent, Target, assigned
from scanready.report.parse import NotAResult, target_restored
from scanready.report.serialize import target_object

#: The most agents, and the most remarks, of one estate: more of them are no estate but an attack.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Absent:
    """Name an agent whose results do not count, and say why: "no export", or "results from 2026-11-20, too old"."""

    agent: str
    why: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold what an estate view knows beside the results.

    Attributes:
        inventory: the digest of the inventory that all agents had; empty if it is not known.
        agents: the declared agents; empty if the inventory declares none.
        absent: the agents without fresh results. Each counts as undecided for the targets that it should check.
        unseen: the targets of the inventory that no agent has a result for.
        remarks: remarks for people about what does not fit, each a sentence.
        shares: agent to the number of targets that the inventory assigns to it; empty if that is not known.
        name: the file name of the inventory; empty if it is not known.
    """

    inventory: str = ""
    agents: tuple[DeclaredAgent, ...] = ()
    absent: tuple[Absent, ...] = ()
    unseen: tuple[Target, ...] = ()
    remarks: tuple[str, ...] = ()
    shares: Mapping[str, int] = field(default_factory=dict, hash=False)
    name: str = ""

    def expected_of(self, target: Target, found: tuple[Agent, ...]) -> tuple[str, ...]:
        """Return the names of the agents that should have a result for a target, in alphabetical order.

        Args:
            target: a target of the estate.
            found: the agents that have results. They stand for the declared ones where the inventory declares none.
        """
        agents = self.agents or tuple(DeclaredAgent(agent.name) for agent in found)
        named = set(assigned(target, agents))
        if not (self.agents or target.agents or target.sites):
            named |= {one.agent for one in self.absent}
        return tuple(sorted(named))

    def as_object(self) -> dict[str, Any]:
        """Return the frame as JSON types."""
        return {
            "inventory": self.inventory,
            "agents": [{"name": one.name, "sites": list(one.sites), "platform": one.platform} for one in self.agents],
            "absent": [{"agent": one.agent, "why": one.why} for one in self.absent],
            "unseen": [target_object(target) for target in self.unseen],
            "remarks": list(self.remarks),
            "shares": dict(sorted(self.shares.items())),
            "name": self.name,
        }


def frame_restored(stored: object) -> Frame:
    """Return the frame of a stored run.

    Raises:
        NotAResult: the input is no frame.
    """
    if not isinstance(stored, dict):
        raise NotAResult("its frame is not an object")
    return Frame(
        _text(stored, "inventory"),
        tuple(
            DeclaredAgent(_text(one, "name"), _texts(one, "sites"), _text(one, "platform"))
            for one in _objects(stored, "agents")
        ),
        tuple(Absent(_text(one, "agent"), _text(one, "why")) for one in _objects(stored, "absent")),
        tuple(map(target_restored, _list(stored, "unseen"))),
        _texts(stored, "remarks"),
        _shares(stored.get("shares", {})),  # a frame of an earlier version has neither of these
        _text({"name": "", **stored}, "name"),
    )


def _shares(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > _MOST:
        raise NotAResult(f"shares of its frame is not an object of at most {_MOST:,} agents")
    for count in value.values():
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < 1 << 53:
            raise NotAResult("shares of its frame has something that is no count")
    return value


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise NotAResult(f"{name} of its frame is not a list")
    if name != "unseen" and len(value) > _MOST:
        raise NotAResult(f"{name} of its frame has more than {_MOST:,} entries")
    return value


def _objects(fields: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    values = _list(fields, name)
    if not all(isinstance(value, dict) for value in values):
        raise NotAResult(f"{name} of its frame is not a list of objects")
    return values


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = _list(fields, name)
    if not all(isinstance(value, str) for value in values):
        raise NotAResult(f"{name} of its frame is not a list of texts")
    return tuple(values)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise NotAResult(f"{name} of its frame is not a text")
    return value
