"""Write an estate view as Markdown: counts, causes by owner with the agents that met them, all targets folded."""

from __future__ import annotations

from collections import Counter

from scanready.model import Standing, Verdict
from scanready.report.formats.md import MOST, SIGNS, section
from scanready.report.known import note
from scanready.report.look import Look
from scanready.report.markdown import code, escaped
from scanready.report.paper import GRAVITY, SENTENCES
from scanready.run.target_name import LONGEST_NAME

from .causes import EstateCauses
from .view import EstateInfo, EstateTotals, Row
from .words import LONGEST_AGENT, absence, by_verdict, headline, proven, reason, remarks

_MOST_KNOWN = 12
_MOST_AGENTS = 60


class EstateMarkdown:
    """Write everything at the end: the gravest causes are first."""

    def __init__(self, look: Look) -> None:
        self._rows: list[str] = []
        self._room = MOST
        self._count = 0
        self._causes = EstateCauses(every_owner=True)
        self._known: list[str] = []
        self._known_count = 0

    def begin(self, info: EstateInfo) -> str:
        """Begin to collect."""
        self._info = info
        return ""

    def add(self, row: Row) -> str:
        """Keep a line, while there is room for it on the page."""
        self._causes.add(row)
        self._count += 1
        for agent, report in row.reports.items():
            if words := note(report):
                self._known_count += 1
                if len(self._known) < _MOST_KNOWN:
                    self._known.append(f"- {code(row.name, 120)} from {code(agent, LONGEST_AGENT)}: {escaped(words)}")
        if self._room > 0:
            waived = " (known)" if row.standing is Standing.WAIVED else ""
            verdict = f"{SIGNS[row.verdict.verdict]} {row.verdict.verdict}{waived}"
            cells = (code(row.name, LONGEST_NAME), verdict, escaped(by_verdict(row)), escaped(reason(row)))
            self._rows.append(f"| {' | '.join(cells)} |")
            self._room -= len(self._rows[-1])
        return ""

    def end(self, totals: EstateTotals) -> str:
        """Return the page. If it would be too long, causes and targets are left out and counted."""
        head = self._headline(totals)
        parts = [head, *(section(owner, groups) for owner, groups in self._causes.by_owner().items())]
        if self._known:
            left = self._known_count - len(self._known)
            more = [f"- ... and {left} more"] if left else []
            parts.append("\n".join(["### Known failures, by agent", "", *self._known, *more, ""]))
        text = "\n".join(parts)
        if len(text) > MOST:
            cut = text.rfind("\n### ", 0, MOST)
            text = text[: cut if cut > 0 else len(head)]
            text += "\n\n_This page has no room for the other causes; `--format table` has all of them._\n"
        return text + self._table(MOST - len(text))

    def _headline(self, totals: EstateTotals) -> str:
        info = self._info
        lines = [f"## {proven(info, totals).capitalize()}", "", f"{escaped(headline(totals))}.", ""]
        lines += ["| estate verdict | targets | |", "|---|---:|---|"]
        for verdict in GRAVITY:
            if count := totals.verdicts[verdict]:
                lines.append(f"| {SIGNS[verdict]} {verdict} | {count} | {_SENTENCES[verdict]} |")
        words = [*map(str, reversed(GRAVITY)), "no result"]
        lines += ["", f"| agent: its own results | {' | '.join(words)} | |", f"|---|{'---:|' * len(words)}---|"]
        for column in info.columns[:_MOST_AGENTS]:
            found = totals.agents.get(column.name, Counter())
            numbers = [*(str(found[one]) for one in reversed(GRAVITY)), str(totals.missing[column.name])]
            absent = f"absent: {escaped(absence(column))}" if column.absent else ""
            lines.append(f"| {code(column.name, LONGEST_AGENT)} | {' | '.join(numbers)} | {absent} |")
        if len(info.columns) > _MOST_AGENTS:
            lines += ["", f"... and {len(info.columns) - _MOST_AGENTS} more agents"]
        lines += ["", *(f"- {escaped(remark)}" for remark in remarks(info))]
        return "\n".join([*lines, "", f"{escaped(info.started)}, scanready {escaped(info.version)}", ""])

    def _table(self, room: int) -> str:
        head = ["<details><summary>All targets</summary>", "", "| target | verdict | its agents | cause or agents |"]
        lines = [*head, "|---|---|---|---|"]
        room -= sum(map(len, lines)) + 200
        shown = 0
        for row in self._rows:
            room -= len(row) + 1
            if room < 0:
                break
            lines.append(row)
            shown += 1
        if shown < self._count:
            lines += ["", f"... and {self._count - shown} more"]
        return "\n".join(["", *lines, "", "</details>", ""])


_SENTENCES = SENTENCES | {
    Verdict.SCANNABLE: "an agent logged in, if required, and read data as a scan would",
    Verdict.READY: "from one agent at least, every check that needs no credential passed, up to the login prompt",
    Verdict.BLOCKED: "a scan would fail from every agent",
    Verdict.UNDECIDED: "the results do not show whether a scan would run from any agent",
}
