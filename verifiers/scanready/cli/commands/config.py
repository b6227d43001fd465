"""``scanready config show``: show the value of each setting, and where it is set."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import click

from scanready.cli import COMMANDS, CommandContext, Commands
from scanready.cli.config_files import NAME, key_of, settings, value_for
from scanready.cli.environment import PREFIX
from scanready.cli.job.options import simple_format
from scanready.cli.messages import fitting
from scanready.cli.output.outlet import show
from scanready.files.config_folders import folders

_HELP = """\
\b
Examples:
  scanready config show --origin           each setting, and where it is set
  scanready config show --origin --json    the same for programs

A file scanready.toml sets options for all commands. Its keys are the long options without
hyphens: `per-host = 2`, `only = ["type=ssh"]`. The first of these sets a value:
the command line, SCANREADY_* in the environment, scanready.toml in this folder
(without one: [tool.scanready] in pyproject.toml), that of this user, that of the system.
This folder cannot set a key that loosens a rule of protection, or reads or writes a file.
"""
_HIDDEN = "(not a reference: not shown)"


class _Config(click.Group):
    """Give the command the context that reads the files."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command."""
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            found.context_class = CommandContext
        return found


@click.group("config", cls=_Config, help=_HELP, subcommand_metavar="COMMAND ...", options_metavar="")
def command() -> None:
    """Config."""


@command.command("show", help="Show the value of each setting. Contacts nothing.")
@click.option("--origin", is_flag=True, help="Also show where each value is set.")
@simple_format
@click.pass_context
def shown(ctx: click.Context, origin: bool, format_: str, as_json: bool) -> None:
    """Show."""
    rows = list(_rows(ctx))
    if as_json or format_ == "json":
        kept = [row if origin else {"key": row["key"], "value": row["value"]} for row in rows]
        show(json.dumps({"files": [str(folder / NAME) for folder in folders()], "settings": kept}, indent=2) + "\n")
        return
    width = max(len(row["key"]) for row in rows)
    values = [_text(row["value"]) for row in rows]
    wide = max(map(len, values))
    for row, value in zip(rows, values, strict=True):
        end = f"  {value:<{wide}}  {row['origin']}" if origin else f"  {value}"
        show(f"{row['key']:<{width}}{end.rstrip()}\n")


def _rows(ctx: click.Context) -> Iterator[dict[str, Any]]:
    """Yield each setting; check a value of a file against every command that has the option.

    Raises:
        Unusable: a file has problems, or a value does not fit.
    """
    found, options = settings(), _options(ctx)
    for key in sorted(options):
        for param in options[key]:
            value_for(ctx, param)
        variable = PREFIX + key.upper().replace("-", "_")
        if given := os.environ.get(variable, ""):
            yield {"key": key, "value": _printable(key, given), "origin": f"{variable} in the environment"}
        elif key in found:
            yield {"key": key, "value": _printable(key, found[key].value), "origin": found[key].origin}
        else:
            yield {"key": key, "value": _default(options[key][0]), "origin": "default"}


def _options(ctx: click.Context) -> dict[str, list[click.Option]]:
    """Return the options of all commands by key."""
    root = ctx.find_root().command
    commands = [one for name in COMMANDS if isinstance(root, Commands) and (one := root.get_command(ctx, name))]
    found: dict[str, list[click.Option]] = {}
    while commands:
        one = commands.pop(0)
        if isinstance(one, click.Group):
            commands += [inner for name in one.list_commands(ctx) if (inner := one.get_command(ctx, name))]
        for param in one.params:
            if isinstance(param, click.Option) and (key := key_of(param)) is not None:
                found.setdefault(key, []).append(param)
    return found


def _printable(key: str, value: Any) -> Any:
    """Return a value as it may be shown: what should refer to a password may be one."""
    if isinstance(value, list):
        return [_printable(key, item) for item in value]
    if not isinstance(value, str):
        return value
    if key == "password-from" and not re.match(r"(env|file|keyring|credstore|aws-sm|prompt):", value):
        return "exec:(not shown)" if value.startswith("exec:") else _HIDDEN
    return fitting(value)


def _default(param: click.Option) -> Any:
    """Return the default of an option: click's, or the one that its help names."""
    told = re.search(r"\[default: ([^\]]+)\]", param.help or "")
    if param.is_flag:
        return False
    return told[1] if told else None


def _text(value: Any) -> str:
    return "-" if value is None else json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
