"""A file of results: what ``--format json``, ``jsonl`` or ``html`` wrote, by itself or in a support bundle.

Such a file may come from anybody. It is read result by result, as often as its reader wants, and never as a whole: a
bundle of 88 KB can hold gigabytes. Nothing of an archive is unpacked to disk.
"""

from __future__ import annotations

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
from scanready.report.formats.embedded import find_run
from scanready.report.formats.packing import Unpacker
from scanready.report.parse import NotAResult, check_schema

#: Bytes read of a file, or of one member of a bundle. Larger runs are in the store.
_MOST = 128 << 20
#: Results in a file; 128 MiB hold some 40,000 ordinary ones. Each target stays in memory.
MOST_RESULTS = 50_000
#: The list of a page that has packed results; pages of before version 0.2 have the results themselves.
_PACKED = "rows"
#: Bytes that zipfile may ask for in one piece: a few thousand entries of a directory; a bundle has three.
_MOST_AT_ONCE = 1 << 20
#: The exceptions of zipfile for a file that is no archive, or a damaged one.
BROKEN_ARCHIVE = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, EOFError)

#: Opens the document anew, at its first byte.
_Opener = Callable[[], BinaryIO]


class Kind(Enum):
    """The kinds of files: a whole run, lines of results, or one result by itself."""

    DOCUMENT, LINES, RESULT = range(3)


@dataclass(frozen=True, slots=True)
class ResultFile:
    """``results`` yields the results as JSON types, anew at each call; ``head`` is what a document says besides.

    ``about`` is what a bundle says of itself, None for other files.
    """

    kind: Kind
    results: Callable[[], Iterator[Any]]
    head: Mapping[str, Any]
    about: Mapping[str, Any] | None = None


@contextlib.contextmanager
def result_file(path: str) -> Iterator[ResultFile]:
    """Open a file of results.

    Raises:
        Unreadable: it is no file, or larger than 128 MiB.
        NotAResult, ValueError: it is none of ours, or of another schema.
        zipfile.BadZipFile: one of `BROKEN_ARCHIVE`: a bundle that is damaged.
    """
    with open_file(path, _MOST) as file, contextlib.ExitStack() as kept:
        begins = file.read(15)
        if begins[:2] == b"PK":
            file.seek(0)
            yield _bundle(kept.enter_context(zipfile.ZipFile(_Limited(file))))
            return
        before = os.fstat(file.fileno())
        start = find_run(file) if begins.lower() == b"<!doctype html>" else 0

        def anew() -> BinaryIO:
            if not is_same(before, os.fstat(file.fileno())):
                raise NotAResult("it changes while it is read")
            file.seek(start)
            return file

        yield _document(anew, embedded=start > 0)


def _bundle(archive: zipfile.ZipFile) -> ResultFile:
    """Look at two members, by name, and only so much of each; where others would be unpacked to does not matter."""
    about = JsonStream(_member(archive, ABOUT), LARGEST_VALUE).value()
    if not isinstance(about, dict):
        raise NotAResult("what it says of the run is no object")
    if about.get("bundle", FORMAT) != FORMAT:
        made = str(about["bundle"])[:20]
        raise NotAResult(f"a bundle of format {made}; this version reads {FORMAT}: use a newer scanready")
    inside = _document(lambda: _member(archive, RESULT), embedded=False)
    return ResultFile(inside.kind, inside.results, inside.head, about)


def _document(anew: _Opener, *, embedded: bool) -> ResultFile:
    """Walk through all of it once: its kind, and what it says of the run, which may stand behind the results."""
    stream, head, count = JsonStream(anew(), _MOST), dict[str, Any](), -1
    lists, found = ("results", _PACKED) if embedded else ("results",), ""
    for key in stream.members():
        if key in lists and count < 0 and stream.peek() == "[":
            found = key
            count = sum(1 for _ in _items(stream))
        elif (value := stream.value()) is not None and key in ("schema", "run", "summary"):
            head[key] = value
    after = stream.peek()
    if count >= 0:
        check_schema(head.get("schema"))
    if after and not (embedded and after == "<") and not (count < 0 and after == "{"):
        raise NotAResult(f"line {stream.line}: more follows after the end")
    if count >= 0:
        return ResultFile(Kind.DOCUMENT, lambda: _results(JsonStream(anew(), _MOST), found), head)
    return ResultFile(Kind.LINES if after else Kind.RESULT, lambda: _lines(JsonStream(anew(), _MOST)), {})


def _results(stream: JsonStream, list_of: str) -> Iterator[Any]:
    for key in stream.members():
        if key == list_of and stream.peek() == "[":
            yield from map(_unpacking(), _items(stream)) if key == _PACKED else _items(stream)
            return
        stream.value()


def _unpacking() -> Callable[[Any], Any]:
    """Return what makes results of the rows of a page, in their order."""
    unpacker = Unpacker(_MOST, LARGEST_VALUE)

    def result(row: Any) -> Any:
        line, _ = unpacker.texts(row)
        try:
            return json.loads(line)
        except RecursionError:
            raise NotAResult("a row of the page is nested too deep") from None

    return result


def _items(stream: JsonStream) -> Iterator[Any]:
    return _counted(stream.value() for _ in stream.items())


def _lines(stream: JsonStream) -> Iterator[Any]:
    return _counted(iter(lambda: stream.value() if stream.peek() else _END, _END))


_END = object()


def _counted(values: Iterator[Any]) -> Iterator[Any]:
    for place, value in enumerate(values):
        if place >= MOST_RESULTS:
            raise NotAResult(f"more than {MOST_RESULTS:,} results: take the run from the store, or split the file")
        yield value


class _Limited(io.RawIOBase):
    """An archive's file, of which zipfile may not read its directory if that is too large to be ours."""

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
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, or the rest of the file; neither is much in an archive of ours."""
        piece = self._file.read(size if 0 <= size <= _MOST_AT_ONCE else _MOST_AT_ONCE + 1)
        if len(piece) > _MOST_AT_ONCE:
            raise zipfile.BadZipFile("its directory is too large")
        return piece


def _member(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    try:
        if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotAResult(f"{name} is not packed as we pack it")
        return archive.open(name)  # type: ignore[return-value]  # it reads as a file does
    except KeyError:
        raise NotAResult(f"there is no {name} in it") from None
    except RuntimeError as error:  # zipfile's word for a member that is encrypted
        raise NotAResult(str(error)) from error
