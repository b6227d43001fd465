"""An inventory file to targets: every problem in it at once, and nothing contacted.

The order matters to people: first all that can be said without asking for
anything, then the secrets that some target uses, and a prompt only when all the
rest is right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from scanready.files import reading
from scanready.model import Credential, Step, Target
from scanready.net.hosts import clean_host

from .accounts import Accounts
from .entries import Entries, rows_of
from .problem_log import Page
from .problems import InventoryError, Problem
from .schema import AgentEntry, DefaultsEntry, Head
from .secrets import certificates_file
from .yaml_nodes import Node, compose, decode

#: A hundred thousand one-line targets, and half a minute to read them.
LARGEST_FILE = 8 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Inventory:
    """What an inventory says. ``timeout`` is seconds; None stands for what the file leaves open.

    ``credentials`` are those whose secrets were looked up (no repr shows them); ``defined`` names all there are.
    """

    targets: list[Target]
    agent_name: str | None = None
    master: str | None = None
    timeout: float | None = None
    depth: Step | None = None
    ca_file: str | None = None
    warnings: tuple[str, ...] = ()
    credentials: Mapping[str, Credential] = dataclasses.field(default_factory=dict)
    defined: frozenset[str] = frozenset()


def read_inventory(
    path: str | Path, *, allow_large: bool = False, credentials: Sequence[str] | None = None
) -> Inventory:
    """:func:`scanready.inventory.load`."""
    file = "<stdin>" if str(path) == "-" else str(path)
    base = Path() if file == "<stdin>" else Path(path).parent
    root, problems = compose(decode(_content(path, file), file), file)
    page = Page(file, base, problems)
    found = _inventory(page, root, allow_large, credentials)
    if found is None:
        raise InventoryError(sorted(page.problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
    return found


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


def _inventory(page: Page, root: Node | None, allow_large: bool, wanted: Sequence[str] | None) -> Inventory | None:
    """Read all of it; None if there were problems, which the page has."""
    if root is None or root.value is None:
        page.problems.append(Problem("the inventory is empty: it needs `targets`", page.file))
        return None
    head = _head(page, root)
    agent = page.shaped(AgentEntry, head["agent"]) if "agent" in head else None
    defaults = page.shaped(DefaultsEntry, head["defaults"]) if "defaults" in head else None
    accounts = Accounts(page)
    for name, (_, node) in head["credentials"].value.items() if "credentials" in head else ():
        accounts.define(name, node)
    master = ca_file = None
    if agent and agent.master:
        with page.reading(head["agent"]["master"]):
            master = clean_host(agent.master)
    if defaults and defaults.ca_file:
        with page.reading(head["defaults"]["ca_file"]):
            ca_file = certificates_file(defaults.ca_file, page.base)
    types = rows_of(page, head["defaults"]["types"].value) if defaults and defaults.types else []
    entries = Entries(page, accounts, types, allow_large)
    for entry in head["targets"].value if "targets" in head else ():
        entries.read(entry)
    credentials = accounts.resolve(wanted)
    if page.problems:
        return None
    return Inventory(
        [_complete(target, accounts) for target in entries.targets],
        agent_name=agent.name if agent else None,
        master=master,
        timeout=defaults.timeout if defaults else None,
        depth=Step(defaults.depth) if defaults and defaults.depth else None,
        ca_file=ca_file,
        warnings=tuple(page.warnings),
        credentials=credentials,
        defined=accounts.names,
    )


def _head(page: Page, root: Node) -> dict[str, Node]:
    """The top-level parts that have the right shape outside; the others are noted."""
    if not isinstance(root.value, dict):
        import_ = (
            "" if isinstance(root.value, list) else "; `scanready import FILE` makes one of a list of hosts or a table"
        )
        page.wrong(root, f"an inventory is a mapping with the key `targets`{import_}")
        return {}
    shapes = {"agent": dict, "defaults": dict, "credentials": dict, "targets": list}
    head: dict[str, Node] = {}
    for name, (key, node) in root.value.items():
        if name not in shapes:
            page.unknown_key(Head, key)
        elif isinstance(node.value, shapes[name]):
            head[name] = node
        elif node.value is None:
            page.wrong(key, f"`{name}` is empty")
        else:
            page.wrong(node, f"`{name}` must be a {'list' if shapes[name] is list else 'mapping'}")
    if "targets" not in root.value:
        page.wrong(root, "`targets` is missing")
    return head


def _complete(target: Target, accounts: Accounts) -> Target:
    """The target with its credential's secrets."""
    if target.credential is None:
        return target
    credential = accounts.complete(target.credential)
    tries = tuple(dataclasses.replace(one, credential=credential) for one in target.tries)
    return dataclasses.replace(target, credential=credential, tries=tries)
