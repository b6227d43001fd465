"""Failures grouped by cause, and by who can mend them: what a hand-over is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..model import Cause, Owner, Report, Step, Target, Verdict
from ..placeholders import fill
from .document import GOOD, Places, RunInfo, Totals
from .human import GRAVITY, address
from .result import as_line, fixes
from .rules import Rule, merged, rules_of_result

#: Who an owner is, for whoever is handed a list.
OWNERS: dict[Owner, str] = {
    Owner.NETWORK: "whoever runs the network and its firewalls",
    Owner.SERVER: "the administrators of the targets",
    Owner.DATABASE: "the administrators of the databases",
    Owner.IDENTITY: "whoever looks after directories and accounts",
    Owner.AGENT: "whoever runs the scan agent",
    Owner.OPERATOR: "whoever wrote the inventory or holds the credentials",
    Owner.SCANREADY: "scanready itself",
}


@dataclass(slots=True)
class Member:
    """One target of a group: where it is, and what was seen there."""

    place: int
    target: Target
    verdict: Verdict
    detail: str

    @property
    def where(self) -> str:
        """``postgresql db7:5432``."""
        return f"{self.target.type} {address(self.target)}"


@dataclass(slots=True)
class Group:
    """All targets with one cause. ``gravity`` is 0 for what blocks; ``fixes`` has the targets of each fix."""

    cause: Cause
    gravity: int
    example: Target
    members: list[Member] = field(default_factory=list)
    fixes: dict[str, list[Member]] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)

    @property
    def meaning(self) -> str:
        """What the cause means; filled in with its only target, or with the first one as an example."""
        return fill(self.cause.meaning, self.example)

    @property
    def remedy(self) -> str:
        """What is to be done."""
        return fill(self.cause.remedy, self.example)

    @property
    def confirm(self) -> str:
        """How to confirm it by hand."""
        return fill(self.cause.confirm, self.example)

    @property
    def verdict(self) -> Verdict:
        """The worst that it makes of a target."""
        return GRAVITY[self.gravity]


class Groups:
    """Collects reports; keeps nothing of one that holds.

    Of the types that were tried on a host whose type nobody said, those that do not answer are nobody's to mend, as
    long as another does.
    """

    def __init__(self, run: RunInfo) -> None:
        self._run = run
        self._tried: dict[str, list[Report]] = {host: [] for host in run.tried.values()}
        self._good = 0
        self._places = Places(run)
        self._groups: dict[str, Group] = {}
        self._seen = 0

    def add(self, report: Report) -> None:
        """Sort in one report."""
        self._good += report.verdict in GOOD
        if host := self._run.tried.get(id(report.target)):
            self._tried[host].append(report)
        else:
            self._sort_in(report)

    def headline(self, totals: Totals) -> str:
        """How much of it can be scanned, in a few words."""
        if not self._tried:
            return f"{self._good} of {totals.targets} targets can be scanned"
        found = {host: [r.target.type for r in of if r.verdict in GOOD] for host, of in self._tried.items()}
        if len(found) > 1:
            return f"{sum(map(bool, found.values()))} of {len(found)} hosts can be scanned"
        ((host, types),) = found.items()
        return (
            f"{host} can be scanned as {', '.join(types)}" if types else f"{host} cannot be scanned as any type tried"
        )

    @property
    def share(self) -> tuple[str, str]:
        """The same as a number, and what it is one of."""
        if not self._tried:
            return f"{100 * self._good / max(1, self._seen):.0f}%", "can be scanned"
        return str(self._good), "type answers" if self._good == 1 else "types answer"

    def _settle_tried(self) -> None:
        for host, reports in self._tried.items():
            holds = any(report.verdict in GOOD for report in reports)
            for report in reports:
                if not holds or report.verdict in GOOD:
                    self._sort_in(report)
            self._tried[host] = []

    def _sort_in(self, report: Report) -> None:
        self._seen += 1
        if report.finding is None:
            return
        cause, gravity = report.finding.cause, GRAVITY.index(report.verdict)
        group = self._groups.setdefault(cause.code, Group(cause, gravity, report.target))
        group.gravity = min(group.gravity, gravity)
        member = Member(self._places.of(report.target), report.target, report.verdict, report.finding.detail)
        group.members.append(member)
        if fix := fixes(report):
            group.fixes.setdefault(fix, []).append(member)
        if cause.owner is Owner.NETWORK and (report.finding_step or cause.step) is Step.CONNECT:
            group.rules += rules_of_result(json.loads(as_line(report)))

    def by_cause(self) -> list[Group]:
        """The groups, the gravest and largest first; their targets in the inventory's order. For the end."""
        self._settle_tried()
        for group in self._groups.values():
            group.members.sort(key=lambda member: member.place)
        return sorted(self._groups.values(), key=lambda group: (group.gravity, -len(group.members), group.cause.code))

    def by_owner(self) -> dict[Owner, list[Group]]:
        """The same by who can mend it, who has the most to do first."""
        found: dict[Owner, list[Group]] = {}
        for group in self.by_cause():
            found.setdefault(group.cause.owner, []).append(group)
        return dict(sorted(found.items(), key=lambda pair: -sum(len(group.members) for group in pair[1])))


def firewall(groups: Iterable[Group]) -> list[Rule]:
    """The rules of all groups together, each once."""
    return merged(rule for group in groups for rule in group.rules)
