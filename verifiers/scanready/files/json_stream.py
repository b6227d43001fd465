"""Read a JSON document piece by piece: memory depends on its largest value, not on its size.

A few kilobytes of a hostile document can become gigabytes of objects. So the caller walks the document's outer objects
and lists itself, and only what is small is turned into objects as a whole.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from .byte_order import encoding_of

#: A value that is read as a whole, in characters. As objects it takes some 40 MB at worst.
LARGEST_VALUE = 1 << 20
_BLOCK = 1 << 16
# A number at the end of the buffer may be cut: of "1." and "1e+" the decoder reads "1".
_MARGIN = 8
_SPACE = re.compile(r"[ \t\r\n]*")


class JsonError(ValueError):
    """Raise for a document that is not JSON, or too large; the message says where."""


class JsonStream:
    """Walks one document from its beginning, or several that follow each other.

    Args:
        file: where its bytes come from: UTF-8, or UTF-16 with its mark.
        most: how many bytes of it are read.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most, self._taken = file, most, 0
        self._decoder: codecs.IncrementalDecoder | None = None
        self._json = json.JSONDecoder()
        self._text, self._at, self._ended = "", 0, False
        self._lines = 1

    @property
    def line(self) -> int:
        """The line of the place that is read next, from 1."""
        return self._lines + self._text.count("\n", 0, self._at)

    def peek(self) -> str:
        """Return the next character that is not white space, an empty text at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._fill()

    def value(self) -> Any:
        """Return the next value, whatever it is.

        Raises:
            JsonError: it is none, or larger than `LARGEST_VALUE`.
        """
        if not self.peek():
            raise self._error("it ends too early")
        while True:
            room = len(self._text) - self._at
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended:
                    raise self._error(error.msg) from None
            except RecursionError:
                raise self._error("nested too deep") from None
            except ValueError:  # more digits than Python turns into a number
                raise self._error("a number that is too long") from None
            else:
                if self._ended or end + _MARGIN <= len(self._text) or not isinstance(value, (int, float)):
                    if end - self._at > LARGEST_VALUE:
                        raise self._error(_TOO_LARGE)
                    self._at = end
                    return value
            if room > LARGEST_VALUE:
                raise self._error(_TOO_LARGE)
            self._fill(room)

    def members(self) -> Iterator[str]:
        """Yield the keys of the next value, an object; the caller reads the value of each before the next key."""
        self._expect("{")
        closed = self.peek() == "}"
        while not closed:
            if self.peek() != '"':
                raise self._error("a key in quotes is missing")
            key = self.value()
            self._expect(":")
            yield key
            closed = self._is_last("}")
        if self.peek() == "}":
            self._at += 1

    def items(self) -> Iterator[None]:
        """Yield once for each item of the next value, a list; the caller reads each item."""
        self._expect("[")
        closed = self.peek() == "]"
        while not closed:
            yield None
            closed = self._is_last("]")
        if self.peek() == "]":
            self._at += 1

    def _is_last(self, closing: str) -> bool:
        """Return True if the collection closes here; pass a comma otherwise."""
        if self.peek() == closing:
            return True
        self._expect(",")
        return False

    def _expect(self, sign: str) -> None:
        if self.peek() != sign:
            if not self._taken:
                raise JsonError("it is empty")
            raise self._error(f"`{sign}` is missing")
        self._at += 1

    def _fill(self, least: int = 0) -> None:
        """Read on: as much as there is already, so that a value that is read again costs twice its length at most."""
        wanted = max(_BLOCK, least)
        self._lines += self._text.count("\n", 0, self._at)
        pieces, length = [self._text[self._at :]], 0
        self._at = 0
        while length < wanted and not self._ended:
            block = self._file.read(_BLOCK)
            self._taken += len(block)
            if self._taken > self._most:
                raise JsonError(f"larger than {self._most >> 20} MiB")
            self._ended = not block
            if self._decoder is None:
                encoding = encoding_of(block)
                if b"\0" in block and encoding != "utf-16":
                    raise JsonError(_NO_TEXT)
                self._decoder = codecs.getincrementaldecoder(encoding)()
            pieces.append(self._decoded(block, self._decoder, "".join(pieces)))
            length += len(pieces[-1])
        self._text = "".join(pieces)

    def _decoded(self, block: bytes, decoder: codecs.IncrementalDecoder, before: str) -> str:
        """Return the text of a block, which follows ``before``."""
        try:
            return decoder.decode(block, final=self._ended)
        except UnicodeDecodeError as error:
            line = self._lines + before.count("\n") + error.object[: error.start].count(b"\n")
            raise JsonError(f"line {line} is not UTF-8 text: save the file as UTF-8, or copy it again") from None

    def _error(self, words: str) -> JsonError:
        return JsonError(f"line {self.line}: {words}")


_NO_TEXT = "it is no text file, but a program, a picture or another file with binary data"
_TOO_LARGE = f"a value larger than {LARGEST_VALUE >> 20} MiB"
