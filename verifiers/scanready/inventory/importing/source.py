"""A foreign file, bounded: its bytes, and its text line by line, whatever its encoding."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scanready.files import reading
from scanready.files.byte_order import encoding_of
from scanready.inventory.problems import InventoryError, Problem

#: Some hundred thousand hosts of an nmap scan.
LARGEST_FILE = 32 << 20
#: Characters of a line that are looked at; a longer one is no line of a list or a table.
LONGEST_LINE = 1 << 20
_START, _SAMPLE = 1 << 16, 512


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes, its name for messages, its encoding, and a remark on an odd one."""

    file: str
    data: bytes
    encoding: str = "utf-8-sig"
    oddity: str = ""

    def start(self) -> str:
        """Return the text of its first 64 KiB, which shows its kind."""
        return codecs.getincrementaldecoder(self.encoding)("replace").decode(self.data[:_START])

    def lines(self, ending: str | None = "\n") -> Iterator[str]:
        """Yield its lines with their ends; one that is longer than `LONGEST_LINE` is cut, and its rest left out.

        Args:
            ending: what ends a line, as :class:`io.TextIOWrapper` has it.
        """
        with io.TextIOWrapper(io.BytesIO(self.data), self.encoding, "replace", ending) as text:
            while line := text.readline(LONGEST_LINE):
                yield line
                while line and not line.endswith(("\n", "\r")):
                    line = text.readline(LONGEST_LINE)

    def stream(self) -> BinaryIO:
        """Return its bytes as a file in UTF-8."""
        return io.BytesIO(self.data) if self.encoding == "utf-8-sig" else _Recoded(self)


def read_source(path: str | Path) -> Source:
    """Read a file; ``-`` is standard input. It is UTF-8, UTF-16 or else Windows-1252; a note names a guess.

    Raises:
        InventoryError: it cannot be read, or is too large.
    """
    file, wrong, content = "<stdin>" if str(path) == "-" else str(path), "", b""
    try:
        content = reading.read_standard_input(LARGEST_FILE) if file == "<stdin>" else reading.read(path, LARGEST_FILE)
    except reading.Unreadable as error:
        wrong = f"{error}: split it" if "larger than" in str(error) else str(error)
    if wrong:
        raise InventoryError([Problem(wrong.removeprefix("is ") if "larger than" in wrong else wrong, file)])
    return source_of(content, file)


def source_of(content: bytes, file: str) -> Source:
    """Return the source with these bytes, and its encoding as :func:`read_source` finds it."""
    if (encoding := encoding_of(content)) == "utf-16":
        return Source(file, content, encoding)
    if unmarked := _unmarked(content):
        return Source(file, content, unmarked, "it has no byte order mark and was read as UTF-16")
    if _is_utf8(content):
        return Source(file, content)
    return Source(file, content, "cp1252", "it is not UTF-8 and was read as Windows-1252")


def _unmarked(content: bytes) -> str:
    """Return the encoding of a UTF-16 text without its mark, in which every other byte of plain text is zero."""
    start = content[: 2 * _SAMPLE]
    low, high = start[0::2].count(0), start[1::2].count(0)
    if not start or low + high < len(start) // 4:
        return ""
    return "utf-16-le" if not low and high else "utf-16-be" if not high and low else ""


def _is_utf8(content: bytes) -> bool:
    """Return whether all of it is UTF-8; decode it in pieces."""
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(content)
    try:
        for at in range(0, len(view), _START):
            decoder.decode(view[at : at + _START])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


class _Recoded(io.BytesIO):
    """The bytes of a source in UTF-8, converted while they are read."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source, self._at = source, 0
        self._decoder = codecs.getincrementaldecoder(source.encoding)("replace")

    def read(self, size: int | None = -1) -> bytes:
        """Return the next piece, of about ``size`` bytes."""
        text = ""
        while not text and self._at < len(self._source.data):
            piece = self._source.data[self._at : self._at + max(2, size if size and size > 0 else _START)]
            self._at += len(piece)
            text = self._decoder.decode(piece, final=self._at >= len(self._source.data))
        return text.encode("utf-8", "replace")
