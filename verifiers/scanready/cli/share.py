"""Take one agent's share of an inventory, for ``--as``; the agent may be described by options and not exist yet."""

from __future__ import annotations

import dataclasses
import ipaddress
import platform
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from scanready.model import DeclaredAgent, Target, assigned
from scanready.model.platforms import PLATFORMS, platform_name
from scanready.run.any_type import flat

from .agent_address import wrong_with
from .messages import fitting, warn

if TYPE_CHECKING:
    from scanready.inventory import Inventory


@dataclass(frozen=True, slots=True)
class AskedAgent:
    """Hold the options about the agent. ``addresses`` may have a prefix length; ``platform`` is as `PLATFORMS` has it.

    Raises:
        click.UsageError: an address is not one that targets see, or the options describe no agent.
    """

    name: str | None = None
    addresses: tuple[str, ...] = ()
    platform: str | None = None
    sites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for flag, value in (("--address", self.addresses), ("--platform", self.platform), ("--site", self.sites)):
            if value and self.name is None:
                raise click.UsageError(f"{flag} describes the agent of --as: add --as NAME")
        for address in self.addresses:
            if wrong := wrong_with(address):
                raise click.UsageError(f"--address {fitting(address)} {wrong}")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The addresses without their prefix lengths."""
        return tuple(str(ipaddress.ip_interface(address).ip) for address in self.addresses)


@dataclass(frozen=True, slots=True)
class Share:
    """Hold one agent's part of an inventory.

    Attributes:
        inventory: the share; the whole inventory if no agent was chosen, and None without an inventory.
        agent: the agent; None if none was chosen.
        others: the targets that this agent does not check.
        described: options describe the agent, and the inventory does not declare it.
    """

    inventory: Inventory | None
    agent: DeclaredAgent | None = None
    others: Sequence[Target] = ()
    described: bool = False

    def nothing(self, takes: Callable[[Target], bool]) -> str:
        """Return the message for an empty selection that is empty because of the agent; else an empty text."""
        if self.agent is None or self.inventory is None:
            return ""
        name = fitting(self.agent.name)
        matching = [target for target in flat(self.others) if takes(target)]
        if not matching:
            return ""
        if not self.inventory.targets:
            remedy = "; to add the targets of a site: --site NAME" if self.described else ""
            return f"nothing selected: the inventory assigns no target to the agent {name}{remedy}"
        who = dict.fromkeys(other for target in matching for other in assigned(target, self.inventory.agents))
        from scanready.report.paper import counted

        count = counted(len(matching), "matching target")
        return f"nothing selected: other agents check the {count}: {_some(list(who))}"


#: Chooses one of the declared agents by its name; None stands for the whole inventory.
Chooser = Callable[[Sequence[DeclaredAgent]], str | None]


def chooser(asked: str | None, likely: str | None = None) -> Chooser:
    """Return the function that chooses the declared agent to check for: the one of ``--as``, or else this host.

    The function returns None if the inventory declares no agents. It raises click.UsageError if there is no such agent.

    Args:
        likely: the agent to take before this host, if the inventory declares it.
    """

    def choose(agents: Sequence[DeclaredAgent]) -> str | None:
        if not agents:
            return None
        if asked is None:
            return likely if any(agent.name == likely for agent in agents) else _this_host(agents)
        return _declared(asked, agents).name

    return choose


def own_share(whole: Inventory, name: str | None) -> Share:
    """Return the share of the agent that this host is: ``name``, or else the declared agent with this host's name.

    Without declared agents it is the whole inventory, checked as ``name``.

    Raises:
        click.UsageError: the inventory does not declare the agent, or ``name`` is missing.
    """
    chosen = chooser(name)(whole.agents)
    return share_of(whole, AskedAgent(chosen)) if chosen else Share(named(whole, name))


def share_of(inventory: Inventory | None, asked: AskedAgent, otherwise: Chooser | None = None) -> Share:
    """Return the share of the agent that the options name or describe.

    Args:
        inventory: the whole inventory; None for targets of the command line, which any agent checks.
        otherwise: chooses the agent if no option does; None stands for the whole inventory.

    Raises:
        click.UsageError: the inventory does not declare the agent, and the options do not describe it.
    """
    agents = inventory.agents if inventory else ()
    if asked.name is None:
        chosen = otherwise(agents) if otherwise else None
        if chosen is None:
            return Share(inventory)
        asked = AskedAgent(chosen)
    new = _described(asked, agents)
    if inventory is None:
        return Share(None, new)
    if not agents:
        return Share(named(inventory, asked.name), new)
    if new is None:
        agent = _declared(str(asked.name), agents)
        agent = dataclasses.replace(agent, platform=_agreed(agent, asked))
    else:
        agent, agents = new, (*agents, new)
    share = dataclasses.replace(inventory, agents=agents).share(agent.name)
    taken = set(map(id, share.targets))
    others = [target for target in inventory.targets if id(target) not in taken]
    return Share(share, agent, others, new is not None)


def named(inventory: Inventory, name: str | None) -> Inventory:
    """Return an inventory without `agents`, checked as the agent ``name``; all agents check all of its targets.

    Raises:
        click.UsageError: its `agent` has another name, or the name cannot be one.
    """
    if name is None:
        return inventory
    if inventory.agent_name not in (None, name):
        raise click.UsageError(
            f"--as {fitting(name)}: the inventory is for {fitting(str(inventory.agent_name))}; use that name, or "
            "list all agents in `agents` of the inventory"
        )
    _check(name)
    return dataclasses.replace(inventory, agent_name=name)


def warn_of_platform(agent: DeclaredAgent | None, assumed: str | None) -> None:
    """Warn if this host has another platform than the inventory says; ``assumed`` is the value of --assume-agent."""
    here = PLATFORMS[assumed] if assumed else platform.system()
    if agent is None or agent.platform in ("", here):
        return
    told, found = platform_name(agent.platform), platform_name(here)
    name = fitting(agent.name)
    warn(
        f"the inventory says that {name} runs {told}, but this host runs {found}: run this command on {name}, or "
        "correct `platform` in the inventory"
    )


def is_this_host(name: str) -> bool:
    """Return whether a name is that of this host, with or without its domain."""
    own = socket.gethostname().casefold()
    return name.casefold() in (own, own.partition(".")[0])


def _this_host(agents: Sequence[DeclaredAgent]) -> str:
    found = [agent.name for agent in agents if is_this_host(agent.name)]
    if len(found) != 1:
        this = f"this host, {fitting(socket.gethostname())}, is none of the agents of the inventory"
        raise click.UsageError(f"{this}: add --as NAME with one of {_some([agent.name for agent in agents])}")
    return found[0]


def _declared(name: str, agents: Sequence[DeclaredAgent]) -> DeclaredAgent:
    from scanready.inventory.agents import unknown_agent

    found = next((agent for agent in agents if agent.name == name), None)
    if found is None:
        raise click.UsageError(f"--as: {unknown_agent(name, agents)}")
    return found


def _described(asked: AskedAgent, agents: Sequence[DeclaredAgent]) -> DeclaredAgent | None:
    """Return the agent that the options describe; None if the inventory declares it.

    Raises:
        click.UsageError: it is unknown, and the options do not describe it.
    """
    name = str(asked.name)
    if any(agent.name == name for agent in agents):
        if asked.sites:
            raise click.UsageError(f"--site: the inventory has the sites of {fitting(name)}; omit the option")
        return None
    from scanready.inventory.agents import near_name, unknown_agent

    if agents and not (asked.addresses and asked.platform):
        problem = unknown_agent(name, agents)
        end = "" if problem.endswith("?") else "."
        raise click.UsageError(
            f"--as: {problem}{end} To describe an agent that does not exist yet, add --address and --platform"
        )
    _check(name)
    known = list(dict.fromkeys(site for agent in agents for site in agent.sites))
    for site in asked.sites:
        if site not in known:
            there = near_name(site, known) or (f" (the sites are {_some(known)})" if known else "")
            raise click.UsageError(f"--site: the inventory has no site {fitting(site)}{there}")
    return DeclaredAgent(name, asked.sites, PLATFORMS[asked.platform] if asked.platform else "")


def _agreed(agent: DeclaredAgent, asked: AskedAgent) -> str:
    """Return the platform of a declared agent, from the inventory or the options.

    Raises:
        click.UsageError: they differ.
    """
    given = PLATFORMS[asked.platform] if asked.platform else agent.platform
    if agent.platform and given != agent.platform:
        told = platform_name(agent.platform)
        raise click.UsageError(
            f"--platform {asked.platform}: the inventory says that {fitting(agent.name)} runs {told}; omit the option, "
            "or correct `platform` in the inventory"
        )
    return given


def _check(name: str) -> None:
    from scanready.catalogue.wrong import Wrong
    from scanready.inventory.agents import check_name

    try:
        check_name("agent", name)
    except Wrong as wrong:
        raise click.UsageError(f"--as: {wrong}") from wrong


def _some(names: list[str], most: int = 10) -> str:
    """Return the first names, and how many further ones there are."""
    rest = len(names) - most
    return ", ".join(map(fitting, names[:most])) + (f" and {rest} more" if rest > 0 else "")
