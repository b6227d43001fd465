"""The one helper every reader is tested through.

A reader must understand a whole message, ask for more until the last byte has
come, and leave alone what follows. A test that goes through :func:`reads` holds
all three.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TypeVar

from scanready.wire import Buffer, Reader, WireError
from tests.pace import computes_within

T = TypeVar("T")
#: Seconds of computing that one message may cost (tests/pace.py says on which machine).
MOST = 0.2


def reads(reader: Reader[T], message: bytes, trailing: bytes = b"\x00trailing") -> T:
    """Return what ``reader`` makes of ``message``; fail unless it reads it in the three ways."""
    whole = Buffer(message)
    answer = reader(whole)
    assert answer is not None, "the whole message was not enough"
    assert len(whole) == 0, f"{len(whole)} bytes of the message were left"

    dripping = Buffer()
    for position, byte in enumerate(message):
        dripping.feed(bytes([byte]))
        part = reader(dripping)
        if position < len(message) - 1:
            assert part is None, f"answered after {position + 1} of {len(message)} bytes"
            assert len(dripping) == position + 1, "took bytes although it asked for more"
    assert part == answer

    followed = Buffer(message + trailing)
    assert reader(followed) == answer
    assert followed.everything() == trailing, "took bytes that belong to the next message"
    return answer


def survives(reader: Reader[T], data: bytes, *, eof: bool = False) -> T | WireError | None:
    """Feed hostile ``data``; return the answer, None for "more", or the WireError. Anything else escapes."""
    buffer = Buffer(data)
    buffer.eof = eof
    with quickly():
        try:
            return reader(buffer)
        except WireError as error:
            return error


def quickly() -> AbstractContextManager[None]:
    """Assert that a block computes for less than MOST."""
    return computes_within(MOST)
