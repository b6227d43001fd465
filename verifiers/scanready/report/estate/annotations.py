"""Judge the targets of an estate view as a build server does: by their estate verdicts, with the agents by name."""

from __future__ import annotations

from scanready.model import Standing, Verdict
from scanready.report.annotations import Annotation, code_of, further, level_of
from scanready.wire.printable import visible

from .causes import lead_of, other_causes
from .view import EstateInfo, EstateTotals, Row
from .words import absence, agent_names, headline, own_verdicts, proven, remarks

_MOST_AGENTS = 60
_KNOWN = {
    Standing.WAIVED: "the failure is known for every agent, and not counted",
    Standing.DIFFERENT: "counted, as the inventory expects another failure",
    Standing.NO_LONGER_NEEDED: "`expect` is no longer needed: remove it from the inventory",
    Standing.OVER: "the date of its known failure is over: `expect` has ended",
}


def row_annotations(row: Row, require: str | None) -> list[Annotation]:
    """Return the remarks about a target: that of the cause of its estate verdict, then those of the other causes."""
    level, lead, verdict = level_of(row.verdict.verdict, row.standing, require), lead_of(row), row.verdict.verdict
    waived = row.standing is Standing.WAIVED
    found = []
    if level is not None:
        told = lead.told if lead else None
        known, agents = known_words(row), lead.agents if lead else ()
        detail = visible(told.detail) if told else known or without_cause(row)
        found.append(
            Annotation(
                level, code_of(told, verdict), verdict, row.target, True, told, detail, known if told else "", waived,
                agents,
            )
        )  # fmt: skip
    found += further(row.target, verdict, other_causes(row).values(), level, waived)
    return found


def known_words(row: Row) -> str:
    """Return the state of the known failure for the whole estate; empty if none is known."""
    return _KNOWN[row.standing] if row.standing is not None else ""


def without_cause(row: Row) -> str:
    """Return why a target without a cause fails."""
    missing = row.verdict.missing if row.verdict.verdict is Verdict.UNDECIDED else ()
    return f"no result from {agent_names(missing)}" if missing else "below the required level"


def summary_lines(info: EstateInfo, totals: EstateTotals) -> list[str]:
    """Return the counts of the estate, those of each agent, why agents are absent, and the remarks."""
    lines = [headline(totals), proven(info, totals)]
    for column in info.columns[:_MOST_AGENTS]:
        words = own_verdicts(totals.agents.get(column.name, {}))
        missing = f", {totals.missing[column.name]} no result" if totals.missing[column.name] else ""
        absent = f"; absent: {absence(column)}" if column.absent else ""
        lines.append(f"{agent_names([column.name])}: {words}{missing}{absent}")
    if len(info.columns) > _MOST_AGENTS:
        lines.append(f"{len(info.columns) - _MOST_AGENTS} more agents")
    return [*lines, *remarks(info)]
