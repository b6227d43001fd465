"""Write the reports of an estate view: the results of several agents, one row a target."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import click

from scanready.cli.job.exit_code import NOTHING_SELECTED, UNDECIDED, USAGE, Judge
from scanready.cli.job.job import Options
from scanready.cli.job.prepare import prepare_outputs
from scanready.cli.messages import fitting, warn
from scanready.cli.output.handover import Handover
from scanready.cli.output.outputs import Outputs
from scanready.cli.selection import Judgement, Selection
from scanready.cli.source import Source, told
from scanready.model import GOOD
from scanready.report import FORMATS
from scanready.report.estate import EstateInfo, EstateTotals, EstateView, Row
from scanready.report.estate.causes import lead_of, other_causes
from scanready.report.handover import Unchecked
from scanready.report.paper import counted
from scanready.report.serialize import identity

#: Yields the rows of a report from the start at each call.
_Rows = Callable[[], Iterator[Row]]


def write(source: Source, options: Options, wanted: Selection, *, ladder: bool, split: str | None) -> int:
    """Write an estate view in every format that was asked for; return the exit code.

    Args:
        split: the folder for one file an owner; None for none.

    Raises:
        click.UsageError: an option or a format does not fit an estate view, or a result is malformed.
    """
    _check(options)
    view = source.view(options.title, options.require)
    info, rows = view.info, view.rows
    if wanted.alternatives:
        chosen = {row.place for row in _told(source, rows) if wanted.takes(row.target, judgement(row))}
        if not chosen:
            warn(_nothing(view, wanted))
            return NOTHING_SELECTED
        info, rows = _narrowed(view, chosen)
    outputs, _ = prepare_outputs(options, ladder=ladder, keep=[source.name], estate=True)
    handover = Handover(split, info, options.file_mode, wanted, Unchecked()) if split else None
    code = asyncio.run(_write(source, info, lambda: _told(source, rows), outputs, Judge(options.require), handover))
    for agent, count in sorted(view.replaced.items()):
        what = "result was" if count == 1 else "results were"
        warn(f"{fitting(agent)}: {count} {what} replaced by a later one of the same target")
    if not wanted.alternatives and source.asked > info.targets:
        left = source.asked - info.targets
        warn(f"{counted(left, 'target')} of this run {'has' if left == 1 else 'have'} no result yet")
        code = code or UNDECIDED
    return USAGE if handover and not handover.write() else code


def judgement(row: Row) -> Judgement:
    """Return what a selection compares: the estate verdict, its cause, the owners who can fix it, and the agents.

    For a target that no agent can scan, the causes of every agent's result count as well.
    """
    lead = lead_of(row)
    causes = [lead.told] if lead else []
    causes += [one for one, _ in other_causes(row).values()]
    owners = dict.fromkeys(part.owner.value for one in causes for part in one.parts)
    codes = dict.fromkeys(one.cause.code for one in causes)
    types = dict.fromkeys(
        one.target.type
        for report in row.reports.values()
        for place, one in enumerate(report.types)
        if place == 0 or one.verdict in GOOD
    )
    return Judgement(row.verdict.verdict, tuple(owners), tuple(codes), tuple(types), row.expected)


def _check(options: Options) -> None:
    if options.since is not None:
        raise click.UsageError("--since compares runs of one agent, and this is a run of several")
    for name in (options.chosen_format, *(name for name, _ in options.reports)):
        if not FORMATS[name].estate:
            others = ", ".join(other for other, made in FORMATS.items() if made.estate)
            raise click.UsageError(
                f"{name} cannot show the results of several agents yet; the other formats can: {others}"
            )


def _told(source: Source, rows: _Rows) -> Iterator[Row]:
    with told(source.name):
        yield from rows()


def _nothing(view: EstateView, wanted: Selection) -> str:
    targets, judged = [], {}
    for row in view.rows():
        targets.append(row.target)
        judged[id(row.target)] = judgement(row)
    return wanted.takes_nothing(targets, judged)


def _narrowed(view: EstateView, chosen: set[int]) -> tuple[EstateInfo, _Rows]:
    """Return the view of some targets only, numbered from 0. It keeps every agent."""
    unseen = {identity(row.target) for row in view.rows() if row.place in chosen and not row.reports}
    left = tuple(target for target in view.info.frame.unseen if identity(target) in unseen)
    info = replace(view.info, targets=len(chosen), frame=replace(view.info.frame, unseen=left))

    def rows() -> Iterator[Row]:
        taken = (row for row in view.rows() if row.place in chosen)
        return (replace(row, place=place) for place, row in enumerate(taken))

    return info, rows


async def _write(
    source: Source, info: EstateInfo, rows: _Rows, outputs: Outputs, judge: Judge, handover: Handover | None
) -> int:
    totals = EstateTotals.of(info)
    totals.interrupted = source.interrupted
    outputs.begin(info)
    for row in rows():
        judge.add_estate(row.verdict.verdict, row.standing)
        totals.add(row)
        if handover:
            handover.add(row)
        await outputs.add(row)
    outputs.end(totals)
    return outputs.exit_code(judge.code)
