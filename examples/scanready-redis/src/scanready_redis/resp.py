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

from scanready.author import Cursor, Steps, WireError, stepwise

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


@stepwise
def read_reply(cursor: Cursor) -> Steps[tuple[Reply]]:
    """Take one reply, and return it in a tuple, since null is a reply.

    Raises:
        WireError: it is no reply of Redis, or larger than any that is expected here.
    """
    return ((yield from _reply(cursor, 0)),)


def _reply(cursor: Cursor, depth: int) -> Steps[Reply]:
    if cursor.at >= LARGEST:
        raise WireError(f"a reply of more than {LARGEST} bytes")
    kind = yield from cursor.take(1)
    if kind not in b"+-:$*":
        raise WireError(f"a reply begins with {kind!r}, which is no kind of reply")
    line = (yield from cursor.until(b"\r\n", LONGEST_LINE)).removesuffix(b"\r\n")
    if kind == b"+":
        return _text(line)
    if kind == b"-":
        text = _text(line)
        return Failed(text.partition(" ")[0], text)
    if not _NUMBER.fullmatch(line):
        raise WireError(f"{line[:20]!r} stands where a number belongs")
    number = int(line)
    if kind == b":":
        return number
    if number == -1:
        return None
    if kind == b"$":
        return (yield from _bulk(cursor, number))
    return (yield from _array(cursor, number, depth + 1))


def _bulk(cursor: Cursor, size: int) -> Steps[str]:
    if not 0 <= size <= LONGEST_BULK:
        raise WireError(f"a string of {size} bytes")
    text = yield from cursor.take(size)
    if (yield from cursor.take(2)) != b"\r\n":
        raise WireError("a string does not end where its length says")
    return _text(text)


def _array(cursor: Cursor, size: int, depth: int) -> Steps[Reply]:
    if not 0 <= size <= MOST_ELEMENTS or depth > DEEPEST:
        raise WireError(f"an array of {size} elements, {depth} deep")
    elements: list[Reply] = []
    while len(elements) < size:
        elements.append((yield from _reply(cursor, depth)))
    return elements


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
