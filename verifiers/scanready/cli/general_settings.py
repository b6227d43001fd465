"""Tell the settings of the environment and of configuration files from those of the command line.

A setting such as ``SCANREADY_AS`` describes this host, for the commands that check from it. A command about the results
of a whole estate does not take it as a filter, and reports a filter that it does take from there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

from .config_files import named_inventory, setting_of
from .environment import PREFIX

#: The commands about a whole estate, each with its options that leave out a part of it.
PARTIAL: Mapping[str, tuple[str, ...]] = {
    "report": ("only",),
    "diff": ("only",),
    "merge": ("max_age",),
    "firewall --rank": ("only", "types"),
    "fleet verify": ("only", "agents"),
}


def or_inventory(ctx: click.Context, param: click.Parameter, what: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments of a command, or the inventory of the environment or of a configuration file.

    Raises:
        click.MissingParameter: neither is given.
    """
    named = os.environ.get(f"{PREFIX}INVENTORY", "")
    if not what and not named and not ctx.resilient_parsing:
        named = named_inventory(ctx)
    if not what and not named and not ctx.resilient_parsing:
        raise click.MissingParameter(ctx=ctx, param=param)
    return what or ((named,) if named else ())


def unless_for_all(ctx: click.Context, **given: Any) -> list[Any]:
    """Return the values of the command line; None for those that are set for all commands."""
    return [None if _is_set(ctx, name) else value for name, value in given.items()]


def is_of_file(ctx: click.Context, name: str) -> bool:
    """Return True if a configuration file sets an option. The working folder cannot set a reference to a secret."""
    return ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP


def left_out(ctx: click.Context) -> Iterator[str]:
    """Yield a sentence for each setting that makes a command about a whole estate leave out a part of it."""
    command = ctx.command_path.partition(" ")[2] + (" --rank" if ctx.params.get("rank") else "")
    for param in ctx.command.params:
        if param.name in PARTIAL.get(command, ()) and _is_set(ctx, param.name):
            yield f"{_named(ctx, param)} leaves out a part of the estate, as {param.opts[0]} does"


def _is_set(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) in (ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)


def _named(ctx: click.Context, param: click.Parameter) -> str:
    """Return where the value of an option is set, for a message."""
    if ctx.get_parameter_source(str(param.name)) is ParameterSource.ENVIRONMENT:
        return f"{param.envvar} in the environment"
    setting = setting_of(ctx, param)
    return f"{setting.key} in {setting.origin}" if setting else str(param.name)
