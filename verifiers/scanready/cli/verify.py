"""``scanready verify INVENTORY``: a whole inventory, then what fails by cause, with one remedy each."""

from __future__ import annotations

from typing import Any

import click

from .judging import NOTHING_SELECTED
from .options import option, output_options, run_options
from .preparing import (
    Options,
    plugins_load,
    prepare_outputs,
    read_inventory,
    settings_of,
    source_files,
    types_exist,
    warn,
)
from .selection import nothing_selected, parse, select

_HELP = """\
\b
Examples:
  scanready verify estate.yaml
  scanready verify estate.yaml --only type=ssh,host=web* --only tag=finance
  scanready verify estate.yaml --format jsonl | jq -r .verdict | sort | uniq -c
  scanready verify estate.yaml --require scannable --report json=run.json

INVENTORY is a YAML file (`scanready schema inventory` describes it), - for standard input.
An EXPR of --only is KEY=PATTERN with the keys type, host, port, tag and credential; a
comma means and, a second --only means or.
"""


@click.command(help=_HELP)
@click.argument("inventory", metavar="INVENTORY")
@option("--only", multiple=True, metavar="EXPR", help="Only these targets. Repeatable.")
@run_options
@option("--yes", is_flag=True, help="Do expand networks larger than a /16 (IPv6: /112).")
@output_options
@click.pass_context
def command(ctx: click.Context, /, inventory: str, only: tuple[str, ...], yes: bool, **rest: Any) -> None:
    """Verify."""
    from .running import Job, carry_out

    options = Options(**rest)
    quiet = options.verbosity < 0
    for expression in only:
        parse(expression)
    types_exist(options.types)
    described = read_inventory(inventory, allow_large=yes, quiet=quiet)
    targets = select(described.targets, only, options.types)
    if not targets:
        asked = [*only, *(f"type={name}" for name in options.types)]
        warn(nothing_selected(described.targets, asked))
        ctx.exit(NOTHING_SELECTED)
    plugins_load(targets)
    outputs, tap = prepare_outputs(options, ladder=False, keep=source_files(inventory))
    settings = settings_of(options, described, tap)
    job = Job(targets, settings, outputs, options.require, wait=options.wait or 0.0, quiet=quiet)
    ctx.exit(carry_out(job))
