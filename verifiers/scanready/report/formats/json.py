"""Write one JSON document as the results arrive; memory use does not depend on their number."""

from __future__ import annotations

import json
from typing import Any

from scanready.model import Report, Standing, Verdict
from scanready.report.document import RunInfo, Totals
from scanready.report.look import Look
from scanready.report.serialize import SCHEMA, agent_object, as_line


class Json:
    """Write ``{"schema": 1, "run": {...}, "results": [...], "summary": {...}}``, one result a line.

    ``summary`` has the counts of the whole run; a document without it is incomplete.
    """

    def __init__(self, look: Look) -> None:
        self._separator = "\n"

    def begin(self, run: RunInfo) -> str:
        """Return the beginning of the document, with the object ``run``."""
        return begin(run, "results")

    def add(self, report: Report) -> str:
        """Return the next element of ``results``."""
        text = self._separator + as_line(report)
        self._separator = ",\n"
        return text

    def end(self, totals: Totals) -> str:
        """Return the end of the document."""
        return end(totals)


def begin(run: RunInfo, list_of: str) -> str:
    """Return the beginning of a document, up to its list of results."""
    return f'{{"schema":{SCHEMA},"run":{_text(run_object(run))},"{list_of}":['


def end(totals: Totals) -> str:
    """Return the end of a document, from the end of its list."""
    return f'\n],"summary":{_text(summary_object(totals))}}}\n'


def run_object(run: RunInfo) -> dict[str, Any]:
    """Return the document's object ``run``; ``timeout`` is in seconds for one target."""
    return {
        "scanready": run.version,
        "agent": agent_object(run.agent),
        "started": run.started,
        "targets": max(run.asked, len(run.targets)),
        "depth": run.depth,
        "timeout": run.timeout,
        **({"assumed": list(run.assumed)} if run.assumed else {}),
    }


def summary_object(totals: Totals) -> dict[str, Any]:
    """Return the counts by verdict, and ``seconds`` of wall time."""
    return {
        "verdicts": {verdict.value: totals.verdicts[verdict] for verdict in Verdict},
        "known": {standing.value: totals.known[standing] for standing in Standing},
        "unchecked": totals.unchecked,
        "interrupted": totals.interrupted,
        "seconds": round(totals.seconds, 6),
    }


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
