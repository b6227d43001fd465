"""``firewall --from RUN --rank``: rank the changes of a run by the number of targets that they take further."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click

from scanready.report.estate import Row
from scanready.report.estate.rank_csv import csv
from scanready.report.estate.rank_formats import document, table
from scanready.report.estate.rank_md import md
from scanready.report.estate.ranking import Changes
from scanready.report.look import Look

from .estate_report import judgement
from .job.exit_code import NOTHING_SELECTED
from .job.profile import warn_of_profiles
from .messages import did_you_mean, fitting, warn
from .output.outlet import show
from .output.terminal import look
from .selection import Selection, selection
from .source import opened, told

#: The formats of a ranking: the others have one line a rule, and no place for its number of targets.
FORMATS: Mapping[str, Callable[[Changes, Look], str]] = {"table": table, "json": document, "csv": csv, "md": md}


def show_ranking(
    ctx: click.Context,
    run: str | None,
    store: str | None,
    only: Sequence[str],
    types: Sequence[str],
    agent: str | None,
    form: str,
) -> None:
    """Write the ranking of a run; exit with 4 if no target is selected.

    Raises:
        click.UsageError: no run is named, it cannot be read, it has no result of the agent, or the format has no form
            for a ranking.
    """
    if run is None:
        raise click.UsageError("--rank needs a run: add --from RUN, such as --from last")
    if form not in FORMATS:
        raise click.UsageError(
            f"--rank writes {', '.join(FORMATS)}, not {form}; for rules in the form {form}, leave out --rank and use "
            "--only owner=network"
        )
    wanted = selection(only, of_a_run=True)
    with opened(run, store) as source:
        view, found = source.view(), Changes(agent)
        if agent is not None and agent not in [one.name for one in view.info.columns]:
            near = did_you_mean(agent, [one.name for one in view.info.columns])
            raise click.UsageError(f"{fitting(run)} has no result of {fitting(agent)}{near}")
        with told(source.name):
            for row in view.rows():
                if _takes(row, wanted, types):
                    found.add(row)
    warn_of_profiles(one.profile for one in view.info.columns)
    for one in view.info.columns:
        if one.absent:
            warn(f"without {fitting(one.name)} ({fitting(one.absent)}): its results may change the numbers")
    if not found.targets:
        warn(f"nothing selected: no target of {fitting(run)} matches")
        ctx.exit(NOTHING_SELECTED)
    show(FORMATS[form](found, look()), people=form == "table")


def _takes(row: Row, wanted: Selection, types: Sequence[str]) -> bool:
    if types and row.target.type not in types:
        return False
    return wanted.takes(row.target, judgement(row))
