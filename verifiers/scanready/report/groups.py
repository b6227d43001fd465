"""Group failures by cause and by owner, for the table, the hand-over and the HTML report."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from scanready.model import GOOD, Cause, OtherFixes, Owner, Report, Step, Target, Verdict
from scanready.run.any_type import answered
from scanready.run.target_name import visible_name

from .document import Places, RunInfo, Totals
from .filled import fill
from .findings import Part, Told, besides, decisive
from .headline import as_types, assumptions, best_of_hosts, known, summed
from .known import is_waived, note
from .paper import GRAVITY, counted
from .rules import Rule, merged, rules_of_result
from .serialize import as_line

#: The readers of each owner's part.
OWNERS: dict[Owner, str] = {
    Owner.NETWORK: "the network and firewall team",
    Owner.SERVER: "the server administrators",
    Owner.DATABASE: "the database administrators",
    Owner.IDENTITY: "the administrators of directories and accounts",
    Owner.AGENT: "the administrators of the scan agent",
    Owner.OPERATOR: "the author of the inventory and holder of the credentials",
    Owner.SCANREADY: "the user of scanready",
}
#: The introduction of an owner's part.
INTRODUCTIONS: dict[Owner, str] = {
    Owner.SCANREADY: (
        "These are limits or errors of scanready, not faults of the targets. Check these targets manually. To report a "
        "limit or an error to the scanready project, attach the file of `scanready check TARGET --bundle FILE`."
    ),
}
#: A remedy's reference to the fix that stands below it.
_SEE_THE_FIX = re.compile(r" \(see the fix[^)]*\)")


def without_reference(remedy: str) -> str:
    """Return a remedy without its reference to a fix, for a place that does not show the fix below it."""
    return _SEE_THE_FIX.sub("", remedy)


@dataclass(frozen=True, slots=True)
class Second:
    """A cause of a target besides the decisive one; ``fix`` is the text that its owner applies, or None."""

    code: str
    owner: Owner
    detail: str
    fix: str | None


@dataclass(slots=True)
class Member:
    """One target of a group, with its detail and fix; without its checks, which need much memory.

    ``others`` are the fixes of the cause's other owners; ``besides`` are the target's other causes. ``agents`` names
    the agents that met the cause; it is empty in a report of one agent.
    """

    place: int
    target: Target
    verdict: Verdict
    detail: str
    fix: str | None
    others: OtherFixes = ()
    besides: tuple[Second, ...] = ()
    agents: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The name of the target."""
        return visible_name(self.target)


@dataclass(frozen=True, slots=True)
class Known:
    """A target with a known failure. ``note`` is its state in words; ``code`` is the cause's code or empty."""

    place: int
    where: str
    verdict: Verdict
    code: str
    note: str


@dataclass(slots=True)
class Group:
    """All targets with one cause that one owner can fix. ``gravity`` is 0 if the cause blocks.

    ``remedy`` is the owner's. ``others`` are the other owners who can fix the cause, with their remedies. The first
    target fills in the placeholders of the texts, as an example.
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
    def alternatives(self) -> list[tuple[Owner, str]]:
        """The other owners with their remedies, for a page that has the fix of this owner only."""
        return [(owner, without_reference(remedy)) for owner, remedy in self.others]

    @property
    def meaning(self) -> str:
        """The meaning of the cause, filled in with the first target."""
        return fill(self.cause.meaning, self.example)

    @property
    def confirm(self) -> str:
        """The command that confirms the cause, filled in with the first target."""
        return fill(self.cause.confirm, self.example)

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of its targets."""
        return GRAVITY[self.gravity]

    @property
    def fixes(self) -> dict[str, list[Member]]:
        """Each fix with its targets."""
        found: dict[str, list[Member]] = {}
        for member in self.members:
            if member.fix:
                found.setdefault(member.fix, []).append(member)
        return found

    @property
    def alike(self) -> list[list[Member]]:
        """The targets, grouped by equal detail, fixes, further causes and agents."""
        found: dict[Hashable, list[Member]] = {}
        for member in self.members:
            key = member.detail, member.fix, member.others, member.besides, member.agents
            found.setdefault(key, []).append(member)
        return list(found.values())


