"""Write the estate view as one self-contained HTML file: a matrix of targets and agents, with each result behind it.

The file is written from top to bottom as the rows arrive: the head, the packed matrix, the parts drawn here, and the
script. It shares its styles, its component for one result and its content security policy with the report of one
agent. Memory depends on the number of agents and of distinct ladders, not on the number of results.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scanready.estate import EstateVerdict
from scanready.model import Finding, Report, Step, Target, Verdict
from scanready.redaction.workflow import harmless_json
from scanready.report.filled import fill
from scanready.report.findings import besides, decisive, general
from scanready.report.formats.markup import inert, joined, policy, template, told
from scanready.report.formats.packing import HOST
from scanready.report.headline import known, summed
from scanready.report.look import Look
from scanready.report.paper import GRAVITY
from scanready.report.serialize import SCHEMA
from scanready.run.any_type import reports_of

from .numerals import written
from .objects import run_object, summary_object
from .packing import TEXT, MatrixPacker, as_ascii, clock_of
from .view import EstateInfo, EstateTotals, Row

_STYLES = ("style.css", "print.css", "estate.css")
_SCRIPTS = ("dom.js", "data.js", "detail.js", "cells.js", "choice.js", "grid.js", "views.js", "estate.js")
_ORDER = tuple(reversed(GRAVITY))
#: Meanings of the estate verdicts, in one sentence.
_SENTENCES: dict[Verdict, str] = {
    Verdict.SCANNABLE: "an agent logged in, if required, and read data as a scan would",
    Verdict.READY: "for an agent, every check that needs no credential passed, up to the login prompt",
    Verdict.LIMITED: "a scan from an agent may run, but a check found a problem that could make it fail",
    Verdict.BLOCKED: "a scan from any assigned agent would fail",
    Verdict.UNDECIDED: "no agent is known to be able to scan it, and a result is missing or unclear",
}
#: Agents with a bar, and causes in the table; the matrix has all of them.
_BARS, _CAUSES = 60, 20
_MISSING = "No result shows that an agent can scan it, and the result of an assigned agent is missing."
#: The signs of the matrix, which the script draws.
_SIGNS = (("scannable", "✓✓"), ("ready", "✓"), ("limited", "!"), ("undecided", "?"), ("blocked", "✗"))
#: The most results that the command ``report`` reads from a page.
MOST_READ = 50_000
#: The texts that rows refer to by their number.
_MOST_TEXTS = 20_000


class Html:
    """Write the matrix as it arrives; keep counts by agent and by cause."""

    def __init__(self, look: Look) -> None:
        self._separator = "\n"
        self._causes: dict[str, _Count] = {}
        self._texts: dict[str, int] = {}
        self._results = 0

    def begin(self, info: EstateInfo) -> str:
        """Return the head of the page and the beginning of its data."""
        self._info = info
        self._places = {column.name: place for place, column in enumerate(info.columns)}
        clock = clock_of(info.started)
        self._packer = MatrixPacker(info.columns, clock)
        head: str = template("estate_head.html").render(
            info=info, policy=policy(_STYLES, _SCRIPTS), style=joined(_STYLES)
        )
        columns = [[one.name, one.platform, one.addresses, one.sites, one.absent, one.profile] for one in info.columns]
        # Each target without a result is a row, so the frame need not name it.
        frame = dataclasses.replace(info.frame, unseen=()).as_object()
        estate = {"frame": frame, "columns": columns, "clock": clock}
        return head + inert(f'{{"schema":{SCHEMA},"run":{_json(run_object(info))},"estate":{_json(estate)},"matrix":[')

    def add(self, row: Row) -> str:
        """Return the data of a target."""
        self._count(row.verdict)
        self._results += len(row.reports)
        texts: list[str] = []
        estate = self._estate(row, texts)
        stories = {name: told(report) for name, report in row.reports.items()}
        lines = [*texts, *self._packer.lines(row, stories, estate)]
        text, self._separator = self._separator + ",\n".join(lines), ",\n"
        return inert(text)

    def end(self, totals: EstateTotals) -> str:
        """Return the end of the data, the parts of the page drawn here, and the script."""
        info = self._info
        causes = sorted(self._causes.values(), key=lambda one: (-one.targets, one.code))
        page: str = template("estate_body.html").render(
            info=info,
            totals=totals,
            order=_ORDER,
            sentences=_SENTENCES,
            headline=summed(totals.verdicts),
            ready=totals.verdicts[Verdict.READY],
            known=known(totals.known),
            proven=f"proven by at least one of {_counted(len(info.columns), 'agent')}: "
            f"{totals.proven_by_some:,} of {_counted(info.targets, 'target')}",
            arcs=_arcs(totals.verdicts),
            bars=self._bars(totals),
            bars_left=max(0, len(info.columns) - _BARS),
            causes=causes[:_CAUSES],
            causes_left=len(causes[_CAUSES:]),
            results=self._results,
            readable=self._results <= MOST_READ,
            signs=_SIGNS,
            script=joined(_SCRIPTS),
        )
        return inert(f'\n],"summary":{_json(summary_object(totals))}}}\n') + page

    def _count(self, verdict: EstateVerdict) -> None:
        if verdict.finding is not None:
            self._causes.setdefault(verdict.finding.cause.code, _Count(verdict.finding)).add(verdict)
        elif verdict.verdict is Verdict.UNDECIDED and verdict.missing:
            self._causes.setdefault("", _Count(None)).add(verdict)

    def _estate(self, row: Row, texts: list[str]) -> list[Any]:
        """Return the estate verdict as the page shows it; append the lines of texts that are new to ``texts``."""
        found = row.verdict
        by = written(sorted(self._places[name] for name in found.by if name in self._places))
        groups: dict[tuple[str, str, int, int | str], list[int]] = {}
        for one in found.overruled:
            key = (one.own.value, one.counted.value, self._places.get(one.by, -1), self._text(one.why, texts))
            groups.setdefault(key, []).append(self._places[one.agent])
        overruled = [[*key, written(sorted(places))] for key, places in groups.items()]
        shown = [found.verdict.value, by, overruled, row.standing.value if row.standing else ""]
        if found.finding is None or found.step is None:
            return shown
        met = self._places.get(found.met_by or "", -1)
        cause = [found.finding.cause.code, found.step.value, found.finding.owner.value, met]
        return [*shown, *cause, *self._told(row, texts)]

    def _told(self, row: Row, texts: list[str]) -> list[int | str]:
        """Return the number of the cause's texts, unless the result of the agent that met it has them."""
        finding, step = row.verdict.finding, row.verdict.step
        assert finding is not None
        assert step is not None
        report = row.reports.get(row.verdict.met_by or "")
        if report is not None and any(_has(one, finding, step) for one in reports_of(report)):
            return []
        text = _json(_cause(finding, step, row.target))
        host = json.dumps(row.target.host)[1:-1]
        return [self._text(text.replace(host, HOST) if len(host) > 2 else text, texts)]

    def _text(self, text: str, texts: list[str]) -> int | str:
        if text not in self._texts:
            if len(self._texts) >= _MOST_TEXTS:
                return text
            self._texts[text] = len(self._texts)
            texts.append(as_ascii([TEXT, text]))
        return self._texts[text]

    def _bars(self, totals: EstateTotals) -> list[dict[str, Any]]:
        """Return one bar for each agent: its own verdicts, and its missing results, in hundredths of the width."""
        bars = []
        for column in self._info.columns[:_BARS]:
            verdicts, missing = totals.agents.get(column.name, Counter()), totals.missing[column.name]
            total, parts, begun = verdicts.total() + missing, [], 0.0
            counts = [(verdict.value, verdicts[verdict]) for verdict in _ORDER] + [("missing", missing)]
            for name, count in counts:
                if count:
                    parts.append((name, count, begun, 100 * count / total))
                    begun += 100 * count / total
            words = ", ".join(filter(None, (summed(verdicts), f"{missing:,} without a result" if missing else "")))
            bars.append({"column": column, "results": verdicts.total(), "words": words, "parts": parts})
        return bars


