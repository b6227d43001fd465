"""Failures grouped by cause, and by who can mend them: what a hand-over is made of."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import overload

from scanready.model import GOOD, Cause, OtherFixes, Owner, Report, Step, Target, Verdict
from scanready.run.any_type import answered
from scanready.run.target_name import visible_name

from .document import Places, RunInfo, Totals
from .filled import fill
from .findings import Part, Told, besides, decisive
from .headline import as_types, best_of_hosts, known, summed
from .known import is_waived, note
from .paper import GRAVITY, counted
from .rules import Rule, merged, rules_of_result
from .serialize import as_line

#: The readers of each owner's part.
OWNERS: dict[Owner, str] = {
    Owner.NETWORK: "the network and firewall team",
    Owner.SERVER: "the administrators of the targets",
    Owner.DATABASE: "the database administrators",
    Owner.IDENTITY: "the administrators of directories and accounts",
    Owner.AGENT: "the administrators of the scan agent",
    Owner.OPERATOR: "the author of the inventory and holder of the credentials",
    Owner.SCANREADY: "the scanready project",
}


@dataclass(frozen=True, slots=True)
class Second:
    """A cause that a target has besides the decisive one; ``fix`` is what its owner applies."""

    code: str
    owner: Owner
    detail: str
    fix: str | None


@dataclass(slots=True)
class Member:
    """One target of a group: where it is, what was seen there, and what to apply. Not its checks, which are many.

    ``others`` are the fixes of the cause's other owners; ``besides`` are the target's other causes.
    """

    place: int
    target: Target
    verdict: Verdict
    detail: str
    fix: str | None
    others: OtherFixes = ()
    besides: tuple[Second, ...] = ()

    @property
    def where(self) -> str:
        """The name of the target."""
        return visible_name(self.target)


@dataclass(frozen=True, slots=True)
class Known:
    """A target whose failure is known, and in ``note`` what became of it; ``code`` is the cause's, empty for none."""

    place: int
    where: str
    verdict: Verdict
    code: str
    note: str


@dataclass(slots=True)
class Group:
    """All targets with one cause that one owner can fix. ``gravity`` is 0 for what blocks.

    ``remedy`` is the owner's; ``others`` are the owners who can fix it instead, with theirs. Texts are filled in with
    the first target as an example.
    """

    cause: Cause
    owner: Owner
    gravity: int
    example: Target
    remedy: str
    others: tuple[tuple[Owner, str], ...]
    members: list[Member] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)

    @property
    def meaning(self) -> str:
        """What the cause means; filled in with its only target, or with the first one as an example."""
        return fill(self.cause.meaning, self.example)

    @property
    def confirm(self) -> str:
        """How to confirm it by hand."""
        return fill(self.cause.confirm, self.example)

    @property
    def verdict(self) -> Verdict:
        """The worst that it makes of a target."""
        return GRAVITY[self.gravity]

    @property
    def fixes(self) -> dict[str, list[Member]]:
        """What to apply, and the targets of each."""
        found: dict[str, list[Member]] = {}
        for member in self.members:
            if member.fix:
                found.setdefault(member.fix, []).append(member)
        return found

    @property
    def alike(self) -> list[list[Member]]:
        """The targets, those with the same evidence, fixes and further causes together."""
        found: dict[Hashable, list[Member]] = {}
        for member in self.members:
            found.setdefault((member.detail, member.fix, member.others, member.besides), []).append(member)
        return list(found.values())


def worth_telling(report: Report) -> Sequence[Report]:
    """Return the reports whose causes somebody should fix.

    A host without a type has those of the types that hold, for their warnings; if none holds, those of the types that
    answered, or the host itself if none did.
    """
    if not report.types:
        return [report]
    if report.verdict in GOOD:
        return [one for one in report.types if one.verdict in GOOD]
    return [one for one in report.types if answered(one)] or [report]


class ByCause:
    """Sorts reports with a cause into groups; keeps a line of each, and each text once."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, Owner], Group] = {}
        self._texts: dict[str, str] = {}

    def add(self, report: Report, place: int) -> None:
        """Sort in a report by its decisive cause, unless it is waived. ``place`` is its target's in the run."""
        for one in () if is_waived(report) else worth_telling(report):
            if told := decisive(one):
                self.sort_in(one, place, told, told.parts[0])

    def sort_in(self, report: Report, place: int, told: Told, part: Part) -> Group:
        """Sort in a report by a cause of it, for one of the owners; return their group."""
        gravity = GRAVITY.index(told.verdict)
        key = told.cause.code, part.owner
        if key not in self._groups:
            instead = tuple((one.owner, one.remedy) for one in told.parts if one is not part)
            self._groups[key] = Group(told.cause, part.owner, gravity, report.target, part.remedy, instead)
        group = self._groups[key]
        group.gravity = min(group.gravity, gravity)
        seconds = tuple(
            Second(one.cause.code, one.owner, self._once(one.detail), self._once(one.fix))
            for one in besides(report)
            if one.cause is not told.cause
        )
        others = tuple((one.owner, self._once(one.fix)) for one in told.parts if one is not part and one.fix)
        fix = self._once(part.fix)
        member = Member(place, report.target, told.verdict, self._once(told.detail), fix, others, seconds)
        group.members.append(member)
        return group

    @overload
    def _once(self, text: str) -> str: ...
    @overload
    def _once(self, text: None) -> None: ...
    def _once(self, text: str | None) -> str | None:
        return None if text is None else self._texts.setdefault(text, text)

    def groups(self) -> list[Group]:
        """The groups, the gravest and largest first; their targets in the inventory's order. For the end."""
        for group in self._groups.values():
            group.members.sort(key=lambda member: member.place)
        return sorted(self._groups.values(), key=lambda group: (group.gravity, -len(group.members), group.cause.code))


