"""``scanready report RUN``: write any report from a stored run, a result file or a support bundle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from scanready.catalogue.wrong import Wrong
from scanready.cli import estate_report, shell_completion
from scanready.cli.job.background import background_of_stored
from scanready.cli.job.exit_code import NOTHING_SELECTED, UNDECIDED, USAGE, Judge
from scanready.cli.job.job import Options
from scanready.cli.job.options import ONLY, PROFILE, SPLIT, background_options, option, stored_output_options
from scanready.cli.job.prepare import prepare_outputs
from scanready.cli.job.profile import warn_of_profiles
from scanready.cli.job.source_lines import with_lines
from scanready.cli.job.unchecked import unchecked_of
from scanready.cli.messages import fitting, warn
from scanready.cli.output.handover import Handover
from scanready.cli.output.outputs import Outputs
from scanready.cli.selection import Judgement, selection
from scanready.cli.source import Source, opened, told
from scanready.model import Report, Target
from scanready.report.document import RunInfo, Totals
from scanready.report.what_if import Assumption, assumed, assumption
from scanready.run.target_name import name_of

if TYPE_CHECKING:
    from scanready.report.estate.export import Export

_HELP = """\
\b
Examples:
  scanready report last                                show the table of the last run again
  scanready report last~1 --report json=monday.json
  scanready report 20261127-0912-x7k --only host=db7 --ladder -v
  scanready report last --only owner=network,cause=connect.* --format md
  scanready report last --split owner=todo             todo/network.md, todo/server.md, ...
  scanready report bundle.zip                          this version computes the verdicts
  scanready report last --export nyc.scanready         for `scanready merge` on another host
  scanready report last --assume open=db7:5432/tcp     what is left if the firewall permits it

RUN is a run's name (`scanready runs`), last, last~1, a bundle, an export, or a file that
--format json, jsonl or html wrote. Nothing is contacted. --only accepts the keys of verify,
and also verdict, owner and cause. owner matches every owner who can fix something of a
target; cause matches every cause of a target. type also finds a host without a type: by each
type that it can be scanned as, and by the one that decided its verdict. The exit code is that
of the run; it is 3 instead of 0 if some targets have no result.

--assume takes away the causes that a change removes: open=HOST:PORT/tcp (or udp), agent=PLATFORM
or valid-certificate. What is behind them was not measured, so such a target is undecided
(scanready.assumed), never ready or scannable. The exit code and the stored run stay as they are.

