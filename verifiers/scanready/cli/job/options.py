"""Define the options that ``check``, ``verify`` and other commands share, in the order of their help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from scanready.catalogue.requirement import BUILT_IN
from scanready.cli import shell_completion
from scanready.cli.parameters import Duration, FileMode, FormatAndFile, FormatName, KeyAndDirectory, Positive
from scanready.model import DEPTHS, REQUIRES
from scanready.model.platforms import PLATFORMS
from scanready.run.validation import MOST_ATTEMPTS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


#: The completion of an option's value, by the name of the value in the help.
_OFFERED = {
    "EXPR": shell_completion.expressions,
    "FILE": shell_completion.files,
    "NAME": shell_completion.agents,
    "NAME|FILE": shell_completion.profiles,
    "RUN": shell_completion.runs,
    "SITE": shell_completion.sites,
    "TYPE": shell_completion.types,
}


def option(*names: str, **attributes: Any) -> Decorator:
    """Return ``click.option`` with its environment variable: ``--per-host`` is ``SCANREADY_PER_HOST``."""
    flag = next(name for name in names if name.startswith("--"))
    attributes.setdefault("shell_complete", _OFFERED.get(attributes.get("metavar", "")))
    if attributes.get("metavar") == "RUN":
        attributes.setdefault("callback", _name_of_run)
    return click.option(*names, envvar="SCANREADY_" + flag[2:].upper().replace("-", "_"), **attributes)


def _name_of_run(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Reject an option in place of a run's name, which click takes as the name.

    Raises:
        click.UsageError: the value begins with two hyphens.
    """
    if value is None or not value.startswith("--"):
        return value
    flag = param.opts[0]
    raise click.UsageError(
        f"{flag} needs a run, but {value!r} follows it. Use `{flag} last`; `scanready runs` lists the stored runs.", ctx
    )


ONLY = option("--only", multiple=True, metavar="EXPR", help="Only these targets, as for verify. Repeatable.")


def _judge_by(ctx: click.Context, _: click.Parameter, word: str | None) -> None:
    if word is not None and not ctx.resilient_parsing:  # the shell asks for a completion then
        from .profile import judge_by

        judge_by(ctx, word)


PROFILE = option(
    "--profile",
    metavar="NAME|FILE",
    is_eager=True,  # the other options and the targets are read with its types
    expose_value=False,
    callback=_judge_by,
    help=f"Judge by the requirements of this scanner. [default: {BUILT_IN.name}]",
)
SPLIT = option(
    "--split",
    type=KeyAndDirectory("owner"),
    metavar="owner=DIR",
    help="Write a to-do file for each owner, DIR/OWNER.md: what to change, and where.",
)
SINCE = option("--since", metavar="RUN", help="Show what changed since RUN (in the formats table and html).")
TITLE = option("--title", metavar="TEXT", help="Title of the HTML report.")
TYPE = option("--type", "types", multiple=True, metavar="TYPE", help="Only this target type. Repeatable.")
YES = option("--yes", is_flag=True, help="Expand even networks larger than a /16 (IPv6: /112).")
REQUIRE = option("--require", type=click.Choice(REQUIRES), help="Fail (exit 1) on any lower verdict.")
FORMAT = option("--format", "format_", type=FormatName(), default="table", help="The output format. [default: table]")
JSON = option("--json", "as_json", is_flag=True, help="The same as --format json.")
OUTPUT = option("-o", "--output", metavar="FILE", help="Write to this file instead of standard output.")
REPORT = option(
    "--report",
    "reports",
    type=FormatAndFile(),
    multiple=True,
    metavar="FORMAT=FILE",
    help="Also write this report. Repeatable.",
)
FILE_MODE = option(
    "--file-mode",
    type=FileMode(),
    metavar="MODE",
    help="Permissions of the written files, such as 644. [default: those of an existing file, else 600]",
)
QUIET = option(
    "-q",
    "--quiet",
    count=True,
    help="Show less: no progress. `check` prints one line per target; `verify` only the targets with a problem.",
)
VERBOSE = option("-v", "--verbose", count=True, help="Also show the facts, and how to confirm them manually.")
NO_COLOR = option("--no-color", is_flag=True, help="Print no colours (or set NO_COLOR).")

