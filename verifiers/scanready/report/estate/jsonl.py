"""Write an estate view as JSON Lines: one result a line, each with the estate verdict of its target."""

from __future__ import annotations

import json

from scanready.redaction.workflow import harmless_json
from scanready.report.look import Look
from scanready.report.serialize import as_line, plainly

from .objects import verdict_object
from .view import EstateInfo, EstateTotals, Row


class EstateJsonLines:
    """Keep no result. A reader of the lines of one agent reads these, too: it finds one key more, ``estate``."""

    def __init__(self, look: Look) -> None:
        pass

    def begin(self, info: EstateInfo) -> str:
        """Return no text: the file begins with the first result."""
        return ""

    def add(self, row: Row) -> str:
        """Return the lines of a target's results; a target without any result has no line."""
        verdict = harmless_json(json.dumps(plainly(verdict_object(row)), separators=(",", ":")))
        return "".join(f'{as_line(report)[:-1]},"estate":{verdict}}}\n' for report in row.reports.values())

    def end(self, totals: EstateTotals) -> str:
        """Return no text: the last result ends the file."""
        return ""
