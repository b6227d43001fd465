"""Settings in the environment: ``SCANREADY_TIMEOUT=5`` is ``--timeout 5``. A misspelt one would be ignored silently."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import click

PREFIX = "SCANREADY_"
#: Each long option of a command, and the settings of the pytest plug-in. In a table, so that none has to be imported.
KNOWN = frozenset(
    [
        "AGAINST",
        "ASSUME_AGENT",
        "BUNDLE",
        "CHAIN",
        "CLOCK_FROM",
        "CONCURRENCY",
        "CREDENTIAL",
        "DEPTH",
        "FAILED_FROM",
        "FILE_MODE",
        "FORMAT",
        "FROM",
        "INFER",
        "INTERVAL",
        "INVENTORY",
        "JSON",
        "KEEP",
        "KEY_FILE",
        "LADDER",
        "LIMIT",
        "MAP",
        "MASTER",
        "NO_CANARY",
        "NO_COLOR",
        "NO_STORE",
        "OLDER_THAN",
        "ONLY",
        "OUTPUT",
        "PASSWORD_FROM",
        "PER_HOST",
        "PRUNE",
        "QUIET",
        "RATE",
        "REPORT",
        "REQUIRE",
        "RESOLVE",
        "RESUME",
        "ROLE",
        "SINCE",
        "SOURCE",
        "SPLIT",
        "STORE",
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
#: How like a setting a name must be. Other names may be anybody's: SCANREADY_PASSWORD is one that `env:` refers to.
_LIKENESS = 0.8


def misspelt(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each variable that is no setting, with the one that was perhaps meant; others may be anybody's."""
    unknown = [name for name in environment if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in KNOWN]
    if unknown:
        from difflib import get_close_matches

        for name in sorted(unknown):
            for near in get_close_matches(name.removeprefix(PREFIX), sorted(KNOWN), 1, _LIKENESS):
                yield name, PREFIX + near


def or_inventory(ctx: click.Context, param: click.Parameter, what: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments of a command; without any, the inventory that the environment names.

    Raises:
        click.MissingParameter: there is neither.
    """
    named = os.environ.get(f"{PREFIX}INVENTORY", "")
    if not what and not named and not ctx.resilient_parsing:
        raise click.MissingParameter(ctx=ctx, param=param)
    return what or ((named,) if named else ())
