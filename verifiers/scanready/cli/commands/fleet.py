"""``scanready fleet``: check an inventory from many agents, through a message broker."""

from __future__ import annotations

from importlib import import_module

import click

from scanready.cli import CommandContext

#: The commands, each a module of ``scanready.cli.fleet``, in the order of the help.
_COMMANDS = {
    "broker": "Print the definitions that RabbitMQ needs: users, queues, permissions.",
    "agent": "Run on an agent: wait for targets, check them, send the results.",
    "verify": "Check an inventory from all of its agents, and store the results.",
    "agents": "List the agents that are there.",
    "status": "List the runs that agents are working on.",
    "cancel": "Tell the agents to drop the targets of a run.",
}
_HELP = """\
\b
Examples:
  scanready fleet broker --agents proxy-nyc,proxy-lon > definitions.json
  scanready fleet agent --name proxy-nyc --broker amqps://broker.corp --allow 10.0.0.0/8
  scanready fleet verify estate.yaml --broker amqps://broker.corp

Agents only dial out, to one port of the broker (RabbitMQ, 5671). Targets travel with the name
of their credential, never with a secret. The coordinator and each agent need further packages:
pip install --no-deps --require-hashes -r constraints-fleet.txt
"""


class _Fleet(click.Group):
    """Import a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"scanready.cli.fleet.{cmd_name}").command
        command.context_class = CommandContext
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


command = _Fleet("fleet", help=_HELP, subcommand_metavar="COMMAND ...", options_metavar="")
