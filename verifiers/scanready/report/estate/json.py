"""Write an estate view as one JSON document: the results as they arrive, then one entry a target."""

from __future__ import annotations

import json
from typing import Any

from scanready.redaction.workflow import harmless_json
from scanready.report.look import Look
from scanready.report.serialize import SCHEMA, as_line, plainly

from .objects import agents_object, counts_object, entry_object, run_object, summary_object
from .view import EstateInfo, EstateTotals, Row


class EstateJson:
    """Write ``{"schema": 1, "run": {...}, "results": [...], "estate": {...}, "summary": {...}}``.

    ``results`` has the results of all agents, target by target. ``estate`` has the agents, the counts, the frame that
    the view is read again with, and one entry a target; these entries are kept until the end.
    """

    def __init__(self, look: Look) -> None:
        self._separator = "\n"
        self._entries: list[str] = []

    def begin(self, info: EstateInfo) -> str:
        """Return the beginning of the document, up to its list of results."""
        self._info = info
        return f'{{"schema":{SCHEMA},"run":{_text(run_object(info))},"results":['

    def add(self, row: Row) -> str:
        """Return the next elements of ``results``."""
        self._entries.append(_text(entry_object(row)))
        text = ""
        for report in row.reports.values():
            text += self._separator + as_line(report)
            self._separator = ",\n"
        return text

    def end(self, totals: EstateTotals) -> str:
        """Return the end of the document."""
        agents, counts = agents_object(self._info, totals), counts_object(totals)
        targets = ",\n".join(self._entries)
        return (
            f'\n],"estate":{{"agents":{_text(agents)},"counts":{_text(counts)},'
            f'"frame":{_text(self._info.frame.as_object())},"targets":[\n{targets}\n]}},'
            f'"summary":{_text(summary_object(totals))}}}\n'
        )


def _text(value: Any) -> str:
    """Return JSON in ASCII, harmless where a log is read as commands; text of a target may be anything."""
    return harmless_json(json.dumps(plainly({"": value})[""], separators=(",", ":")))
