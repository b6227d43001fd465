"""Read a table with a header (CSV in any of its dialects, as a spreadsheet or a CMDB exports it).

Columns go by many names; an unknown one is a note, and one that looks like a secret is not looked at.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence

from scanready.catalogue.wrong import Wrong, shown
from scanready.inventory.options import is_secretive
from scanready.inventory.problems import InventoryError, Problem

from .cells import Kinds, Place, kinds_of, not_in_use, places_of, port_for
from .columns import Columns, columns_of, is_heading_of_hosts, listed, looks_like_a_header, plain_word
from .found import Entry, Imported, options_of, port_of, tags_of
from .source import LONGEST_LINE, Source

_DELIMITERS = ",;\t|"
#: Rows that may stand above the header, such as the title of a report.
_MOST_ABOVE = 5
#: Rows that are compared to tell a table from a list.
_MOST_COMPARED = 20
_SEPARATOR = re.compile(r"sep=(.)\s*", re.IGNORECASE)


def is_table(text: str) -> bool:
    """True for a text with a header of a table, or most of whose lines have several cells."""
    bare = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in text.splitlines()[:_MOST_COMPARED])
    lines = [line for line in bare if line]
    if not lines:
        return False
    if _SEPARATOR.fullmatch(lines[0]):
        return True
    if is_heading_of_hosts(lines[0].strip().strip('"')):
        return True
    delimiter = _delimiter("\n".join(lines))
    rows = [_rows(line, delimiter) for line in lines]
    if "://" in lines[0]:
        return False
    if any(_is_header(columns_of(row)) for row in rows[:_MOST_ABOVE]):
        return True
    return len(rows) > 1 and 2 * sum(len(row) > 1 for row in rows) > len(rows)


def _is_header(columns: Columns) -> bool:
    return columns.has_hosts and (columns.known > 1 or len([cell for cell in columns.headings if cell.strip()]) == 1)


def read(source: Source, mapping: Mapping[str, str] | None = None) -> Imported:
    """Read a table.

    Args:
        mapping: headings by what they are, for columns that the caller names; see :func:`.columns.columns_of`.

    Raises:
        InventoryError: it has no column of hosts, or is no table.
    """
    found = Imported("csv", source.file)
    if source.oddity:
        found.note(source.oddity)
    # The limit is the process's: it is only raised, since another thread may read a table.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
    lines = _Lines(source)
    wrong, line, table = "", None, _Table(found, mapping or {})
    try:
        for row in csv.reader(lines, delimiter=_delimiter(source.start())):
            table.take(row, lines.first)
            if lines.exhausted:
                raise csv.Error("a quote that begins in this row is not closed, so the rows after it cannot be read")
            lines.begin_row()
        table.end()
    except csv.Error as error:
        wrong, line = f"no table: {error}", lines.first
    except Wrong as error:
        wrong, line = "; ".join(error.messages), table.header_line
    if wrong:
        raise InventoryError([Problem(wrong, source.file, line or None)])
    return found


class _Table:
    """The rows of a table, from the first on. ``header_line`` is the line of what should be the header."""

    def __init__(self, found: Imported, mapping: Mapping[str, str]) -> None:
        self._found, self._mapping = found, mapping
        self._columns: Columns | None = None
        self._above: list[tuple[int, list[str]]] = []
        self.header_line = 0

    def take(self, row: list[str], line: int) -> None:
        """Take the header, or a machine.

        Raises:
            Wrong: there is no header.
        """
        if not any(cell.strip() for cell in row) or (line == 1 and _SEPARATOR.fullmatch(",".join(row))):
            return
        if self._columns is not None:
            if row != self._columns.headings:  # sheets that were put together have their headers again
                _take(self._found, self._columns, row, line)
        elif self._begins(row):
            self.header_line = line
            self._columns = columns_of(row, self._mapping)
            self._tell(self._columns)
        else:
            self._above.append((line, row))
            if len(self._above) >= _MOST_ABOVE:
                self.end()

    def _begins(self, row: Sequence[str]) -> bool:
        if self._mapping.get("host"):
            return any(plain_word(cell) == plain_word(self._mapping["host"]) for cell in row)
        columns = columns_of(row)
        return columns.has_hosts and (columns.known > 1 or not self._above)

    def end(self) -> None:
        """Say what is wrong if no row was a header.

        Raises:
            Wrong: none was.
        """
        if self._columns is not None:
            return
        if not self._above:
            raise Wrong("the table is empty: add a header with a column such as hostname, fqdn or ip address")
        line, row = max(self._above, key=lambda one: len([cell for cell in one[1] if cell.strip()]))
        self.header_line = line
        if self._mapping:
            columns_of(row, self._mapping)
        if not looks_like_a_header(row):
            raise Wrong(
                "no column of hosts: this line looks like data (not repeated here) and has no header above it; "
                "add one, such as hostname,ip address,type"
            )
        named = f"no column of hosts among {listed(row)}"
        example = next((cell.strip()[:40] for cell in row if cell.strip() and cell.isprintable()), "COLUMN")
        column = f'"{example}"' if re.fullmatch(r"[\w .-]+", example) else "COLUMN"
        raise Wrong(f"{named}: name the column with the hosts, as in --map host={column}")

    def _tell(self, columns: Columns) -> None:
        for line, row in self._above:
            self._found.note(f"line {line} is above the header and was not read: {listed(row)}")
        known = {place for places in columns.places.values() for place in places}
        for place, cell in enumerate(columns.headings):
            if is_secretive(cell):
                self._found.note(f"the column {shown(cell)} was not read, because secrets are not imported")
            elif place not in known and cell.strip():
                self._found.note(f"the column {shown(cell)} was not imported")


class _Lines:
    """The lines of a table, for a reader that may take several of them for a row.

    Attributes:
        first: the number of the first line of the row that is being read.
        exhausted: there are no more lines. A row that the reader yields then has a quote that is not closed.
    """

    def __init__(self, source: Source) -> None:
        self._lines, self._number, self._taken = source.lines(""), 0, 0
        self.first, self.exhausted = 1, False

    def begin_row(self) -> None:
        """Start a new row with the next line."""
        self.first, self._taken = self._number + 1, 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.exhausted = True
            raise StopIteration
        self._number += 1
        self._taken += len(line)
        if self._taken >= LONGEST_LINE:
            raise csv.Error("a row is longer than 1 MiB: is a quote not closed?")
        return line


def _delimiter(text: str) -> str:
    """Return the most frequent delimiter of a first line, outside quotes; or the one that Excel's line names."""
    lines = [line for line in text.splitlines()[:_MOST_ABOVE] if line.strip()]
    if lines and (named := _SEPARATOR.fullmatch(lines[0])):
        return named[1] if named[1] in _DELIMITERS else ","
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines]
    return max(_DELIMITERS, key=lambda sign: max((line.count(sign) for line in bare), default=0))


