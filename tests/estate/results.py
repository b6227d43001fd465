"""Make the results of several agents for one target: their checks, and the verdict that these lead to."""

from __future__ import annotations

from scanready.model import (
    LADDER,
    Agent,
    Cause,
    Check,
    Credential,
    Finding,
    Footprint,
    Outcome,
    Report,
    Step,
    Target,
    judge,
    reached,
)

ACCOUNT = Credential("scan", "svc-er")


def result(agent: str, checks: list[Check], target: Target | None = None) -> Report:
    """Return the report of an agent with these checks, judged as in a run."""
    verdict, decisive = judge(checks)
    return Report(
        Agent(agent, "Linux"),
        target or Target("db7", "postgresql", 5432, credential=ACCOUNT),
        verdict,
        reached(checks),
        decisive.finding if decisive else None,
        decisive.step if decisive else None,
        {},
        checks,
        Footprint(),
        "2026-01-01T00:00:00Z",
        0.1,
    )


def up_to(step: Step | None) -> list[Check]:
    """Return passed checks from the name up to a step."""
    height = step.height if step else -1
    return [Check(one, "db7:5432", Outcome.PASSED, "") for one in LADDER[1:] if one.height <= height]


def failed(cause: Cause, step: Step | None = None, detail: str = "", climbed: Step | None = None) -> list[Check]:
    """Return a climb that a cause ends; ``climbed`` is the last step that passed, if it is not the one below."""
    at = step or cause.step
    below = LADDER[at.height - 1] if at.height else None
    end = Check(at, "db7:5432", Outcome.FAILED, "", {}, Finding(cause, detail))
    return [*up_to(climbed or below), end]


def warned(cause: Cause, top: Step = Step.AUTH, step: Step | None = None) -> list[Check]:
    """Return a climb up to ``top`` with a warning."""
    return [*up_to(top), Check(step or cause.step, "db7:5432", Outcome.WARNED, "", {}, Finding(cause, ""))]
