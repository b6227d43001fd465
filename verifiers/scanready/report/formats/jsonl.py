"""Write JSON Lines: one result a line, as each target ends."""

from __future__ import annotations

from scanready.model import Report
from scanready.report.document import RunInfo, Totals
from scanready.report.look import Look
from scanready.report.serialize import as_line


class JsonLines:
    """Keep no result; each line is written and flushed as its target ends."""

    def __init__(self, look: Look) -> None:
        pass

    def begin(self, run: RunInfo) -> str:
        """Return no text: the file begins with the first result."""
        return ""

    def add(self, report: Report) -> str:
        """Return the result's line."""
        return as_line(report) + "\n"

    def end(self, totals: Totals) -> str:
        """Return no text: the last result ends the file."""
        return ""
