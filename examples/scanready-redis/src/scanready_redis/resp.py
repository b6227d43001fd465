r"""Redis serialization protocol, version 2: build commands and read replies. No I/O.

A command is an array of bulk strings; a reply begins with a byte that names its kind::

    *2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n        SELECT 3
    +OK\r\n                                  a status
    -WRONGPASS invalid ...\r\n               an error; its first word is the code
    :42\r\n                                  a number
    $5\r\nredis\r\n                          a bulk string; $-1 is null
    *2\r\n+a\r\n:1\r\n                       an array; *-1 is null

https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scanready.author import Buffer, WireError

#: Bounds of one reply: its lines, its bulk strings, its whole size (bytes), its elements, and its nesting.
LONGEST_LINE, LONGEST_BULK, LARGEST, MOST_ELEMENTS, DEEPEST = 4096, 16_384, 65_536, 256, 4
_NUMBER = re.compile(rb"-?\d{1,18}")


@dataclass(frozen=True, slots=True)
class Failed:
    """An error reply: ``code`` is its first word, such as "NOAUTH"; ``text`` is all of it."""

    code: str
    text: str


#: A status and a bulk string are text, a number is a number, null is None.
Reply = str | int | None | Failed | list["Reply"]


def command(*words: str) -> bytes:
    """Return a command with its arguments."""
    parts = [word.encode("utf-8", "surrogateescape") for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def read_reply(buffer: Buffer) -> tuple[Reply] | None:
    """Take one reply, and return it in a tuple, since null is a reply; None if it is not whole yet.

    Raises:
        WireError: it is no reply of Redis, or larger than any that is expected here.
    """
    data = buffer.everything()
    found = _reply(data, 0, 0)
    if found is None:
        if len(data) >= LARGEST:
            raise WireError(f"a reply of more than {LARGEST} bytes")
        return None
    reply, end = found
    buffer.take(end)
    return (reply,)


def _reply(data: bytes, start: int, depth: int) -> tuple[Reply, int] | None:
    """The reply that begins at ``start``, and the offset behind it; None if more bytes are needed."""
    kind = data[start : start + 1]
    if not kind:
        return None
    if kind not in b"+-:$*":
        raise WireError(f"a reply begins with {kind!r}, which is no kind of reply")
    line_end = data.find(b"\r\n", start, start + LONGEST_LINE)
    if line_end < 0:
        if len(data) - start >= LONGEST_LINE:
            raise WireError(f"a line of more than {LONGEST_LINE} bytes")
        return None
    line, end = data[start + 1 : line_end], line_end + 2
    if kind == b"+":
        return _text(line), end
    if kind == b"-":
        text = _text(line)
        return Failed(text.partition(" ")[0], text), end
    if not _NUMBER.fullmatch(line):
        raise WireError(f"{line[:20]!r} stands where a number belongs")
    number = int(line)
    if kind == b":":
        return number, end
    if number == -1:
        return None, end
    return _bulk(data, end, number) if kind == b"$" else _array(data, end, number, depth + 1)


def _bulk(data: bytes, start: int, size: int) -> tuple[Reply, int] | None:
    if not 0 <= size <= LONGEST_BULK:
        raise WireError(f"a string of {size} bytes")
    end = start + size
    if len(data) < end + 2:
        return None
    if data[end : end + 2] != b"\r\n":
        raise WireError("a string does not end where its length says")
    return _text(data[start:end]), end + 2


def _array(data: bytes, start: int, size: int, depth: int) -> tuple[Reply, int] | None:
    if not 0 <= size <= MOST_ELEMENTS or depth > DEEPEST:
        raise WireError(f"an array of {size} elements, {depth} deep")
    elements: list[Reply] = []
    for _ in range(size):
        found = _reply(data, start, depth)
        if found is None:
            return None
        element, start = found
        elements.append(element)
    return elements, start


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
