"""Turn a verdict into the outcome of a test: passed, failed, or failed as expected; pure functions without pytest."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from enum import StrEnum

from scanready.model import HOLDS, Expectation, Report, Standing, Step, Verdict, standing
from scanready.report.known import Soon, note
from scanready.report.ladder import draw
from scanready.report.look import Look
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

#: The width of a ladder; pytest indents each line of a failed assertion.
_WIDTH = 92


class Ending(StrEnum):
    """The outcome of a test of one target."""

    PASSED = "passed"
    FAILED = "failed"
    EXPECTED = "expected"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The outcome of a test and its text: a sentence, or for a failure the whole ladder.

    ``warning`` is the advice on a known failure that ends soon or is no longer needed; empty without one.
    """

    ending: Ending
    text: str = ""
    warning: str = ""


def holds(report: Report, require: str | None) -> bool:
    """Return True if the verdict is good enough; as for ``verify --require``, None also accepts ``limited``."""
    return report.verdict in HOLDS[require]


def is_as_expected(report: Report, verdict: Verdict, code: str | None) -> bool:
    """True if the report has this verdict, for this cause if one is named."""
    return report.verdict is verdict and (code is None or (report.cause is not None and report.cause.code == code))


def held_against(report: Report, expected: Expectation | None, day: datetime.date) -> Report:
    """Return the report with the standing of a known failure; tests share the check of a target, not expectations.

    Args:
        day: today in UTC.
    """
    became = standing(expected, report.verdict, report.cause, report.agent.name, day)
    return replace(report, target=replace(report.target, expected=expected), standing=became)


def conclude(report: Report, require: str | None, day: datetime.date) -> Conclusion:
    """Judge a report as a test's outcome.

    Args:
        day: today in UTC; a known failure that ends soon after it makes a warning.
    """
    target, known = visible_name(report.target), note(report)
    if report.standing is Standing.WAIVED:
        soon = Soon(day)
        soon.add(report)
        cause = f" by {report.cause.code}" if report.cause else ""
        return Conclusion(Ending.EXPECTED, f"{report.verdict}{cause}; {known}", soon.line())
    if report.standing is Standing.OVER:
        return Conclusion(Ending.FAILED, failure(report, known))
    if holds(report, require):
        return Conclusion(Ending.PASSED, warning=f"{target}: {known}" if known else "")
    wanted = {"ready": "ready or scannable", "scannable": "scannable", None: "scannable, ready or limited"}[require]
    return Conclusion(Ending.FAILED, failure(report, "; ".join(filter(None, (known, f"wanted: {wanted}")))))


def failure(report: Report, wanted: str) -> str:
    """Return why a test fails: one sentence, then the ladder with cause, owner, remedy and fix."""
    look = Look(width=_WIDTH, color=False, unicode=True)
    return f"{summed_up(report)}; {wanted}\n\n{draw(report, look).rstrip()}"


def summed_up(report: Report) -> str:
    """Return target, verdict, cause and owner in one sentence."""
    target, cause = visible_name(report.target), report.cause
    why = f" by {cause.code} ({report.owner})" if cause else ""
    if report.verdict is Verdict.UNDECIDED:
        why = f" ({cause.code}, {report.owner})" if cause else ""
        return f"{target} is undecided{why}: it is unknown whether a scan would work, so the test does not pass"
    if report.verdict is Verdict.READY:
        return f"{target} is ready{_not_tried(report)}"
    return f"{target} is {report.verdict}{why}"


def _not_tried(report: Report) -> str:
    """Return why a ready target is not scannable: no login was tried, or nothing was read."""
    skipped = [check.summary for check in report.checks if check.step in (Step.LOGIN, Step.ACCESS)]
    return f" (no login: {visible(skipped[0])})" if skipped else ""
