"""The report of a target that no process could check."""

from __future__ import annotations

from scanready.causes import common
from scanready.model import Check, Finding, Footprint, Outcome, Report, Step, Target, Verdict, standing
from scanready.run import timestamps
from scanready.run.any_type import combined
from scanready.run.settings import Settings


def undone(target: Target, settings: Settings, why: str) -> Report:
    """Return an undecided report with the reason ``why``; ``agent`` and ``day`` of the settings are set."""
    agent, day = settings.agent, settings.day
    assert agent is not None, "the run knows its agent"
    assert day is not None, "the run knows its day"
    if target.tries:
        return combined(target, [undone(one, settings, why) for one in target.tries], day)
    detail = f"{why}; check {target} by itself"
    finding = Finding(common.LIMIT, detail)
    check = Check(Step.AGENT, target.type, Outcome.FAILED, detail, {}, finding)
    held = standing(target.expected, Verdict.UNDECIDED, finding.cause, agent.name, day)
    now = timestamps.now()
    return Report(agent, target, Verdict.UNDECIDED, None, finding, Step.AGENT, {}, [check], Footprint(), now, 0.0, held)
