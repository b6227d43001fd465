"""Write an estate view as SARIF: the results are of estate verdicts, and name the agents that met each cause."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scanready.model import Verdict
from scanready.report.annotations import Level
from scanready.report.formats.sarif import Results, head, left_out, moments, tail
from scanready.report.look import Look
from scanready.wire.printable import visible

from .annotations import row_annotations, summary_lines
from .view import AgentColumn, EstateInfo, EstateTotals, Row
from .words import LONGEST_AGENT, absence


class EstateSarif:
    """Write the results as they arrive, then the rules and the counts of the estate and of each agent."""

    def __init__(self, look: Look) -> None:
        self._results = Results()

    def begin(self, info: EstateInfo) -> str:
        """Return the beginning of the document, up to its list of results."""
        self._info = info
        return head()

    def add(self, row: Row) -> str:
        """Return the errors of a target."""
        return self._results.add(row_annotations(row, self._info.require))

    def end(self, totals: EstateTotals) -> str:
        """Return the other results, the rules, and the counts."""
        info, text = self._info, self._results.end()
        notices = [*left_out(self._results), *((Level.NOTE, line) for line in summary_lines(info, totals))]
        properties = {
            "estate": {"verdicts": {verdict.value: totals.verdicts[verdict] for verdict in Verdict}},
            "agents": [_agent(column, totals) for column in info.columns],
        }
        began = moments(info.started, 0.0)
        began.pop("endTimeUtc", None)
        whole = not (totals.interrupted or totals.waiting)
        return text + tail(self._results, info.version, began, notices, properties, whole=whole)


def _agent(column: AgentColumn, totals: EstateTotals) -> dict[str, Any]:
    own = totals.agents.get(column.name, Counter())
    found: dict[str, Any] = {
        "name": visible(column.name, LONGEST_AGENT),
        "verdicts": {verdict.value: own.get(verdict, 0) for verdict in Verdict},
        "missing": totals.missing[column.name],
    }
    found |= {"profile": visible(column.profile)} if column.profile else {}
    return found | ({"absent": absence(column)} if column.absent else {})
