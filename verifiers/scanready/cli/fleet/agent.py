"""``scanready fleet agent``: take targets from the broker, check them, send the results."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanready.catalogue.wrong import Wrong
from scanready.cli.environment import PREFIX
from scanready.cli.job.beside import Beside
from scanready.cli.job.earlier import bind_earlier
from scanready.cli.job.options import PROFILE, bound_options, option
from scanready.cli.job.policy import Policy
from scanready.cli.job.run_store import store_path
from scanready.cli.messages import fitting, warn
from scanready.fleet.journal import JournalError
from scanready.inventory.secrets import certificates_file
from scanready.net.allowed import Network, limited_to
from scanready.run.settings import bounds_of, own_agent
from scanready.store import StoreError
from scanready.wire.printable import visible

from .options import broker_options, broker_told, chosen_broker, demand_name

if TYPE_CHECKING:
    from scanready.climb.guard import LockoutGuard
    from scanready.fleet.earlier_logins import Judge
    from scanready.fleet.messages import Login
    from scanready.model import Credential
    from scanready.store import AccountRecord

_HELP = """\
\b
Examples:
  scanready fleet agent --name proxy-nyc --broker amqps://broker.corp --allow 10.0.0.0/8 \\
      --password-from file:/etc/scanready/broker.txt --ca-file /etc/scanready/ca.pem

Works until SIGTERM or Ctrl-C. It contacts only addresses within --allow, whatever a target or a
server names: the address is judged at each connection. It logs in where the coordinator asks for
it, with the secrets of its own credentials.yaml, at the hosts that this file permits. A file of
its own keeps what it found until the coordinator has it.
"""


@click.command(help=_HELP)
@option("--name", required=True, metavar="NAME", help="The name of this agent: its user at the broker.")
@PROFILE
@broker_options
@option("--allow", required=True, multiple=True, metavar="NET", help="A network that it may contact. Repeatable.")
@option(
    "--target-ca-file",
    metavar="FILE",
    help="PEM file of authorities to trust at targets, beside the system's; as ca_file of an inventory.",
)
@click.option(  # no variable: SCANREADY_STORE names the run store, which is another file
    "--store",
    metavar="FILE",
    help="The file of this agent, no run store. [default: fleet-NAME.db beside that of verify]",
)
@option("--journal", metavar="FILE", help="The run store with the journal of accounts. [default: that of verify]")
@bound_options
def command(
    name: str,
    broker: str,
    password_from: str | None,
    ca_file: str | None,
    allow: tuple[str, ...],
    target_ca_file: str | None,
    store: str | None,
    journal: str | None,
    half_open: int | None,
    connect_rate: int | None,
    per_net: int | None,
) -> None:
    """Work."""
    networks = [_network(text) for word in allow for text in word.split(",")]
    chosen = chosen_broker(broker, password_from, ca_file, demand_name(name))
    if chosen.user != name:
        raise click.UsageError(f"the user at the broker must have the name of the agent, {name}, not {chosen.user}")
    from scanready.fleet.agent import Worker

    try:
        path = Path(store) if store else _run_store().with_name(f"fleet-{name}.db")
        accounts = Path(journal) if journal else _run_store()
        trusted = certificates_file(target_ca_file, Path()) if target_ca_file else None
        agent = own_agent(name)
        bounds = bounds_of(half_open, connect_rate, per_net)
        worker = Worker(chosen, agent, path, warn, accounts, AsVerify(), trusted, bounds)
    except Wrong as error:
        raise click.UsageError(f"--target-ca-file: {visible('; '.join(error.messages), 400)}") from error
    except JournalError as error:
        raise click.UsageError(visible(str(error), 400)) from error
    except StoreError as error:  # the run store; other commands call it --store
        raise click.UsageError(visible(str(error).replace("--store", "--journal"), 400)) from error
    with limited_to(networks), broker_told():
        worker.work()


def _run_store() -> Path:
    """Return the run store that ``verify`` uses: a refusal binds both commands."""
    return store_path(os.environ.get(f"{PREFIX}STORE"))


class AsVerify:
    """Withhold what earlier runs of this agent found refused, and runs beside this one find, as ``verify`` does.

    See :class:`scanready.fleet.earlier_logins.EarlierLogins`.
    """

    def bind(
        self,
        guard: LockoutGuard,
        credentials: Collection[Credential],
        records: Sequence[AccountRecord],
        login: Login,
    ) -> None:
        """Bind what earlier runs found."""
        bind_earlier(guard, credentials, records, Policy(login.retry_after, login.retried))

    def judge(self, credentials: Collection[Credential], records: Sequence[AccountRecord], login: Login) -> Judge:
        """Return what judges logins by what others did since."""
        return Beside(credentials, records, Policy(login.retry_after, login.retried)).judged


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise click.UsageError(f"--allow: {fitting(str(error))}: write a network as in 10.0.0.0/8") from error
