"""``scanready fleet status``: list the runs that agents are working on."""

from __future__ import annotations

import click

from scanready.cli.messages import warn
from scanready.cli.output.outlet import show
from scanready.fleet.names import name_of
from scanready.wire.printable import visible

from .options import broker_options, broker_told, chosen_broker

_HELP = """\
\b
Example:
  scanready fleet status --broker amqps://broker.corp

Listens for 12 seconds. Prints each run that an agent has targets of in hand, with the agents.
"""


@click.command(help=_HELP)
@broker_options
def command(broker: str, password_from: str | None, ca_file: str | None) -> None:
    """List."""
    chosen = chosen_broker(broker, password_from, ca_file)
    from scanready.fleet.presence import LISTEN, heartbeats

    with broker_told():
        found = heartbeats(chosen, LISTEN)
    for run in sorted({run for beat in found.values() for run in beat.runs}):
        names = ", ".join(sorted(name for name, beat in found.items() if run in beat.runs))
        show(f"{visible(name_of(run), 60)}  {names}\n")
    there = f"{len(found)} agents are there" if len(found) != 1 else "1 agent is there"
    warn(f"{there}: {', '.join(sorted(found))}" if found else "no agent is there")
