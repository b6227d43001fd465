"""The command line. A command is a module of this package, imported when it is called."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
from importlib import import_module
from typing import Any

import click

# The commands, in the order of the help. They are listed here so that `--help` does not import them.
COMMANDS: dict[str, str] = {
    "check": "Check one or a few targets and show every step.",
    "verify": "Check a whole inventory: a table, then the failures by cause with one fix each.",
    "plan": "List the connections and login attempts that a check would make. Contacts nothing.",
    "report": "Write any report from a stored run, a result file or a support bundle.",
    "runs": "List the stored runs, or delete old ones.",
    "credentials": "Show which accounts were refused and are withheld; --forget NAME clears one.",
    "diff": "Show what changed between two runs; exit code 1 if something broke.",
    "merge": "Make one estate view of the results of many agents.",
    "assign": "Choose which agent should scan which target, from the results of many agents.",
    "firewall": "Print the firewall rules that this agent needs.",
    "fleet": "Check an inventory from many agents at once, through a message broker.",
    "agent": "Check this host as a Proxy Agent: clients, limits, the path to the Master.",
    "selftest": "Check that scanready works on this host, with emulators on loopback.",
    "types": "List the target types: ports, steps, footprint, source.",
    "explain": "Explain a cause: meaning, remedy, owner, how to confirm it manually.",
    "import": "Make an inventory from nmap, Ansible, a CMDB export or a list of hosts.",
    "config": "Show the settings that count, and where each of them is set.",
    "schema": "Print the JSON Schema of the inventory, the results or the agent check.",
    "completion": "Print the completion script for bash, zsh, fish or powershell.",
}
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_HELP = """\
\b
Examples:
  scanready check db7                                   which types can db7 be scanned as?
  scanready check postgresql://db7/hr ssh://web1        can these two targets be scanned?
  scanready verify estate.yaml --report json=run.json   check a whole inventory
  scanready explain connect.filtered                    what a cause means, and how to fix it

Can this Proxy Agent scan this target? If not, why, who can fix it, and what exactly must
they change? To answer, scanready does the real protocol handshake of each target type, up to
the login prompt. It needs no credential.

\b
Exit codes:
  0 nothing blocked or undecided     1 at least one target blocked
  2 usage or inventory error         3 none blocked, at least one undecided
  4 nothing selected                 130 interrupted; finished results are kept

Every option can be set in the environment: SCANREADY_TIMEOUT=5 is the same as --timeout 5.
It can also be set in a file, scanready.toml: `scanready config --help` says where.
"""


class CommandContext(click.Context):
    """Run a command with standard output reserved for its data; the help is printed before that.

    The order of an option's value is click's: command line, environment, configuration files, default.
    """

    def lookup_default(self, name: str, call: bool = True) -> Any:
        """Return the value that a configuration file sets for an option."""
        param = next((one for one in self.command.params if one.name == name), None)
        if param is not None and not self.resilient_parsing:
            from .config_files import value_for

            if (value := value_for(self, param)) is not None:
                return value
        return super().lookup_default(name, True) if call else super().lookup_default(name, False)

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function of the command."""
        from .environment import misspelt
        from .general_settings import left_out
        from .output.standard_output import kept_for_data

        for name, meant in misspelt(os.environ):
            from .messages import warn

            warn(f"the environment variable {name} is unknown and has no effect; did you mean {meant}?")
        for sentence in left_out(self):
            from .messages import warn

            warn(sentence)
        with kept_for_data():
            return super().invoke(*args, **kwargs)


class Commands(click.Group):
    """Find a command by the name of its module; its help line is in the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, most used first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = "import_" if cmd_name == "import" else cmd_name  # the keyword cannot be the name of a module
        command: click.Command = import_module(f"{__name__}.commands.{module}").command
        command.context_class = CommandContext
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for an unknown one; accept ``help`` and ``version`` as other tools do."""
        name = args[0] if args else ""
        if name == "help":
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
    """Hold every command."""


def main(args: list[str] | None = None) -> None:
    """Run a command and leave the process with its exit code."""
    from .exit import leave, not_as_a_verdict, stand_in_for_closed
    from .output.standard_output import set_apart

    stand_in_for_closed()
    set_apart()
    sys.excepthook = not_as_a_verdict
    try:
        code = group.main(args, prog_name="scanready", standalone_mode=False)
    except click.exceptions.Abort:
        print("scanready: interrupted", file=sys.stderr)  # noqa: T201  # there were no results to keep yet
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
        if _has_codes_of_its_own(args):
            from scanready.report.formats.nagios import complaint

            from .output.outlet import standard_output

            standard_output().write(complaint(error.format_message()) + "\n")
            code = 3
    except OSError as error:
        # Only click's own output, such as --help, ends up here; every command handles its own.
        if error.errno != errno.ENOSPC:
            raise
        print(f"scanready: cannot write to standard output: {error.strerror}", file=sys.stderr)  # noqa: T201
        code = 2
    # A monitoring system knows four codes: nothing selected, or interrupted, is unknown to it.
    leave(3 if code in (4, 130) and _has_codes_of_its_own(args) else code if isinstance(code, int) else 0)


def _has_codes_of_its_own(args: list[str] | None) -> bool:
    """Return whether the chosen format has its own exit codes; parse the words, since click may have rejected them."""
    from scanready.report import FORMATS

    words = sys.argv[1:] if args is None else args
    named = [after for before, after in itertools.pairwise(words) if before == "--format"]
    named += [word.partition("=")[2] for word in words if word.startswith("--format=")]
    if not (named := [*named, *filter(None, [os.environ.get("SCANREADY_FORMAT")])]):
        from .config_files import Unusable, settings

        with contextlib.suppress(Unusable):
            named = [setting.value for key, setting in settings().items() if key == "format"]
    return any(name in FORMATS and FORMATS[name].own_codes for name in named)
