"""Read settings from the environment: ``SCANREADY_TIMEOUT=5`` is ``--timeout 5``; report misspelt ones.

A setting such as ``SCANREADY_AS`` describes this host, for the commands that check from it. A command about the results
of a whole estate does not take it as a filter, and reports a filter that it does take from the environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

PREFIX = "SCANREADY_"
#: Each long option of a command, and the settings of the pytest plug-in. A table saves importing all commands.
KNOWN = frozenset(
    [
        "ADDRESS",
        "AGAINST",
        "AGENTS",
        "AGENT_TIMEOUT",
        "ALLOW",
        "AS",
        "ASSUME_AGENT",
        "BROKER",
        "BUNDLE",
        "CA_FILE",
        "CHAIN",
        "CLOCK_FROM",
        "CONCURRENCY",
        "CONNECT_RATE",
        "CREDENTIAL",
        "DEPTH",
        "EXISTING",
        "EXPORT",
        "FAILED_FROM",
        "FILE_MODE",
        "FORGET",
        "FORMAT",
        "FROM",
        "GUARD",
        "HALF_OPEN",
        "INFER",
        "INTERVAL",
        "INVENTORY",
        "JOBS",
        "JOURNAL",
        "JSON",
        "KEEP",
        "KEY_FILE",
        "LADDER",
        "LIMIT",
        "MAP",
        "MASTER",
        "MAX_AGE",
        "NAME",
        "NO_CANARY",
        "NO_COLOR",
        "NO_LOGIN",
        "NO_STORE",
        "OLDER_THAN",
        "ONLY",
        "OUTPUT",
        "PASSWORD_FROM",
        "PER_HOST",
        "PER_NET",
        "PLATFORM",
        "PRUNE",
        "QUIET",
        "RATE",
        "REPORT",
        "REQUIRE",
        "RESOLVE",
        "RANK",
        "RESUME",
        "RETRY_REFUSED",
        "ROLE",
        "SINCE",
        "SITE",
        "SOURCE",
        "SPLIT",
        "STORE",
        "TARGET_CA_FILE",
        "TIMEOUT",
        "TITLE",
        "TRANSCRIPT",
        "TYPE",
        "UPDATE_SERVER",
        "USER",
        "VERBOSE",
        "WAIT",
        "YES",
    ]
)
#: The commands about a whole estate, each with its options that leave out a part of it.
PARTIAL: Mapping[str, tuple[str, ...]] = {
    "report": ("only",),
    "diff": ("only",),
    "merge": ("max_age",),
    "firewall --rank": ("only", "types"),
    "fleet verify": ("only", "agents"),
}
#: How similar to a setting a name must be. Users choose other names: `env:` may refer to SCANREADY_PASSWORD.
_LIKENESS = 0.8


def misspelt(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each unknown variable that resembles a setting, with that setting; users may have others of their own."""
    unknown = [name for name in environment if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in KNOWN]
    if unknown:
        from difflib import get_close_matches

        for name in sorted(unknown):
            for near in get_close_matches(name.removeprefix(PREFIX), sorted(KNOWN), 1, _LIKENESS):
                yield name, PREFIX + near


def or_inventory(ctx: click.Context, param: click.Parameter, what: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments of a command, or the inventory that the environment names if there are none.

    Raises:
        click.MissingParameter: neither is given.
    """
    named = os.environ.get(f"{PREFIX}INVENTORY", "")
    if not what and not named and not ctx.resilient_parsing:
        raise click.MissingParameter(ctx=ctx, param=param)
    return what or ((named,) if named else ())


def unless_for_all(ctx: click.Context, **given: Any) -> list[Any]:
    """Return the values of the command line; None for those that the environment sets for all commands."""
    return [None if _is_set(ctx, name) else value for name, value in given.items()]


def left_out(ctx: click.Context) -> Iterator[str]:
    """Yield a sentence for each variable that makes a command about a whole estate leave out a part of it."""
    command = ctx.command_path.partition(" ")[2] + (" --rank" if ctx.params.get("rank") else "")
    for param in ctx.command.params:
        if param.name in PARTIAL.get(command, ()) and _is_set(ctx, param.name):
            yield f"{param.envvar} in the environment leaves out a part of the estate, as {param.opts[0]} does"


def _is_set(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT
