"""``scanready firewall``: print the rules that this agent needs. Only ``--resolve`` contacts anything."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence

import click

from scanready.cli import shell_completion
from scanready.cli.agent_address import is_of_one_host
from scanready.cli.firewall_rules import Known, permitted, resolved
from scanready.cli.general_settings import or_inventory, unless_for_all
from scanready.cli.job.options import JSON, PROFILE, agent_options, option, selection_options
from scanready.cli.job.plugin_problems import plugins_load
from scanready.cli.job.prepare import types_exist
from scanready.cli.job.targets import selected_targets
from scanready.cli.messages import fitting, warn
from scanready.cli.output.outlet import show
from scanready.cli.output.terminal import look
from scanready.cli.ranked import FORMATS, show_ranking
from scanready.cli.share import AskedAgent, chooser, is_this_host, warn_of_platform
from scanready.model import DeclaredAgent, Target, is_address
from scanready.report.endpoints import where
from scanready.report.paper import counted
from scanready.report.rule_forms import FORMS, Form
from scanready.report.rules import Rule
from scanready.run.registry import catalogue

_HELP = """\
\b
Examples:
  scanready firewall estate.yaml                              contacts nothing
  scanready firewall estate.yaml --format csv > change.csv    for a change request
  scanready firewall estate.yaml --from last                  with the ports that a run found
  scanready firewall estate.yaml --from last --only owner=network   only the closed ports
  scanready firewall nfs://nas ssh://web1 --resolve --format nftables
  scanready firewall estate.yaml --resolve --format iptables --chain FORWARD
  scanready firewall estate.yaml --resolve --format azure > rules.json
  scanready firewall --from last --rank                       the changes that help most targets
  scanready firewall estate.yaml --as proxy-nyc --address 10.0.1.5
  scanready firewall estate.yaml --as proxy-paris --address 10.8.0.5 --platform windows

Each rule allows one protocol and port from this agent's address to a target. Some services
choose a new port at each start; their rule has a range of ports, unless --from or --resolve
finds the port. --resolve looks up names. It also asks those services for their ports, as
`verify --depth auth` does, without a login.

If the inventory has `agents`, the rules are those of one agent: of --as, or else of the agent
in --from, or else of this host. Their source is --address, or else the agent's address in
--from, or else that of this host if it is the agent. An agent that the inventory does not
declare is described with --address and --platform, as for `plan`.

