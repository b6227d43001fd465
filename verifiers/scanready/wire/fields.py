"""Tables of the values that codecs know: the fields of a message that have a list of values, and each of these lists.

Every codec has a tuple ``FIELDS``. Each entry says where a field stands in a message and which values are known::

    FIELDS = (
        Field("the status of LOGINACK", rb"\\xad..(.)", {5: "accepted", 6: "refused"}, Role.VALUE),
        Field("the type of a packet", rb"(.)", {4: "reply"}, Role.DISCRIMINATOR, why="nothing else begins a reply"),
    )

Products, forks and later versions send other values. ``Role`` says what may become of one. The tests replace the
values in captured messages by unknown ones (`tests/wire/test_unknown_values.py`), and find comparisons with a value
that is in no table (`tests/wire/test_fields.py`).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

Order = Literal["big", "little"]


class Role(enum.Enum):
    """The part that a field has in a message; it says how an unknown value is taken."""

    #: Which protocol or which message this is. An unknown value may mean that the peer speaks another protocol.
    DISCRIMINATOR = "discriminator"
    #: One member of a list that both sides choose from. An unknown member counts for nothing.
    OFFER = "offer"
    #: Anything else. An unknown value proves nothing: it is reported, and the verdict is at worst ``undecided``.
    VALUE = "value"


def bits(mask: int) -> tuple[int, ...]:
    """Return the bits of a mask, the lowest first: what is known of a field of flags."""
    return tuple(1 << at for at in range(mask.bit_length()) if mask >> at & 1)


class Length(NamedTuple):
    """A field that counts what an offer holds, and so grows with it.

    Attributes:
        pattern: where it stands; group 1 has its bytes.
        order: of its bytes.
        counts: true if it counts members, false if it counts bytes.
        of_carrier: true if it belongs to what carries the message, and so may not be there.
    """

    pattern: bytes
    order: Order = "big"
    counts: bool = False
    of_carrier: bool = False


@dataclass(frozen=True)
class Field:
    """One field with a list of values.

    Attributes:
        name: in words that complete "... is 9, a value that is not known here".
        pattern: a regular expression over a whole message (a dot is any byte); group 1 has the bytes of the field.
        known: the known values: numbers, or the bytes of words (in capitals; the letters of a message may be small).
        role: what the field decides.
        why: for a discriminator, why an unknown value is no statement of this protocol.
        order: of the bytes of a number.
        flags: true if each bit has a meaning of its own; ``known`` has the bits.
        unknown: examples of unknown values, where any other number or word would break the message.
        member: for an offer, the bytes of an unknown member as they are added after group 1.
        lengths: for an offer, what grows with it.
    """

    name: str
    pattern: bytes
    known: Collection[int] | Collection[bytes]
    role: Role
    why: str = ""
    order: Order = "big"
    flags: bool = False
    unknown: tuple[bytes, ...] = ()
    member: bytes = b""
    lengths: tuple[Length, ...] = ()

    @cached_property
    def compiled(self) -> re.Pattern[bytes]:
        """The pattern, compiled."""
        return re.compile(self.pattern, re.DOTALL)

    @property
    def of_words(self) -> bool:
        """True if the values are words, false if they are numbers."""
        return any(isinstance(value, bytes) for value in self.known)

    def places(self, message: bytes) -> Iterator[tuple[int, int]]:
        """Yield where the field stands in ``message``: start and end of each occurrence."""
        for found in self.compiled.finditer(message):
            if found.start(1) < found.end(1):
                yield found.span(1)
