"""What a verdict means to a test: passed, failed, or failed as was expected. Pure functions; no pytest in here."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import StrEnum

from scanready.inventory import Expectation
from scanready.model import Report, Step, Verdict
from scanready.report.document import HOLDS, Look
from scanready.report.ladder import draw
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

#: Room for what pytest writes before each line of a failed assertion.
_WIDTH = 92


class Ending(StrEnum):
    """How a test about one target ends."""

    PASSED = "passed"
    FAILED = "failed"
    EXPECTED = "expected"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a test ends, and what is said of it: a sentence, or for a failure the whole story."""

    ending: Ending
    text: str = ""


def holds(report: Report, require: str | None) -> bool:
    """True if the verdict is good enough; as for ``verify --require``, None takes ``limited``, too."""
    return report.verdict in HOLDS[require]


def is_as_expected(report: Report, verdict: Verdict, code: str | None) -> bool:
    """True if the report has this verdict, for this cause if one is named."""
    return report.verdict is verdict and (code is None or (report.cause is not None and report.cause.code == code))


def conclude(report: Report, require: str | None, expected: Expectation | None, today: datetime.date) -> Conclusion:
    """Judge a report as a test's outcome. An expectation that does not hold any more is a failure, either way."""
    if expected is None:
        if holds(report, require):
            return Conclusion(Ending.PASSED)
        wanted = {"ready": "ready or scannable", "scannable": "scannable", None: "scannable, ready or limited"}[require]
        return Conclusion(Ending.FAILED, failure(report, f"wanted: {wanted}"))
    why = f" ({visible(expected.reason)})" if expected.reason else ""
    told = f"{expected.verdict} by {expected.code}"
    if not is_as_expected(report, expected.verdict, expected.code):
        if report.verdict in HOLDS["ready"]:
            return Conclusion(
                Ending.FAILED, failure(report, f"expected until {expected.until}{why}: {told}. Remove the expectation")
            )
        return Conclusion(Ending.FAILED, failure(report, f"expected until {expected.until}{why}: {told}"))
    if today > expected.until:
        over = f"that was expected until {expected.until}{why}, which is over: mend it, or set another date"
        return Conclusion(Ending.FAILED, failure(report, over))
    return Conclusion(Ending.EXPECTED, f"{told}, expected until {expected.until}{why}")


def failure(report: Report, wanted: str) -> str:
    """Return why a test fails: one sentence, then the ladder with cause, owner, remedy and fix."""
    look = Look(width=_WIDTH, color=False, unicode=True)
    return f"{said(report)}; {wanted}\n\n{draw(report, look).rstrip()}"


def said(report: Report) -> str:
    """Return target, verdict, cause and owner in one sentence."""
    target, cause = visible_name(report.target), report.cause
    why = f" by {cause.code} ({report.owner})" if cause else ""
    if report.verdict is Verdict.UNDECIDED:
        why = f" ({cause.code}, {report.owner})" if cause else ""
        return f"{target} is undecided{why}: whether a scan would work is not known, so this is no pass"
    if report.verdict is Verdict.READY:
        return f"{target} is ready{_not_tried(report)}"
    return f"{target} is {report.verdict}{why}"


def _not_tried(report: Report) -> str:
    """Why a ready target did not become scannable: the login was not tried, or nothing was read."""
    skipped = [check.summary for check in report.checks if check.step in (Step.LOGIN, Step.ACCESS)]
    return f" (no login: {visible(skipped[0])})" if skipped else ""
