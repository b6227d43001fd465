"""Collect an estate view for ``assign``: which agent should scan which target, and what no agent can scan."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from scanready.causes import common
from scanready.estate.assign import Assigner, Assignment
from scanready.model import GOOD, Cause, Owner, Report, Standing, Target, Verdict
from scanready.report.filled import fill
from scanready.run.any_type import reports_of

from .view import AgentColumn, EstateInfo, Row
from .words import agent_names

_NO_RESULT = "Check this target from the agents without a result, and merge again."
_ASSUMED = "Check this target from a real agent: its result is of an assumed one."
_UNKNOWN = "Run `scanready check` on it for every step: no cause was found."


@dataclass(frozen=True, slots=True)
class Unassigned:
    """Describe a target that no agent can scan.

    Attributes:
        name: its name.
        verdict: blocked or undecided.
        code: the cause that leads; "" where none does.
        owner: who fixes it.
        remedy: what the owner does.
        detail: the evidence of one agent that met it.
        met_by: all agents that met it, in alphabetical order.
        missing: the agents without a fresh result for it.
        standing: the state of its known failure.
    """

    name: str
    verdict: Verdict
    code: str
    owner: Owner
    remedy: str
    detail: str
    met_by: tuple[str, ...]
    missing: tuple[str, ...]
    standing: Standing | None

    @property
    def reason(self) -> str:
        """The cause that leads, or the agents without a result."""
        if self.code or not self.missing:
            return self.code or "no cause found"
        return f"no result from {agent_names(self.missing)}"

    @property
    def is_known(self) -> bool:
        """True for a known failure, which no exit code counts."""
        return self.standing is Standing.WAIVED


@dataclass(slots=True)
class Assigned:
    """Collect the rows of an estate view; :meth:`settle` chooses.

    Attributes:
        info: the agents of the view.
        targets: every target, in the order of the view.
        names: their names.
        unassigned: the targets that no agent can scan.
        missing: for each agent, how many targets lack a fresh result of it.
        agents: the agents with at least one result.
        over: how many targets have a known failure whose date has passed.
    """

    info: EstateInfo
    targets: list[Target] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    unassigned: list[Unassigned] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    agents: set[str] = field(default_factory=set)
    over: int = 0
    _assigner: Assigner = field(default_factory=Assigner)

    def add(self, row: Row) -> None:
        """Add a target."""
        place = len(self.targets)
        self.targets.append(row.target)
        self.names.append(row.name)
        self.missing.update(row.verdict.missing)
        self.agents.update(row.reports)
        self.over += row.standing is Standing.OVER
        if not self._assigner.add(place, row.reports, row.verdict):
            self.unassigned.append(_unassigned(row))

    def settle(self) -> Assignment:
        """Choose an agent for each target."""
        return self._assigner.assignment()

    @property
    def absent(self) -> dict[str, str]:
        """The agents whose results do not count, with the reasons."""
        return {column.name: column.absent for column in self.info.columns if column.absent}

    def column(self, agent: str) -> AgentColumn:
        """Return what is known of an agent."""
        return next(one for one in self.info.columns if one.name == agent)


def _unassigned(row: Row) -> Unassigned:
    verdict, finding = row.verdict, row.verdict.finding
    if verdict.verdict in GOOD:  # the agents that can must not, by the document or because they are assumed
        if all(report.agent.assumed for name, report in row.reports.items() if name in verdict.by):
            return _made(row, Verdict.UNDECIDED, None, Owner.OPERATOR, _ASSUMED)
        other = common.PLATFORM_MISMATCH
        return _made(row, Verdict.BLOCKED, other, other.owner, other.remedy)
    if finding is not None:
        return _made(row, verdict.verdict, finding.cause, finding.owner, fill(finding.cause.remedy, row.target))
    return _made(row, verdict.verdict, None, Owner.OPERATOR, _NO_RESULT if verdict.missing else _UNKNOWN)


def _made(row: Row, verdict: Verdict, cause: Cause | None, owner: Owner, remedy: str) -> Unassigned:
    code, detail = "", ""
    if cause is not None:
        code, detail = cause.code, row.verdict.finding.detail if row.verdict.finding else ""
    met_by = tuple(name for name, report in row.reports.items() if code in _codes(report))
    return Unassigned(row.name, verdict, code, owner, remedy, detail, met_by, row.verdict.missing, row.standing)


def _codes(report: Report) -> set[str]:
    return {check.finding.cause.code for one in reports_of(report) for check in one.checks if check.finding}
