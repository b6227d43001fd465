"""Read the context of a report before anything is contacted: the run of ``--since``, and the runs before it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from scanready.cli.messages import fitting
from scanready.model import Agent, Target, Verdict
from scanready.report.background import Background
from scanready.report.serialize import identity_of_all
from scanready.store import StoreError

from .job import Options, Record

if TYPE_CHECKING:
    from scanready.cli.source import Source
    from scanready.report.earlier import Earlier, Moment
    from scanready.store import StoredRun

#: The number of runs in the chart of the trend, including this one.
_RUNS = 12


def background_of_new(options: Options, record: Record | None, targets: Iterable[Target], *, whole: bool) -> Background:
    """Return the context of a new run.

    Args:
        record: how the run is stored; None if it is not.
        targets: the targets to check.
        whole: they are all targets of the inventory that have the types of the options.

    Raises:
        click.UsageError: the run of ``--since`` cannot be read.
    """
    trend = _trend_before(record, targets) if record and _draws_a_trend(options) else ()
    return _background(options, whole and not options.types, trend)


def background_of_stored(options: Options, source: Source, *, whole: bool) -> Background:
    """Return the context of a stored run; ``whole`` means all of its targets.

    Raises:
        click.UsageError: the run of ``--since`` cannot be read.
    """
    return _background(options, whole, _trend_of(source) if whole and _draws_a_trend(options) else ())


def _background(options: Options, whole: bool, trend: tuple[Moment, ...]) -> Background:
    since = None if options.since is None else _earlier(options.since, options.store, whole=whole)
    return Background(options.title or "", since, trend)


def _earlier(name: str, store: str | None, *, whole: bool) -> Earlier:
    from scanready.cli.source import opened
    from scanready.report.diff import glimpses
    from scanready.report.earlier import Earlier

    try:
        with opened(name, store) as source:
            if source.has_several_agents():
                raise click.UsageError(f"{fitting(name)} has the results of several agents; name a run of one agent")
            kept = glimpses(source.reports())
            agent = source.agent or next((report.agent for report in source.reports()), Agent("", ""))
            # A target is not new because an interrupted run did not reach it.
            return Earlier(source.name, source.started, agent.name, kept, whole and not source.interrupted)
    except click.UsageError as error:
        remedy = "" if "`scanready runs`" in error.message else "; `scanready runs` lists the runs to compare with"
        raise click.UsageError(f"--since: {error.message}{remedy}") from error


def _draws_a_trend(options: Options) -> bool:
    return options.chosen_format == "html" or any(name == "html" for name, _ in options.reports)


def _trend_before(record: Record, targets: Iterable[Target]) -> tuple[Moment, ...]:
    """Return the earlier runs of these targets; none if there is no store yet, or it cannot be read."""
    from scanready.store import Store

    with contextlib.suppress(StoreError), Store(record.path) as store:
        return _moments(store.runs_of(record.source, identity_of_all(targets), _RUNS - 1))
    return ()


def _trend_of(source: Source) -> tuple[Moment, ...]:
    """Return the runs of the same targets before a stored run; none for a file."""
    store, run = source.store, source.run
    if store is None or run is None:
        return ()
    estate = json.loads(run.asked).get("estate")
    with contextlib.suppress(StoreError):
        return _moments(store.runs_of(run.source, str(estate), _RUNS - 1, before=run.number))
    return ()


def _moments(runs: list[StoredRun]) -> tuple[Moment, ...]:
    from scanready.report.earlier import Moment

    known = {verdict.value: verdict for verdict in Verdict}
    return tuple(
        Moment(run.started, {known[name]: count for name, count in run.verdicts.items() if name in known})
        for run in reversed(runs)
        if "frame" not in json.loads(run.asked)  # it counts the results of several agents
    )
