"""Draw the ladders of several targets, one after another. Used by ``check``.

The drawing modules are imported with the first report, so that the first packet leaves 60 ms earlier (measured).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scanready.model import Report, Target
from scanready.run.target_name import name_of

from .look import Look

if TYPE_CHECKING:
    from .document import RunInfo, Totals


class Ladder:
    """Draw each target as it ends, in the order of the request; a host without a type gets an overview."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._waiting: list[Target] = []
        self._early: dict[int, Report] = {}
        self._asked: Mapping[int, str] = {}
        self._tried: dict[str, list[Report]] = {}
        self._first = True

    def begin(self, run: RunInfo) -> str:
        """Remember the order."""
        from .document import Places

        self._asked = run.tried
        self._tried = {host: [] for host in run.tried.values()}
        self._waiting = [target for target in run.targets if id(target) not in run.tried]
        self._places = Places(run)
        return ""

    def add(self, report: Report) -> str:
        """Return the ladders that are next in the order and complete."""
        if host := self._asked.get(id(report.target)):
            self._tried[host].append(report)
            return ""
        self._early[id(report.target)] = report
        ready: list[Report] = []
        while self._waiting and id(self._waiting[0]) in self._early:
            ready.append(self._early.pop(id(self._waiting.pop(0))))
        return "".join(self._one(report) for report in ready)

    def end(self, totals: Totals) -> str:
        """Return the ladders that an interruption delayed, then the overviews, then the number of unchecked targets."""
        text = "".join(self._one(self._early[id(target)]) for target in self._waiting if id(target) in self._early)
        for host, reports in self._tried.items():
            reports.sort(key=lambda report: self._places.of(report.target))
            text += self._overview(host, reports)
        if totals.interrupted:
            text += f"\ninterrupted; {totals.unchecked} not checked\n"
        return text

    def _one(self, report: Report) -> str:
        from .ladder import brief, draw

        if report.types:
            return self._overview(name_of(report.target), list(report.types))
        if self._look.verbosity < 0:
            return brief(report, self._look)
        return self._apart(draw(report, self._look))

    def _overview(self, host: str, reports: list[Report]) -> str:
        """Return the overview of a host without a type; with ``-v`` also the ladders of the types that answered."""
        from scanready.run.any_type import answered

        from . import overview

        text = self._apart(overview.draw(host, reports, self._look))
        met = [report for report in reports if self._look.verbosity > 0 and answered(report)]
        return text + "".join(self._one(report) for report in met)

    def _apart(self, text: str) -> str:
        text, self._first = text if self._first else "\n" + text, False
        return text