class Groups:
    """Collects reports; keeps nothing of one that holds.

    Of the types that were tried on a host whose type nobody said, those that do not answer are nobody's to mend, as
    long as another does.
    """

    def __init__(self, run: RunInfo) -> None:
        self._run = run
        self._tried: dict[str, list[Report]] = {host: [] for host in run.tried.values()}
        self._good = self._proven = 0
        self._places = Places(run)
        self._causes = ByCause()
        self._seen = 0
        self._known: list[Known] = []

    def add(self, report: Report) -> None:
        """Sort in one report."""
        self._good += report.verdict in GOOD
        self._proven += report.verdict is Verdict.SCANNABLE
        if host := self._run.tried.get(id(report.target)):
            self._tried[host].append(report)
        else:
            self._sort_in(report)

    def headline(self, totals: Totals) -> str:
        """Return how much was proven, in a few words."""
        if not self._tried:
            told = f"{counted(totals.targets, 'target')}: {summed(totals.verdicts) or 'none was checked'}"
            return f"{told}; {waived}" if (waived := known(totals)) else told
        if len(self._tried) > 1:
            return f"{len(self._tried)} hosts: {summed(best_of_hosts(self._tried.values())) or 'none was checked'}"
        ((host, reports),) = self._tried.items()
        return f"{host}: {as_types(reports) or 'blocked or undecided as every type tried'}"

    def title(self, totals: Totals) -> str:
        """Return the headline of a page that shows every verdict's count below it."""
        if len(self._tried) == 1:
            return self.headline(totals)
        if self._tried:
            proven, of = best_of_hosts(self._tried.values())[Verdict.SCANNABLE], counted(len(self._tried), "host")
        else:
            proven, of = self._proven, counted(totals.targets, "target")
        return f"{proven} of {of} proven"

    @property
    def share(self) -> tuple[str, str]:
        """The number of proven targets, or of types that hold at one host, and what it is one of."""
        if not self._tried:
            return str(self._proven), f"of {self._seen} proven"
        return str(self._good), "type holds" if self._good == 1 else "types hold"

    def _settle_tried(self) -> None:
        for host, reports in self._tried.items():
            holds = any(report.verdict in GOOD for report in reports)
            for report in reports:
                if not holds or report.verdict in GOOD:
                    self._sort_in(report)
            self._tried[host] = []

    def _sort_in(self, report: Report) -> None:
        self._seen += 1
        place = self._places.of(report.target)
        if words := note(report):
            code = report.cause.code if report.cause else ""
            self._known.append(Known(place, visible_name(report.target), report.verdict, code, words))
        for one in () if is_waived(report) else worth_telling(report):
            self._sort_in_causes(one, place)

    def _sort_in_causes(self, report: Report, place: int) -> None:
        first = decisive(report)
        for told in [*([first] if first else []), *besides(report)]:
            for part in told.parts:
                group = self._causes.sort_in(report, place, told, part)
                if part.owner is Owner.NETWORK and told.step is Step.CONNECT:
                    group.rules += rules_of_result(json.loads(as_line(report)))

    def by_cause(self) -> list[Group]:
        """The groups, one for each owner of a cause, as :meth:`ByCause.groups` has them. For the end."""
        self._settle_tried()
        return self._causes.groups()

    def known(self) -> list[Known]:
        """Return the known failures with their standing, in the inventory's order. For the end."""
        self._settle_tried()
        return sorted(self._known, key=lambda one: one.place)

    def by_owner(self) -> dict[Owner, list[Group]]:
        """The same by owner, the one with the most to do first; a cause of several owners is there for each."""
        found: dict[Owner, list[Group]] = {}
        for group in self.by_cause():
            found.setdefault(group.owner, []).append(group)
        return dict(sorted(found.items(), key=lambda pair: -sum(len(group.members) for group in pair[1])))


def firewall(groups: Iterable[Group]) -> list[Rule]:
    """The rules of all groups together, each once."""
    return merged(rule for group in groups for rule in group.rules)
