"""``scanready fleet agents``: list the agents that are there."""

from __future__ import annotations

import re

import click

from scanready.cli.messages import warn
from scanready.wire.printable import visible

from .options import broker_options, broker_told, chosen_broker, show_folded

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
    rows = [
        [visible(text, 63) for text in (name, beat.version, beat.platform, _in_seconds(beat.since))]
        for name, beat in sorted(found.items())
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        show_folded(line)
    if not rows:
        warn("no agent is there: start `scanready fleet agent` on each agent")


def _in_seconds(time: str) -> str:
    """Return a time without fractions of a second; any other text as it is."""
    return re.sub(r"(:\d\d)\.\d+Z$", r"\1Z", time)
