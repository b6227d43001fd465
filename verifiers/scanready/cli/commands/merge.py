"""``scanready merge FILES...``: make one estate view of the results of many agents, and keep it as a run."""

from __future__ import annotations

from typing import Any

import click

from scanready.cli import shell_completion
from scanready.cli.job.exit_code import UNDECIDED
from scanready.cli.job.options import TITLE, YES, option, stored_output_options
from scanready.cli.messages import warn
from scanready.cli.parameters import Age

_HELP = """\
\b
Examples:
  scanready merge *.scanready                              the estate, as all agents see it
  scanready merge *.scanready --report html=estate.html
  scanready merge *.scanready --inventory estate.yaml      also the targets without any result
  scanready merge paris.scanready last --max-age 30d       a late file, with the last merge

Each agent writes its file with `scanready verify estate.yaml --as NAME --export FILE`. FILES
may also be files that --format json, jsonl or html wrote, bundles and stored runs. An export may
be decompressed, and - is standard input. Nothing is contacted.

What does not fit is named on standard error and in the report: a damaged file, one of
another inventory, a missing agent, results that are too old, a wrong clock. A file that is
left out costs only itself. The merge is stored as a run: `report`, `diff` and `runs` accept
it. The exit code is that of `report`; it is 3 instead of 0 if a file was left out, and 2 if
nothing is left.
"""


@click.command(help=_HELP)
@click.argument("files", metavar="FILES...", nargs=-1, required=True, shell_complete=shell_completion.files)
@option("--inventory", metavar="FILE", help="The inventory that all agents had; its secrets are not read.")
@option("--max-age", default="7d", metavar="AGE", help="Older results do not count (12h, 7d, 8w). [default: 7d]")
@YES
@TITLE
@stored_output_options
@click.pass_context
def command(
    ctx: click.Context, /, files: tuple[str, ...], inventory: str | None, max_age: str, yes: bool, **rest: Any
) -> None:
    """Merge."""
    from scanready.cli.commands import report
    from scanready.cli.job.prepare import source_files
    from scanready.cli.job.run_store import store_path
    from scanready.cli.merging.merging import Wish, merge
    from scanready.cli.output.outputs import spare
    from scanready.report.paper import counted
    from scanready.store import StoreError

    seconds = Age().convert(max_age, None, ctx)
    spare((rest["output"], *(file for _, file in rest["reports"])), [*files, *source_files(inventory)])
    try:
        path = store_path(rest["store"])
    except StoreError as error:
        raise click.UsageError(str(error)) from error
    targets, estate = _described(inventory, allow_large=yes) if inventory else (None, None)
    merged = merge(Wish(files, path, rest["store"], targets, estate, seconds, max_age), warn)
    for remark in merged.remarks:
        warn(remark)
    if rest["quiet"] <= rest["verbose"]:
        results, agents = counted(merged.results, "result"), counted(merged.agents, "agent")
        warn(f"{results} of {agents} about {counted(merged.targets, 'target')}, stored as {merged.name}")
    code = 0
    try:
        ctx.invoke(report.command, run=merged.name, **rest)
    except click.exceptions.Exit as end:
        code = end.exit_code
    ctx.exit(code or (UNDECIDED if merged.refused else 0))


def _described(inventory: str, *, allow_large: bool) -> Any:
    """Return the targets of an inventory, and its description."""
    from pathlib import Path

    from scanready.cli.job.prepare import read_inventory
    from scanready.report.estate.export import estate_of

    described = read_inventory(inventory, allow_large=allow_large, quiet=True, credentials=())
    return described.targets, estate_of(described.targets, described.agents, Path(inventory).name)