#: The bounds that protect firewalls on the way.
_BOUNDS = (
    option(
        "--half-open",
        type=click.IntRange(0, 1_000_000),
        metavar="N",
        help="Connections at once that wait for their first answer; 0 for no bound. [default: 1000]",
    ),
    option(
        "--connect-rate",
        type=click.IntRange(0, 1_000_000),
        metavar="N",
        help="New connections per second; 0 for no bound. [default: 500]",
    ),
    option(
        "--per-net",
        type=click.IntRange(0, 1_000_000),
        metavar="N",
        help="The same as --half-open, for each /24 (IPv6: /64). [default: 100]",
    ),
)
_RUN: tuple[Decorator, ...] = (
    TYPE,
    PROFILE,
    option("--depth", type=click.Choice(DEPTHS), help="Check up to this step. [default: access]"),
    option("--timeout", type=Positive(), metavar="SECONDS", help="Time limit for one whole target. [default: 10]"),
    option("--concurrency", type=click.IntRange(1, 10_000), metavar="N", help="Concurrent targets. [default: 1000]"),
    option("--per-host", type=click.IntRange(1, 1000), metavar="N", help="Concurrent targets per host. [default: 4]"),
    option("--rate", type=Positive(), metavar="N", help="Start at most N targets per second."),
    *_BOUNDS,
    REQUIRE,
    option(
        "--wait",
        type=Duration(),
        metavar="DURATION",
        help="Repeat failed checks for at most this long (30s, 5m).",
    ),
    option(
        "--interval",
        type=Duration(least=5.0),
        metavar="DURATION",
        help="With --wait: time between two checks, at least 5s. [default: 20s]",
    ),
    option(
        "--assume-agent",
        type=click.Choice(tuple(PLATFORMS)),
        help="Give the verdict as if this agent ran this operating system.",
    ),
    option(
        "--certificate-days",
        type=click.FloatRange(min=0, max=1_000_000),
        metavar="DAYS",
        help="Warn of a certificate that ends within DAYS, and is late to be renewed; 0 never warns. [default: 7]",
    ),
    option(
        "--max-attempts",
        type=click.IntRange(1, MOST_ATTEMPTS),
        metavar="N",
        help="Try no further credential of a target once its host has refused N logins (1 to 3). [default: 2]",
    ),
    option(
        "--no-canary",
        is_flag=True,
        help="Skip the control connection to an unused port (it detects devices that answer on every port).",
    ),
)
_OUTPUT: tuple[Decorator, ...] = (
    FORMAT,
    JSON,
    OUTPUT,
    REPORT,
    option("--transcript", metavar="FILE", help="Write the exchanged bytes as hex and text, without secrets."),
    option("--bundle", metavar="FILE", help="Write a zip for support: results, transcript, versions; no secrets."),
    FILE_MODE,
    option("--store", metavar="FILE", help="The file that holds the runs. [default: in this user's data directory]"),
    option("--no-store", is_flag=True, help="Do not store this run."),
    QUIET,
    VERBOSE,
    NO_COLOR,
)
AS = option("--as", "as_name", metavar="NAME", help="Take the share of this agent of the inventory, under its name.")
_DESCRIBED: tuple[Decorator, ...] = (
    AS,
    option(
        "--address",
        "addresses",
        multiple=True,
        metavar="ADDRESS",
        help="With --as: an address of the agent, such as 10.8.0.5/24. Repeatable.",
    ),
    option("--platform", type=click.Choice(tuple(PLATFORMS)), help="With --as: the agent's operating system."),
    option(
        "--site",
        "sites",
        multiple=True,
        metavar="SITE",
        help="With --as: a site of an agent that the inventory does not declare. Repeatable.",
    ),
)
STORE = option("--store", metavar="FILE", help="The file that holds the runs.")
_STORED = (REQUIRE, FORMAT, JSON, OUTPUT, REPORT, FILE_MODE, STORE)


def selection_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select targets."""
    return _add((ONLY, TYPE, YES), function)


def agent_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name an agent of the inventory, or describe one that does not exist yet."""
    return _add(_DESCRIBED, function)


def stored_output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the output options of a command that reads a stored run."""
    return _add((*_STORED, QUIET, VERBOSE, NO_COLOR), function)


def background_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the title of a report and its comparison with an earlier run."""
    return _add((SINCE, TITLE), function)


def bound_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that bound connections."""
    return _add(_BOUNDS, function)


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a check."""
    return _add(_RUN, function)


def output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the output options of a check."""
    return _add(_OUTPUT, function)


def simple_format(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format table|json`` for a command that contacts no target."""
    function = JSON(function)
    return option(
        "--format", "format_", type=click.Choice(("table", "json")), default="table", help="[default: table]"
    )(function)


def _add(options: tuple[Decorator, ...], function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        function = option(function)
    return function
