"""``scanready runs``: list the stored runs, or delete old ones."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from scanready.cli.job.options import option, simple_format
from scanready.cli.job.run_store import open_store, store_path
from scanready.cli.messages import warn
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.cli.parameters import Age
from scanready.model import Verdict
from scanready.run import timestamps
from scanready.store import Store, StoredRun, StoreError
from scanready.store.pruning import prune
from scanready.wire.printable import visible

#: The default number of rows; --limit shows more.
_MOST = 20

_HELP = """\
\b
Examples:
  scanready runs                          list the newest 20
  scanready runs --limit 100 --json
  scanready runs --prune --keep 50        delete all except the newest 50
  scanready runs --prune --older-than 90d

check, verify and merge store every run without secrets in one file, which only its owner can read.
Their option --no-store stores nothing. Times are in UTC.
"""


@click.command(help=_HELP)
@option(
    "--limit",
    type=click.IntRange(1),
    default=_MOST,
    metavar="N",
    help="List at most N runs, newest first. [default: 20]",
)
@option("--prune", "pruning", is_flag=True, help="Delete runs, as --keep or --older-than says.")
@option("--keep", type=click.IntRange(0), metavar="N", help="With --prune: keep the newest N runs.")
@option("--older-than", type=Age(), metavar="AGE", help="With --prune: delete runs older than 12h, 90d, 8w ...")
@option("--store", metavar="FILE", help="The file that holds the runs.")
@simple_format
def command(
    limit: int,
    pruning: bool,
    keep: int | None,
    older_than: float | None,
    store: str | None,
    format_: str,
    as_json: bool,
) -> None:
    """Runs."""
    if pruning:
        _prune(store, keep, older_than)
        return
    if keep is not None or older_than is not None:
        raise click.UsageError("--keep and --older-than need --prune")
    machine = as_json or format_ == "json"
    try:
        if not os.path.exists(store_path(store)):
            show("[]\n" if machine else "there are no stored runs yet: `check` and `verify` store theirs\n")
            return
        with open_store(store) as kept:
            runs = kept.runs(limit)
            agents = _agents_of(runs, kept)
            if machine:
                show(json.dumps([run_object(run, agents.get(run.name, ())) for run in runs], indent=2) + "\n")
            else:
                show(_table(runs, agents), people=True)
    except StoreError as error:
        raise click.UsageError(str(error)) from error


def run_object(run: StoredRun, agents: Sequence[str] = ()) -> dict[str, Any]:
    """Return a run as JSON types. ``seconds`` is wall time; ``ended`` is null if it still runs or was killed.

    A run with the results of several agents has the names of its ``agents`` and the number of ``results`` instead of an
    agent and verdicts of its own: `scanready report` computes a verdict for each target.
    """
    several = _is_estate(run)
    found = {
        "run": run.name,
        "started": run.started,
        "ended": run.ended,
        "seconds": round(run.seconds, 6),
        "interrupted": run.interrupted,
        "command": run.command,
        "source": run.source,
        "agent": None if several else json.loads(run.agent),
        "scanready": run.version,
        "targets": run.targets,
        "verdicts": None if several else {one.value: run.verdicts.get(one.value, 0) for one in Verdict},
        "unchecked": None if several else max(0, run.targets - run.finished),
    }
    return found | {"agents": list(agents), "results": run.finished} if several else found


def _is_estate(run: StoredRun) -> bool:
    """Return whether a run has the results of several agents."""
    return "frame" in json.loads(run.asked)


def _agents_of(runs: list[StoredRun], store: Store) -> dict[str, list[str]]:
    """Return the agents of each run that has the results of several, by the run's name."""
    return {run.name: sorted(store.agents(run)) for run in runs if _is_estate(run)}


def _prune(store: str | None, keep: int | None, older_than: float | None) -> None:
    if keep is None and older_than is None:
        raise click.UsageError("--prune needs --keep N or --older-than AGE")
    before = None
    if older_than is not None:
        moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=older_than)
        before = timestamps.written(moment)
    try:
        path = store_path(store)
        gone = prune(path, keep, before) if os.path.exists(path) else []
    except StoreError as error:
        raise click.UsageError(str(error)) from error
    warn(f"{len(gone)} {'run' if len(gone) == 1 else 'runs'} deleted")


def _source(run: StoredRun) -> str:
    """Return the file name of an inventory, or the first target and the number of others; --json has them all."""
    if run.command not in ("check", "merge"):
        return Path(run.source).name
    first, *others = run.source.split(" ")
    return f"{first} and {len(others)} more" if others else first


def _counts(run: StoredRun) -> str:
    """Return the number of targets with each verdict."""
    from scanready.report.paper import GRAVITY

    counts = [f"{run.verdicts[v.value]} {v}" for v in reversed(GRAVITY) if run.verdicts.get(v.value)]
    left = run.targets - run.finished
    return ", ".join([*counts, *([f"{left} not checked"] if left > 0 else [])])


def _table(runs: list[StoredRun], agents: dict[str, list[str]]) -> str:
    from rich.text import Text

    from scanready.report.paper import Paper, counted, headed

    paper = Paper(look())
    table = headed()
    for head in ("run", "started", "agent"):
        table.add_column(head, no_wrap=True)
    table.add_column("results", overflow="fold")
    table.add_column("checked", overflow="fold")
    for run in runs:
        if run.name in agents:
            agent = counted(len(agents[run.name]), "agent")
            found = f"{counted(run.finished, 'result')} of {counted(run.targets, 'target')}: see `report`"
        else:
            agent, found = visible(str(json.loads(run.agent).get("name", "")), 40), _counts(run)
        started = run.started[:16].replace("T", " ")
        cells = [run.name, started, agent, found, visible(_source(run), 200)]
        table.add_row(*map(Text, cells))
    paper.draw(table)
    return paper.text()
