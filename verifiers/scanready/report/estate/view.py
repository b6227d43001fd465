"""Read the results of many agents as rows: one target a row, with its estate verdict and the result of each agent.

One row is in memory at a time. The results are read twice: a withheld login names a refusal that may stand at another
target, so all refusals are collected before the first row. The first time, outlines of the results are enough.
"""

from __future__ import annotations

import datetime
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from scanready.estate import EstateVerdict, Refusals, estate_verdict
from scanready.model import GOOD, Agent, DeclaredAgent, Report, Standing, Target, Verdict
from scanready.report.serialize import as_line, identity
from scanready.run import timestamps
from scanready.run.target_name import name_of

from .frame import Frame
from .outline import Outline

#: A check from the agent passed every step that the type and the credential of the target allow.
FINE = (Verdict.SCANNABLE, Verdict.READY)
#: The verdicts, the best one first.
WORSE = (*GOOD, Verdict.UNDECIDED, Verdict.BLOCKED)


@dataclass(frozen=True, slots=True)
class AgentColumn:
    """Describe one agent of an estate view.

    Attributes:
        name: its name.
        platform: as ``platform.system()`` names it; empty if unknown.
        addresses: its addresses, as its results have them.
        sites: the sites that the inventory gives it.
        absent: why its results do not count; empty if they do.
        profile: the requirements profile that judges its targets; empty if unknown.
    """

    name: str
    platform: str
    addresses: tuple[str, ...]
    sites: tuple[str, ...]
    absent: str
    profile: str = ""