@dataclass(slots=True)
class _Count:
    """The targets whose estate verdict has one cause; without a finding, those that only miss results."""

    finding: Finding | None
    targets: int = 0
    verdicts: Counter[Verdict] = dataclasses.field(default_factory=Counter)

    def add(self, verdict: EstateVerdict) -> None:
        """Count a target."""
        self.targets += 1
        self.verdicts[verdict.verdict] += 1

    @property
    def code(self) -> str:
        """The code of the cause; empty without one."""
        return self.finding.cause.code if self.finding else ""

    @property
    def meaning(self) -> str:
        """The meaning of the cause, as the catalogue has it."""
        return (
            general(self.finding.cause).meaning
            if self.finding
            else "No result shows that an agent can scan it, and the result of an assigned agent is missing."
        )

    @property
    def worst(self) -> Verdict:
        """The gravest verdict of the targets."""
        return next(verdict for verdict in GRAVITY if self.verdicts[verdict])


def _json(value: Any) -> str:
    return harmless_json(json.dumps(value, separators=(",", ":")))


def _has(report: Report, finding: Finding, step: Step) -> bool:
    found = [one for one in (decisive(report), *besides(report)) if one is not None]
    return any(one.cause is finding.cause and one.step is step for one in found)


def _cause(finding: Finding, step: Step, target: Target) -> dict[str, Any]:
    """Return a cause as results have it, for one that another target's result has."""
    cause = finding.cause
    return {
        "code": cause.code,
        "owner": finding.owner.value,
        "step": step.value,
        "detail": finding.detail,
        "meaning": fill(cause.meaning, target),
        "remedy": fill(cause.remedy, target),
        "fix": finding.fix,
        "also": [],
    }


def _arcs(verdicts: Counter[Verdict]) -> Iterator[tuple[Verdict, float, float]]:
    """Yield the arcs of the headline's ring: verdict, length and beginning, in hundredths of the circle."""
    begun, total = 0.0, max(1, verdicts.total())
    for verdict in _ORDER:
        if count := verdicts[verdict]:
            yield verdict, 100 * count / total, begun
            begun += 100 * count / total


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
