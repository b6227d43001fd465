"""Tibero: the greeting with which its server opens every connection (observed, black-box: the vendor's JDBC driver 6).

No description of the protocol is public. A message is i32 type, i32 length of the body, eight octets, the body. The
driver accepts a greeting of type 0 with a body of some 60 octets or more, whose first word is a major version from 2
to 20; a refusal of type 76 may come in its place. More than that is not known, and not claimed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import Cursor, Steps, WireError, stepwise

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


@stepwise
def read_greeting(cursor: Cursor) -> Steps[Greeting]:
    """Take the first message of a server.

    Raises:
        WireError: the shape is not Tibero's.
    """
    if int.from_bytes((yield from cursor.peek(4)), "big") not in (GREETING, REFUSAL):
        raise WireError("the first message has not the shape of a Tibero greeting")
    kind, length = struct.unpack_from(">II", (yield from cursor.take(_HEADER)))
    if not _SHORTEST <= length <= _LONGEST:
        raise WireError(f"a greeting of {length} bytes")
    body = yield from cursor.take(length)
    major = int.from_bytes(body[:4], "big", signed=True)
    if kind == GREETING and major not in _MAJORS:
        raise WireError(f"a greeting of protocol version {major}, which no Tibero client accepts")
    return Greeting(kind, length, major if kind == GREETING else None)
