"""``scanready verify INVENTORY``: check a whole inventory; show a table, then the failures by cause with a remedy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from scanready.cli import shell_completion
from scanready.cli.environment import PREFIX
from scanready.cli.general_settings import unless_for_all
from scanready.cli.job.exit_code import NOTHING_SELECTED
from scanready.cli.job.guard_options import Logins, RetryingCommand, guard_options
from scanready.cli.job.job import EVERY, Job, Options, Record
from scanready.cli.job.options import AS, background_options, option, output_options, run_options
from scanready.cli.job.plugin_problems import plugins_load
from scanready.cli.job.policy import Policy
from scanready.cli.job.prepare import (
    prepare_outputs,
    read_inventory,
    settings_of,
    source_files,
    types_exist,
)
from scanready.cli.job.several import jobs_of
from scanready.cli.messages import fitting, means_a_file, warn
from scanready.cli.selection import Selection, selection
from scanready.cli.share import Share, chooser, own_share, warn_of_platform
from scanready.model import Target
from scanready.run import timestamps
from scanready.run.any_type import narrowed

if TYPE_CHECKING:
    from scanready.cli.job.earlier import Known
    from scanready.cli.output.outputs import Outputs
    from scanready.inventory import Inventory
    from scanready.report.estate.export import Export

_HELP = """\
\b
Examples:
  scanready verify estate.yaml
  scanready verify estate.yaml --only type=ssh,host=web* --only tag=finance
  scanready verify estate.yaml --format jsonl | jq -r .verdict | sort | uniq -c
  scanready verify estate.yaml --require scannable --report json=run.json
  scanready verify estate.yaml --failed-from last    check only the failed targets again
  scanready verify estate.yaml --report html=r.html --since last --title "Estate NYC"
  scanready verify estate.yaml --as proxy-nyc        the targets of this agent
  scanready verify --resume last                     continue an interrupted run
  scanready verify estate.yaml --export nyc.scanready    for `scanready merge` on another host

INVENTORY is a YAML file (`scanready schema inventory` describes it), or - for standard input.
An EXPR of --only is KEY=PATTERN. The keys are type, host, port, tag, credential, site and
agent; with --failed-from also verdict, owner and cause of that run. A comma means AND;
repeating --only means OR.

If the inventory has `agents`, --as says which of them this host is. Without --as, it is the
agent with the name of this host.
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
@AS
@run_options
@guard_options
@option("--failed-from", metavar="RUN", help="Check only targets that were blocked or undecided in RUN.")
@option("--resume", metavar="RUN", help="Continue this run; finished targets are not checked again.")
@option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes that share the targets, for a large inventory on a host with idle cores. [default: 1]",
)
@option("--yes", is_flag=True, help="Expand even networks larger than a /16 (IPv6: /112).")
@option("--export", metavar="FILE", help="Also write one file for `scanready merge`: results and accounts, no secrets.")
@background_options
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    inventory: str | None,
    only: tuple[str, ...],
    as_name: str | None,
    failed_from: str | None,
    resume: str | None,
    yes: bool,
    **rest: Any,
) -> None:
    """Verify."""
    from scanready.cli.job.background import background_of_new
    from scanready.cli.job.run_store import recording
    from scanready.cli.job.runner import carry_out

    _require_file(inventory)
    logins = Logins.taken(rest)
    options, going_on = Options(**rest), None
    quiet = options.verbosity < 0
    if resume is not None:
        from scanready.cli.job.resume import Resumption

        going_on = Resumption(options, resume)
        # The stored run names its inventory and its agent.
        inventory, as_name = unless_for_all(ctx, inventory=inventory, as_name=as_name)
        options, only = going_on.merged(options), only or going_on.only
        failed_from = failed_from or going_on.failed_from
        as_name = going_on.agent(as_name)
        logins = logins.resumed(going_on.guards, no_login=going_on.no_login)
        inventory = inventory or going_on.inventory
    elif inventory is None:
        raise click.UsageError("give an INVENTORY or --resume RUN")
    wanted = selection(only, of_a_run=failed_from is not None)
    types_exist(options.types)
    whole, share, described = _read(inventory, as_name, logins, options, large=yes)
    agent = share.agent.name if share.agent else as_name
    of_types = narrowed(described.targets, lambda one: not options.types or one.type in options.types)
    targets, failed_from = _selected(of_types, wanted.among(described.agents), failed_from, options, agent)
    if not targets:
        if not (failed_from and of_types):
            warn(_nothing_of(share, described, only, options.types))
        ctx.exit(NOTHING_SELECTED)
    plugins_load(targets)
    policy = logins.policy(described, targets)
    resumed = going_on.resumed(targets) if going_on else None
    if going_on and (changed := going_on.changed(targets)):
        warn(changed)
    record = recording(options, source_path(inventory), only, options.types, failed_from, agent, **logins.kept)
    background = background_of_new(options, record, targets, whole=not (only or failed_from))
    told = _known(targets, record, policy, logins, resumed.number if resumed else None)
    record, document = _exported(record, options, whole, inventory, told)
    jobs = jobs_of(options, len(targets))
    outputs, tap = _outputs(options, [*source_files(inventory), *logins.guards], document)
    settings = settings_of(options, described, tap)
    times = options.wait or 0.0, options.interval or EVERY
    job = Job(targets, settings, outputs, options.require, {}, *times, quiet, record, resumed, "verify", background)
    job = job._replace(policy=policy, elsewhere=logins.elsewhere, jobs=jobs)
    ctx.exit(carry_out(job))


