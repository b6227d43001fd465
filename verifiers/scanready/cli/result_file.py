"""Read a result file, as ``--format json``, ``jsonl`` or ``html`` writes it, on its own or in a support bundle.

Such a file may come from an untrusted source. It is read result by result, as often as the caller wants, and never as
a whole: a bundle of 88 KB can hold gigabytes. Nothing of an archive is unpacked to disk.
"""

from __future__ import annotations

import collections
import contextlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, BinaryIO

from scanready.cli.output.bundle import ABOUT, FORMAT, RESULT
from scanready.files.json_stream import LARGEST_VALUE, JsonStream
from scanready.files.reading import is_same, open_file
from scanready.report.estate.packing import AGENTS, unpacker_of, unseen_in
from scanready.report.formats.embedded import find_run
from scanready.report.formats.packing import Unpacker
from scanready.report.parse import NotAResult, check_schema

#: The most bytes that are read of a file, or of one member of a bundle. Larger runs are in the store.
_MOST = 128 << 20
#: Results in a file; 128 MiB hold some 40,000 ordinary ones. Each target stays in memory.
MOST_RESULTS = 50_000
#: The list in a page that holds packed results; pages from before version 0.2 hold the results themselves.
_PACKED = "rows"
#: The list in the page of an estate view, with the results of many agents, and the most characters of them together.
_MATRIX, _MOST_OF_MATRIX = "matrix", 4 * _MOST
#: The beginning of a file of SQLite, which a run store is.
_DATABASE = b"SQLite format 3"
#: The most bytes that zipfile may request in one piece: a directory of a few thousand entries; a bundle has three.
_MOST_AT_ONCE = 1 << 20
#: The exceptions of zipfile for a file that is not an archive, or that is damaged.
BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, EOFError)

#: A function that opens the document again, at its first byte.
_Opener = Callable[[], BinaryIO]


class Kind(Enum):
    """The kinds of files: a whole run, lines of results, or one result by itself."""

    DOCUMENT, LINES, RESULT = range(3)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """The contents of a result file.

    ``results`` yields the results as JSON types, from the start at each call. ``head`` holds the other keys of a
    document. ``about`` is the bundle's own description; None for other files.
    """

    kind: Kind
    results: Callable[[], Iterator[Any]]
    head: Mapping[str, Any]
    about: Mapping[str, Any] | None = None


@contextlib.contextmanager
def result_file(path: str) -> Iterator[ResultFile]:
    """Open a file of results.

    Raises:
        Unreadable: it is not a file, or larger than 128 MiB.
        NotAResult, ValueError: scanready did not write it, or it has another schema.
        zipfile.BadZipFile: or another of `BROKEN_ARCHIVE`: the bundle is damaged.
    """
    with open_file(path, _MOST) as file, contextlib.ExitStack() as kept:
        begins = file.read(15)
        if begins[:2] == b"PK":
            file.seek(0)
            yield _bundle(kept.enter_context(zipfile.ZipFile(_Limited(file))))
            return
        if begins == _DATABASE:
            raise NotAResult("it is a database; to read a run of a run store: `scanready report RUN --store FILE`")
        before = os.fstat(file.fileno())
        start = find_run(file) if begins.lower() == b"<!doctype html>" else 0

        def anew() -> BinaryIO:
            if not is_same(before, os.fstat(file.fileno())):
                raise NotAResult("the file changed while it was read; try again")
            file.seek(start)
            return file

        yield _document(anew, embedded=start > 0)


def _bundle(archive: zipfile.ZipFile) -> ResultFile:
    """Read two members by name, up to a limit; ignore all other members."""
    about = JsonStream(_member(archive, ABOUT), LARGEST_VALUE).value()
    if not isinstance(about, dict):
        raise NotAResult("its description of the run is not an object")
    if about.get("bundle", FORMAT) != FORMAT:
        made = str(about["bundle"])[:20]
        raise NotAResult(f"the bundle has format {made}, and this version reads {FORMAT}; use a newer scanready")
    inside = _document(lambda: _member(archive, RESULT), embedded=False)
    return ResultFile(inside.kind, inside.results, inside.head, about)


