"""The bytes that were received and not yet read, and the error of who sent them."""

from __future__ import annotations

from typing import Any

#: Bytes or characters of an unknown value that its error quotes.
_MOST_QUOTED = 64


class WireError(Exception):
    """The peer broke the rules of the protocol it was expected to speak.

    The text says which rule, in words a server administrator understands;
    ``heard`` is filled in by the stream with the first bytes of the peer, and ``first`` with whether it was the peer's
    first message that broke them.
    """

    heard: bytes = b""
    first: bool = False


class ForeignBytes(WireError):
    """The beginning of a message is none that the protocol has, in any version or product.

    In the peer's first message it proves that another service answers, or something in front of it.
    """


class UnknownValue(WireError):
    """The peer speaks the protocol, and a field of its message has a value that this codec does not know.

    A newer version, a fork or a vendor's extension sends such values. They prove nothing against the peer, so a climb
    makes them ``undecided``, never ``blocked``.

    Args:
        field: the field in words, such as "the status of LOGINACK".
        value: as the peer sent it; the text quotes it.
    """

    def __init__(self, field: str, value: int | bytes | str) -> None:
        shown = f"{value} (0x{value:x})" if isinstance(value, int) else ascii(value[:_MOST_QUOTED])
        super().__init__(f"{field} is {shown}, a value that is not known here")
        self.field, self.value = field, value


class OurLimit(WireError):
    """The peer keeps to its protocol, and this codec does not read what other clients read: it is too much, or too odd.

    It says nothing against the peer either: a climb makes it ``undecided``.
    """


class Buffer:
    """Hold the bytes that were received and not yet read.

    ``eof`` is true once the peer has closed its side: a message that is ended by
    the end of the connection (an HTTP/1.0 body) is complete then. ``underway`` is
    the reader that has begun a message and waits for the rest of it.
    """

    __slots__ = ("_data", "_needle", "_searched", "eof", "underway")

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)
        self._needle = b""  # the last needle not found, searched up to _searched: bytes come in pieces
        self._searched = 0
        self.eof = False
        self.underway: Any = None  # of Stepwise, which no other code looks into

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Append what was received."""
        self._data += data

    def peek(self, count: int, offset: int = 0) -> bytes | None:
        """Return ``count`` bytes from ``offset`` without taking them, None if not there yet."""
        end = offset + count
        if len(self._data) < end:
            return None
        return bytes(self._data[offset:end])

    def take(self, count: int) -> bytes:
        """Remove and return ``count`` bytes that :meth:`peek` has seen.

        Raises:
            ValueError: fewer are there; a bug of the reader, never of the peer.
        """
        if count > len(self._data):
            raise ValueError("a reader may only take what is there")
        taken = bytes(self._data[:count])
        self.discard(count)
        return taken

    def discard(self, count: int) -> None:
        """Remove the first ``count`` bytes. The bytes after them are not moved: a bytearray only moves its start."""
        del self._data[:count]
        self._needle = b""
        self.underway = None

    def find(self, needle: bytes, limit: int, start: int | None = None) -> int | None:
        """Return the offset of ``needle`` within the first ``limit`` bytes, None if it is not there (yet).

        The search begins at ``start``; by default where the last one for the same needle ended.
        """
        resumed = start is None
        if start is None:
            start = self._searched if needle == self._needle else 0
        found = self._data.find(needle, start, limit)
        if found >= 0:
            return found
        if resumed:
            self._needle = needle
            self._searched = max(0, min(len(self._data), limit) - len(needle) + 1)
        return None

    def line(self, limit: int) -> bytes | None:
        """Take one line ended by LF, without its line end; None if it is not whole yet.

        Raises:
            WireError: no line end within ``limit`` bytes.
        """
        end = self.find(b"\n", limit)
        if end is None:
            if len(self._data) >= limit:
                raise WireError(f"a line of more than {limit} bytes")
            return None
        return self.take(end + 1).rstrip(b"\r\n")

    def everything(self) -> bytes:
        """Return all bytes there are, without taking them."""
        return bytes(self._data)
