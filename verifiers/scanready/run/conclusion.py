"""Draw the conclusion of a climb: the report, with the verdict that follows from its checks."""

from __future__ import annotations

import datetime

from scanready.causes import common, unproven
from scanready.model import (
    Agent,
    Check,
    Facts,
    Finding,
    Footprint,
    Report,
    Step,
    Target,
    Verdict,
    judge,
    reached,
    standing,
)


def conclude(
    agent: Agent,
    target: Target,
    checks: list[Check],
    footprint: Footprint,
    proof: Step,
    depth: Step,
    *,
    started: str,
    seconds: float,
    day: datetime.date,
) -> Report:
    """Return the report of a target.

    Args:
        agent, target, checks, footprint, started, seconds: as the report has them.
        proof: the step up to which everything must hold for ``ready``.
        depth: the last step that was asked.
        day: the day, in UTC, that a known failure is held against.
    """
    verdict, decisive = judge(checks, proof)
    finding = decisive.finding if decisive else None
    step = decisive.step if decisive else None
    if decisive is not None and finding is None:
        detail = f"the verifier of {target.type} named no cause for the failure: {decisive.summary}"
        finding = Finding(common.BUG, detail)
    elif verdict is Verdict.UNDECIDED and finding is None:
        step = reached(checks)
        cause = unproven.DEPTH_LIMITED if depth.height < proof.height else common.LIMIT
        finding = Finding(cause, f"climbed to {step or 'nothing'}; the login prompt was not asked for")
    facts: Facts = {}
    for check in checks:
        facts.update(check.facts)
    known = standing(target.expected, verdict, finding.cause if finding else None, agent.name, day)
    highest = reached(checks)
    return Report(agent, target, verdict, highest, finding, step, facts, checks, footprint, started, seconds, known)