def _rows(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return []


def _take(found: Imported, columns: Columns, row: Sequence[str], line: int) -> None:
    """One row's machines to targets."""
    told = next((cell for kind in ("host", "address", "name") for cell in columns.cells(kind, row)), "")
    try:
        if gone := not_in_use(columns.cell("status", row)):
            raise Wrong(gone)
        places = places_of(*(columns.cells(kind, row) for kind in ("host", "address", "name")))
        kinds = kinds_of(columns.cells("type", row), columns.cell("os", row))
        port = port_of(columns.cell("port", row))
        for place in places:
            for entry in list(_entries(columns, row, line, place, kinds, port or place.port)):
                credential = _account(found, columns, row, line)
                entry.credential = credential
                found.add(entry)
    except Wrong as wrong:
        found.leave(line, told, "; ".join(wrong.messages))


def _entries(
    columns: Columns, row: Sequence[str], line: int, place: Place, kinds: Kinds, port: int | None
) -> Iterator[Entry]:
    """The targets of one machine.

    Raises:
        Wrong: a port or an option that cannot be.
    """
    named = {name: columns.cell(kind, row) for kind, name in columns.options}
    tags = tags_of(word for cell in columns.cells("tags", row) for word in re.split(r"[,;|]", cell))
    if kinds.by_system and port not in (None, Entry("", line, kinds.types[0]).used_port):
        kinds = Kinds(("",), about=f"the operating system {columns.cell('os', row)} does not explain the port")
    about = "; ".join(filter(None, (f"also named {', '.join(place.also[:5])}" if place.also else "", kinds.about)))
    for type_, guessed in kinds.each:
        own = port_for(type_, kinds.types, port)
        guess = "; ".join(filter(None, (place.guess, guessed)))
        yield Entry(place.host, line, type_, own, options_of(type_, named), "", tags, guess, about, also=place.also)


def _account(found: Imported, columns: Columns, row: Sequence[str], line: int) -> str:
    name, user = columns.cell("credential", row), columns.cell("user", row)
    named = name or user
    if not named or not named.isprintable() or len(named) > 100 or ":" in named:  # "user:password", perhaps
        return ""
    if not name and "user" not in columns.mapped:
        heading = shown(columns.heading("user"))
        found.note(f"accounts are from the column {heading}: if it names the users of a machine, add --map user=")
    return found.account(named, user or named, line)
