"""The ``targets`` of an inventory, one entry after another, to targets; and none of them twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..catalogue import BY_NAME, TYPES, TargetType
from ..model import Target
from .accounts import Accounts
from .document import Node
from .hosts import clean_host, hosts_of, network
from .options import accepted, option_value, refuse_unknown, type_row
from .page import Page
from .problems import Complaints, Wrong
from .schema import TargetEntry
from .targets import EXAMPLES, expand, read_target

#: What a run can hold in memory, at some 600 bytes a target: one type on all of a /12.
MOST_TARGETS = 2**20
_OWN_KEYS = frozenset({"host", "hosts", "type", "types", "port", "credential", "tags"})


class Entries:
    """Reads entries into ``targets``, in the file's order. Their credentials have no secrets yet."""

    def __init__(self, page: Page, accounts: Accounts, default_types: Sequence[TargetType], allow_large: bool) -> None:
        self.targets: list[Target] = []
        self._page = page
        self._accounts = accounts
        self._default_types = default_types
        self._allow_large = allow_large
        self._first: dict[tuple[object, ...], Node] = {}
        self._repeated: set[tuple[int, int, int, int]] = set()
        self._planned = 0

    def read(self, node: Node) -> None:
        """Read one entry: text as on the command line, or a mapping."""
        if isinstance(node.value, str):
            types = () if "://" in node.value else tuple(row.name for row in self._default_types)
            with self._page.reading(node):
                self._keep(read_target(node.value, types=types, options={}, source=self._source(node)), node)
        elif isinstance(node.value, dict):
            self._mapping(node)
        else:
            self._page.wrong(node, f"a target is text or a mapping; {EXAMPLES}")

    def _source(self, node: Node) -> str:
        return f"{self._page.file}:{node.line}"

    def _mapping(self, node: Node) -> None:
        problems = len(self._page.problems)
        rows = self._rows(node)
        foreign = any(row.name not in BY_NAME for row in rows)
        plain = node.plain()
        shape = {key: value for key, value in plain.items() if key in TargetEntry.model_fields} if foreign else plain
        entry: Any = self._page.shaped(TargetEntry, node, shape)
        if entry is None:
            return
        if (entry.host is None) == (entry.hosts is None):
            self._page.wrong(node, "a target has either `host` or `hosts`")
        if entry.type is not None and entry.types is not None:
            self._page.wrong(node, "a target has either `type` or `types`")
        options = self._options(node, rows or TYPES)
        credential = self._accounts.use(entry.credential, node["credential"]) if entry.credential else None
        if "proxy_credential" in options:
            self._accounts.use(options["proxy_credential"], node["proxy_credential"])
        hosts = [node["host"]] if entry.host else node["hosts"].value if entry.hosts else []
        right = len(self._page.problems) == problems
        clean = [(place, self._hosts(place, len(rows or TYPES), listed=entry.host is None)) for place in hosts]
        if not right:
            return
        with self._page.reading(node):  # what is wrong for one host here is wrong for all: it is told once
            for place, found in clean:
                source = self._source(place)
                for host in found:
                    targets = expand(
                        host, rows, entry.port, options, credential, tags=tuple(entry.tags or ()), source=source
                    )
                    self._keep(targets, place)

    def _rows(self, node: Node) -> list[TargetType]:
        """The entry's types, or the default ones; empty stands for every type."""
        named = [node[key] for key in ("type", "types") if key in node.value]
        words = [word for one in named for word in (one.value if isinstance(one.value, list) else [one])]
        if not words:
            return list(self._default_types)
        return rows_of(self._page, words)

    def _options(self, node: Node, rows: Sequence[TargetType]) -> dict[str, Any]:
        """The entry's options that are right; the others are noted where they are."""
        options: dict[str, Any] = {}
        for name, (key, value) in node.value.items():
            if name in _OWN_KEYS:
                continue
            scalar = isinstance(value.value, (str, int, float)) and not isinstance(value.value, bool)
            given = value.text if scalar else value.plain()
            with self._page.reading(key):
                refuse_unknown(rows, [name])
                options[name] = given
            complaints = Complaints()
            for row in rows:
                if name in accepted(row) and name in options and not complaints.messages:
                    with complaints.collected():
                        option_value(row, name, given)
            if complaints.messages:
                self._page.wrong(value, *complaints.messages)
                del options[name]
        return options

    def _hosts(self, node: Node, types: int, *, listed: bool) -> Iterable[str]:
        """The hosts that one word of the inventory stands for."""
        with self._page.reading(node):
            word: str = node.value
            if "/" not in word or "://" in word:
                self._plan(types)
                return [clean_host(word)]
            if not listed:
                raise Wrong("a network goes in `hosts: [...]`; `host` is one name or address")
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
            options = repr(sorted(target.options.items())) if target.options else ""
            key = (target.host.removesuffix("."), target.type, target.port, options)
            if first := self._first.get(key):
                self._twice(target, first, place)
            self._first[key] = first or place
            self.targets.append(target)

    def _twice(self, target: Target, first: Node, place: Node) -> None:
        """One problem for each two places, however many targets they have in common."""
        pair = (first.line, first.column, place.line, place.column)
        if pair not in self._repeated:
            self._repeated.add(pair)
            self._page.wrong(place, f"`{target}` is given twice, first in line {first.line}")


def rows_of(page: Page, words: Iterable[Node]) -> list[TargetType]:
    """The catalogue's rows of the type names at these places; unknown ones are noted."""
    rows: list[TargetType] = []
    for word in words:
        if isinstance(word.value, str):
            with page.reading(word):
                rows.append(type_row(word.value))
    return rows