@dataclass(frozen=True, slots=True)
class EstateInfo:
    """Hold what is known when an estate view begins.

    Attributes:
        version: the version of scanready that stored the results.
        started: the earliest start of a result, UTC, ISO 8601; empty without a result.
        columns: the agents, in alphabetical order.
        targets: the number of all targets, with those that no agent has a result for.
        frame: what is known beside the results.
        title: the user's title.
        require: the level of ``--require``.
    """

    version: str
    started: str
    columns: tuple[AgentColumn, ...]
    targets: int
    frame: Frame
    title: str | None = None
    require: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Show one target as all of its agents see it.

    Attributes:
        place: the number of the target in the view, from 0.
        target: the target.
        name: its name, a URL.
        verdict: its estate verdict.
        reports: the result of each agent that has one.
        expected: the agents that should have a result; those without one are ``verdict.missing``.
    """

    place: int
    target: Target
    name: str
    verdict: EstateVerdict
    reports: Mapping[str, Report]
    expected: tuple[str, ...]

    @property
    def standing(self) -> Standing | None:
        """The state of the target's known failure for the whole estate; None if none is known.

        A failure is waived only if it is known for every agent: a result that is not waived must be overruled by one
        that is, and no result may be missing.
        """
        found = {name: report.standing for name, report in self.reports.items()}
        states = set(found.values())
        if Standing.OVER in states:
            return Standing.OVER
        waived = {name for name, standing in found.items() if standing is Standing.WAIVED}
        bound = {one.agent for one in self.verdict.overruled if one.by in waived}
        if waived and not self.verdict.missing and waived | bound == set(found):
            return Standing.WAIVED
        if Standing.DIFFERENT in states:
            return Standing.DIFFERENT
        return Standing.NO_LONGER_NEEDED if Standing.NO_LONGER_NEEDED in states and not waived else None


@dataclass(slots=True)
class EstateTotals:
    """Count an estate view. No number mixes agents.

    Attributes:
        verdicts: the number of targets with each estate verdict.
        agents: for each agent, the number of its results with each verdict of its own.
        missing: for each agent, the number of targets that it should have a result for and has not.
        proven_by_some: the number of targets that at least one agent proved (scannable) by its own result. A result
            that another one overrules proves nothing.
        known: the number of known failures in each state, by target.
        waiting: the number of targets that are undecided only because an agent has no result.
        unseen: the number of targets without any result. ``verdicts`` counts them as undecided, too.
        interrupted: a stored run of these results was interrupted.
    """

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    agents: dict[str, Counter[Verdict]] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    proven_by_some: int = 0
    known: Counter[Standing] = field(default_factory=Counter)
    waiting: int = 0
    unseen: int = 0
    interrupted: bool = False

    @classmethod
    def of(cls, info: EstateInfo) -> EstateTotals:
        """Return counts that begin at zero; an agent without a result has a count, too."""
        return cls(agents={column.name: Counter() for column in info.columns})

    @property
    def targets(self) -> int:
        """The number of targets."""
        return sum(self.verdicts.values())

    def add(self, row: Row) -> None:
        """Count a row."""
        self.verdicts[row.verdict.verdict] += 1
        for name, report in row.reports.items():
            self.agents.setdefault(name, Counter())[report.verdict] += 1
        self.missing.update(row.verdict.missing)
        overruled = {one.agent for one in row.verdict.overruled}
        proofs = (name for name, report in row.reports.items() if report.verdict is Verdict.SCANNABLE)
        self.proven_by_some += any(name not in overruled for name in proofs)
        self.waiting += row.verdict.verdict is Verdict.UNDECIDED and row.verdict.finding is None
        self.unseen += not row.reports
        if (standing := row.standing) is not None:
            self.known[standing] += 1


class EstateDocument(Protocol):
    """Write one format of an estate view. Each method returns the text to write now."""

    def begin(self, info: EstateInfo) -> str:
        """Return the text before the first row."""

    def add(self, row: Row) -> str:
        """Return the text to write for this row."""

    def end(self, totals: EstateTotals) -> str:
        """Return the text after the last row."""


def _order(report: Report) -> tuple[datetime.datetime, int, str]:
    """Return what tells which of two results of one agent and target counts: the later one, else the worse one."""
    try:
        began = timestamps.read(report.started)
    except ValueError:
        began = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    return began, WORSE.index(report.verdict), as_line(report)


class EstateView:
    """Read the results of many agents.

    Args:
        results: returns all results from the start at each call; those of one target are adjacent.
        outlines: returns the outlines of the results in their order; None: they are made of the results.
        frame: what is known beside the results; None for a file that does not say it.
        version: the version of scanready that stored the results.
        title: the user's title.
        require: the level of ``--require``.
    """

    def __init__(
        self,
        results: Callable[[], Iterable[Report]],
        frame: Frame | None = None,
        version: str = "unknown",
        title: str | None = None,
        require: str | None = None,
        outlines: Callable[[], Iterable[Outline]] | None = None,
    ) -> None:
        self._outlines = outlines or (lambda: map(Outline.of, results()))
        self._results, self._frame = results, frame or Frame()
        self._absent = {one.agent: one.why for one in self._frame.absent}
        self._seen: dict[str, Agent] = {}
        self._started = ""
        self._named: set[str] = set()
        #: For each agent, the number of results that a later one of the same target replaced.
        self.replaced: Counter[str] = Counter()
        self._targets = len(self._frame.unseen)
        self._refusals = Refusals(self._first_pass())
        self.info = EstateInfo(version, self._started, self._columns(), self._targets, self._frame, title, require)

    def rows(self) -> Iterator[Row]:
        """Yield the targets: first those with a result, in the order of the results, then the unseen ones."""
        self.replaced.clear()
        place = 0
        for _, group in itertools.groupby(self._results(), key=lambda report: identity(report.target)):
            yield self._row(place, group)
            place += 1
        for target in self._frame.unseen:
            yield self._row_of(place, target, {})
            place += 1

    def _row(self, place: int, group: Iterable[Report]) -> Row:
        reports: dict[str, Report] = {}
        target: Target | None = None
        for report in group:
            target = target or report.target
            if not target.source and report.target.source:  # results of an earlier version have no line
                target = replace(target, source=report.target.source)
            name = report.agent.name
            if name in self._absent:
                continue
            if (other := reports.get(name)) is not None:
                self.replaced[name] += 1
                if _order(other) > _order(report):
                    continue
            reports[name] = report
        assert target is not None
        return self._row_of(place, target, dict(sorted(reports.items())))

    def _row_of(self, place: int, target: Target, reports: Mapping[str, Report]) -> Row:
        # A result shows that its agent was to check the target, whatever is written now.
        expected = tuple(sorted({*self._expected(target), *reports}))
        missing = [name for name in expected if name not in reports]
        verdict = estate_verdict(list(reports.values()), missing, self._refusals)
        return Row(place, target, name_of(target), verdict, reports, expected)

    def _expected(self, target: Target) -> tuple[str, ...]:
        return self._frame.expected_of(target, tuple(self._seen.values()))

    def _first_pass(self) -> Iterator[Report]:
        """Yield the results that count and may have refused a login; note the agents, and count the targets."""
        before = ""
        for one in self._outlines():
            if one.key != before:
                self._targets += 1
                self._named.update(one.named)
            before = one.key
            if one.agent.name in self._absent:
                continue
            self._seen.setdefault(one.agent.name, one.agent)
            if one.started and (not self._started or one.started < self._started):
                self._started = one.started
            if one.report is not None:
                yield one.report

    def _columns(self) -> tuple[AgentColumn, ...]:
        declared = {one.name: one for one in self._frame.agents}
        for target in self._frame.unseen:
            self._named.update(target.agents)
        return tuple(
            self._column(name, declared.get(name))
            for name in sorted({*declared, *self._seen, *self._absent, *self._named})
        )

    def _column(self, name: str, declared: DeclaredAgent | None) -> AgentColumn:
        known = self._seen.get(name)
        platform = known.platform if known else declared.platform if declared else ""
        sites, absent = declared.sites if declared else (), self._absent.get(name, "")
        if known is None:
            return AgentColumn(name, platform, (), sites, absent)
        return AgentColumn(name, platform, known.addresses, sites, absent, known.profile)
