"""What is asked of this host, and about which targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scanready.catalogue import Group, TargetType
from scanready.model import Agent, Target
from scanready.run.registry import catalogue
from scanready.run.settings import Settings

#: The roles of the document, and how people call them.
ROLES = {"proxy": "Proxy Agent", "node": "Node Agent", "master": "Master Server"}


@dataclass(frozen=True, slots=True)
class Asked:
    """``targets`` are those it shall scan, none for any; ``clock_from`` is tried in order, as it stands for one host.

    ``clock_named`` says that the operator named that host: then no answer is worth a finding.
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
        """The types that the targets name; a host whose type nobody said names none."""
        names = dict.fromkeys(target.type for target in self.targets if not target.guessed)
        return tuple(row for name in names if (row := catalogue().get(name)))

    @property
    def types(self) -> tuple[TargetType, ...]:
        """The types it shall serve: of the targets, or all there are."""
        return self.named_types or tuple(row for row in catalogue() if row.group is not Group.INFRASTRUCTURE)
