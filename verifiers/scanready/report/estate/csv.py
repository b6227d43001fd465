"""Write an estate view as CSV: one line a result, with the estate verdict of its target in further columns."""

from __future__ import annotations

from typing import Any

from scanready.report.formats.csv import BYTE_ORDER_MARK, COLUMNS, csv_line, values_of, values_of_target
from scanready.report.look import Look

from .view import EstateInfo, EstateTotals, Row

#: The columns that only an estate view has.
FURTHER = ("estate_verdict", "estate_cause", "missing")


class EstateCsv:
    """Write the lines target by target; keep none."""

    def __init__(self, look: Look) -> None:
        self._mark = BYTE_ORDER_MARK if look.file else ""

    def begin(self, info: EstateInfo) -> str:
        """Return the header."""
        return self._mark + csv_line((*COLUMNS, *FURTHER))

    def add(self, row: Row) -> str:
        """Return one line for each result; a target without any has one line without an agent and a verdict."""
        cause = row.verdict.cause
        shared = (row.verdict.verdict.value, cause.code if cause else None, ", ".join(row.verdict.missing))
        found = [values_of(report) for report in row.reports.values()] or [values_of_target(row.target)]
        return "".join(_line(values, shared) for values in found)

    def end(self, totals: EstateTotals) -> str:
        """Return no text: the last line ends the file."""
        return ""


def _line(values: dict[str, Any], shared: tuple[Any, ...]) -> str:
    return csv_line([*(values.get(column, "") for column in COLUMNS), *shared])