def worth_telling(report: Report) -> Sequence[Report]:
    """Return the reports with causes to fix.

    For a host without a type: the types that hold, for their warnings. If no type holds, the types that answered; if
    none answered, the host itself.
    """
    if not report.types:
        return [report]
    if report.verdict in GOOD:
        return [one for one in report.types if one.verdict in GOOD]
    return [one for one in report.types if answered(one)] or [report]


class ByCause:
    """Sort reports with a cause into groups; keep a short record of each, and each text once."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, Owner], Group] = {}
        self._texts: dict[str, str] = {}

    def add(self, report: Report, place: int) -> None:
        """Add a report by its decisive cause, unless it is waived. ``place`` is the number of its target in the run."""
        for one in () if is_waived(report) else worth_telling(report):
            if found := decisive(one):
                self.sort_in(one, place, found, found.parts[0])

    def sort_in(self, report: Report, place: int, told: Told, part: Part) -> Group:
        """Add a report to the group of one of its causes and one owner; return the group."""
        seconds = tuple(
            Second(one.cause.code, one.owner, self.once(one.detail), self.once(one.fix))
            for one in besides(report)
            if one.cause is not told.cause
        )
        return self.put(report.target, place, told, part, seconds)

    def put(
        self,
        target: Target,
        place: int,
        told: Told,
        part: Part,
        seconds: tuple[Second, ...],
        agents: tuple[str, ...] = (),
    ) -> Group:
        """Add a target to the group of one of its causes and one owner; return the group."""
        gravity = GRAVITY.index(told.verdict)
        key = told.cause.code, told.cause.case, part.owner
        if key not in self._groups:
            instead = tuple((one.owner, one.remedy) for one in told.parts if one is not part)
            self._groups[key] = Group(told.cause, part.owner, gravity, target, part.remedy, instead)
        group = self._groups[key]
        group.gravity = min(group.gravity, gravity)
        others = tuple((one.owner, self.once(one.fix)) for one in told.parts if one is not part and one.fix)
        detail, fix = self.once(told.detail), self.once(part.fix)
        group.members.append(Member(place, target, told.verdict, detail, fix, others, seconds, agents))
        return group

    @overload
    def once(self, text: str) -> str: ...
    @overload
    def once(self, text: None) -> None: ...
    def once(self, text: str | None) -> str | None:
        """Return an equal text that is kept once."""
        return None if text is None else self._texts.setdefault(text, text)

    def groups(self) -> list[Group]:
        """Return the groups, the gravest and largest first, with targets in the inventory's order. Call it last."""
        for group in self._groups.values():
            group.members.sort(key=lambda member: member.place)
        return sorted(self._groups.values(), key=lambda group: (group.gravity, -len(group.members), group.cause.code))


