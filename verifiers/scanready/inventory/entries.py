"""Read the entries of ``targets`` in an inventory into targets, and refuse duplicates."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scanready.catalogue import TargetType
from scanready.catalogue.wrong import Wrong
from scanready.model import Credential, Expectation, Target
from scanready.net.hosts import clean_host, hosts_of, network
from scanready.run.registry import catalogue
from scanready.run.target_name import ANY, visible_name

from .accounts import Accounts
from .agents import Agents
from .alternatives import tried_twice
from .nodes import Node
from .options import refuse_unknown, type_row
from .problem_log import Page
from .shapes import TARGET
from .targets import EXAMPLES, expand, of_any_type, read_target

if TYPE_CHECKING:
    from .expected import Fault

#: The most credentials of one target. A run tries two of them at a host, and three at the most, unless others are known
#: to be refused.
MOST_CREDENTIALS = 8
#: The most targets that fit in memory, at some 600 bytes each: one type on all of a /12.
MOST_TARGETS = 2**20
_UNTYPED_NETWORK = (
    "a network needs a type, such as `type: ssh`; `types: any` tries {types} types at each address (`scanready plan` "
    "shows the connections)"
)


@dataclass(frozen=True, slots=True)
class Defaults:
    """Hold what entries have unless they say otherwise.

    Attributes:
        types: their types; empty stands for every type, None for none that was named.
        sites: their sites, unless they have agents.
    """

    types: Sequence[TargetType] | None = None
    sites: tuple[str, ...] = ()


class Entries:
    """Read entries into ``targets``, in the order of the file; their credentials have no secrets yet.

    ``full`` is True once one more target was refused: no other entry can be read, either.
    """

    def __init__(self, page: Page, accounts: Accounts, agents: Agents, defaults: Defaults, allow_large: bool) -> None:
        self.targets: list[Target] = []
        self._page = page
        self._accounts = accounts
        self._agents = agents
        self._default_types = defaults.types or ()
        self._any_by_default = defaults.types is not None
        self._default_sites = defaults.sites
        self._allow_large = allow_large
        self._first: dict[tuple[object, ...], Target] = {}
        self._repeated: set[tuple[str | None, int, int]] = set()
        self._planned = 0
        self.full = False
        self._line, self._line_source = 0, ""

    def read(self, node: Node) -> None:
        """Read one entry: text as on the command line, or a mapping."""
        if isinstance(node.value, str):
            types = () if "://" in node.value else tuple(row.name for row in self._default_types)
            with self._page.reading(node):
                self._plan(1)
                found = read_target(node.value, types=types, options={}, source=self._source(node))
                found = [of_any_type(found)] if found[0].guessed else found
                self._keep(_placed(found, (), self._default_sites), node)
        elif isinstance(node.value, dict):
            self._mapping(node)
        else:
            self._page.wrong(node, f"a target must be text or a mapping; {EXAMPLES}")

    def _source(self, node: Node) -> str:
        """Return the place of a target. Those of one line share the text."""
        if node.line != self._line:
            self._line, self._line_source = node.line, f"{self._page.file}:{node.line}"
        return self._line_source

    def _mapping(self, node: Node) -> None:
        """Read an entry; check all of its parts, even if one of them is wrong."""
        problems = len(self._page.problems)
        rows = self._rows(node)
        types_known = len(self._page.problems) == problems
        entry = self._shape(node, rows)
        if ("host" in node.value) == ("hosts" in node.value):
            self._page.wrong(node, "a target must have either `host` or `hosts`")
        if "type" in node.value and "types" in node.value:
            self._page.wrong(node, "a target must have either `type` or `types`, not both")
        meant = rows or catalogue().guessed
        options = self._options(node, meant) if types_known else {}
        accounts = self._credentials(node["credential"]) if "credential" in node.value else []
        credential, alternatives = (accounts[0], tuple(accounts[1:])) if accounts else (None, ())
        expected = self._expectation(node, rows)
        agents, sites = self._assignment(node)
        right = entry is not None and len(self._page.problems) == problems
        typed = bool(rows or _type_words(node)) or self._any_by_default
        clean = [(place, self._hosts(place, len(meant), listed, typed)) for place, listed in _places(node)]
        if not right or entry is None:
            return
        tags = tuple(entry.tags or ())
        with self._page.reading(node):  # a problem here applies to all hosts and is reported once
            for place, hosts in clean:
                source = self._source(place)
                for host in hosts:
                    found = expand(host, rows, entry.port, options, credential, tags=tags, source=source)
                    if alternatives:
                        found = [dataclasses.replace(target, alternatives=alternatives) for target in found]
                    if not rows:
                        found = [of_any_type(found)]
                    if expected is not None:
                        found = [dataclasses.replace(target, expected=expected) for target in found]
                    self._keep(_placed(found, agents, sites), place)

    def _assignment(self, node: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the agents and the sites of an entry; at least one of both is empty."""
        agents = self._agents.agents_of(node["agents"]) if "agents" in node.value else ()
        sites = self._agents.sites_of(node["site"]) if "site" in node.value else ()
        if "agents" in node.value and "site" in node.value:
            key, _ = node.value["agents"]
            self._page.wrong(key, "a target must have either `site` or `agents`: name the agents, or keep the site")
        return agents, sites or (() if agents else self._default_sites)

    def _expectation(self, node: Node, rows: Sequence[TargetType]) -> Expectation | None:
        """Return the known failure of an entry; a type that does not declare its options may have any cause."""
        if "expect" not in node.value:
            return None
        from .expected import examined  # few inventories have one

        entry = node["expect"]
        found, faults = examined(entry.plain(), any_cause=any(row.any_option for row in rows))
        for fault in faults:
            self._page.wrong(_place_of(fault, entry), fault.message)
        named = entry["agents"] if isinstance(entry.value, dict) and "agents" in entry.value else None
        for place in (named.value if isinstance(named.value, list) else [named]) if named else ():
            if problem := self._agents.unknown_in_expectation(place.value):
                self._page.wrong(place, problem)
        return found

    def _shape(self, node: Node, rows: Sequence[TargetType]) -> Any:
        """Return the entry as its model, without its options; None if it has another shape."""
        plain = {key: value for key, value in node.plain().items() if key in TARGET.keys or not _is_option(key, rows)}
        return self._page.shaped(TARGET, node, plain)

    def _credentials(self, node: Node) -> list[Credential]:
        """Return the accounts of an entry in the order of their tries; note an account that would be tried twice."""
        places = node.value if isinstance(node.value, list) else [node]
        named = [(place, self._accounts.use(place.value, place)) for place in places if isinstance(place.value, str)]
        if len(named) > MOST_CREDENTIALS:
            self._page.wrong(named[MOST_CREDENTIALS][0], f"a target has at most {MOST_CREDENTIALS} credentials")
        for at, message in tried_twice([account for _, account in named]).items():
            self._page.wrong(named[at][0], message)
        return [account for _, account in named]

    def _rows(self, node: Node) -> list[TargetType]:
        """Return the types of an entry, or the default ones; an empty list means every type."""
        types = types_of(self._page, node)
        return list(self._default_types) if types is None else types

    def _options(self, node: Node, rows: Sequence[TargetType]) -> dict[str, Any]:
        """Return the options of an entry as written; note each problem at its place."""
        options: dict[str, Any] = {}
        for name, (key, value) in node.value.items():
            if name in TARGET.keys or not _is_option(name, rows):
                continue
            number_or_text = isinstance(value.value, (str, int, float)) and not isinstance(value.value, bool)
            options[name] = value.text if number_or_text else value.plain()
            with self._page.reading(key):
                refuse_unknown(rows, [name])
            option = next((found for row in rows if (found := row.option(name))), None)
            if option is not None:
                with self._page.reading(value):
                    option.read(name, options[name])
        return options

    def _hosts(self, node: Node, types: int, listed: bool, typed: bool) -> Iterable[str]:
        """Return the hosts of one word: a host, or every host of a network."""
        with self._page.reading(node):
            word: str = node.value
            if "/" not in word or "://" in word:
                self._plan(types)
                return [clean_host(word)]
            if not listed:
                raise Wrong("write a network in `hosts: [...]`; `host` is one name or address")
            if not typed:
                raise Wrong(_UNTYPED_NETWORK.format(types=types))
            found = network(word, allow_large=self._allow_large)
            self._plan(types * found.num_addresses)
            return hosts_of(found)
        return []

    def _plan(self, more: int) -> None:
        """Refuse too many targets before they are expanded."""
        if self._planned + more > MOST_TARGETS:
            self.full = more == 1
            raise Wrong(f"more than {MOST_TARGETS:,} targets: name the types, or split the inventory")
        self._planned += more

    def _keep(self, found: Iterable[Target], place: Node) -> None:
        for target in found:
            for one in target.tries or (target,):
                options = repr(sorted(one.options.items())) if one.options else ""
                key = (one.host.removesuffix("."), one.type, one.port, options)
                if (first := self._first.setdefault(key, one)) is not one:
                    self._twice(one, first, place)
            self.targets.append(target)

    def _twice(self, target: Target, first: Target, place: Node) -> None:
        """Note one problem for each pair of a line and a place, however many targets they share."""
        pair = (first.source, place.line, place.column)
        if pair not in self._repeated:
            self._repeated.add(pair)
            names = visible_name(target), visible_name(first)
            other = f" as `{names[1]}`; a target has one account" if names[0] != names[1] else ""
            line = (first.source or "").rpartition(":")[2]
            self._page.wrong(place, f"`{names[0]}` is listed twice, first in line {line}{other}")


