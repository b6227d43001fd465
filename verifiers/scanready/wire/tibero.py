"""Decode the greeting with which a Tibero server starts every connection.

The protocol is not public. A message is i32 type, i32 length of the body, eight octets, and the body. The vendor's
driver accepts a greeting of type 0 with a body of about 60 octets or more, whose first word is a major version from 2
to 20. The server may send a refusal of type 76 instead, or a message of type 144. Nothing else is known. Source:
black-box observation of the vendor's JDBC driver 6.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role

GREETING, REFUSAL = 0, 76
#: The vendor's client reads on after a first message of this type; its meaning is unknown.
_CONTINUES = 144
_TYPES = (GREETING, REFUSAL, _CONTINUES)
_HEADER = 16
#: Octets of a body: the shortest that the vendor's client accepts, the longest that scanready reads, and the most that
#: can be a length at all.
_SHORTEST, _LONGEST, _ABSURD = 60, 4096, 1 << 20
_MAJORS = range(2, 21)


@dataclass(frozen=True, slots=True)
class Greeting:
    """Hold a first message with the shape of Tibero's; ``major`` is None for a refusal."""

    kind: int
    length: int
    major: int | None


@stepwise
def read_greeting(cursor: Cursor) -> Steps[Greeting]:
    """Read the first message of a server.

    Raises:
        WireError: the message does not have Tibero's shape.
        OurLimit: the message has Tibero's shape but is longer than scanready reads.
        UnknownValue: the message has Tibero's shape and a version that the vendor's client does not accept, or a type
            of unknown meaning.
    """
    if int.from_bytes((yield from cursor.peek(4)), "big") not in _TYPES:
        raise ForeignBytes("the first message does not look like a Tibero greeting")
    kind, length = struct.unpack_from(">II", (yield from cursor.take(_HEADER)))
    if length < _SHORTEST or length > _ABSURD:
        raise WireError(f"a greeting of {length} bytes")
    if length > _LONGEST:
        raise OurLimit(f"a Tibero-like greeting of {length} bytes; scanready reads at most {_LONGEST}")
    body = yield from cursor.take(length)
    if kind == _CONTINUES:
        raise UnknownValue("the type of the first message of a Tibero-like server", kind)
    major = int.from_bytes(body[:4], "big", signed=True)
    if kind == GREETING and major not in _MAJORS:
        raise UnknownValue("the protocol version of a Tibero-like greeting", major)
    return Greeting(kind, length, major if kind == GREETING else None)


FIELDS = (
    Field(
        "the type of the greeting",
        rb"^(\0\0\0[\x00\x4c])\0\0",
        _TYPES,
        Role.DISCRIMINATOR,
        why="only the shape of the greeting is known, so only it distinguishes Tibero from other protocols",
    ),
    Field("the protocol version", rb"^\0\0\0\0\0\0..\0{8}(.{4})", _MAJORS, Role.VALUE),
)
