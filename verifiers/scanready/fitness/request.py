"""Describe one request to examine this host: its role, its targets and the servers to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scanready.catalogue import Group, TargetType
from scanready.model import Agent, Target
from scanready.run.registry import catalogue
from scanready.run.settings import Settings

#: The roles in the requirements, and their names in reports.
ROLES = {"proxy": "Proxy Agent", "node": "Node Agent", "master": "Master Server"}


@dataclass(frozen=True, slots=True)
class Asked:
    """``targets`` are the targets to scan, empty for any; the URLs in ``clock_from`` (of one host) are tried in order.

    ``clock_named`` is true if the operator named that host; a missing answer is then a finding.
    """

    agent: Agent
    role: str = "proxy"
    targets: Sequence[Target] = ()
    master: Target | None = None
    update: Target | None = None
    clock_from: Sequence[Target] = ()
    clock_named: bool = True
    settings: Settings = field(default_factory=Settings)

    @property
    def named_types(self) -> tuple[TargetType, ...]:
        """Return the types that the targets name; a target with a guessed type names none."""
        names = dict.fromkeys(target.type for target in self.targets if not target.guessed)
        return tuple(row for name in names if (row := catalogue().get(name)))

    @property
    def types(self) -> tuple[TargetType, ...]:
        """Return the types that the host must support: those of the targets, or all types."""
        return self.named_types or tuple(row for row in catalogue() if row.group is not Group.INFRASTRUCTURE)
