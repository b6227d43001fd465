"""``scanready fleet status``: list the runs that agents check targets of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from scanready.cli.messages import warn
from scanready.fleet.names import name_of
from scanready.report.paper import counted
from scanready.wire.printable import visible

from .options import broker_options, broker_told, chosen_broker, show_folded

if TYPE_CHECKING:
    from scanready.fleet.messages import Heartbeat

#: Runs with a line. A coordinator has few at once.
_MOST_RUNS = 50
_HELP = """\
\b
Example:
  scanready fleet status --broker amqps://broker.corp

Listens for 12 seconds. Prints a line for each of the newest 50 runs: its name and the agents that
check its targets now. A last line on standard error has the number of runs and agents. A run whose
agents are all away has no line: its targets wait at the broker.
"""


@click.command(help=_HELP)
@broker_options
def command(broker: str, password_from: str | None, ca_file: str | None) -> None:
    """List."""
    chosen = chosen_broker(broker, password_from, ca_file)
    from scanready.fleet.presence import LISTEN, heartbeats

    with broker_told():
        found = heartbeats(chosen, LISTEN, warn)
    runs: dict[str, list[str]] = {}
    for name in sorted(found):
        for run in found[name].runs:
            runs.setdefault(run, []).append(name)
    # The newest have the greatest names. One agent may list a thousand that were never begun.
    for run in sorted(runs)[-_MOST_RUNS:]:
        show_folded(f"{visible(name_of(run), 60)}  {', '.join(runs[run])}")
    if (left := len(runs) - _MOST_RUNS) > 0:
        warn(f"and {counted(left, 'earlier run')}, by name")
    warn(summary(found, len(runs)))


def summary(agents: Mapping[str, Heartbeat], runs: int) -> str:
    """Return a line with the agents that are there, and those of them without targets."""
    if not agents:
        return "no agent is there, so it is unknown which runs wait: start `scanready fleet agent` on each agent"
    there = "1 agent is there" if len(agents) == 1 else f"{len(agents)} agents are there"
    idle = sorted(name for name, beat in agents.items() if not beat.runs)
    if not runs:
        return f"{there}, without targets in hand: {', '.join(idle)}"
    under_way = "1 run is under way" if runs == 1 else f"{runs} runs are under way"
    return f"{under_way}; {there}" + (f", without targets in hand: {', '.join(idle)}" if idle else "")
