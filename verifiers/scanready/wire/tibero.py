"""Tibero: the greeting with which its server opens every connection (observed, black-box: the vendor's JDBC driver 6).

No description of the protocol is public. A message is i32 type, i32 length of the body, eight octets, the body. The
driver accepts a greeting of type 0 with a body of some 60 octets or more, whose first word is a major version from 2
to 20; a refusal of type 76 may come in its place. More than that is not known, and not claimed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role

GREETING, REFUSAL = 0, 76
_HEADER = 16
#: Octets of a body: the vendor's client takes none that is shorter; beyond the longest we do not read, and beyond the
#: last this is no length.
_SHORTEST, _LONGEST, _ABSURD = 60, 4096, 1 << 20
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
        OurLimit: it is, and longer than any that was met.
        UnknownValue: it is, and the version is none that the vendor's client accepts.
    """
    if int.from_bytes((yield from cursor.peek(4)), "big") not in (GREETING, REFUSAL):
        raise ForeignBytes("the first message has not the shape of a Tibero greeting")
    kind, length = struct.unpack_from(">II", (yield from cursor.take(_HEADER)))
    if length < _SHORTEST or length > _ABSURD:
        raise WireError(f"a greeting of {length} bytes")
    if length > _LONGEST:
        raise OurLimit(f"a greeting of Tibero's shape, of {length} bytes, of which {_LONGEST} are read")
    body = yield from cursor.take(length)
    major = int.from_bytes(body[:4], "big", signed=True)
    if kind == GREETING and major not in _MAJORS:
        raise UnknownValue("the protocol version of a greeting of Tibero's shape", major)
    return Greeting(kind, length, major if kind == GREETING else None)


FIELDS = (
    Field(
        "the type of the greeting",
        rb"^(\0\0\0[\x00\x4c])\0\0",
        (GREETING, REFUSAL),
        Role.DISCRIMINATOR,
        why="no more of the protocol is known: the shape is all that tells it from other protocols",
    ),
    Field("the protocol version", rb"^\0\0\0\0\0\0..\0{8}(.{4})", _MAJORS, Role.VALUE),
)
