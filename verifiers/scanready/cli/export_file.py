"""Read the file that ``verify --export`` wrote: a header, results, an end. The file may be hostile.

It is read line by line, a line in memory at a time, and never more of it than the limits say: a file of a kilobyte may
hold gigabytes. A file that was cut off gives the results before the cut.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from scanready.files.json_stream import LARGEST_VALUE, JsonError, JsonStream
from scanready.files.places import standard_descriptor
from scanready.files.reading import open_file
from scanready.report.estate.export import MARK, End, Header, end_restored, header_restored
from scanready.report.parse import NotAResult

#: The first bytes of a gzip file.
MAGIC = b"\x1f\x8b"
#: The most bytes of a file, and of what it holds. The results of 200,000 targets are 500 MB.
LARGEST_FILE = 1 << 30
_MOST = 4 << 30
_ANY_SIZE = 1 << 62
_BLOCK = 1 << 20
#: The beginning of an export that was decompressed.
_HEADER = b'{"' + MARK.encode() + b'":'
#: The beginning of a result, as this version writes it.
_RESULT = b'{"schema":'
#: The beginning of the last line, and its most bytes: it lists an account for each host that judges it by itself.
_END, _LONGEST_END = b'{"end"', 32 << 20


#: The remedy for an export that was cut off.
CUT_OFF = "copy it again, or, if its run was killed, write it on its agent: `scanready report RUN --export FILE`"


class HeaderRefused(NotAResult):
    """Raise for an export whose first line cannot be used; ``agent`` is the name that it claims, or empty."""

    def __init__(self, message: str, agent: str) -> None:
        super().__init__(message)
        self.agent = agent


class ExportFile:
    """An open export.

    Attributes:
        header: what it says of its agent and inventory.
        end: its last line; None before all of it was read, and for a file that was cut off.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._packed = file.read(len(MAGIC)) == MAGIC
        file.seek(0)
        self._file = gzip.GzipFile(fileobj=file, mode="rb") if self._packed else file
        self._line, self._taken = 0, 0
        self.end: End | None = None
        try:
            first = next(self._lines(), None)
        except EOFError:
            first = None
        if first is None:
            raise NotAResult(f"it is cut off before its first line ends: {CUT_OFF}")
        self.header = self._header(first)

    def _header(self, line: bytes) -> Header:
        value, problem = None, ""
        foreign = "it is compressed, but not an export" if self._packed else "it is not an export"
        try:
            value = self._value(line)
            if not isinstance(value, dict) or MARK not in value:
                problem = f"{foreign}: its first line is not the header of one"
            else:
                return header_restored(value)
        except NotAResult as error:
            problem = str(error) if value is not None else f"{foreign}: {error}"
        raise HeaderRefused(problem, _claimed(value))

    def results(self) -> Iterator[tuple[str, Any]]:
        """Yield the results, each as its line and as JSON types, once; then ``end`` is set.

        Raises:
            NotAResult: a line is none, there is a second header, or the end counts other results.
        """
        count = 0
        with contextlib.suppress(EOFError):
            for line in self._lines():
                if self.end is not None:
                    raise NotAResult(f"line {self._line} follows the end of the export")
                if line.startswith(_END):
                    self._take_end(line, count)
                    continue
                value, text = self._value(line), line.decode().rstrip()
                if line.startswith(_RESULT):
                    count += 1
                    yield text, value
                elif isinstance(value, dict) and MARK in value:
                    raise NotAResult(f"line {self._line} is a second header: merge the exports as files of their own")
                else:
                    count += 1
                    yield text, value

    def _lines(self) -> Iterator[bytes]:
        """Yield whole lines; the last one of a file that was cut off is none.

        Raises:
            EOFError: the file is cut off.
        """
        try:
            while line := self._file.readline(LARGEST_VALUE + 1):
                self._line += 1
                while line.startswith(_END) and not line.endswith(b"\n") and len(line) < _LONGEST_END:
                    if not (more := self._file.readline(LARGEST_VALUE)):
                        raise EOFError
                    line += more
                self._taken += len(line)
                longest = _LONGEST_END if line.startswith(_END) else LARGEST_VALUE
                if len(line) > longest or self._taken > _MOST:
                    if self._taken > _MOST:
                        raise NotAResult(f"it has more than {_MOST >> 30} GiB of text")
                    raise NotAResult(f"line {self._line} is larger than {longest >> 20} MiB")
                if not line.endswith(b"\n"):
                    raise EOFError
                yield line
        except (gzip.BadGzipFile, zlib.error) as error:
            where = f"after line {self._line}" if self._line else "before its first line ends"
            if self.end is not None and "Not a gzipped file" in str(error):
                raise NotAResult("other data follows the end of the export: copy it again") from error
            raise NotAResult(f"it is damaged {where} ({error}): copy it again") from error

    def _take_end(self, line: bytes, count: int) -> None:
        try:
            self.end = end_restored(_end_of(line))
        except JsonError as error:
            raise NotAResult(f"line {self._line}, the end of the export: {str(error).partition(': ')[2]}") from None
        if self.end.results != count:
            raise NotAResult(f"it has {count} results, and its end counts {self.end.results}")

    def _value(self, line: bytes) -> Any:
        try:
            return _DECODER.decode(line.decode())
        except (ValueError, RecursionError) as error:
            raise NotAResult(f"line {self._line} is {_fault(error)}") from None


def _fault(error: ValueError | RecursionError) -> str:
    """Return what a line is instead of JSON."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON (column {error.colno}: {error.msg[:80]})"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    return "nested too deep" if isinstance(error, RecursionError) else f"not JSON ({str(error)[:80]})"


def _claimed(header: object) -> str:
    """Return the agent's name of a header that is not understood; empty if there is none."""
    agent = header.get("agent") if isinstance(header, dict) else None
    name = agent.get("name") if isinstance(agent, dict) else None
    return name if isinstance(name, str) else ""


def _end_of(line: bytes) -> object:
    """Return what the last line says, without the list of its accounts, which is walked entry by entry."""
    stream, end = JsonStream(io.BytesIO(line), _LONGEST_END), dict[str, Any]()
    for outer in stream.members():
        if outer != "end" or stream.peek() != "{":
            return stream.value()
        for name in stream.members():
            if name == "accounts":
                if not all(isinstance(stream.value(), dict) for _ in stream.items()):
                    raise NotAResult("accounts is not a list of objects")
            else:
                end[name] = stream.value()
    if stream.peek():
        raise NotAResult("there is text after the end of the export")
    return end


@contextlib.contextmanager
def export_file(path: str) -> Iterator[ExportFile]:
    """Open an export.

    Raises:
        Unreadable: it is no file, or larger than 1 GiB.
        NotAResult: it is not an export, is damaged, or is of a newer version (:class:`HeaderRefused`).
    """
    with open_file(path, LARGEST_FILE) as file:
        yield ExportFile(file)


def is_export(path: str) -> bool:
    """Return whether a file begins as an export does, compressed or not; every gzip file does.

    Standard input is no export: to look at it would take its first bytes away. The size of the file does not matter
    here, since the reader of its kind has a limit of its own.

    Raises:
        Unreadable: it is no file.
    """
    if standard_descriptor(path) is not None:
        return False
    with open_file(path, _ANY_SIZE) as file:
        return file.read(len(_HEADER)).startswith((MAGIC, _HEADER))


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


_DECODER = json.JSONDecoder(parse_constant=_refused)
