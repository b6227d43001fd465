"""Turn an estate view into JSON types, for the machine-readable formats."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scanready.model import Standing, Verdict

from .view import EstateInfo, EstateTotals, Row


def verdict_object(row: Row) -> dict[str, Any]:
    """Return the estate verdict of a target."""
    verdict, finding = row.verdict, row.verdict.finding
    return {
        "verdict": verdict.verdict,
        "cause": finding.cause.code if finding else None,
        "owner": finding.owner if finding else None,
        "step": verdict.step,
        "detail": finding.detail if finding else None,
        "met_by": verdict.met_by,
        "by": list(verdict.by),
        "overruled": [
            {
                "agent": one.agent,
                "own": one.own,
                "counted": one.counted,
                "by": one.by,
                "cause": one.finding.cause.code,
                "why": one.why,
            }
            for one in verdict.overruled
        ],
        "missing": list(verdict.missing),
        "standing": row.standing,
    }


def entry_object(row: Row) -> dict[str, Any]:
    """Return the entry of a target: its estate verdict, and the verdict of each agent's own result."""
    entry = {"target": row.name} | verdict_object(row)
    entry["agents"] = {name: report.verdict for name, report in row.reports.items()}
    return entry


def agents_object(info: EstateInfo, totals: EstateTotals) -> list[dict[str, Any]]:
    """Return the agents, each with the counts of its own results; ``missing`` counts targets without one."""
    return [
        {
            "name": column.name,
            "platform": column.platform,
            "addresses": list(column.addresses),
            "sites": list(column.sites),
            "profile": column.profile or None,
            "absent": column.absent or None,
            "verdicts": _counted(totals.agents.get(column.name, Counter())),
            "missing": totals.missing[column.name],
        }
        for column in info.columns
    ]


def counts_object(totals: EstateTotals) -> dict[str, Any]:
    """Return the counts of targets; ``verdicts`` counts estate verdicts."""
    return {
        "targets": totals.targets,
        "verdicts": _counted(totals.verdicts),
        "proven_by_at_least_one_agent": totals.proven_by_some,
        "without_any_result": totals.unseen,
    }


def run_object(info: EstateInfo) -> dict[str, Any]:
    """Return the document's object ``run``. Agent, depth and timeout are null, since each agent has its own."""
    return {
        "scanready": info.version,
        "agent": None,
        "started": info.started or None,
        "targets": info.targets,
        "depth": None,
        "timeout": None,
    }


def summary_object(totals: EstateTotals) -> dict[str, Any]:
    """Return the counts of targets, as a document of one agent has them.

    A target without any result is undecided, so none is unchecked. ``seconds`` is each agent's own, so it is null.
    """
    return {
        "verdicts": _counted(totals.verdicts),
        "known": {standing.value: totals.known[standing] for standing in Standing},
        "unchecked": 0,
        "interrupted": totals.interrupted,
        "seconds": None,
    }


def _counted(found: Counter[Verdict]) -> dict[str, int]:
    return {verdict.value: found[verdict] for verdict in Verdict}
