"""``scanready firewall``: the rules that this agent needs. Touches nothing, unless it is told to resolve."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from ..catalogue import BY_NAME
from ..model import Target, is_address
from ..report.result import as_object
from ..report.rule_forms import CHAIN, FORMS, unfit
from ..report.rules import Rule, best_source, merged, rules
from ..report.seen import Seen, places_seen, seen, where
from . import completing
from .check import read_targets
from .judging import NOTHING_SELECTED
from .looking import look
from .options import option
from .outlet import show
from .preparing import plugins_load, read_inventory, types_exist, warn
from .selection import nothing_selected, select
from .source import opened
from .wording import fitting, means_a_file

_HELP = """\
\b
Examples:
  scanready firewall estate.yaml                              touches nothing
  scanready firewall estate.yaml --format csv > change.csv    for a change request
  scanready firewall estate.yaml --from last                  with the ports that a run found
  scanready firewall nfs://nas ssh://web1 --resolve --format nftables

From this agent's address to each target: protocol and port. A port that the target gives out
anew at each start is a range, unless --from or --resolve names it. --resolve looks up names,
and asks the targets that give out ports (as `verify --depth auth` would, without a login).
"""
#: Targets whose ports are known from the catalogue alone need no asking.
_ASKED = ("nfs", "mssql", "oracle")


@click.command(help=_HELP)
@click.argument("what", nargs=-1, required=True, metavar="INVENTORY|TARGET...", shell_complete=completing.files)
@option("--only", multiple=True, metavar="EXPR", help="Only these targets, as for verify. Repeatable.")
@option("--type", "types", multiple=True, metavar="TYPE", help="Only this target type. Repeatable.")
@option("--from", "run", metavar="RUN", help="Addresses and ports as a run found them: its name, last, or a file.")
@option("--store", metavar="FILE", help="Where runs are kept.")
@option("--resolve", is_flag=True, help="Look up names, and ask for dynamic ports.")
@option("--source", "sources", multiple=True, metavar="ADDRESS", help="The agent's address. [default: this host's]")
@option("--format", "form", type=click.Choice(tuple(FORMS)), default="table", help="[default: table]")
@option("--json", "as_json", is_flag=True, help="The same as --format json.")
@option("--chain", metavar="CHAIN", default=CHAIN, help=f"FAMILY TABLE CHAIN for nftables. [default: {CHAIN}]")
@option("--yes", is_flag=True, help="Do expand networks larger than a /16 (IPv6: /112).")
@click.pass_context
def command(
    ctx: click.Context,
    what: tuple[str, ...],
    only: tuple[str, ...],
    types: tuple[str, ...],
    run: str | None,
    store: str | None,
    resolve: bool,
    sources: tuple[str, ...],
    form: str,
    as_json: bool,
    chain: str,
    yes: bool,
) -> None:
    """Firewall."""
    types_exist(types)
    _check_words(sources, chain)
    master = None
    if len(what) == 1 and means_a_file(what[0]):
        inventory = read_inventory(what[0], allow_large=yes, quiet=False, credentials=())
        targets, everything, master = select(inventory.targets, only, types), inventory.targets, inventory.master
    else:
        everything, _ = read_targets(what, types, None)
        targets = select(everything, only)
    if not targets:
        warn(nothing_selected(everything, only))
        ctx.exit(NOTHING_SELECTED)
    targets = [place for target in targets for place in where(target)]
    if master and not only and not types:
        targets = [*targets, Target(master, "master", BY_NAME["master"].port)]
    known, agents = _known(targets, run, store, resolve)
    found = list(_rules(targets, known, sources or agents))
    if resolve:
        found = _resolved(found, sources or agents)
    for reason, count in Counter(filter(None, map(unfit, found))).items() if form == "aws" and not as_json else ():
        warn(f"{count} rule(s) left out: {reason}")
    options: dict[str, Any] = {"chain": chain} if form == "nftables" and not as_json else {}
    show(FORMS["json" if as_json else form](found, look(), **options))


def _check_words(sources: Sequence[str], chain: str) -> None:
    """Check what goes into the rules as it stands.

    Raises:
        click.UsageError: an address is none, or a chain is not three words.
    """
    for source in sources:
        if not is_address(source):
            raise click.UsageError(f"--source {fitting(source)}: an address of the agent is wanted, as 10.0.1.5")
    words = chain.split()
    if len(words) != 3 or not all(word.replace("_", "a").replace("-", "a").isalnum() for word in words):
        raise click.UsageError(f"--chain {fitting(chain)}: FAMILY TABLE CHAIN is wanted, as {CHAIN!r}")


def _rules(targets: Sequence[Target], known: dict[tuple[str, str, int], Seen], agents: Sequence[str]) -> Iterator[Rule]:
    """Every rule once, in the order of the targets."""

    def source(destination: str) -> str:
        return _source(agents, destination)

    def of(target: Target) -> Seen | None:
        """What is known of the target, or at least where its host is."""
        return known.get(_key(target.host, target.type, target.port)) or known.get(_key(target.host, "", 0))

    yield from merged(rule for target in targets for rule in rules(target, source, of(target)))


def _source(agents: Sequence[str], destination: str) -> str:
    return best_source(agents, destination) if agents else _own_address(destination)


def _key(host: str, kind: str, port: int) -> tuple[str, str, int]:
    return host.lower(), kind, port


def _own_address(destination: str) -> str:
    """The address that this host would use; asks its routing table, and sends nothing."""
    import socket

    from ..resolve import literal
    from ..sockets import source_address
    from ..vantage import this_agent

    address: str | None = None
    with contextlib.suppress(socket.gaierror):  # a zone that is no interface here
        where = literal(destination, 9)
        address = source_address(where) if where else None
    return address or best_source(this_agent().addresses, destination)


def _known(
    targets: Sequence[Target], run: str | None, store: str | None, resolve: bool
) -> tuple[dict[tuple[str, str, int], Seen], tuple[str, ...]]:
    """What is known of the targets, and the agent's addresses where a run tells them."""
    known: dict[tuple[str, str, int], Seen] = {}
    agents: dict[str, None] = {}
    if run is not None:
        with opened(run, store) as source:
            for report in source.reports():
                for (host, port), met in places_seen(as_object(report)).items():
                    known[_key(host, report.target.type, port)] = met
                    known.setdefault(_key(host, "", 0), Seen(met.addresses))
                agents.update(dict.fromkeys(report.agent.addresses))
    if resolve:
        plugins_load(targets)
        known |= asyncio.run(_ask([target for target in targets if target.type in _ASKED]))
    return known, tuple(agents)