def _document(anew: _Opener, *, embedded: bool) -> ResultFile:
    """Read the document once and return its kind and its head, which may follow the results."""
    stream, head, count = JsonStream(anew(), _MOST), dict[str, Any](), -1
    lists, found = ("results", _PACKED, _MATRIX) if embedded else ("results",), ""
    for key in stream.members():
        if key in lists and count < 0 and stream.peek() == "[":
            found = key
            lines = _items(stream)
            if key == _MATRIX:
                _add_unseen(head, [target for line in lines if (target := unseen_in(line))])
            count = sum(1 for _ in lines)
        elif key == "estate" and stream.peek() == "{":
            head[key] = _estate(stream)
        elif (value := stream.value()) is not None and key in ("schema", "run", "summary"):
            head[key] = value
    after = stream.peek()
    if count >= 0:
        check_schema(head.get("schema"))
    if after and not (embedded and after == "<") and not (count < 0 and after == "{"):
        raise NotAResult(f"line {stream.line}: there is text after the end of the document")
    if count >= 0:
        return ResultFile(Kind.DOCUMENT, lambda: _results(JsonStream(anew(), _MOST), found, head), head)
    return ResultFile(Kind.LINES if after else Kind.RESULT, lambda: _lines(JsonStream(anew(), _MOST)), {})


def _estate(stream: JsonStream) -> dict[str, Any]:
    """Return the frame of an estate view and the agents of its page; pass the rest, which the results lead to again."""
    found: dict[str, Any] = {}
    for key in stream.members():
        if key == "frame" and stream.peek() == "{":
            found[key] = {
                name: list(_items(stream)) if stream.peek() == "[" else stream.value() for name in stream.members()
            }
        elif key in AGENTS:
            found[key] = stream.value()
        elif stream.peek() == "[":
            collections.deque(_items(stream), maxlen=0)
        else:
            stream.value()
    return found


def _add_unseen(head: Mapping[str, Any], unseen: list[Any]) -> None:
    """Add the targets without a result, which are lines of a matrix, to the frame of its estate view."""
    match head.get("estate"):
        case {"frame": {"unseen": list() as known}}:
            known.extend(unseen)


def _results(stream: JsonStream, list_of: str, head: Mapping[str, Any]) -> Iterator[Any]:
    for key in stream.members():
        if key == list_of and stream.peek() == "[":
            if key == _MATRIX:
                yield from _counted(_cells(_items(stream), head.get("estate")))
            else:
                yield from map(_unpacking(), _items(stream)) if key == _PACKED else _items(stream)
            return
        stream.value()


def _cells(lines: Iterator[Any], estate: Any) -> Iterator[Any]:
    """Yield the results of a matrix, target by target."""
    unpacker = unpacker_of(estate, _MOST_OF_MATRIX, LARGEST_VALUE)
    for line in lines:
        yield from (_parsed(text) for text, _ in unpacker.texts(line))


def _unpacking() -> Callable[[Any], Any]:
    """Return a function that turns the rows of a page into results; it must see them in order."""
    unpacker = Unpacker(_MOST, LARGEST_VALUE)

    def result(row: Any) -> Any:
        line, _ = unpacker.texts(row)
        return _parsed(line)

    return result


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except RecursionError:
        raise NotAResult("a row of the page is nested too deeply") from None


def _items(stream: JsonStream) -> Iterator[Any]:
    return _counted(stream.value() for _ in stream.items())


def _lines(stream: JsonStream) -> Iterator[Any]:
    return _counted(iter(lambda: stream.value() if stream.peek() else _END, _END))


_END = object()


def _counted(values: Iterator[Any]) -> Iterator[Any]:
    for place, value in enumerate(values):
        if place >= MOST_RESULTS:
            raise NotAResult(f"it has more than {MOST_RESULTS:,} results; name the stored run, or split the file")
        yield value


class _Limited(io.RawIOBase):
    """The file of an archive; it stops zipfile from reading a directory too large for a bundle."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the current offset."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, or the rest of the file; both are small in a bundle.

        Raises:
            zipfile.BadZipFile: they are not.
        """
        piece = self._file.read(size if 0 <= size <= _MOST_AT_ONCE else _MOST_AT_ONCE + 1)
        if len(piece) > _MOST_AT_ONCE:
            raise zipfile.BadZipFile("its directory is too large")
        return piece


def _member(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    try:
        if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotAResult(f"{name} in it is compressed with an unsupported method")
        return archive.open(name)  # type: ignore[return-value]  # it can be read as a file
    except KeyError:
        raise NotAResult(f"it has no {name}") from None
    except RuntimeError as error:  # zipfile raises this for an encrypted member
        raise NotAResult(str(error)) from error
