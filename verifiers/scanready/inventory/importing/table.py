"""A table with a header (CSV in any of its dialects, as a spreadsheet or a CMDB exports it) to targets.

Columns go by many names; what is not known is told, and what looks like a secret is not looked at.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence

from scanready.catalogue.wrong import Wrong, shown
from scanready.inventory.options import accepted, is_secretive, port_of_target, type_row
from scanready.inventory.problems import InventoryError, Problem
from scanready.run.registry import catalogue

from .found import Entry, Imported, host_and_its_port, options_of, port_of, tags_of, type_called, unrevealing
from .source import LONGEST_LINE, Source

_DELIMITERS = ",;\t|"
#: What a column is, by what people call it. Of several for the same, the first here wins.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "host": (
        "fqdn",
        "host",
        "hostname",
        "host name",
        "dns name",
        "dns",
        "server",
        "server name",
        "computer",
        "computer name",
        "ip",
        "ip address",
        "ipv4",
        "ipv4 address",
        "ipaddress",
        "address",
        "name",
        "ci name",
        "machine",
    ),
    "type": ("type", "target type", "scan type", "types", "service", "protocol", "ci type", "class"),
    "system": ("os", "operating system", "os name", "platform"),
    "port": ("port", "tcp port", "port number"),
    "credential": ("credential", "credentials", "credential name"),
    "user": ("user", "username", "user name", "login", "account"),
    "tags": (
        "tags",
        "tag",
        "labels",
        "group",
        "groups",
        "environment",
        "env",
        "department",
        "business unit",
        "location",
    ),
}
_ALL_OF = frozenset({"tags"})  # every column of this kind counts, not just the first


def has_a_header(text: str) -> bool:
    """True if the first line names a column of hosts and at least one more that is known."""
    found = _columns(_rows(text.partition("\n")[0], _delimiter(text))) if text.strip() else {}
    return "host" in found and len(found) > 1


def read(source: Source) -> Imported:
    """Read a table.

    Raises:
        InventoryError: it has no column of hosts, or is no table.
    """
    found = Imported("csv", source.file)
    if source.oddity:
        found.note(source.oddity)
    lines = _Lines(source)
    reader = csv.reader(lines, delimiter=_delimiter(source.start()))
    wrong, header = "", None
    try:
        for row in reader:
            lines.taken = 0
            if not any(cell.strip() for cell in row):
                continue
            if header is None:
                header = _header(found, row)
            else:
                _take(found, header, row, reader.line_num)
    except csv.Error as error:
        wrong = f"no table: {error}"
    if not wrong and (header is None or "host" not in header):
        wrong = "no table of hosts: its first line names no column such as host, hostname, fqdn or ip"
    if wrong:
        raise InventoryError([Problem(wrong, source.file, reader.line_num or None)])
    return found


class _Lines:
    """The lines of a table. ``taken`` counts the characters of the row that is being read, which may have several."""

    def __init__(self, source: Source) -> None:
        self._lines, self.taken = source.lines(""), 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken += len(line)
        if self.taken >= LONGEST_LINE:
            raise csv.Error("a row longer than 1 MiB")
        return line


def _delimiter(text: str) -> str:
    """What separates columns: what the first line has most of, outside quotes."""
    first = re.sub(r'"[^"]*"', "", text.lstrip().partition("\n")[0])
    return max(_DELIMITERS, key=first.count)


def _rows(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return []


def _word(cell: str) -> str:
    return " ".join(cell.strip().lower().replace("_", " ").replace("-", " ").split())


def _columns(row: Sequence[str]) -> dict[str, list[int]]:
    """The places of the columns that are known, by what they are."""
    words = [_word(cell) for cell in row]
    found: dict[str, list[int]] = {}
    for kind, names in _COLUMNS.items():
        places = [words.index(name) for name in names if name in words]
        if places:
            found[kind] = places
    taken = {place for kind, places in found.items() for place in (places if kind in _ALL_OF else places[:1])}
    options = {name for row in catalogue() for name in accepted(row)}
    for place, word in enumerate(words):
        name = word.replace(" ", "_")
        if name in options and place not in taken:
            found[f"option {name}"] = [place]
    return found


def _header(found: Imported, row: Sequence[str]) -> dict[str, list[int]]:
    header = _columns(row)
    known = {place for places in header.values() for place in places}
    for place, cell in enumerate(row):
        if is_secretive(cell):
            found.note(f"the column {shown(cell)} was not looked at: a secret is not taken over, only referred to")
        elif place not in known and cell.strip():
            found.note(f"the column {shown(cell)} was not taken over")
    return header


def _take(found: Imported, header: Mapping[str, list[int]], row: Sequence[str], line: int) -> None:
    def cell(kind: str) -> str:
        """The first column of this kind that is filled in: a machine without a name has an address."""
        return next(
            (row[place].strip() for place in header.get(kind, ()) if place < len(row) and row[place].strip()), ""
        )

    text = cell("host")
    try:
        host, port = host_and_its_port(text)
        port = port_of(cell("port")) or port
        types, guess = _types(cell("type"), cell("system"))
        named = {kind.removeprefix("option "): cell(kind) for kind in header if kind.startswith("option ")}
        tags = tags_of(
            word for place in header.get("tags", ()) if place < len(row) for word in re.split(r"[,;|]", row[place])
        )
        for type_ in types:
            if type_:
                port_of_target(type_row(type_), port)
            options = options_of(type_, named)
            credential = _account(found, cell("credential"), cell("user"), line)
            found.add(Entry(host, line, type_, port, options, credential, tags, guess))
    except Wrong as wrong:
        found.leave(line, text, "; ".join(wrong.messages))


def _types(words: str, system: str) -> tuple[list[str], str]:
    """The types that a row names, and what is guessed about that.

    Raises:
        Wrong: a word that is no type.
    """
    named = [word for word in re.split(r"[,;|+]", words) if word.strip()]
    found = [type_called(word) for word in named]
    unknown = [shown(unrevealing(word.strip())) for word, type_ in zip(named, found, strict=True) if not type_]
    if unknown:
        raise Wrong(f"no target type is called {', '.join(unknown)} (`scanready types` lists them)")
    if found:
        odd = [
            f"{word.strip()} as {type_}"
            for word, type_ in zip(named, found, strict=True)
            if word.strip().lower() != type_
        ]
        return list(dict.fromkeys(found)), f"read {', '.join(odd)}" if odd else ""
    for row in catalogue():
        if any(part in system.lower() for part in row.called.systems):
            return [row.name], f"by its operating system, {system}"
    return [""], ""


def _account(found: Imported, name: str, user: str, line: int) -> str:
    name = name or user
    if not name or not name.isprintable() or len(name) > 100 or ":" in name:  # "user:password", perhaps
        return ""
    return found.account(name, user or name, line)
