"""Read an inventory file into targets; report all problems together, and contact nothing.

The order matters to users: first the problems that need no look-up, then the secrets that
targets use. Prompts come only when the rest is correct.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanready.files import reading
from scanready.model import Credential, DeclaredAgent, Step, Target, assigned
from scanready.net.hosts import clean_host

from . import shapes
from .accounts import Accounts
from .agents import Agents, unknown_agent
from .alternatives import tried_twice
from .encoding import decode
from .entries import Defaults, Entries, types_of
from .nodes import Node
from .plain_yaml import read_nodes
from .problem_log import Page
from .problems import InventoryError, Problem
from .secrets import certificates_file
from .sources import path_of

#: The most bytes of an inventory: a million one-line targets, read in ten seconds. One that is not plain has 8 MiB.
LARGEST_FILE = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Inventory:
    """The contents of an inventory. None means that the file does not set the value.

    ``timeout`` and ``retry_after`` are in seconds.

    ``credentials`` are those whose secrets were looked up (no repr shows them). ``defined`` has all by their names,
    without secrets; one that only the files of agents define has no user name.
    ``missing`` has the credentials whose secrets could not be looked up, with the reasons, if the reader keeps them.
    ``agents`` are those of the list `agents`, and ``masters`` their Master Servers by the name of the agent;
    ``agent_name`` and ``master`` are those of the one `agent`, or of the agent whose :meth:`share` it is.
    ``misplaced(credential, host)`` returns why this agent's own file does not permit a credential there, or "".
    """

    targets: list[Target]
    agent_name: str | None = None
    master: str | None = None
    timeout: float | None = None
    depth: Step | None = None
    ca_file: str | None = None
    warnings: tuple[str, ...] = ()
    credentials: Mapping[str, Credential] = dataclasses.field(default_factory=dict)
    defined: Mapping[str, Credential] = dataclasses.field(default_factory=dict)
    missing: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    agents: tuple[DeclaredAgent, ...] = ()
    masters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    retry_after: float | None = None
    misplaced: Callable[[str, str], str] = lambda *_: ""

    def share(self, agent: str) -> Inventory:
        """Return the inventory of one declared agent: its targets, its name, and its Master Server.

        Raises:
            InventoryError: the inventory does not declare the agent.
        """
        if all(one.name != agent for one in self.agents):
            raise InventoryError([Problem(unknown_agent(agent, self.agents))])
        targets = share_of(agent, self.targets, self.agents)
        return dataclasses.replace(self, targets=targets, agent_name=agent, master=self.masters.get(agent))


def share_of(agent: str, targets: Sequence[Target], agents: Sequence[DeclaredAgent]) -> list[Target]:
    """Return the targets that a declared agent checks."""
    declared = [one for one in agents if one.name == agent]
    return [target for target in targets if agent in assigned(target, declared)]


#: Chooses one of the declared agents, by its name; None stands for the whole inventory.
Chooser = Callable[[Sequence[DeclaredAgent]], str | None]


@dataclass(frozen=True, slots=True)
class _Secrets:
    """Say which secrets are looked up; see :func:`read_inventory`."""

    wanted: Sequence[str] | None
    keep_missing: bool
    whose: Chooser | None

    @property
    def any(self) -> bool:
        """True if some secret may be looked up; otherwise this host's own file is not read."""
        return self.wanted is None or bool(self.wanted)

    def names(self, agents: Agents, targets: Sequence[Target], accounts: Accounts) -> Sequence[str] | None:
        """Return the names of the credentials; None stands for all that targets use."""
        name = self.whose(agents.declared) if self.wanted is None and self.whose else None
        return self.wanted if name is None else accounts.used_by(share_of(name, targets, agents.declared))


