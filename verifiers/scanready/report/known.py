"""Describe known failures (``expect:``) in words: the state of each, and those that end soon."""

from __future__ import annotations

import datetime

from scanready.model import Expectation, Report, Standing
from scanready.run.target_name import visible_name
from scanready.wire.printable import visible

#: Days before the end of a waiver: enough time to fix the target or to agree on another date.
SOON = datetime.timedelta(days=14)
_MOST_NAMED = 5


def note(report: Report) -> str:
    """Return the state of the target's known failure in one sentence; empty if none is known."""
    expected = report.target.expected
    if report.standing is None or expected is None:
        return ""
    known = described(expected)
    match report.standing:
        case Standing.WAIVED:
            return f"known failure, not counted until {expected.until}{_reason(expected)}"
        case Standing.DIFFERENT:
            return f"counted, as the inventory expects another failure ({known})"
        case Standing.NO_LONGER_NEEDED:
            return f"`expect` is no longer needed ({known}): remove it from the inventory"
        case Standing.OVER:
            return f"`expect` ended on {expected.until} ({known}): fix the target or agree on a new date"


def described(expected: Expectation) -> str:
    """Return the expected failure, such as ``blocked by connect.filtered, CHG-4711``."""
    reason = f", {visible(expected.reason, 200)}" if expected.reason else ""
    return f"{expected.verdict} by {expected.code}{reason}"


def _reason(expected: Expectation) -> str:
    return f": {visible(expected.reason, 200)}" if expected.reason else ""


def is_waived(report: Report) -> bool:
    """Return True if the target fails as expected; then no output and no exit code counts it as a failure."""
    return report.standing is Standing.WAIVED


def is_over(report: Report) -> bool:
    """Return True if the last day of a known failure has passed; then it counts as a failure with any verdict."""
    return report.standing is Standing.OVER


class Soon:
    """Collect the failures that are waived today and count again within :data:`SOON`.

    Args:
        day: the day, in UTC, on which the run began.
    """

    def __init__(self, day: datetime.date) -> None:
        self._day = day
        self._found: list[tuple[datetime.date, str]] = []

    def add(self, report: Report) -> None:
        """Add one report."""
        expected = report.target.expected
        if expected is not None and is_waived(report) and expected.until - self._day <= SOON:
            self._found.append((expected.until, visible_name(report.target)))

    def line(self) -> str:
        """Return one line with their names, the earliest end first; empty if there are none."""
        if not self._found:
            return ""
        named = ", ".join(f"{name} (until {until})" for until, name in sorted(self._found)[:_MOST_NAMED])
        more = f" and {len(self._found) - _MOST_NAMED} more" if len(self._found) > _MOST_NAMED else ""
        count = "1 known failure counts" if len(self._found) == 1 else f"{len(self._found)} known failures count"
        return f"{count} again soon: {named}{more}"
