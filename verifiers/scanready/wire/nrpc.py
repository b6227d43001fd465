"""Open a session over NRPC, the protocol of Notes and Domino, and stop before any login.

    client  open a session: 62 bytes without a user name
    server  the session is open; its own distinguished name, CN=.../OU=.../O=...

No description is public. This module knows only the bytes on which three independent public traces agree (see the
transcripts' README), and skips all others. A message is a u32 length, then that many bytes. All numbers are little
endian.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import Cursor, ForeignBytes, Steps, WireError, stepwise
from .fields import Field, Role

#: The client's first message, byte for byte as the traces have it; the names in it are empty.
OPEN_SESSION = bytes.fromhex(
    "3a000000 2f000000 02000040020f 0001003d05" + "00" * 12 + "2f00" + "00" * 8 + "401f" + "00" * 19
)

_MARK = b"\x03\x00\x00\x40\x02\x0f"  # at 8: the kind "open", answered; then what a client says at the same place
_MARK_AT = 8
_NAME_LENGTH_AT, _NAME_AT = 0x21, 0x3B
#: Bytes. The known answer has 114; a distinguished name is 256 at the most.
_SHORTEST, _LONGEST = 0x3B, 4096
#: A canonical name begins with the common name and ends before what cannot be part of one.
_NAME = re.compile(rb"CN=[^\x00-\x1f\x7f]{1,253}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """Hold an open session; ``server`` is the server's distinguished name, empty if none was found."""

    server: str


@stepwise
def read_opened(cursor: Cursor) -> Steps[Opened]:
    """Take a server's answer to `OPEN_SESSION`.

    Raises:
        WireError: its start or its length is not that of an NRPC answer.
    """
    start = yield from cursor.lead(_MARK_AT + len(_MARK), _recognise)
    return Opened(_name((yield from cursor.take(_size(start)))))


def _recognise(start: bytes) -> None:
    """Check the length and the mark as they arrive."""
    if not _MARK.startswith(start[_MARK_AT:]):
        raise ForeignBytes("the answer does not begin as an NRPC session's does")
    if len(start) >= 4 and not _SHORTEST <= _size(start) <= _LONGEST:
        raise WireError(f"an NRPC answer of {_size(start)} bytes")


def _size(start: bytes) -> int:
    return 4 + int.from_bytes(start[:4], "little")


def _name(message: bytes) -> str:
    """Return the server's name: at the place that the lengths give, else the first one in the message."""
    length = int.from_bytes(message[_NAME_LENGTH_AT : _NAME_LENGTH_AT + 2], "little")
    placed = message[_NAME_AT : _NAME_AT + length]
    if len(placed) == length and _NAME.fullmatch(placed):
        return placed.decode("ascii", "replace")
    found = _NAME.search(message, _MARK_AT)
    return found[0].decode("ascii", "replace") if found else ""


FIELDS = (
    Field(
        "the mark of an answer",
        rb"^.{8}(\x03\0\0\x40\x02\x0f)",
        (_MARK,),
        Role.DISCRIMINATOR,
        why="no description of the protocol is public: only these octets are known to identify it",
    ),
)
