"""``scanready diff A B``: show what changed between two runs; exit code 1 if something broke."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from scanready.cli import shell_completion
from scanready.cli.job.exit_code import NOTHING_SELECTED
from scanready.cli.job.options import ONLY, option
from scanready.cli.messages import warn
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.cli.selection import Judgement, Selection, selection
from scanready.cli.source import Source, opened
from scanready.redaction.workflow import harmless_json
from scanready.report.paper import counted

if TYPE_CHECKING:
    from scanready.report.glimpse import Key

_HELP = """\
\b
Examples:
  scanready diff last~1 last                    since the run before
  scanready diff 20261123-0900-k3m last
  scanready diff monday.json last --format md   for a ticket

A and B are runs or files, as for `scanready report`. --only has the same keys as there; it
selects a target that matches in A or in B. The exit code is 1 if a target that could be
scanned in A fails or is worse in B, else 0.
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
    from scanready.report.diff import compare

    wanted = selection(only, of_a_run=True)
    with opened(a, store) as before, opened(b, store) as after:
        takes = _in_either(ctx, wanted, before, after) if only else None
        found = compare(before.reports(), after.reports(), takes)
        names = before.name, after.name
        described = _described(before), _described(after)
        unfinished = [source.name for source in (before, after) if source.interrupted]
    for name in unfinished:
        warn(f"{name} was interrupted: its unchecked targets are listed as no longer checked, or as new")
    if not unfinished and (found.added or found.removed):
        came, gone = counted(len(found.added), "target"), counted(len(found.removed), "target")
        warn(f"{names[1]} has other targets than {names[0]}: {came} more, {gone} fewer (inventory or selection)")
    if as_json or format_ == "json":
        show(harmless_json(json.dumps(diff_formats.json_object(found, described), indent=2)) + "\n")
    elif format_ == "md":
        show(diff_formats.markdown(found, names))
    else:
        show(diff_formats.table(found, names, look(no_color=no_color)))
    ctx.exit(1 if found.regressions else 0)


def _in_either(ctx: click.Context, wanted: Selection, *runs: Source) -> Callable[[Key], bool]:
    """Return a function that says whether the target of a key matches in one of the runs; exit if no target does."""
    from scanready.report.diff import keyed

    chosen = {
        key for run in runs for key, report in keyed(run.reports()) if wanted.takes(report.target, Judgement.of(report))
    }
    if not chosen:
        reports = [report for run in runs for report in run.reports()]
        judged = {id(report.target): Judgement.of(report) for report in reports}
        warn(wanted.takes_nothing([report.target for report in reports], judged))
        ctx.exit(NOTHING_SELECTED)
    return chosen.__contains__


def _described(source: Source) -> dict[str, Any]:
    return {"run": source.name, "started": source.started, "scanready": source.version}
