"""Tibero: the greeting with which its server opens every connection (observed, black-box: the vendor's JDBC driver 6).

No description of the protocol is public. A message is i32 type, i32 length of the body, eight octets, the body. The
driver accepts a greeting of type 0 with a body of some 60 octets or more, whose first word is a major version from 2
to 20; a refusal of type 76 may come in its place. More than that is not known, and not claimed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import Buffer, WireError

GREETING, REFUSAL = 0, 76
_HEADER = 16
_SHORTEST, _LONGEST = 60, 4096
_MAJORS = range(2, 21)


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server opened with: its shape is Tibero's. ``major`` is None of a refusal."""

    kind: int
    length: int
    major: int | None


def read_greeting(buffer: Buffer) -> Greeting | None:
    """Take the first message of a server.

    Raises:
        WireError: the shape is not Tibero's.
    """
    start = buffer.peek(4)
    if start is not None and int.from_bytes(start, "big") not in (GREETING, REFUSAL):
        raise WireError("the first message has not the shape of a Tibero greeting")
    header = buffer.peek(_HEADER)
    if header is None:
        return None
    kind, length = struct.unpack_from(">II", header)
    if not _SHORTEST <= length <= _LONGEST:
        raise WireError(f"a greeting of {length} bytes")
    whole = buffer.peek(_HEADER + length)
    if whole is None:
        return None
    major = int.from_bytes(whole[_HEADER : _HEADER + 4], "big", signed=True)
    if kind == GREETING and major not in _MAJORS:
        raise WireError(f"a greeting of protocol version {major}, which no Tibero client accepts")
    buffer.take(_HEADER + length)
    return Greeting(kind, length, major if kind == GREETING else None)
