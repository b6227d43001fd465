"""Define the options that the commands of ``scanready fleet`` share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scanready.catalogue.wrong import Wrong
from scanready.cli.general_settings import is_of_file
from scanready.cli.job.options import option
from scanready.cli.messages import fitting
from scanready.cli.output.outlet import show
from scanready.cli.output.standard_output import data_stream
from scanready.cli.output.terminal import folded
from scanready.fleet.names import COORDINATOR, is_agent_name
from scanready.inventory.secrets import certificates_file
from scanready.wire.printable import visible

if TYPE_CHECKING:
    from scanready.fleet.connection import Broker


def broker_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name the broker."""
    options = (
        option(
            "--broker",
            required=True,
            metavar="URL",
            help="The broker: amqps://[USER@]HOST[:PORT].",
            callback=_without_password,
        ),
        option(
            "--password-from",
            metavar="REF",
            help="The password at the broker: env:NAME, file:PATH, keyring:... or prompt:",
        ),
        option("--ca-file", metavar="FILE", help="PEM file of the authority that signed the broker's certificate."),
    )
    for one in reversed(options):
        function = one(function)
    return function


def _without_password(ctx: click.Context, param: click.Parameter, url: str) -> str:
    """Refuse a password on the command line, which every user of the host can read; a variable or a file is private.

    Raises:
        click.UsageError: there is one.
    """
    userinfo, _, _ = url.partition("://")[2].rpartition("@")
    if ":" in userinfo and ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "--broker: a password on the command line is refused (and not repeated here), since the list of processes "
            "and the history of the shell show it: give the user name only, and the password as --password-from "
            "file:PATH or env:NAME",
            ctx,
        )
    return url


def chosen_broker(url: str, password_from: str | None, ca_file: str | None, user: str = COORDINATOR) -> Broker:
    """Return the broker that the options name.

    Raises:
        click.UsageError: they cannot be used.
    """
    try:
        from scanready.fleet.connection import BrokerError, broker_of
    except ModuleNotFoundError as error:
        raise click.UsageError(
            "fleet needs further packages, of the extra fleet; in the folder of the source: pip install --no-deps "
            "--require-hashes -r constraints-fleet.txt"
        ) from error
    password = None
    if password_from is not None:
        from scanready.cli.job.prepare import problems_told
        from scanready.inventory import resolve_secret

        commands = is_of_file(click.get_current_context(), "password_from")
        with problems_told():
            password = resolve_secret(password_from, commands=commands)
    try:
        trusted = certificates_file(ca_file, Path()) if ca_file else None
    except Wrong as error:
        raise click.UsageError(f"--ca-file: {visible('; '.join(error.messages), 400)}") from error
    try:
        return broker_of(url, user, password, trusted)
    except BrokerError as error:
        raise click.UsageError(visible(str(error), 400)) from error


@contextlib.contextmanager
def broker_told() -> Iterator[None]:
    """Turn what keeps a broker from being used into a message and exit code 2."""
    from scanready.cli.job.prepare import Unusable
    from scanready.fleet.connection import BrokerError

    try:
        yield
    except BrokerError as error:
        raise Unusable(visible(str(error), 400)) from error


def show_folded(line: str) -> None:
    """Write a line of the answer for people: one line in a pipe, whole words at a terminal."""
    show(folded(line, data_stream()) + "\n", people=True)


def agent_names(text: str | None) -> tuple[str, ...]:
    """Return the names in a list with commas.

    Raises:
        click.UsageError: one of them cannot be an agent's.
    """
    names = tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))
    for name in names:
        demand_name(name)
    return names


def demand_name(name: str) -> str:
    """Return the name of an agent.

    Raises:
        click.UsageError: no agent can have it.
    """
    if not is_agent_name(name):
        raise click.UsageError(
            f"{fitting(name)!r} cannot be the name of an agent: use at most 63 letters, digits, `.`, `_` and `-`"
        )
    return name
