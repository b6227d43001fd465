"""``scanready fleet cancel RUN``: tell the agents to drop the targets of a run."""

from __future__ import annotations

import json

import click

from scanready.cli import shell_completion
from scanready.cli.job.exit_code import NOTHING_SELECTED
from scanready.cli.job.options import option
from scanready.cli.job.run_store import find_run, open_store
from scanready.cli.messages import warn
from scanready.fleet.ledger import COMMAND
from scanready.fleet.names import run_key
from scanready.report.estate.frame import frame_restored

from .options import broker_options, broker_told, chosen_broker

_HELP = """\
\b
Example:
  scanready fleet cancel last --broker amqps://broker.corp

Targets under way are finished; those that were not begun get no result. An agent that is away hears
it when it is back. Exit code 4 if the run has all its results.
"""


@click.command(help=_HELP)
@click.pass_context
@click.argument("run", metavar="RUN", shell_complete=shell_completion.runs)
@broker_options
@option("--store", metavar="FILE", help="The file that holds the runs.")
def command(
    ctx: click.Context, run: str, broker: str, password_from: str | None, ca_file: str | None, store: str | None
) -> None:
    """Cancel."""
    chosen = chosen_broker(broker, password_from, ca_file)
    from scanready.fleet.presence import cancel

    with open_store(store) as kept:
        found = find_run(kept, run)
    if found.command != COMMAND:
        raise click.UsageError(f"{found.name} is no run of `fleet verify`")
    asked = json.loads(found.asked)
    if found.ended is not None and asked.get("missing") == 0:
        warn(f"{found.name} is complete: there was nothing to cancel")
        ctx.exit(NOTHING_SELECTED)
    agents = [agent.name for agent in frame_restored(asked["frame"]).agents]
    with broker_told():
        cancel(chosen, run_key(found.name, asked.get("token", "")), agents)
    warn(f"sent to the agents of {found.name}: {', '.join(agents)}")
