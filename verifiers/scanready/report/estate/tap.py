"""Write an estate view as TAP: one test point a target, by its estate verdict, with the verdict of each agent."""

from __future__ import annotations

from typing import Any

from scanready.report.formats.junit import told_parts
from scanready.report.formats.tap import VERSION, Point, comment, described, judged, place_fields, plan, told_fields
from scanready.report.look import Look
from scanready.wire.printable import visible

from .annotations import known_words, summary_lines, without_cause
from .causes import lead_of, other_causes
from .view import EstateInfo, EstateTotals, Row
from .words import LONGEST_AGENT, agent_names, own_word

_MOST_AGENTS = 200


class EstateTap:
    """Write each point as its row comes. No number adds agents: a point is a target."""

    def __init__(self, look: Look) -> None:
        pass

    def begin(self, info: EstateInfo) -> str:
        """Return the version, the plan, and a comment about the view."""
        self._info = info
        about = f"scanready {visible(info.version)}, {len(info.columns)} agents, {visible(info.started, 40)}"
        return f"{VERSION}{plan(info.targets)}{comment(about)}"

    def add(self, row: Row) -> str:
        """Return the point of a target."""
        ok, directive = judged(row.verdict.verdict, row.standing, self._info.require, known_words(row))
        return Point(ok, described(row.target), directive, _fields(row, ok)).text(row.place + 1)

    def end(self, totals: EstateTotals) -> str:
        """Return the counts of the estate and of each agent."""
        return "".join(map(comment, summary_lines(self._info, totals)))


def _fields(row: Row, ok: bool) -> dict[str, Any]:
    verdict, lead = row.verdict, lead_of(row)
    fields: dict[str, Any] = {"verdict": verdict.verdict.value, "by": agent_names(verdict.by) or "no agent"}
    if lead:
        fields |= told_fields(lead.told) | {"met_by": agent_names(lead.agents)}
    elif not ok:
        fields["detail"] = known_words(row) or without_cause(row)
    if others := other_causes(row):
        fields["also_found"] = {
            code: "\n".join([f"{visible(one.detail)} (from {agent_names(names)})", *told_parts(one)])
            for code, (one, names) in others.items()
        }
    if row.expected:
        fields["agents"] = {visible(one, LONGEST_AGENT): own_word(row, one) for one in row.expected[:_MOST_AGENTS]}
    return fields | place_fields(row.target)
