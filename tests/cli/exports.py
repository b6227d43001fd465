"""Write exports for the tests of merges, without a run."""

from __future__ import annotations

import dataclasses
import datetime
import gzip
from collections.abc import Sequence
from pathlib import Path

from scanready.model import Agent, DeclaredAgent, Report, Step, Target
from scanready.report.document import RunInfo, Totals
from scanready.report.estate.export import Export, estate_of
from scanready.run import timestamps

#: One of each kind, as `estate_view.lab` has them.
DECLARED = tuple(DeclaredAgent(name, ("all",), "Linux") for name in ("proxy-lon", "proxy-nyc", "proxy-par"))


def ago(days: float = 0.0) -> str:
    """Return a moment before now."""
    return timestamps.written(datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days))


def lines(
    reports: Sequence[Report],
    targets: Sequence[Target],
    *,
    agents: Sequence[DeclaredAgent] = DECLARED,
    began: str = "",
    name: str = "estate.yaml",
    interrupted: bool = False,
    agent: Agent | None = None,
) -> list[str]:
    """Return the lines of an export. The reports begin ``began``, by default now."""
    began = began or ago()
    document = Export(estate_of(targets, agents, name))
    whose = agent or reports[0].agent
    info = RunInfo("0.2.0", whose, began, 10.0, Step.ACCESS, [], asked=len(reports))
    totals, written = Totals(seconds=1.0, interrupted=interrupted), [document.begin(info)]
    for report in reports:
        totals.add(report)
        written.append(document.add(dataclasses.replace(report, started=began)))
    return [*written, document.end(totals)]


def write(path: Path, written: Sequence[str]) -> str:
    """Compress lines into a file; return its name."""
    path.write_bytes(gzip.compress("".join(written).encode()))
    return str(path)
