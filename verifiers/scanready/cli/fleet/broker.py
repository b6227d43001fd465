"""``scanready fleet broker``: print the definitions of users, queues and permissions for RabbitMQ."""

from __future__ import annotations

import json

import click

from scanready.cli.job.options import option
from scanready.cli.job.prepare import problems_told
from scanready.cli.messages import warn
from scanready.cli.output.outlet import show
from scanready.fleet.broker import definitions
from scanready.fleet.names import COORDINATOR, VHOST, is_agent_name

_HELP = """\
\b
Examples:
  scanready fleet broker --agents proxy-nyc,proxy-lon > definitions.json
  scanready fleet broker --agents proxy-nyc --password proxy-nyc=file:nyc.txt > definitions.json
  rabbitmqctl import_definitions definitions.json

Prints JSON for RabbitMQ 3.10 or newer. It makes a virtual host "scanready" with one user for each
agent and the user "coordinator". An agent may write to the exchange "results" and read its own
two queues, nothing else. A password is only printed as a salted hash. A user without one cannot
log in until `rabbitmqctl change_password USER` sets it. An import replaces passwords: to add an
agent later, name all agents, and those that the broker has already with --existing.
"""


@click.command(help=_HELP)
@option("--agents", required=True, metavar="NAMES", help="The names of the agents, with commas.")
@click.option(  # no variable: `env:` may refer to SCANREADY_PASSWORD, which is then a password
    "--password",
    "passwords",
    multiple=True,
    metavar="USER=REF",
    help="The password of a user, by reference (env:NAME, file:PATH). Repeatable.",
)
@option(
    "--existing", metavar="NAMES", help="Users that the broker has already, with commas: they keep their passwords."
)
def command(agents: str, passwords: tuple[str, ...], existing: str | None) -> None:
    """Print the definitions."""
    from scanready.inventory import resolve_secret

    names = tuple(dict.fromkeys(name.strip() for name in agents.split(",") if name.strip()))
    if wrong := [name for name in names if not is_agent_name(name)]:
        raise click.UsageError(f"{wrong[0]!r} cannot be the name of an agent: use letters, digits, `.`, `_` and `-`")
    users = (COORDINATOR, *names)
    kept = [name.strip() for name in (existing or "").split(",") if name.strip()]
    if strange := [name for name in kept if name not in users]:
        raise click.UsageError(f"--existing: there is no user {strange[0]!r}; the users are {', '.join(users)}")
    found = {}
    for text in passwords:
        user, sign, reference = text.partition("=")
        if not sign:
            raise click.UsageError("--password: write USER=REF as in proxy-nyc=file:nyc.txt (not repeated here)")
        if user in kept:
            raise click.UsageError(f"--password: {user} keeps its password because of --existing: give one of both")
        if user not in users:
            raise click.UsageError(f"--password: there is no user {user!r}; the users are {', '.join(users)}")
        with problems_told():
            found[user] = resolve_secret(reference)
    show(json.dumps(definitions(names, found, kept), indent=2) + "\n")
    if left := [user for user in users if user not in found and user not in kept]:
        warn(f"no password: {', '.join(left)}; set each with `rabbitmqctl change_password USER`")
    warn(f"to import them: `rabbitmqctl import_definitions FILE`; the virtual host is {VHOST}")
