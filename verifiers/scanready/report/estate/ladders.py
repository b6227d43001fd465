"""Draw the ladders of an estate view: for each target its estate verdict, then the ladder of each agent."""

from __future__ import annotations

from rich.text import Text

from scanready.report.ladder import brief, draw
from scanready.report.look import Look
from scanready.report.paper import Paper, owned, pairs, verdict_word
from scanready.run.any_type import answered
from scanready.run.target_name import LONGEST_NAME
from scanready.wire.printable import visible

from .view import EstateInfo, EstateTotals, Row
from .words import LONGEST_AGENT, agent_names


class EstateLadders:
    """Write each target at once."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._first = True

    def begin(self, info: EstateInfo) -> str:
        """Return no text."""
        return ""

    def add(self, row: Row) -> str:
        """Return the estate verdict of a target and the ladders of its agents."""
        paper = Paper(self._look)
        verdict, cause = row.verdict, row.verdict.cause
        why = Text.assemble("  ", owned(cause, verdict.finding.owner)) if cause and verdict.finding else Text()
        name = (visible(row.name, LONGEST_NAME), "bold")
        paper.draw(Text.assemble(name, "  estate verdict: ", verdict_word(verdict.verdict), why, overflow="fold"))
        if self._look.verbosity >= 0:
            paper.draw(pairs(_explained(row)), indent=2)
        text = paper.text() if self._first or self._look.verbosity < 0 else f"\n{paper.text()}"
        self._first = False
        for agent, report in row.reports.items():
            if self._look.verbosity < 0:
                text += f"  from {visible(agent, LONGEST_AGENT)}: {brief(report, self._look)}"
                continue
            shown = [one for one in report.types if answered(one)] or [report]
            text += "".join(f"\n{draw(one, self._look)}" for one in shown)
        return text

    def end(self, totals: EstateTotals) -> str:
        """Return no text."""
        return ""


def _explained(row: Row) -> list[tuple[str, str]]:
    """Return the agents that a verdict rests on, the overruled results, and the agents without a result."""
    verdict = row.verdict
    lines = [("by", agent_names(verdict.by))] if verdict.by else []
    if verdict.finding is not None:
        lines += [("met by", visible(verdict.met_by or "", LONGEST_AGENT)), ("detail", verdict.finding.detail)]
    for one in verdict.overruled:
        agent, by = visible(one.agent, LONGEST_AGENT), visible(one.by, LONGEST_AGENT)
        lines.append(("overruled", f"{agent} ({one.own}) counts as {one.counted} because of {by}: {one.why}"))
    if verdict.missing:
        lines.append(("no result", agent_names(verdict.missing)))
    return lines
