"""JSON Lines: one result per line, as each ends."""

from __future__ import annotations

from scanready.model import Report
from scanready.report.document import Look, RunInfo, Totals
from scanready.report.serialize import as_line


class JsonLines:
    """Keeps nothing; a line is written and flushed when its target is done."""

    def __init__(self, look: Look) -> None:
        pass

    def begin(self, run: RunInfo) -> str:
        """Nothing comes before the first line."""
        return ""

    def add(self, report: Report) -> str:
        """Return the result's line."""
        return as_line(report) + "\n"

    def end(self, totals: Totals) -> str:
        """Nothing comes after the last line."""
        return ""
