"""``scanready diff A B``: show what changed between two runs; exit code 1 if something broke."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from scanready.cli import shell_completion
from scanready.cli.job.exit_code import NOTHING_SELECTED
from scanready.cli.job.options import ONLY, option
from scanready.cli.messages import fitting, warn
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.cli.selection import Judgement, Selection, selection
from scanready.cli.source import Source, opened
from scanready.redaction.workflow import harmless_json
from scanready.report.paper import counted
from scanready.wire.printable import visible

if TYPE_CHECKING:
    from scanready.model import Report
    from scanready.report.diff import Comparison
    from scanready.report.estate.diff import EstateComparison

_HELP = """\
\b
Examples:
  scanready diff last~1 last                    since the run before
  scanready diff 20261123-0900-k3m last
  scanready diff monday.json last --format md   for a ticket
  scanready diff last~1 last --format json      two merges: verdicts of the estate, then each agent

A and B are runs or files, as for `scanready report`. --only has the same keys as there; it
selects a target that matches in A or in B. The exit code is 1 if a target that could be
scanned in A fails or is worse in B, else 0.

Two merges of many agents are compared by estate verdict (can any agent scan the target?),
which decides the exit code, and then agent by agent. A merge and a run of one agent are
compared by the results of that agent.
"""


@click.command(help=_HELP)
@click.argument("a", metavar="A", shell_complete=shell_completion.runs)
@click.argument("b", metavar="B", shell_complete=shell_completion.runs)
@ONLY
@option("--format", "format_", type=click.Choice(("table", "json", "md")), default="table", help="[default: table]")
@option("--json", "as_json", is_flag=True, help="The same as --format json.")
@option("--store", metavar="FILE", help="The file that holds the runs.")
@option("--no-color", is_flag=True, help="Print no colours (or set NO_COLOR).")
@click.pass_context
def command(
    ctx: click.Context,
    a: str,
    b: str,
    only: tuple[str, ...],
    format_: str,
    as_json: bool,
    store: str | None,
    no_color: bool,
) -> None:
    """Diff."""
    from scanready.report import diff_formats
    from scanready.report.estate import diff_formats as estate_formats

    wanted = selection(only, of_a_run=True)
    with opened(a, store) as before, opened(b, store) as after:
        found, of_estates = _compared(ctx, before, after, wanted if only else None)
        names = before.name, after.name
        described = _described(before), _described(after)
        unfinished = [source.name for source in (before, after) if source.interrupted]
    for name in unfinished:
        warn(f"{name} was interrupted: its unchecked targets are listed as no longer checked, or as new")
    if not unfinished and (found.added or found.removed):
        came, gone = counted(len(found.added), "target"), counted(len(found.removed), "target")
        warn(f"{names[1]} has other targets than {names[0]}: {came} more, {gone} fewer (inventory or selection)")
    drawn = look(no_color=no_color)
    if as_json or format_ == "json":
        made = (
            estate_formats.json_object(of_estates, described)
            if of_estates
            else diff_formats.json_object(found, described)
        )
        show(harmless_json(json.dumps(made, indent=2)) + "\n")
    elif format_ == "md":
        show(estate_formats.markdown(of_estates, names) if of_estates else diff_formats.markdown(found, names))
    else:
        table = (
            estate_formats.table(of_estates, names, drawn) if of_estates else diff_formats.table(found, names, drawn)
        )
        show(table, people=True)
    ctx.exit(1 if found.regressions else 0)


def _compared(
    ctx: click.Context, before: Source, after: Source, wanted: Selection | None
) -> tuple[Comparison, EstateComparison | None]:
    """Return what decides the exit code, and the comparison of two estate views, if they are."""
    from scanready.report.diff import compare, keyed
    from scanready.report.estate.diff import compare_estates
    from scanready.report.serialize import identity

    agents = _agent_of(before), _agent_of(after)
    if agents == (None, None):
        chosen = None
        if wanted:
            found = ((identity(one.target), one) for run in (before, after) for one in run.reports())
            chosen = _chosen(ctx, wanted, found, before, after)
        of_estates = compare_estates(before.view(), after.view(), chosen)
        return of_estates.estate, of_estates
    if None not in agents and "" not in agents and agents[0] != agents[1]:
        first, second = (visible(str(agent), 80) for agent in agents)
        warn(
            f"{before.name} has the results of {first}, and {after.name} those of {second}: a difference may be one "
            "of the agents, not a change"
        )
    runs = _of_agent(before, agents[1]), _of_agent(after, agents[0])
    takes = None
    if wanted:
        takes = _chosen(ctx, wanted, (pair for run in runs for pair in keyed(run())), before, after)
    return compare(runs[0](), runs[1](), takes), None


def _agent_of(source: Source) -> str | None:
    """Return the name of the only agent of a run; None for one with the results of several."""
    if source.has_several_agents():
        return None
    return next(iter(source.agents), source.agent.name if source.agent else "")


def _of_agent(source: Source, agent: str | None) -> Callable[[], Iterator[Report]]:
    """Return the reports of a run; of one with several agents, those of the one agent that it is compared with.

    Raises:
        click.UsageError: it has none of this agent.
    """
    if agent is None or not source.has_several_agents():
        return source.reports
    if not any(report.agent.name == agent for report in source.reports()):
        raise click.UsageError(f"{fitting(source.name)} has no result of {fitting(agent)}, the agent of the other run")
    warn(f"{source.name} has the results of several agents: only those of {visible(agent, 80)} are compared")
    return lambda: (report for report in source.reports() if report.agent.name == agent)


def _chosen(
    ctx: click.Context, wanted: Selection, found: Iterable[tuple[Any, Report]], *runs: Source
) -> Callable[[Any], bool]:
    """Return a function that says whether the target of a key matches in one of the runs; exit if no target does."""
    chosen = {key for key, report in found if wanted.takes(report.target, Judgement.of(report))}
    if not chosen:
        reports = [report for run in runs for report in run.reports()]
        judged = {id(report.target): Judgement.of(report) for report in reports}
        warn(wanted.takes_nothing([report.target for report in reports], judged))
        ctx.exit(NOTHING_SELECTED)
    return chosen.__contains__


def _described(source: Source) -> dict[str, Any]:
    return {"run": source.name, "started": source.started, "scanready": source.version}
