"""``scanready fleet agents``: list the agents that are there."""

from __future__ import annotations

import click

from scanready.cli.messages import warn
from scanready.cli.output.outlet import show
from scanready.wire.printable import visible

from .options import broker_options, broker_told, chosen_broker

_HELP = """\
\b
Example:
  scanready fleet agents --broker amqps://broker.corp

Listens for 12 seconds, since each agent sends a heartbeat every 10 seconds. Prints the name of each
agent, the version of its scanready, its platform, and when it started (UTC).
"""


@click.command(help=_HELP)
@broker_options
def command(broker: str, password_from: str | None, ca_file: str | None) -> None:
    """List."""
    chosen = chosen_broker(broker, password_from, ca_file)
    from scanready.fleet.presence import LISTEN, heartbeats

    with broker_told():
        found = heartbeats(chosen, LISTEN, warn)
    for name in sorted(found):
        beat = found[name]
        show(
            "  ".join(visible(text, 60) for text in (name, beat.version, beat.platform, beat.since)) + "\n", people=True
        )
    if not found:
        warn("no agent is there: start `scanready fleet agent` on each agent")