def _resolved(rules_: Sequence[Rule], agents: Sequence[str]) -> list[Rule]:
    """The same rules with addresses for names, a rule for each; what does not resolve is told, and stays."""
    addresses = asyncio.run(_addresses({rule.destination for rule in rules_ if not rule.resolved}))
    for name in dict.fromkeys(rule.destination for rule in rules_ if not rule.resolved):
        if name not in addresses:
            warn(f"{fitting(name)} does not resolve")
    return merged(
        dataclasses.replace(rule, destination=address, source=_source(agents, address))
        for rule in rules_
        for address in (addresses.get(rule.destination) or (rule.destination,))
    )


async def _ask(targets: Sequence[Target]) -> dict[tuple[str, str, int], Seen]:
    """Climb, without a credential, to the login prompt of targets whose ports must be asked for."""
    from ..engine import Run, Settings
    from ..model import Step

    asked = [dataclasses.replace(target, credential=None) for target in targets]
    known: dict[tuple[str, str, int], Seen] = {}
    async with Run(Settings(depth=Step.AUTH, canary=False)) as run:
        async for report in run.results(asked):
            target = report.target
            known[_key(target.host, target.type, target.port)] = seen(as_object(report))
    return known


async def _addresses(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Look up each name once; one that does not resolve is left out."""
    import socket

    from ..resolve import Resolver

    resolver = Resolver()

    async def one(name: str) -> tuple[str, tuple[str, ...]]:
        try:
            deadline = asyncio.get_running_loop().time() + 10
            found = await resolver.addresses(name, 9, deadline)
        except (socket.gaierror, TimeoutError):
            return name, ()
        return name, tuple(dict.fromkeys(str(where[0]) for _, where in found))

    try:
        return {name: found for name, found in await asyncio.gather(*map(one, names)) if found}
    finally:
        resolver.close()
