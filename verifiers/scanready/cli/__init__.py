"""The command line. A command is a module of this package, imported when it is called."""

from __future__ import annotations

import errno
import gc
import itertools
import os
import sys
from importlib import import_module
from typing import Any

import click

# The commands, in the order of the help. Told here, so that `--help` imports none of them.
COMMANDS: dict[str, str] = {
    "check": "One or a few targets, with the full ladder shown.",
    "verify": "A whole inventory: table, then failures by cause with one fix each.",
    "plan": "What would be contacted: connections, login attempts. Touches nothing.",
    "report": "Any report from a stored run, a file of results or a support bundle.",
    "runs": "The runs that are kept, and throwing old ones away.",
    "diff": "What changed between two runs; exit code 1 if something broke.",
    "firewall": "The firewall rules that this agent needs. Touches nothing.",
    "agent": "Is this host fit to be a Proxy Agent: clients, limits, the way to the Master.",
    "types": "The catalogue of target types: ports, steps, footprint, source.",
    "explain": "A cause: meaning, remedy, owner, how to confirm manually.",
    "import": "nmap, Ansible, a CMDB's table or a list of hosts, as an inventory to review.",
    "schema": "The JSON Schema of the inventory, the result or the agent's.",
    "completion": "Shell completion for bash, zsh, fish or powershell.",
}
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_HELP = """\
\b
Examples:
  scanready check db7                                   as what can db7 be scanned?
  scanready check postgresql://db7/hr ssh://web1        can it, as this type? if not, why?
  scanready verify estate.yaml --report json=run.json   a whole inventory
  scanready explain connect.filtered                    what to do about it

Can this Proxy Agent actually scan this target? If not: why, who can fix it, and what
exactly must they change? Answered by doing the real protocol handshake of each target
type, up to the login prompt without a credential.

\b
Exit codes:
  0 nothing blocked or undecided     1 at least one target blocked
  2 usage or inventory error         3 none blocked, at least one undecided
  4 nothing selected                 130 interrupted; finished results are kept

Every option can be given in the environment: --timeout 5 is SCANREADY_TIMEOUT=5.
"""


# The modules that a command imports stay: at Python's own threshold of 700 objects the collector goes through all of
# them again and again, a twentieth of the time to the first line of output (measured).
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


class CommandContext(click.Context):
    """Runs a command with standard output kept for its data; the help is printed before that."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function of the command."""
        from .environment import misspelt
        from .output.standard_output import kept_for_data

        for name, meant in misspelt(os.environ):
            from .messages import warn

            warn(f"{name} in the environment is no setting; did you mean {meant}?")
        with kept_for_data():
            return super().invoke(*args, **kwargs)


class Commands(click.Group):
    """Finds a command by its module's name; its help line is in the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = "import_" if cmd_name == "import" else cmd_name  # a module cannot be called as the keyword is
        command: click.Command = import_module(f"{__name__}.commands.{module}").command
        command.context_class = CommandContext
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say what was perhaps meant by an unknown command."""
        name = args[0] if args else ""
        if name == "help":  # as other tools have it; neither is a command of the list
            args = [*args[1:], "--help"]
            if args == ["--help"]:
                click.echo(ctx.get_help())
                ctx.exit()
            name = args[0]
        elif name == "version":
            _version(ctx, None, wanted=True)
        if name and not name.startswith("-") and name not in COMMANDS:
            from .messages import did_you_mean, fitting

            ctx.fail(f"no such command {fitting(name)!r}{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _: click.Parameter | None, wanted: bool) -> None:
    if wanted:
        from scanready import __version__

        click.echo(f"scanready {__version__}")
        ctx.exit()


@click.group(cls=Commands, help=_HELP, context_settings=CONTEXT, options_metavar="", subcommand_metavar="COMMAND ...")
@click.option(
    "-V", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
def group() -> None:
    """Every command hangs here."""


def main(args: list[str] | None = None) -> None:
    """Run a command and leave the process with its exit code."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    from .exit import leave, not_as_a_verdict, stand_in_for_closed
    from .output.standard_output import set_apart

    stand_in_for_closed()
    set_apart()
    sys.excepthook = not_as_a_verdict
    try:
        code = group.main(args, prog_name="scanready", standalone_mode=False)
    except click.exceptions.Abort:
        print("scanready: interrupted", file=sys.stderr)  # noqa: T201  # before there was anything to keep
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
        if _has_codes_of_its_own(args):
            from scanready.report.formats.nagios import complaint

            print(complaint(error.format_message()))  # noqa: T201
            code = 3
    except OSError as error:
        # Of click's own output, as that of --help; every command handles its own.
        if error.errno != errno.ENOSPC:
            raise
        print(f"scanready: cannot write to standard output: {error.strerror}", file=sys.stderr)  # noqa: T201
        code = 2
    # A monitoring system knows four codes: nothing selected, or interrupted, is unknown to it.
    leave(3 if code in (4, 130) and _has_codes_of_its_own(args) else code if isinstance(code, int) else 0)


def _has_codes_of_its_own(args: list[str] | None) -> bool:
    """Whether the format that was asked for has; looked for in the words, since they may be what is wrong."""
    from scanready.report import FORMATS

    words = sys.argv[1:] if args is None else args
    named = [after for before, after in itertools.pairwise(words) if before == "--format"]
    named += [word.partition("=")[2] for word in words if word.startswith("--format=")]
    named.append(os.environ.get("SCANREADY_FORMAT", ""))
    return any(name in FORMATS and FORMATS[name].own_codes for name in named)
