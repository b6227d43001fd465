"""``scanready verify INVENTORY``: check a whole inventory; show a table, then the failures by cause with a remedy."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from scanready.cli import shell_completion
from scanready.cli.environment import PREFIX
from scanready.cli.job.exit_code import NOTHING_SELECTED
from scanready.cli.job.guard_options import Logins, RetryingCommand, guard_options
from scanready.cli.job.job import EVERY, Options
from scanready.cli.job.options import background_options, option, output_options, run_options
from scanready.cli.job.plugin_problems import plugins_load
from scanready.cli.job.prepare import (
    prepare_outputs,
    read_inventory,
    settings_of,
    source_files,
    types_exist,
)
from scanready.cli.messages import fitting, means_a_file, warn
from scanready.cli.selection import selection
from scanready.run.any_type import narrowed

_HELP = """\
\b
Examples:
  scanready verify estate.yaml
  scanready verify estate.yaml --only type=ssh,host=web* --only tag=finance
  scanready verify estate.yaml --format jsonl | jq -r .verdict | sort | uniq -c
  scanready verify estate.yaml --require scannable --report json=run.json
  scanready verify estate.yaml --failed-from last    check only the failed targets again
  scanready verify estate.yaml --report html=r.html --since last --title "Estate NYC"
  scanready verify --resume last                     continue an interrupted run

INVENTORY is a YAML file (`scanready schema inventory` describes it), or - for standard input.
An EXPR of --only is KEY=PATTERN. The keys are type, host, port, tag and credential; with
--failed-from also verdict, owner and cause of that run. A comma means AND;
repeating --only means OR.
"""


@click.command(help=_HELP, cls=RetryingCommand)
@click.argument(
    "inventory",
    metavar="INVENTORY",
    required=False,
    envvar=f"{PREFIX}INVENTORY",
    shell_complete=shell_completion.files,
)
@option("--only", multiple=True, metavar="EXPR", help="Check only these targets. Repeatable.")
@run_options
@guard_options
@option("--failed-from", metavar="RUN", help="Check only targets that were blocked or undecided in RUN.")
@option("--resume", metavar="RUN", help="Continue this run; finished targets are not checked again.")
@option("--yes", is_flag=True, help="Expand even networks larger than a /16 (IPv6: /112).")
@background_options
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    inventory: str | None,
    only: tuple[str, ...],
    failed_from: str | None,
    resume: str | None,
    yes: bool,
    **rest: Any,
) -> None:
    """Verify."""
    from scanready.cli.job.background import background_of_new
    from scanready.cli.job.job import Job
    from scanready.cli.job.run_store import recording
    from scanready.cli.job.runner import carry_out

    _check_argument(inventory)
    logins = Logins.taken(rest)
    options, going_on = Options(**rest), None
    quiet = options.verbosity < 0
    if resume is not None:
        from scanready.cli.job.resume import Resumption

        going_on = Resumption(options, resume)
        if ctx.get_parameter_source("inventory") is ParameterSource.ENVIRONMENT:
            inventory = None  # the stored run names its inventory
        options, only = going_on.merged(options), only or going_on.only
        failed_from = failed_from or going_on.failed_from
        logins = replace(logins, no_login=logins.no_login or going_on.no_login)
        inventory = inventory or going_on.inventory
    elif inventory is None:
        raise click.UsageError("give an INVENTORY or --resume RUN")
    wanted = selection(only, of_a_run=failed_from is not None)
    types_exist(options.types)
    described = logins.applied_to(read_inventory(inventory, allow_large=yes, quiet=quiet, credentials=logins.secrets))
    of_types = narrowed(described.targets, lambda one: not options.types or one.type in options.types)
    if failed_from is not None:
        from scanready.cli.job.failed import FailedRun

        failed = FailedRun(failed_from, options.store, options.require)
        targets, failed_from = failed.selected(of_types, wanted), failed.name
    else:
        targets = narrowed(of_types, wanted.takes)
    if not targets:
        if not (failed_from and of_types):
            asked = [*only, *(f"type={name}" for name in options.types)]
            warn(selection(asked, of_a_run=True).takes_nothing(described.targets))
        ctx.exit(NOTHING_SELECTED)
    plugins_load(targets)
    policy = logins.policy(described, targets)
    resumed = going_on.resumed(targets) if going_on else None
    if going_on and (changed := going_on.changed(targets)):
        warn(changed)
    record = recording(options, source_path(inventory), only, options.types, failed_from, no_login=logins.no_login)
    background = background_of_new(options, record, targets, whole=not (only or failed_from))
    outputs, tap = prepare_outputs(options, ladder=False, keep=source_files(inventory))
    settings = settings_of(options, described, tap)
    times = options.wait or 0.0, options.interval or EVERY
    job = Job(targets, settings, outputs, options.require, {}, *times, quiet, record, resumed, "verify", background)
    job = replace(job, policy=policy, elsewhere=logins.elsewhere)
    ctx.exit(carry_out(job))


def _check_argument(inventory: str | None) -> None:
    """Tell a target from an inventory that is not there.

    Raises:
        click.UsageError: there is no such file.
    """
    if inventory and not means_a_file(inventory) and not os.path.exists(inventory):
        name = fitting(inventory)
        raise click.UsageError(f"there is no file {name}; to check one target: `scanready check {name}`")


def source_path(inventory: str) -> str:
    """Return the absolute path of the inventory, valid in any directory; ``-`` stays."""
    return inventory if inventory == "-" else os.path.realpath(inventory)
