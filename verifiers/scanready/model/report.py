"""Define the report: the result of one agent for one target."""

from __future__ import annotations

from dataclasses import dataclass

from .expectation import Standing
from .finding import Cause, Check, Facts, Finding
from .target import Agent, Target
from .words import Owner, Step, Verdict


@dataclass(slots=True)
class Footprint:
    """Count what a check cost the target.

    Attributes:
        connections: TCP connections opened, and UDP questions asked.
        login_attempts: logins with a real account.
        probe_logins: logins with an invented user.
    """

    connections: int = 0
    login_attempts: int = 0
    probe_logins: int = 0

    def add(self, other: Footprint) -> None:
        """Add the cost of another check of the same target."""
        self.connections += other.connections
        self.login_attempts += other.login_attempts
        self.probe_logins += other.probe_logins


@dataclass(slots=True)
class Report:
    """Hold everything about one target.

    It can change, as its checks and its footprint can, so none of the three is hashable.

    Attributes:
        agent, target: which pair was checked.
        verdict: the answer.
        reached: the highest step that passed or warned; None if none did.
        finding: the finding that decided the verdict; None if it is scannable or ready.
        finding_step: the step of that finding.
        facts: the facts of all checks together; of two checks that set the same name, the later one counts.
        checks: in climbing order.
        footprint: what the check cost the target.
        started: UTC in ISO 8601, such as "2026-01-01T00:00:00Z".
        seconds: wall time.
        standing: the state of the target's known failure; None without one.
        types: for a host without a type: the reports of the types that were tried, the leading one first.
    """

    agent: Agent
    target: Target
    verdict: Verdict
    reached: Step | None
    finding: Finding | None
    finding_step: Step | None
    facts: Facts
    checks: list[Check]
    footprint: Footprint
    started: str
    seconds: float
    standing: Standing | None = None
    types: tuple[Report, ...] = ()

    @property
    def cause(self) -> Cause | None:
        """The cause behind a verdict that is limited, blocked or undecided; None for scannable and ready."""
        return self.finding.cause if self.finding else None

    @property
    def owner(self) -> Owner | None:
        """The first of those who can fix that cause at this target."""
        return self.finding.owner if self.finding else None