--rank lists the changes that the targets of a run lack: the rules for closed ports, and other
causes of one agent or path, such as a missing client. Those that take most targets further
come first. A target that lacks two changes counts for both together. A target that an agent
can scan counts for none. With --as, only the changes for that agent are listed.
"""


_CHAINS = "; ".join(
    f"{form.chain.words} for {name} [default: {form.chain.usual}]" for name, form in FORMS.items() if form.chain
)


def _inventory_or_run(ctx: click.Context, param: click.Parameter, what: tuple[str, ...]) -> tuple[str, ...]:
    """Return the targets of the command line or the environment; --rank takes them from the run."""
    return what if ctx.params.get("rank") else or_inventory(ctx, param, what)


@click.command(help=_HELP)
@click.argument(
    "what",
    nargs=-1,
    metavar="INVENTORY|TARGET...",
    callback=_inventory_or_run,
    shell_complete=shell_completion.inventories_and_targets,
)
@PROFILE
@selection_options
@agent_options
@option("--from", "run", metavar="RUN", help="Use the addresses and ports of this run: its name, last, or a file.")
@option("--store", metavar="FILE", help="The file that holds the runs.")
@option(
    "--rank",
    is_flag=True,
    is_eager=True,
    help="List what the targets of --from lack; most targets first. No INVENTORY.",
)
@option("--resolve", is_flag=True, help="Look up names and ask for dynamic ports.")
@option("--source", "sources", multiple=True, metavar="ADDRESS", help="The agent's address. [default: this host's]")
@option(
    "--format",
    "form",
    type=click.Choice(tuple(dict.fromkeys((*FORMS, *FORMATS)))),
    default="table",
    help=f"With --rank: {', '.join(FORMATS)}. [default: table]",
)
@JSON
@option("--chain", metavar="CHAIN", help=f"Put the rules in this chain: {_CHAINS}")
@click.pass_context
def command(
    ctx: click.Context,
    what: tuple[str, ...],
    only: tuple[str, ...],
    types: tuple[str, ...],
    as_name: str | None,
    addresses: tuple[str, ...],
    platform: str | None,
    sites: tuple[str, ...],
    run: str | None,
    store: str | None,
    rank: bool,
    resolve: bool,
    sources: tuple[str, ...],
    form: str,
    as_json: bool,
    chain: str | None,
    yes: bool,
) -> None:
    """Firewall."""
    types_exist(types)
    form = "json" if as_json else form
    if rank:  # all agents: the environment describes this host, and is no filter
        given = unless_for_all(ctx, as_name=as_name, resolve=resolve, sources=sources, chain=chain)
        as_name, *others = [*given, *unless_for_all(ctx, addresses=addresses, platform=platform, sites=sites)]
        flags = ("--resolve", "--source", "--chain", "--address", "--platform", "--site")
        _check_rank({"INVENTORY": what, **dict(zip(flags, others, strict=True))})
        show_ranking(ctx, run, store, only, types, as_name, form)
        return
    if form not in FORMS:
        raise click.UsageError(f"--format {form} needs --rank; rules have the forms {', '.join(FORMS)}")
    _check_words(sources, chain, form)
    asked, known = AskedAgent(as_name, addresses, platform, sites), Known()
    if run is not None:
        known.read(run, store, as_name)
    judged = known.judged if run is not None else None
    otherwise = None if sources else chooser(None, known.only_agent)
    chosen, share = selected_targets(ctx, what, only, types, large=yes, judged=judged, asked=asked, otherwise=otherwise)
    inventory = share.inventory
    agents = sources or asked.hosts or known.agents
    if known.several and known.only_agent is None and not (sources or asked.hosts or share.agent):
        raise click.UsageError(
            f"{fitting(str(run))} has the results of several agents: name one of them with --as, or its address with "
            "--source"
        )
    if share.agent and not agents:
        _require_own_address(share.agent)
    plugins_load(chosen)
    _tell_whose_port_is_unknown(chosen)
    whole = inventory is not None and not only and not types
    targets = _places(chosen, inventory.master if inventory and whole else None)
    if run is not None:
        _tell_what_the_run_lacks(run, targets, known)
    if resolve:
        known.ask(targets)
    found = permitted(targets, known, agents)
    if resolve:
        found = resolved(found, agents)
    _tell_what_is_left_out(found, FORMS[form])
    show(FORMS[form].write(found, look(), **({"chain": chain} if chain else {})), people=form == "table")


def _check_rank(others: dict[str, object]) -> None:
    """Check that nothing is given beside --rank that it does not use.

    Raises:
        click.UsageError: something is.
    """
    for name, value in others.items():
        if value:
            raise click.UsageError(f"--rank takes targets and sources from the run and cannot be combined with {name}")


def _require_own_address(agent: DeclaredAgent) -> None:
    """Check that the addresses of this host are those of the agent.

    Raises:
        click.UsageError: this host has another name than the agent.
    """
    name = fitting(agent.name)
    if not is_this_host(agent.name):
        raise click.UsageError(
            f"the address of {name} is unknown: add --address, or --from RUN with results of {name}. This host has "
            "another name"
        )
    warn_of_platform(agent, None)


def _tell_what_the_run_lacks(run: str, targets: Sequence[Target], known: Known) -> None:
    """Warn about hosts that the run did not contact: it checked another inventory, or an older one."""
    lacking = sum(known.of(target) is None for target in targets)
    if lacking:
        count = f"{lacking} of {counted(len(targets), 'target')}"
        warn(f"{fitting(run)} has no result for the host of {count}: their rules are the same as without --from")


def _check_words(sources: Sequence[str], chain: str | None, form: str) -> None:
    """Check the values that are copied into the rules unchanged.

    Raises:
        click.UsageError: an address is invalid, the format has no chain, or the chain has another form.
    """
    for source in sources:
        if not is_address(source):
            raise click.UsageError(f"--source {fitting(source)} is not an IP address: write one, such as 10.0.1.5")
        if not is_of_one_host(ipaddress.ip_interface(source)):
            raise click.UsageError(f"--source {fitting(source)} is not the address of one host")
    wanted = FORMS[form].chain
    if chain is None:
        return
    if wanted is None:
        chained = " or ".join(f"--format {name}" for name, one in FORMS.items() if one.chain)
        raise click.UsageError(f"--chain needs {chained}; --format {form} has no chain")
    if not wanted.fits(chain):
        raise click.UsageError(f"--chain {fitting(chain)}: write {wanted.words}, such as {wanted.usual!r}")


def _places(targets: Sequence[Target], master: str | None) -> list[Target]:
    """Return each target at the places where it is contacted, and the Master Server if there is one."""
    places = [place for target in targets for place in where(target)]
    if master:
        places.append(Target(master, "master", catalogue()["master"].port))
    return places


def _tell_whose_port_is_unknown(targets: Sequence[Target]) -> None:
    for name, count in Counter(target.type for target in targets if not target.port).items():
        warn(f"no rule for {fitting(name)} ({count}): its plug-in is broken, so its port is unknown")


def _tell_what_is_left_out(rules: Sequence[Rule], form: Form) -> None:
    for reason, count in Counter(filter(None, map(form.leaves_out, rules)) if form.leaves_out else ()).items():
        warn(f"{counted(count, 'rule')} left out: {reason}")
