"""The ``targets`` of an inventory, one entry after another, to targets; and none of them twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from scanready.catalogue import TargetType
from scanready.catalogue.wrong import Wrong
from scanready.model import Credential, Expectation, Target
from scanready.net.hosts import clean_host, hosts_of, network
from scanready.run.registry import catalogue
from scanready.run.target_name import ANY, visible_name

from .accounts import Accounts
from .expected import expectation
from .options import refuse_unknown, type_row
from .problem_log import Page
from .schema import TargetEntry, option_fields
from .targets import EXAMPLES, expand, of_any_type, read_target
from .yaml_nodes import Node

#: What a run can hold in memory, at some 600 bytes a target: one type on all of a /12.
MOST_TARGETS = 2**20
_UNTYPED_NETWORK = (
    "a network needs a type: `type: ssh`, say; `types: any` tries {types} types at each address (`scanready plan` "
    "shows the connections)"
)


class Entries:
    """Reads entries into ``targets``, in the file's order. Their credentials have no secrets yet."""

    def __init__(self, page: Page, accounts: Accounts, default_types: Sequence[TargetType], allow_large: bool) -> None:
        self.targets: list[Target] = []
        self._page = page
        self._accounts = accounts
        self._default_types = default_types
        self._allow_large = allow_large
        self._first: dict[tuple[object, ...], tuple[Target, Node]] = {}
        self._repeated: set[tuple[int, int, int, int]] = set()
        self._planned = 0

    def read(self, node: Node) -> None:
        """Read one entry: text as on the command line, or a mapping."""
        if isinstance(node.value, str):
            types = () if "://" in node.value else tuple(row.name for row in self._default_types)
            with self._page.reading(node):
                found = read_target(node.value, types=types, options={}, source=self._source(node))
                self._keep([of_any_type(found)] if found[0].guessed else found, node)
        elif isinstance(node.value, dict):
            self._mapping(node)
        else:
            self._page.wrong(node, f"a target is text or a mapping; {EXAMPLES}")

    def _source(self, node: Node) -> str:
        return f"{self._page.file}:{node.line}"

    def _mapping(self, node: Node) -> None:
        """Read an entry; whatever is wrong in one part of it, the other parts are looked at, too."""
        problems = len(self._page.problems)
        rows = self._rows(node)
        types_known = len(self._page.problems) == problems
        entry = self._shape(node, rows)
        if ("host" in node.value) == ("hosts" in node.value):
            self._page.wrong(node, "a target has either `host` or `hosts`")
        if "type" in node.value and "types" in node.value:
            self._page.wrong(node, "a target has either `type` or `types`")
        meant = rows or catalogue().guessed
        options = self._options(node, meant) if types_known else {}
        credential = self._credential(node, "credential")
        expected = self._expectation(node, rows)
        right = entry is not None and len(self._page.problems) == problems
        typed = bool(rows or _type_words(node))
        clean = [(place, self._hosts(place, len(meant), listed, typed)) for place, listed in _places(node)]
        if not right or entry is None:
            return
        tags = tuple(entry.tags or ())
        with self._page.reading(node):  # what is wrong for one host here is wrong for all: it is told once
            for place, hosts in clean:
                source = self._source(place)
                for host in hosts:
                    found = expand(host, rows, entry.port, options, credential, tags=tags, source=source)
                    if not rows:
                        found = [of_any_type(found)]
                    if expected is not None:
                        found = [dataclasses.replace(target, expected=expected) for target in found]
                    self._keep(found, place)

    def _expectation(self, node: Node, rows: Sequence[TargetType]) -> Expectation | None:
        """The entry's known failure; causes of a type whose options are not declared are not known here, either."""
        if "expect" not in node.value:
            return None
        with self._page.reading(node["expect"]):
            return expectation(node["expect"].plain(), any_cause=any(row.any_option for row in rows))
        return None

    def _shape(self, node: Node, rows: Sequence[TargetType]) -> Any:
        """The entry as its model, None if it has not the shape. Options are no part of it, and are read separately."""
        options = option_fields()
        takes_any = any(row.any_option for row in rows)
        plain = {
            key: value
            for key, value in node.plain().items()
            if key in TargetEntry.model_fields or not (takes_any or key in options)
        }
        return self._page.shaped(TargetEntry, node, plain)

    def _credential(self, node: Node, key: str) -> Credential | None:
        if key in node.value and isinstance(node[key].value, str):
            return self._accounts.use(node[key].value, node[key])
        return None

    def _rows(self, node: Node) -> list[TargetType]:
        """The entry's types, or the default ones; empty stands for every type."""
        words = _type_words(node)
        if not words:
            return list(self._default_types)
        if any(word.value == ANY for word in words):
            if len(words) > 1:
                self._page.wrong(words[0], f"`{ANY}` stands for every type: name no other beside it")
            return []
        return rows_of(self._page, words)

    def _options(self, node: Node, rows: Sequence[TargetType]) -> dict[str, Any]:
        """The entry's options as they are written; what is wrong with one is noted where it is."""
        options: dict[str, Any] = {}
        known = option_fields()
        takes_any = any(row.any_option for row in rows)
        for name, (key, value) in node.value.items():
            if name in TargetEntry.model_fields or not (takes_any or name in known):
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
        """The hosts that one word of the inventory stands for."""
        with self._page.reading(node):
            word: str = node.value
            if "/" not in word or "://" in word:
                self._plan(types)
                return [clean_host(word)]
            if not listed:
                raise Wrong("a network goes in `hosts: [...]`; `host` is one name or address")
            if not typed:
                raise Wrong(_UNTYPED_NETWORK.format(types=types))
            found = network(word, allow_large=self._allow_large)
            self._plan(types * found.num_addresses)
            return hosts_of(found)
        return []

    def _plan(self, more: int) -> None:
        """Refuse what would not fit, before it is expanded."""
        if self._planned + more > MOST_TARGETS:
            raise Wrong(f"more than {MOST_TARGETS:,} targets: name the types, or split the inventory")
        self._planned += more

    def _keep(self, found: Iterable[Target], place: Node) -> None:
        for target in found:
            for one in target.tries or (target,):
                options = repr(sorted(one.options.items())) if one.options else ""
                key = (one.host.removesuffix("."), one.type, one.port, options)
                if first := self._first.get(key):
                    self._twice(one, *first, place)
                self._first[key] = first or (one, place)
            self.targets.append(target)

    def _twice(self, target: Target, before: Target, first: Node, place: Node) -> None:
        """One problem for each two places, however many targets they have in common."""
        pair = (first.line, first.column, place.line, place.column)
        if pair not in self._repeated:
            self._repeated.add(pair)
            names = visible_name(target), visible_name(before)
            other = f" as `{names[1]}`; it takes one account" if names[0] != names[1] else ""
            self._page.wrong(place, f"`{names[0]}` is given twice, first in line {first.line}{other}")


def _type_words(node: Node) -> list[Node]:
    """The names that an entry has under ``type`` and ``types``."""
    named = [node[key] for key in ("type", "types") if key in node.value]
    return [word for one in named for word in (one.value if isinstance(one.value, list) else [one])]


def _places(node: Node) -> list[tuple[Node, bool]]:
    """Where an entry names its hosts; true for those in a list, which may be networks."""
    places = [(node["host"], False)] if "host" in node.value else []
    if "hosts" in node.value and isinstance(node["hosts"].value, list):
        places += [(place, True) for place in node["hosts"].value]
    return [(place, listed) for place, listed in places if isinstance(place.value, str) and place.value]


def rows_of(page: Page, words: Iterable[Node]) -> list[TargetType]:
    """The catalogue's rows of the type names at these places; unknown ones are noted."""
    rows: list[TargetType] = []
    for word in words:
        if isinstance(word.value, str):
            with page.reading(word):
                rows.append(type_row(word.value))
    return rows
