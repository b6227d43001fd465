"""Describe a known failure (``expect:`` in an inventory) and its current state."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum

from .finding import Cause
from .words import Verdict

#: Verdicts that mean the failure is fixed. A warning (``limited``) is another failure than the known one.
_FIXED = (Verdict.SCANNABLE, Verdict.READY)


@dataclass(frozen=True, slots=True)
class Expectation:
    """Describe a known failure, and for how long it is tolerated.

    Attributes:
        verdict: blocked, limited or undecided.
        code: the code of the cause that leads.
        until: the last day, in UTC.
        reason: for people.
        agents: names of the agents that see it; empty stands for all.
    """

    verdict: Verdict
    code: str
    until: datetime.date
    reason: str = ""
    agents: tuple[str, ...] = ()


class Standing(StrEnum):
    """Name the state of a known failure.

    ``WAIVED``: the target fails as expected, which does not count. ``DIFFERENT``: it has another verdict or cause,
    which counts as it is. ``NO_LONGER_NEEDED``: it does not fail any more. ``OVER``: the last day has passed, which
    counts as a failure whatever the verdict.
    """

    WAIVED = "waived"
    DIFFERENT = "different"
    NO_LONGER_NEEDED = "no-longer-needed"
    OVER = "over"


def standing(
    expected: Expectation | None, verdict: Verdict, cause: Cause | None, agent: str, day: datetime.date
) -> Standing | None:
    """Compare a verdict with the expected failure; return None if none is expected from this agent.

    Args:
        cause: the one that decided the verdict.
        agent: the name of the agent that found it.
        day: the day, in UTC, on which the run began.
    """
    if expected is None or (expected.agents and agent not in expected.agents):
        return None
    if day > expected.until:
        return Standing.OVER
    if verdict in _FIXED:
        return Standing.NO_LONGER_NEEDED
    same = verdict is expected.verdict and cause is not None and cause.code == expected.code
    return Standing.WAIVED if same else Standing.DIFFERENT
