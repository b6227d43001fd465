"""The messages between the processes of one run: a length, and so many bytes of JSON. Bounded; no I/O."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

#: Bytes of one message. The largest has the accounts of a run; a thousand reports have 4 MB.
MOST = 64 << 20
_LENGTH = struct.Struct("!I")
_encode = json.JSONEncoder(separators=(",", ":")).encode

Message = dict[str, Any]


class FrameError(ValueError):
    """The bytes are no message of ours."""


def frame(message: Message) -> bytes:
    """Return the bytes of a message."""
    return framed(_encode(message))


def framed(body: str) -> bytes:
    """Return the bytes of a message whose JSON is ASCII text already."""
    data = body.encode("ascii")
    return _LENGTH.pack(len(data)) + data


class Frames:
    """Take messages out of the bytes that arrive, in any pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Add what arrived, and yield the messages that are whole now.

        Raises:
            FrameError: it is no message, or a longer one than any of ours.
        """
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MOST:
                raise FrameError(f"a message of {length} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield _message(body)


def _message(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise FrameError("not an object")
    return message
