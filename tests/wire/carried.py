"""Readers for messages without an end of their own: security tokens behind a length, SMB in NetBIOS frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from scanready.wire import Buffer, Reader, WireError, nbt

T = TypeVar("T")


def behind_a_length(understand: Callable[[bytes], T]) -> Reader[T]:
    """A reader of one token behind its length in two octets."""

    def read(buffer: Buffer) -> T | None:
        head = buffer.peek(2)
        if head is None or len(buffer) < 2 + int.from_bytes(head, "big"):
            return None
        return understand(buffer.take(2 + int.from_bytes(head, "big"))[2:])

    return read


def measured(token: bytes) -> bytes:
    """The token behind its length."""
    return len(token).to_bytes(2, "big") + token


def in_a_frame(understand: Callable[[bytes], T]) -> Reader[T]:
    """A reader of one SMB message in its frame."""

    def read(buffer: Buffer) -> T | None:
        frame = nbt.read_frame(buffer)
        if frame is None:
            return None
        if not isinstance(frame, nbt.Message):
            raise WireError(f"{frame} where a message belongs")
        return understand(frame.payload)

    return read
