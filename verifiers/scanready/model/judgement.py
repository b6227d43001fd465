"""Compute a verdict from checks."""

from __future__ import annotations

from collections.abc import Sequence

from .finding import Check
from .words import LADDER, Outcome, Step, Verdict


def reached(checks: Sequence[Check]) -> Step | None:
    """The highest step that passed or warned; None if none did."""
    climbed = {check.step for check in checks if check.outcome in (Outcome.PASSED, Outcome.WARNED)}
    return next((step for step in reversed(LADDER) if step in climbed), None)


def judge(checks: Sequence[Check], proof: Step = Step.AUTH) -> tuple[Verdict, Check | None]:
    """Compute the verdict, and name the check that decided it (None for ready and scannable).

    ``proof`` is the step up to which everything must hold to be ``ready``: the
    login prompt, except for the few types whose requirement ends earlier.

    The rules, in order:

    1. A failed check with a definite cause blocks, unless it was tried with an identity
       we invented. The target's own leads over the agent's, which all targets share.
    2. Any other failure, and any cause that is not definite, is undecided. Never a guess.
    3. A warning limits.
    4. ``access`` passed is scannable; the proof step passed is ready.
    5. A climb that ended lower without a reason is undecided.
    """
    told = [check for check in checks if check.finding or check.outcome is Outcome.FAILED]  # nearly always none
    sure = [check for check in told if check.finding and check.finding.cause.definite and not check.tentative]
    if blocking := [check for check in sure if check.outcome is Outcome.FAILED]:
        return Verdict.BLOCKED, min(blocking, key=lambda check: check.step is Step.AGENT)
    for check in told:
        unsure = check.finding and (check.tentative or not check.finding.cause.definite)
        if check.outcome is Outcome.FAILED or unsure:
            return Verdict.UNDECIDED, check
    passed = {check.step for check in checks if check.outcome in (Outcome.PASSED, Outcome.WARNED)}
    proven = Step.ACCESS in passed or proof in passed
    for check in sorted(told, key=lambda check: check.step is Step.AGENT):
        if check.outcome is Outcome.WARNED and check.finding and proven:
            return Verdict.LIMITED, check
    if Step.ACCESS in passed:
        return Verdict.SCANNABLE, None
    if proof in passed:
        return Verdict.READY, None
    return Verdict.UNDECIDED, None