def _placed(found: Iterable[Target], agents: tuple[str, ...], sites: tuple[str, ...]) -> Iterable[Target]:
    """Return the targets, and those of their types, with the agents or sites that check them."""
    if not (agents or sites):
        return found
    return [
        dataclasses.replace(target, agents=agents, sites=sites, tries=tuple(_placed(target.tries, agents, sites)))
        for target in found
    ]


def _is_option(name: str, rows: Sequence[TargetType]) -> bool:
    """Return True if one of the rows takes a key as an option, or if it is an option of any other type."""
    if any(row.any_option or row.option(name) for row in rows):
        return True
    return any(row.option(name) for row in catalogue())


def _place_of(fault: Fault, entry: Node) -> Node:
    """Return the node of an entry of ``expect`` that a problem is about; for a missing key, the whole entry."""
    if not isinstance(entry.value, dict) or fault.key not in entry.value:
        return entry
    place: Node = entry.value[fault.key][fault.of_value]  # a pair of the key and its value
    items: list[Node] = place.value if fault.item is not None else []
    return items[fault.item] if fault.item is not None else place


def _type_words(node: Node) -> list[Node]:
    """Return the names under ``type`` and ``types`` of an entry."""
    named = [node[key] for key in ("type", "types") if key in node.value]
    return [word for one in named for word in (one.value if isinstance(one.value, list) else [one])]


def _places(node: Node) -> list[tuple[Node, bool]]:
    """Return the nodes that name the hosts of an entry; True for those in a list, which may be networks."""
    places = [(node["host"], False)] if "host" in node.value else []
    if "hosts" in node.value and isinstance(node["hosts"].value, list):
        places += [(place, True) for place in node["hosts"].value]
    return [(place, listed) for place, listed in places if isinstance(place.value, str) and place.value]


def types_of(page: Page, node: Node) -> list[TargetType] | None:
    """Return the types that a mapping names; an empty list means every type, None that it names none.

    Problems are noted: an unknown name, or another type beside `any`.
    """
    words = _type_words(node)
    if not words:
        return None
    if any(word.value == ANY for word in words):
        if len(words) > 1:
            page.wrong(words[0], f"`{ANY}` means every type: remove the other types")
        return []
    rows: list[TargetType] = []
    for word in words:
        if isinstance(word.value, str):
            with page.reading(word):
                rows.append(type_row(word.value))
    return rows