Results of several agents, of a run or of a file, are an estate view: each target has one
verdict of all its agents, which names the agents that it rests on. No number adds agents. The
exit code, --require and --only judge this verdict. For a target that no agent can scan, owner
and cause also match the causes of each agent's own result.
"""


# Not from the environment: SCANREADY_EXPORT is the file that `verify` writes.
_EXPORT = click.option(
    "--export",
    metavar="FILE",
    shell_complete=shell_completion.files,
    help="Also write the export that verify --export would have written; for a stored run of verify.",
)


_ASSUME = click.option(
    "--assume",
    "assumed_texts",
    metavar="CHANGE",
    multiple=True,
    help="Show what is left if this were changed: open=HOST:PORT/tcp, agent=PLATFORM or valid-certificate; repeatable.",
)


@click.command(help=_HELP)
@click.argument("run", metavar="RUN", shell_complete=shell_completion.runs)
@ONLY
@option("--ladder", is_flag=True, help="Show every step of each target instead of the table.")
@SPLIT
@_EXPORT
@_ASSUME
@PROFILE
@background_options
@stored_output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    run: str,
    only: tuple[str, ...],
    ladder: bool,
    split: tuple[str, str] | None,
    assumed_texts: tuple[str, ...],
    **rest: Any,
) -> None:
    """Report."""
    options = Options(**rest)
    assumptions = _assumptions(assumed_texts, options, split)
    wanted = selection(only, of_a_run=True)
    with opened(run, options.store) as source:
        targets = [] if source.is_estate else source.targets()
        targets = with_lines(targets, source, (options.chosen_format, *(name for name, _ in options.reports)))
        exported = _exported(source, options.export, selected=bool(only))
        if source.is_estate and assumptions:
            raise click.UsageError("--assume: several agents have results here; ask `firewall --from RUN --rank`")
        if source.is_estate:  # known only now for a file
            ctx.exit(estate_report.write(source, options, wanted, ladder=ladder, split=split[1] if split else None))
        judged = {id(one.target): Judgement.of(one) for one in source.reports(targets)} if wanted.asks_a_run else {}
        chosen = {id(target) for target in targets if wanted.takes(target, judged.get(id(target)))}
        if not chosen and exported is None:  # an export of no result has the login in which the run was killed
            warn(wanted.takes_nothing(targets, judged))
            ctx.exit(NOTHING_SELECTED)
        background = background_of_stored(options, source, whole=not only)
        info = replace(source.info(targets), require=options.require, background=background, assumed=assumed_texts)
        warn_of_profiles([info.agent.profile])
        if only:  # the report is of the selected targets only
            info = replace(info, targets=[one for one in targets if id(one) in chosen], asked=len(chosen))
        outputs, _ = prepare_outputs(options, ladder=ladder or source.command == "check", keep=[run])
        if exported is not None:
            from scanready.cli.output.export import add_export

            add_export(outputs, str(options.export), options, [run], exported)
        handover = None
        if split:
            left = unchecked_of(source, len(targets), wanted)
            handover = Handover(split[1], info, options.file_mode, wanted, left)
        judge = Judge(options.require, {key: host for key, host in info.tried.items() if key in chosen})
        code = asyncio.run(_write(source, info, targets, chosen, outputs, judge, handover, assumptions))
    if handover and not handover.write():
        code = USAGE
    ctx.exit(code)


#: Formats that monitoring and code scanning read as what was measured.
_OF_MEASUREMENTS = ("prometheus", "nagios", "sarif")


def _assumptions(texts: Sequence[str], options: Options, split: tuple[str, str] | None) -> tuple[Assumption, ...]:
    """Return the assumptions of ``--assume``.

    Raises:
        click.UsageError: one is none, or an output would be taken for a measurement.
    """
    formats = (options.chosen_format, *(name for name, _ in options.reports))
    if texts and (unfit := next((name for name in formats if name in _OF_MEASUREMENTS), None)):
        raise click.UsageError(f"--assume: {unfit} is read as a measurement; choose another format")
    if texts and (split or options.export):
        given = "--split" if split else "--export"
        raise click.UsageError(f"--assume and {given} cannot be combined: what {given} writes is passed on as measured")
    try:
        return tuple(map(assumption, texts))
    except Wrong as wrong:
        raise click.UsageError(f"--assume: {wrong}") from wrong


def _exported(source: Source, file: str | None, *, selected: bool) -> Export | None:
    """Return the document of --export; None without it.

    Raises:
        click.UsageError: the source is no stored run of one agent, or only some of its targets are selected.
    """
    if file is None:
        return None
    name = fitting(source.name)
    if source.is_estate:
        raise click.UsageError(f"--export: {name} has results of several agents; `scanready merge` takes it as it is")
    if source.run is None or source.store is None:
        raise click.UsageError(f"--export needs a stored run; `scanready merge` takes {name} as it is")
    if selected:
        raise click.UsageError("--export writes the whole run and cannot be combined with --only")
    from scanready.cli.output.export import export_of

    with told(source.name):
        return export_of(source.run, source.store)


async def _write(
    source: Source,
    info: RunInfo,
    targets: list[Target],
    chosen: set[int],
    outputs: Outputs,
    judge: Judge,
    handover: Handover | None,
    assumptions: Sequence[Assumption] = (),
) -> int:
    totals, differing = Totals(seconds=source.seconds, interrupted=source.interrupted), list[tuple[Report, str]]()
    outputs.begin(info)
    for report, before in source.with_stored_verdicts(targets):
        if id(report.target) not in chosen:
            continue
        if report.verdict.value != before:
            differing.append((report, before))
        judge.add(report)  # the exit code is that of the measurement
        shown = assumed(report, assumptions) if assumptions else report
        totals.add(shown)
        if handover:
            handover.add(shown)
        await outputs.add(shown)
    totals.unchecked = max(info.asked, len(info.targets)) - totals.targets
    outputs.end(totals)
    _tell(differing, source)
    return outputs.exit_code(judge.code or (UNDECIDED if totals.unchecked else 0))


def _tell(differing: list[tuple[Report, str]], source: Source) -> None:
    """Warn of verdicts that differ from the stored ones."""
    for report, before in differing[:20]:
        now = report.verdict.value + (f" ({report.cause.code})" if report.cause else "")
        warn(f"{name_of(report.target)}: scanready {source.version} judged {before}; this version judges {now}")
    if len(differing) > 20:
        warn(f"and {len(differing) - 20} more verdicts differ")
