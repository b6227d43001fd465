"""The options that ``check`` and ``verify`` share, in the order of their help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from scanready.cli import shell_completion
from scanready.cli.parameters import Duration, FileMode, FormatAndFile, FormatName, KeyAndDirectory, Positive
from scanready.model import DEPTHS, REQUIRES

from .platforms import PLATFORMS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


#: What the shell offers for an option, by what its help calls the value.
_OFFERED = {"FILE": shell_completion.files, "TYPE": shell_completion.types, "RUN": shell_completion.runs}


def option(*names: str, **attributes: Any) -> Decorator:
    """``click.option`` with its twin in the environment: ``--per-host`` is ``SCANREADY_PER_HOST``."""
    flag = next(name for name in names if name.startswith("--"))
    attributes.setdefault("shell_complete", _OFFERED.get(attributes.get("metavar", "")))
    return click.option(*names, envvar="SCANREADY_" + flag[2:].upper().replace("-", "_"), **attributes)


ONLY = option("--only", multiple=True, metavar="EXPR", help="Only these targets, as for verify. Repeatable.")
SPLIT = option(
    "--split",
    type=KeyAndDirectory("owner"),
    metavar="owner=DIR",
    help="Write one file for each owner, DIR/OWNER.md: what to change, and where.",
)
SINCE = option("--since", metavar="RUN", help="Say what changed since this run, in table and html.")
TITLE = option("--title", metavar="TEXT", help="Title of the HTML report.")
TYPE = option("--type", "types", multiple=True, metavar="TYPE", help="Only this target type. Repeatable.")
YES = option("--yes", is_flag=True, help="Do expand networks larger than a /16 (IPv6: /112).")
REQUIRE = option("--require", type=click.Choice(REQUIRES), help="Anything less is a failure (exit 1).")
FORMAT = option("--format", "format_", type=FormatName(), default="table", help="What is printed. [default: table]")
JSON = option("--json", "as_json", is_flag=True, help="The same as --format json.")
OUTPUT = option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
REPORT = option(
    "--report",
    "reports",
    type=FormatAndFile(),
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write this as well. Repeatable.",
)
FILE_MODE = option(
    "--file-mode",
    type=FileMode(),
    metavar="MODE",
    help="Permissions of the files written, as in 644. [default: an existing file's, else 600]",
)
QUIET = option("-q", "--quiet", count=True, help="Only what matters; no progress.")
VERBOSE = option("-v", "--verbose", count=True, help="Also the facts, and how to confirm manually.")
NO_COLOR = option("--no-color", is_flag=True, help="No colours (also: NO_COLOR in the environment).")

_RUN: tuple[Decorator, ...] = (
    TYPE,
    option("--depth", type=click.Choice(DEPTHS), help="The last step asked and judged. [default: access]"),
    option("--timeout", type=Positive(), metavar="SECONDS", help="For one whole target. [default: 10]"),
    option("--concurrency", type=click.IntRange(1, 10_000), metavar="N", help="Targets at once. [default: 1000]"),
    option("--per-host", type=click.IntRange(1, 1000), metavar="N", help="At one host at once. [default: 4]"),
    option("--rate", type=Positive(), metavar="N", help="New targets a second at most."),
    REQUIRE,
    option(
        "--wait",
        type=Duration(),
        metavar="DURATION",
        help="Look again until it holds, for at most this long (30s, 5m).",
    ),
    option(
        "--interval",
        type=Duration(least=5.0),
        metavar="DURATION",
        help="Between two looks of --wait, 5s or more. [default: 20s]",
    ),
    option("--assume-agent", type=click.Choice(tuple(PLATFORMS)), help="Judge as if run from such an agent."),
    option("--no-canary", is_flag=True, help="Do not test whether the host answers alike on an unused port."),
)
_OUTPUT: tuple[Decorator, ...] = (
    FORMAT,
    JSON,
    OUTPUT,
    REPORT,
    option("--transcript", metavar="FILE", help="Write the bytes exchanged, as hex and text, without secrets."),
    option("--bundle", metavar="FILE", help="Write a zip for support: results, transcript, versions; no secrets."),
    FILE_MODE,
    option("--store", metavar="FILE", help="Where runs are kept. [default: in this user's data directory]"),
    option("--no-store", is_flag=True, help="Do not keep this run."),
    QUIET,
    VERBOSE,
    NO_COLOR,
)
STORE = option("--store", metavar="FILE", help="Where runs are kept.")
_STORED = (REQUIRE, FORMAT, JSON, OUTPUT, REPORT, FILE_MODE, STORE)


def selection_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of which targets a command is about."""
    return _add((ONLY, TYPE, YES), function)


def stored_output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what to show of a stored run, and where."""
    return _add((*_STORED, QUIET, VERBOSE, NO_COLOR), function)


def background_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what a report says besides its run."""
    return _add((SINCE, TITLE), function)


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how to verify."""
    return _add(_RUN, function)


def output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what to show, and where."""
    return _add(_OUTPUT, function)


def simple_format(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format table|json`` for a command that touches no target."""
    function = JSON(function)
    return option(
        "--format", "format_", type=click.Choice(("table", "json")), default="table", help="[default: table]"
    )(function)


def _add(options: tuple[Decorator, ...], function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        function = option(function)
    return function