def read_inventory(
    path: str | Path,
    *,
    allow_large: bool = False,
    credentials: Sequence[str] | None = None,
    keep_missing: bool = False,
    whose: Chooser | None = None,
    elsewhere: bool = False,
) -> Inventory:
    """Read an inventory; see :func:`scanready.inventory.load`.

    Args:
        elsewhere: it is checked here and used on another host, so a missing file of certificates is a warning.
        whose: look up only the secrets for the share of the agent that this function chooses. It is called if the
            inventory has no problems.
    """
    file = "<stdin>" if str(path) == "-" else str(path)
    with contextlib.suppress(MemoryError):
        return _read(path, file, allow_large, _Secrets(credentials, keep_missing, whose), elsewhere)
    # Not within a handler of the error, which would keep what fills the memory.
    raise InventoryError([Problem("this host has not enough memory for this inventory: split it", file)])


def _read(path: str | Path, file: str, allow_large: bool, secrets: _Secrets, elsewhere: bool) -> Inventory:
    base = Path() if file == "<stdin>" else Path(path).parent
    root, problems = _composed(_content(path, file), file)
    page = Page(file, base, problems)
    found = _inventory(page, root, allow_large, secrets, elsewhere)
    if found is None:
        raise InventoryError(sorted(page.problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
    return found


def _composed(content: bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """Read the YAML; for a file of another kind, name the command that makes an inventory of it."""
    root: Node | None = None
    problems: list[Problem] = []
    broken: InventoryError | None = None
    try:
        root, problems = read_nodes(decode(content, file), file)
    except InventoryError as error:
        broken = error
    lacks_targets = root is not None and not (isinstance(root.value, dict) and "targets" in root.value)
    if broken or lacks_targets:
        from .importing.recognised import other_than_inventory
        from .importing.source import source_of

        if other := other_than_inventory(source_of(content, file)):
            raise InventoryError([Problem(other, file)])
    if broken:
        raise broken
    return root, problems


def _content(path: str | Path, file: str) -> bytes:
    reason = ""
    try:
        if file == "<stdin>":
            return reading.read_standard_input(LARGEST_FILE)
        return reading.read(path, LARGEST_FILE)
    except reading.Unreadable as error:
        reason = str(error)
    hint = ": split the inventory" if reason.startswith("is larger") else ""
    raise InventoryError([Problem(f"{reason.removeprefix('is ') if hint else reason}{hint}", file)])


def _inventory(
    page: Page, root: Node | None, allow_large: bool, secrets: _Secrets, elsewhere: bool
) -> Inventory | None:
    """Read the whole inventory; return None if there are problems, which the page holds."""
    if root is None or root.value is None:
        page.problems.append(Problem("the inventory is empty: write its `targets`", page.file))
        return None
    head = _head(page, root)
    agent = page.shaped(shapes.AGENT, head["agent"]) if "agent" in head else None
    defaults = page.shaped(shapes.DEFAULTS, head["defaults"]) if "defaults" in head else None
    guard = page.shaped(shapes.GUARD, head["guard"]) if "guard" in head else None
    accounts = Accounts(page)
    for name, (_, node) in head["credentials"].value.items() if "credentials" in head else ():
        accounts.define(name, node)
    master = ca_file = None
    if agent and agent.master:
        with page.reading(head["agent"]["master"]):
            master = clean_host(agent.master)
    if defaults and defaults.ca_file:
        ca_file = _certificates(page, head["defaults"]["ca_file"], defaults.ca_file, elsewhere)
    default = types_of(page, head["defaults"]) if defaults and defaults.types else None
    agents = _agents(page, head, root)
    sites = agents.sites_of(head["defaults"]["site"]) if "defaults" in head and "site" in head["defaults"].value else ()
    entries = Entries(page, accounts, agents, Defaults(default, sites), allow_large)
    for entry in _taken(head["targets"].value if "targets" in head else []):
        entries.read(entry)
        if entries.full:
            break
    accounts.check_names(by_file=secrets.any)
    # An inventory with problems has no share yet, and another agent's secrets need not be on this host.
    wanted = (
        () if page.problems and secrets.whose and agents.declared else secrets.names(agents, entries.targets, accounts)
    )
    credentials = accounts.resolve(wanted, keep_missing=secrets.keep_missing)
    targets = [] if page.problems else [_complete(target, accounts) for target in entries.targets]
    page.problems.extend(_tried_twice(targets))
    if page.problems:
        return None
    return Inventory(
        targets,
        agent_name=agent.name if agent else None,
        master=master,
        timeout=defaults.timeout if defaults else None,
        depth=Step(defaults.depth) if defaults and defaults.depth else None,
        ca_file=ca_file,
        warnings=tuple(page.warnings),
        credentials=credentials,
        defined=accounts.defined,
        missing=accounts.missing,
        agents=tuple(agents.declared),
        masters=agents.masters,
        misplaced=accounts.misplaced,
        retry_after=_seconds(guard.retry_after) if guard and guard.retry_after else None,
    )


def _certificates(page: Page, node: Node, name: str, elsewhere: bool) -> str | None:
    """Return the path of the file of certificates; None if there is a problem, or if only other hosts have it."""
    if elsewhere and not path_of(name, page.base).exists():
        page.careless(
            node,
            [
                f"`{name}` is not on this host: an agent that uses this inventory needs it (an agent of a fleet as its "
                "--target-ca-file)"
            ],
        )
        return None
    with page.reading(node):
        return certificates_file(name, page.base)
    return None


def _agents(page: Page, head: Mapping[str, Node], root: Node) -> Agents:
    """Return the declared agents of the inventory."""
    written = root.value if isinstance(root.value, dict) else {}
    agents = Agents(page, readable="agents" in head or "agents" not in written)
    if "agents" in head:
        agents.read(head["agents"])
    if "agent" in head and "agents" in head:
        key, _ = root.value["agent"]
        page.wrong(key, "an inventory has either `agent` or `agents`: add this agent to `agents`, and remove `agent`")
    return agents


def _taken(nodes: list[Node] | Iterator[Node]) -> Iterator[Node]:
    """Yield the nodes, and keep none: the targets of a large inventory use the memory of their nodes."""
    if not isinstance(nodes, list):
        yield from nodes
        return
    nodes.reverse()
    while nodes:
        yield nodes.pop()


def _seconds(duration: str) -> float:
    """Return the seconds of a duration of the schema."""
    return float(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[duration[-1]]


def _head(page: Page, root: Node) -> dict[str, Node]:
    """Return the top-level parts that are of the right kind; note the others."""
    if not isinstance(root.value, dict):
        import_ = "" if isinstance(root.value, list) else "; to import a list of hosts: `scanready import FILE`"
        page.wrong(root, f"an inventory must be a mapping with the key `targets`{import_}")
        return {}
    kinds: dict[str, type | tuple[type, ...]] = {
        **dict.fromkeys(("agent", "defaults", "guard", "credentials"), dict),
        "agents": list,
        "targets": (list, Iterator),
    }
    head: dict[str, Node] = {}
    for name, (key, node) in root.value.items():
        if name not in kinds:
            page.unknown_key(shapes.HEAD, key)
        elif isinstance(node.value, kinds[name]):
            head[name] = node
        elif node.value is None:
            page.wrong(key, f"`{name}` is empty")
        else:
            page.wrong(node, f"`{name}` must be a {'mapping' if kinds[name] is dict else 'list'}")
    if "targets" not in root.value:
        page.wrong(root, "`targets` is missing")
    return head


def _tried_twice(targets: Sequence[Target]) -> Iterator[Problem]:
    """Yield the problem of each target whose accounts this host's own file makes one: it may name the users."""
    for target in targets:
        for message in tried_twice(target.credentials).values() if target.alternatives else ():
            yield Problem(message, target.source)


def _complete(target: Target, accounts: Accounts) -> Target:
    """Return the target with the secrets of its credentials."""
    if target.credential is None:
        return target
    credential, *alternatives = map(accounts.complete, target.credentials)
    tries = tuple(_complete(one, accounts) for one in target.tries)
    return dataclasses.replace(target, credential=credential, alternatives=tuple(alternatives), tries=tries)
