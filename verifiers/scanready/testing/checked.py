"""Add assertions to a report; a failed one shows the verdict, the ladder and the remedy."""

from __future__ import annotations

from dataclasses import dataclass, fields

from scanready.model import Report, Verdict

from .verdicts import failure, holds, is_as_expected


@dataclass(slots=True, repr=False)
class CheckedReport(Report):
    """A :class:`scanready.Report` that a test can assert on. Each assertion returns the report itself."""

    @classmethod
    def of(cls, report: Report) -> CheckedReport:
        """Return the same report, with assertions."""
        return cls(**{field.name: getattr(report, field.name) for field in fields(Report)})

    def __repr__(self) -> str:
        return f"<{self.target} {self.verdict}{f' by {self.cause.code}' if self.cause else ''}>"

    def assert_scannable(self) -> CheckedReport:
        """Assert that a login was accepted and one thing read that a scan would read.

        Raises:
            AssertionError: with the ladder and the remedy.
        """
        __tracebackhide__ = True
        return self._assert(holds(self, "scannable"), "scannable")

    def assert_ready(self) -> CheckedReport:
        """Assert that all holds up to the login prompt, or more.

        Raises:
            AssertionError: with the ladder and the remedy.
        """
        __tracebackhide__ = True
        return self._assert(holds(self, "ready"), "ready or scannable")

    def assert_blocked(self, cause: str | None = None) -> CheckedReport:
        """Assert that a scan would fail, for this cause if one is named: a firewall that keeps its promise.

        Raises:
            AssertionError: with the ladder.
        """
        __tracebackhide__ = True
        return self._assert_verdict(Verdict.BLOCKED, cause)

    def assert_limited(self, cause: str | None = None) -> CheckedReport:
        """Assert that it would scan, with something missing or at risk.

        Raises:
            AssertionError: with the ladder.
        """
        __tracebackhide__ = True
        return self._assert_verdict(Verdict.LIMITED, cause)

    def assert_undecided(self, cause: str | None = None) -> CheckedReport:
        """Assert that whether a scan would work is not known, for this cause if one is named.

        Raises:
            AssertionError: with the ladder.
        """
        __tracebackhide__ = True
        return self._assert_verdict(Verdict.UNDECIDED, cause)

    def _assert_verdict(self, verdict: Verdict, cause: str | None) -> CheckedReport:
        __tracebackhide__ = True
        wanted = f"{verdict} by {cause}" if cause else verdict.value
        return self._assert(is_as_expected(self, verdict, cause), wanted)

    def _assert(self, right: bool, wanted: str) -> CheckedReport:
        __tracebackhide__ = True
        if not right:
            raise AssertionError(failure(self, f"wanted: {wanted}"))
        return self
