"""From reports to an exit code: what ``--require`` asks, what is known to fail, and what a host must be."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.model import Report, Standing, Verdict
from scanready.report.document import HOLDS

BLOCKED, USAGE, UNDECIDED, NOTHING_SELECTED = 1, 2, 3, 4


class Judge:
    """Judges a run. Of the targets that ``tried`` gives one name, any one must hold; every other must hold itself.

    Args:
        tried: ``id(target)`` to the host that was asked for without a type.
    """

    def __init__(self, require: str | None = None, tried: Mapping[int, str] | None = None) -> None:
        self._good = HOLDS[require]
        self._tried = tried or {}
        self._is_something = dict.fromkeys(self._tried.values(), False)
        self._failed = False
        self._undecided = False

    def holds(self, report: Report) -> bool:
        """True if nothing is left to be wished for this target: it, or its host as some other type, holds."""
        return self._is_fine(report) or self._is_something.get(self._host(report), False)

    def look_at(self, report: Report) -> None:
        """Note a report that may still be tried again: a host that holds as one type is settled."""
        host = self._host(report)
        if host in self._is_something and self._is_fine(report):
            self._is_something[host] = True

    def add(self, report: Report) -> None:
        """Count a final report."""
        self.look_at(report)
        if report.standing is Standing.OVER:
            self._failed = True
        if self._host(report) in self._is_something or self._is_fine(report):
            return
        if report.verdict is Verdict.UNDECIDED:
            self._undecided = True
        else:
            self._failed = True

    def _is_fine(self, report: Report) -> bool:
        return report.verdict in self._good or report.standing is Standing.WAIVED

    def _host(self, report: Report) -> str:
        return self._tried.get(id(report.target), "")

    @property
    def code(self) -> int:
        """0, 1 or 3."""
        if self._failed or not all(self._is_something.values()):
            return BLOCKED
        return UNDECIDED if self._undecided else 0
