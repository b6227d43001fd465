"""``scanready assign RUN``: choose which agent should scan which target, from the results of many agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanready.cli import shell_completion
from scanready.cli.job.exit_code import BLOCKED, UNDECIDED
from scanready.cli.job.options import NO_COLOR, PROFILE, STORE, option, simple_format
from scanready.cli.job.profile import warn_of_profiles
from scanready.cli.messages import fitting, warn
from scanready.cli.new_file import write_new
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.cli.source import opened

if TYPE_CHECKING:
    from scanready.estate.assign import Assignment
    from scanready.report.estate.assigned import Assigned

_HELP = """\
\b
Examples:
  scanready assign last                          which agent should scan what, and why
  scanready assign last -o assigned.yaml         an inventory with one agent for each target
  scanready assign last -v                       also each target with its agent and the reason
  scanready assign results.jsonl --format json   a file with the results of several agents

RUN is a run with the results of several agents, as `scanready merge` makes it, or a file with
their results. Nothing is contacted. Each target gets an agent with the best verdict for it
(scannable, ready, limited). As few agents as possible are used. Among equal choices, an agent
in the target's subnet and of the recommended platform comes first. An agent of a platform
that the requirements refuse is never chosen. Targets that no agent can scan are listed with
the cause and its owner.

The exit code is 1 if a target is blocked for all agents, 3 if none is and one is undecided,
else 0. Known failures do not count.
"""


@click.command(help=_HELP)
@click.argument("run", metavar="RUN", shell_complete=shell_completion.runs)
@PROFILE
@option("-o", "--output", metavar="FILE", help="Write an inventory with one agent for each target to this new file.")
@simple_format
@STORE
@option("-v", "--verbose", count=True, help="Also list each target with its agent and the reason.")
@NO_COLOR
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    output: str | None,
    format_: str,
    as_json: bool,
    store: str | None,
    verbose: int,
    no_color: bool,
) -> None:
    """Assign."""
    from scanready.report.estate import assign_formats

    found = _collected(run, store)
    warn_of_profiles(one.profile for one in found.info.columns)
    chosen = found.settle()
    if output is not None:
        _write(output, found, chosen, run)
    if as_json or format_ == "json":
        show(assign_formats.document(found, chosen))
    else:
        show(assign_formats.table(found, chosen, look(no_color=no_color, verbosity=verbose)), people=True)
    ctx.exit(_code(found))


def _collected(run: str, store: str | None) -> Assigned:
    """Return the rows of a run.

    Raises:
        click.UsageError: it cannot be read, or has the results of one agent only.
    """
    from scanready.cli.source import told
    from scanready.report.estate.assigned import Assigned

    with opened(run, store) as source:
        view = source.view()
        found = Assigned(view.info)
        with told(source.name):
            for row in view.rows():
                found.add(row)
        if len(found.agents) < 2 and source.frame is None:
            agent = f" ({fitting(next(iter(found.agents)))})" if found.agents else ""
            raise click.UsageError(
                f"{fitting(run)} has the results of one agent{agent}, so there is nothing to choose; `scanready merge` "
                "joins the exports of several agents"
            )
    return found


def _write(file: str, found: Assigned, chosen: Assignment, run: str) -> None:
    """Write the inventory; never overwrite one that a user may have edited.

    Raises:
        click.UsageError: the file exists, or cannot be written.
    """
    from scanready.inventory.assigned import AssignedTarget, assigned_inventory
    from scanready.model import DeclaredAgent
    from scanready.report.estate.assign_formats import bound

    agents = [DeclaredAgent(one.name, one.sites, one.platform) for one in found.info.columns]
    targets = [
        AssignedTarget(found.targets[one.place], one.agent, f"{one.verdict}; {one.why.value}") for one in chosen.choices
    ]
    left = [f"Without an agent, and not in the list above: {len(found.unassigned)} of the targets"] * bool(
        found.unassigned
    )
    left += [f"  {one.name}: {one.reason} ({one.owner})" for one in found.unassigned]
    about = [
        f"Assigned by `scanready assign {run}`: {bound(chosen)}.",
        f"On each agent: scanready verify {Path(file).name} --as NAME",
        *(f"Without the results of {agent}: {why}" for agent, why in found.absent.items()),
    ]
    write_new(file, assigned_inventory(agents, targets, left, about))
    if found.unassigned:
        warn(
            f"{fitting(file)} has {len(targets)} of {len(found.targets)} targets: no agent is known to scan the others"
        )


def _code(found: Assigned) -> int:
    from scanready.model import Verdict

    verdicts = {one.verdict for one in found.unassigned if not one.is_known}
    if Verdict.BLOCKED in verdicts or found.over:
        return BLOCKED
    return UNDECIDED if verdicts else 0