class Groups:
    """Collect the failures among reports, grouped by cause and owner.

    On a host without a type, a type that does not answer is no failure if another type does.
    """

    def __init__(self, run: RunInfo) -> None:
        self._run = run
        self._tried: dict[str, list[Report]] = {host: [] for host in run.tried.values()}
        self._good = self._proven = 0
        self._places = Places(run)
        self._causes = ByCause()
        self._sorted = 0
        self._known: list[Known] = []

    def add(self, report: Report) -> None:
        """Add one report."""
        self._good += report.verdict in GOOD
        self._proven += report.verdict is Verdict.SCANNABLE
        if host := self._run.tried.get(id(report.target)):
            self._tried[host].append(report)
        else:
            self._sort_in(report)

    def headline(self, totals: Totals) -> str:
        """Return the number of targets with each verdict, in a few words; first what is assumed, if anything is."""
        return "; ".join(filter(None, (assumptions(self._run.assumed), self._counted(totals))))

    def _counted(self, totals: Totals) -> str:
        if not self._tried:
            words = f"{counted(totals.targets, 'target')}: {summed(totals.verdicts) or 'none was checked'}"
            return f"{words}; {waived}" if (waived := known(totals.known)) else words
        if len(self._tried) > 1:
            return f"{len(self._tried)} hosts: {summed(best_of_hosts(self._tried.values())) or 'none was checked'}"
        ((host, reports),) = self._tried.items()
        return f"{host}: {as_types(reports) or 'blocked or undecided as every type tried'}"

    def title(self, totals: Totals) -> str:
        """Return the headline of a page that shows the count of each verdict below it."""
        if len(self._tried) == 1 or self._run.assumed:
            return self.headline(totals)
        if self._tried:
            proven, of = best_of_hosts(self._tried.values())[Verdict.SCANNABLE], counted(len(self._tried), "host")
        else:
            proven, of = self._proven, counted(totals.targets, "target")
        return f"{proven} of {of} proven scannable"

    @property
    def share(self) -> tuple[str, str]:
        """The number of proven targets, or of types that hold on one host, and the words after it."""
        if not self._tried:
            return str(self._proven), f"of {self._sorted} proven"
        return str(self._good), "type works" if self._good == 1 else "types work"

    def _settle_tried(self) -> None:
        for host, reports in self._tried.items():
            holds = any(report.verdict in GOOD for report in reports)
            for report in reports:
                if not holds or report.verdict in GOOD:
                    self._sort_in(report)
            self._tried[host] = []

    def _sort_in(self, report: Report) -> None:
        self._sorted += 1
        place = self._places.of(report.target)
        if words := note(report):
            code = report.cause.code if report.cause else ""
            self._known.append(Known(place, visible_name(report.target), report.verdict, code, words))
        for one in () if is_waived(report) else worth_telling(report):
            self._sort_in_causes(one, place)

    def _sort_in_causes(self, report: Report, place: int) -> None:
        first = decisive(report)
        for found in [*([first] if first else []), *besides(report)]:
            for part in found.parts:
                group = self._causes.sort_in(report, place, found, part)
                if part.owner is Owner.NETWORK and found.step is Step.CONNECT:
                    group.rules += rules_of_result(json.loads(as_line(report)))

    def by_cause(self) -> list[Group]:
        """Return the groups in the order of :meth:`ByCause.groups`, one for each owner of a cause. Call it last."""
        self._settle_tried()
        return self._causes.groups()

    def known(self) -> list[Known]:
        """Return the known failures with their standing, in the inventory's order. Call it last."""
        self._settle_tried()
        return sorted(self._known, key=lambda one: one.place)

    def by_owner(self) -> dict[Owner, list[Group]]:
        """Return the groups by owner, the owner of the most targets first; each owner of a cause has its own group."""
        found: dict[Owner, list[Group]] = {}
        for group in self.by_cause():
            found.setdefault(group.owner, []).append(group)
        return dict(sorted(found.items(), key=lambda pair: -sum(len(group.members) for group in pair[1])))


class ToDo:
    """Count the targets of each owner, as the parts of a hand-over do: a target counts for each owner who can act."""

    def __init__(self) -> None:
        self._places: dict[Owner, set[int]] = {}

    def add(self, report: Report, place: int) -> None:
        """Add a report, unless it is waived. ``place`` is the number of its target in the run."""
        for one in () if is_waived(report) else worth_telling(report):
            first = decisive(one)
            for found in [*([first] if first else []), *besides(one)]:
                for part in found.parts:
                    self._places.setdefault(part.owner, set()).add(place)

    def words(self) -> str:
        """Return ``3 targets for the server administrators; 1 target for ...``, most first; empty without a cause."""
        return to_do({owner: len(places) for owner, places in self._places.items()})


def to_do(targets: Mapping[Owner, int]) -> str:
    """Return ``3 targets for the server administrators; 1 target for ...``, most first; empty without an owner."""
    most = sorted(targets.items(), key=lambda pair: (-pair[1], pair[0]))
    return "; ".join(f"{counted(count, 'target')} for {OWNERS[owner]}" for owner, count in most)


def firewall(groups: Iterable[Group]) -> list[Rule]:
    """Return the firewall rules of all groups, each once."""
    return merged(rule for group in groups for rule in group.rules)
