"""``scanready agent [INVENTORY|TARGET...]``: check whether this host can be a Proxy Agent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from scanready.cli import shell_completion
from scanready.cli.job.exit_code import BLOCKED, UNDECIDED
from scanready.cli.job.options import AS, PROFILE, option, simple_format
from scanready.cli.messages import means_a_file
from scanready.cli.parameters import Positive
from scanready.model import Target, Verdict

if TYPE_CHECKING:
    from scanready.inventory import Inventory

_HELP = """\
\b
Examples:
  scanready agent                                 can this host be a Proxy Agent?
  scanready agent estate.yaml                     can it scan these targets?
  scanready agent --master er-master.corp         does it also reach the Master?
  scanready agent --clock-from smb://dc1.corp     does its clock match the domain's?
  scanready agent --role master                   on the Master: which ports does it listen on?

Checks this host: platform, ssh and Notes clients, client libraries and their limits, source
ports, open files, container, NAT, subnets, DNS servers, clock, and the path to the Master.
With an inventory or targets, it checks only what their types need; without, it checks all
types. It contacts the DNS servers and the hosts of --master, --clock-from and
--update-server.

Exit codes: 0 fit, 1 not fit, 2 usage or inventory error, 3 undecided.
"""
_CODES = {Verdict.BLOCKED: BLOCKED, Verdict.UNDECIDED: UNDECIDED}


@click.command(help=_HELP)
@click.argument(
    "what", nargs=-1, metavar="[INVENTORY|TARGET...]", shell_complete=shell_completion.inventories_and_targets
)
@PROFILE
@AS
@option(
    "--role",
    type=click.Choice(("proxy", "node", "master")),
    default="proxy",
    help="The role of this host: it selects the network requirements to check. [default: proxy]",
)
@option("--master", metavar="HOST[:PORT]", help="The Master Server. [default: from the inventory]")
@option("--update-server", metavar="HOST[:PORT]", help="The update server that the Master connects to.")
@option(
    "--clock-from", metavar="HOST|URL", help="Compare the clock with this server. [default: the Master's Web Console]"
)
@option("--timeout", type=Positive(), metavar="SECONDS", help="Time limit for each contacted server. [default: 10]")
@simple_format
@option("-q", "--quiet", count=True, help="Show only the answer and the problems to fix.")
@option("-v", "--verbose", count=True, help="Also show the facts, and how to confirm them manually.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    what: tuple[str, ...],
    as_name: str | None,
    role: str,
    master: str | None,
    update_server: str | None,
    clock_from: str | None,
    timeout: float | None,
    format_: str,
    as_json: bool,
    quiet: int,
    verbose: int,
) -> None:
    """Agent."""
    from scanready.cli.output.outlet import show
    from scanready.cli.output.terminal import look
    from scanready.fitness import Asked, examine
    from scanready.report.fitness import as_object, draw
    from scanready.run.settings import Settings, own_agent

    described, targets = _read(what, as_name, quiet=quiet > verbose)
    there = _one("--master", master or (described.master if described else None), "master")
    if role == "node" and there is None:
        raise click.UsageError("a Node Agent needs only the path to the Master: name the Master with --master HOST")
    asked = Asked(
        own_agent(described.agent_name if described else None),
        role,
        targets,
        there,
        _one("--update-server", update_server, "update", on_master=True),
        _clocks(clock_from, there),
        clock_from is not None,
        Settings(timeout=timeout or Settings().timeout, ca_file=described.ca_file if described else None),
    )
    fitness = asyncio.run(examine(asked))
    if as_json or format_ == "json":
        show(json.dumps(as_object(fitness), indent=2) + "\n")
    else:
        show(draw(fitness, look(verbosity=verbose - quiet)), people=True)
    ctx.exit(_CODES.get(fitness.verdict, 0))


def _read(what: Sequence[str], as_name: str | None, *, quiet: bool) -> tuple[Inventory | None, list[Target]]:
    """Read an inventory if the argument is a file, else targets. No secret is looked up, since there is no login."""
    from scanready.cli.job.prepare import read_inventory
    from scanready.cli.job.targets import read_targets
    from scanready.cli.share import is_this_host, own_share
    from scanready.run.any_type import flat

    files = [word for word in what if means_a_file(word)]
    if len(files) > 1 or (files and len(what) > 1):
        raise click.UsageError("give either one inventory or targets")
    if files:
        inventory = read_inventory(files[0], allow_large=True, quiet=quiet, credentials=())
        # A host that the inventory does not declare may become an agent: then all targets count.
        if as_name or any(is_this_host(agent.name) for agent in inventory.agents):
            inventory = own_share(inventory, as_name).inventory or inventory
        return inventory, flat(inventory.targets)
    if as_name:
        raise click.UsageError("--as names an agent of an inventory: give the inventory")
    return None, read_targets(tuple(what), (), None)[0] if what else []


def _one(flag: str, text: str | None, type_: str, **options: Any) -> Target | None:
    """Return a server of the scanner itself as one target; None if the option is not given."""
    if text is None:
        return None
    from scanready.cli.job.prepare import problems_told
    from scanready.cli.messages import fitting

    if "://" in text:
        raise click.UsageError(f"{flag}: {fitting(text)!r} is a URL; write HOST or HOST:PORT")
    from scanready.inventory import parse_target
    from scanready.inventory.words import WITHOUT_LOGIN

    with problems_told():
        found = parse_target(text, types=(type_,), words=WITHOUT_LOGIN)[0]
    return Target(found.host, type_, found.port, options)


def _clocks(text: str | None, master: Target | None) -> list[Target]:
    """Return the servers to read a clock from: that of the URL, else a host's web server, else the Web Console."""
    from scanready.cli.job.prepare import problems_told
    from scanready.inventory import parse_target
    from scanready.inventory.words import WITHOUT_LOGIN
    from scanready.run.registry import catalogue

    if text is None:
        return [Target(master.host, name, catalogue()[name].port) for name in ("https", "http")] if master else []
    with problems_told():
        if "://" in text:
            return parse_target(text, words=WITHOUT_LOGIN)
        return [
            target for type_ in ("http", "https") for target in parse_target(text, types=(type_,), words=WITHOUT_LOGIN)
        ]
