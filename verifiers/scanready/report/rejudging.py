"""Judge results of other hosts again before they are believed; equal ladders are judged once.

Nothing in the verdict of a result is believed that does not follow from its checks. That costs a few microseconds for
each result, since most results of an estate have one of a few ladders.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from scanready.climb.placing import rung_of
from scanready.model import Check, Report, Scope, Step
from scanready.run.any_type import reports_of

from .parse import NotAResult, rejudged, restored

#: The ladders that are remembered. One whose details differ from target to target is another one only if its causes do.
_MOST_LADDERS = 50_000


class Rejudging:
    """Find the results whose verdict, reached step, cause or owner does not follow from their checks."""

    def __init__(self) -> None:
        self._sound: set[Hashable] = set()

    def judged(self, result: Mapping[str, Any]) -> Report | None:
        """Return the report as it must be judged; None if the result says the same.

        Args:
            result: a result that can be restored, as JSON types.

        Raises:
            NotAResult: a check has a cause that does not belong to its step.
        """
        key = _ladder(result)
        if key in self._sound:
            return None
        stored = restored(result)
        for one in reports_of(stored):
            for check in one.checks:
                _require_place(check)
        report = rejudged(stored)
        if not _is_equal(result, report):
            return report
        if len(self._sound) < _MOST_LADDERS:
            self._sound.add(key)
        return None


def _ladder(result: Mapping[str, Any]) -> Hashable:
    """Return everything that the verdict follows from, and everything that follows from it."""
    cause, checks, decisive = result.get("cause"), result["checks"], None
    if cause is not None:
        code, step, detail = cause["code"], cause["step"], cause["detail"]
        is_of_check = any(
            one.get("cause") == code and one["step"] == step and one.get("detail") == detail for one in checks
        )
        decisive = code, step, cause["owner"], is_of_check
    ladder = tuple([(one["step"], one["outcome"], one.get("cause"), bool(one.get("tentative"))) for one in checks])
    types = tuple(map(_ladder, result["types"])) if result.get("types") else ()
    return result["target"]["type"], result["verdict"], result.get("reached"), decisive, ladder, types


def _is_equal(result: Mapping[str, Any], report: Report) -> bool:
    """Return whether a result says what its checks say."""
    if not report.types:
        return _says(result, report)
    types = result["types"]
    alike = len(types) == len(report.types) and all(map(_says, types, report.types))
    return alike and _says(result, report)


def _says(result: Mapping[str, Any], report: Report) -> bool:
    cause, finding = result.get("cause"), report.finding
    if (result["verdict"], result.get("reached")) != (report.verdict, report.reached):
        return False
    if cause is None or finding is None:
        return cause is None and finding is None
    step = report.finding_step or finding.cause.step
    told = cause["code"], cause["step"], cause["detail"], cause["owner"]
    return told == (finding.cause.code, step, finding.detail, finding.owner)


def _require_place(check: Check) -> None:
    """Check that the cause of a check can be found at its step.

    A cause of a rung that bears its name stands on no higher one, and no prompt for an account is below ``auth``.

    Raises:
        NotAResult: it cannot.
    """
    if (found := check.finding) is None:
        return
    too_low = found.cause.scope is Scope.ACCOUNT and check.step.height < Step.AUTH.height
    if too_low or check.step.height > rung_of(found.cause, check.step).height:
        raise NotAResult(f"the cause {found.cause.code[:80]!r} does not belong to the step {check.step}")