def _require_file(inventory: str | None) -> None:
    """Check that the argument may be an inventory.

    Raises:
        click.UsageError: it is not a file, and looks like a target.
    """
    if inventory and not means_a_file(inventory) and not os.path.exists(inventory):
        name = fitting(inventory)
        raise click.UsageError(f"there is no file {name}; to check one target: `scanready check {name}`")


def _read(
    inventory: str, as_name: str | None, logins: Logins, options: Options, *, large: bool
) -> tuple[Inventory, Share, Inventory]:
    """Return the whole inventory, this agent's share, and the inventory of the targets that it checks."""
    whole = read_inventory(
        inventory,
        allow_large=large,
        quiet=options.verbosity < 0,
        whose=chooser(as_name),
        credentials=logins.secrets,
    )
    share = own_share(whole, as_name)
    warn_of_platform(share.agent, options.assume_agent)
    return whole, share, logins.applied_to(share.inventory or whole)


def _selected(
    targets: Sequence[Target], wanted: Selection, run: str | None, options: Options, agent: str | None
) -> tuple[Sequence[Target], str | None]:
    """Return the selected targets; with a ``run`` those that failed in it, and the lasting name of the run."""
    if run is None:
        return narrowed(targets, wanted.takes), None
    from scanready.cli.job.failed import FailedRun

    failed = FailedRun(run, options.store, options.require, agent)
    return failed.selected(targets, wanted), failed.name


def _known(
    targets: Sequence[Target], record: Record | None, policy: Policy, logins: Logins, resumed: int | None
) -> Known | None:
    """Return what earlier runs and other agents found out about accounts, for the export; None without accounts."""
    credentials = {account for target in targets for account in target.credentials}
    if not credentials and not logins.elsewhere:
        return None
    from scanready.cli.job.earlier import journal_of, known
    from scanready.cli.job.elsewhere import passed_on

    found = known(credentials, journal_of(record.path) if credentials and record else (), policy, resumed)
    others = logins.elsewhere.found if logins.elsewhere is not None else ()
    return replace(found, entries=[*passed_on(others, policy, timestamps.now()), *found.entries])


def _exported(
    record: Record | None, options: Options, whole: Inventory, inventory: str, told: Known | None
) -> tuple[Record | None, Export | None]:
    """Return the record with what an export of the stored run needs, and the export of this run if one is asked.

    An export describes the whole inventory, so that those of all agents are of one.
    """

    def kept() -> dict[str, Any]:
        from scanready.cli.job.earlier import Known
        from scanready.cli.output import export

        return export.stored(export.described(whole, inventory), told or Known())

    document = None
    if options.export is not None:
        from scanready.cli.output import export
        from scanready.report.estate.export import Export

        accounts = (told.entries, told.in_a_row) if told else ()
        document = Export(export.described(whole, inventory), *accounts)
    return record and record._replace(export=kept), document


def _outputs(options: Options, keep: Sequence[str], document: Export | None) -> tuple[Outputs, Any]:
    outputs, tap = prepare_outputs(options, ladder=False, keep=keep)
    if options.export is not None and document is not None:
        from scanready.cli.output.export import add_export

        add_export(outputs, options.export, options, keep, document)
    return outputs, tap


def _nothing_of(share: Share, described: Inventory, only: tuple[str, ...], types: tuple[str, ...]) -> str:
    """Return the message for an empty selection."""
    every = selection([*only, *(f"type={name}" for name in types)], of_a_run=True).among(described.agents)

    wanted = selection(only, of_a_run=True).among(described.agents)

    def takes(target: Target) -> bool:
        return wanted.takes(target) and (not types or target.type in types)

    return share.nothing(takes) or every.takes_nothing(described.targets)


def source_path(inventory: str) -> str:
    """Return the absolute path of the inventory, valid in any directory; ``-`` stays."""
    return inventory if inventory == "-" else os.path.realpath(inventory)
