"""Compute the exit code from the reports, ``--require``, known failures and hosts without a type."""

from __future__ import annotations

from collections.abc import Mapping

from scanready.model import HOLDS, Report, Standing, Verdict
from scanready.run.any_type import rank

BLOCKED, USAGE, UNDECIDED, NOTHING_SELECTED = 1, 2, 3, 4


class Judge:
    """Judge a run. Every target must pass; a host without a type must pass as one of the tried types.

    A host that passes as no type is judged by its best type, as a host without a type in an inventory is.

    Args:
        tried: ``id(target)`` to the host that was given without a type.
    """

    def __init__(self, require: str | None = None, tried: Mapping[int, str] | None = None) -> None:
        self._good = HOLDS[require]
        self._tried = tried or {}
        self._is_something = dict.fromkeys(self._tried.values(), False)
        self._leads: dict[str, Report] = {}
        self._failed = False
        self._open: set[Verdict] = set()

    def holds(self, report: Report) -> bool:
        """Return True if this target passes, or its host passes as another type."""
        return self._is_fine(report) or self._is_something.get(self._host(report), False)

    def look_at(self, report: Report) -> None:
        """Note a report that may be repeated later: a host that passes as one type is settled."""
        host = self._host(report)
        if host in self._is_something and self._is_fine(report):
            self._is_something[host] = True

    def add(self, report: Report) -> None:
        """Count a final report."""
        self.look_at(report)
        if report.standing is Standing.OVER:
            self._failed = True
        if host := self._host(report):
            self._leads[host] = min(self._leads.get(host, report), report, key=rank)
        elif not self._is_fine(report):
            self._open.add(report.verdict)

    def add_estate(self, verdict: Verdict, standing: Standing | None) -> None:
        """Count a target of an estate view by its estate verdict and the state of its known failure."""
        if standing is Standing.OVER:
            self._failed = True
        if verdict not in self._good and standing is not Standing.WAIVED:
            self._open.add(verdict)

    def _is_fine(self, report: Report) -> bool:
        return report.verdict in self._good or report.standing is Standing.WAIVED

    def _host(self, report: Report) -> str:
        return self._tried.get(id(report.target), "")

    @property
    def code(self) -> int:
        """0, 1 or 3."""
        bad = [host for host, holds in self._is_something.items() if not holds]
        leads = [self._leads[host].verdict if host in self._leads else Verdict.BLOCKED for host in bad]
        verdicts = self._open.union(leads)
        if self._failed or verdicts - {Verdict.UNDECIDED}:
            return BLOCKED
        return UNDECIDED if verdicts else 0
