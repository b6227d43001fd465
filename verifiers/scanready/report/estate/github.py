"""Write annotations of an estate view for GitHub Actions: one a target, by its estate verdict, with agents by name."""

from __future__ import annotations

from scanready.report.formats.github import Shown, document
from scanready.report.look import Look

from .annotations import row_annotations, summary_lines
from .view import EstateInfo, EstateTotals, Row


class EstateGitHub:
    """Write everything at the end: the most important annotations are first."""

    def __init__(self, look: Look) -> None:
        self._shown = Shown()

    def begin(self, info: EstateInfo) -> str:
        """Begin to collect."""
        self._info = info
        return ""

    def add(self, row: Row) -> str:
        """Keep the annotation of a target, if it is important enough."""
        self._shown.add(row.place, row_annotations(row, self._info.require))
        return ""

    def end(self, totals: EstateTotals) -> str:
        """Return the annotations, below one with the counts of the estate and of each agent."""
        return document(self._shown, summary_lines(self._info, totals), failed=False)
