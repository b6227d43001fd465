"""Read the broker's frames, and take no message into memory that is larger than any of this version.

A broker may permit larger messages than docs/fleet.md says. Each client of its library would hold one whole, several
times over, before anything could refuse it. Here its frames are dropped as they come, and a short message that is
refused takes its place.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from amqp.method_framing import frame_handler

from .messages import LARGEST, dropped

#: Bytes of one message at the broker, as docs/fleet.md recommends: a batch is a text within Celery's JSON.
MOST_BYTES = 2 * LARGEST
_HEADER, _BODY = 2, 3
#: The start of a content header: class, weight, size of the body (AMQP 0-9-1, 4.2.6.1).
_SIZE = struct.Struct(">HHQ")

Frame = tuple[int, int, bytes]


def results_frames(connection: Any, callback: Any) -> Callable[[Frame], Any]:
    """Return what reads the frames of a connection with messages of our own, in place of the library's reader."""
    return _bounded(connection, callback, lambda size: dropped(size).encode("ascii"))


def task_frames(connection: Any, callback: Any) -> Callable[[Frame], Any]:
    """Return what reads the frames of a connection with tasks of Celery, in place of the library's reader."""
    return _bounded(connection, callback, lambda size: _task(dropped(size)))


def _task(text: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'[["{escaped}"],{{}},{{}}]'.encode("ascii")


def _bounded(connection: Any, callback: Any, instead: Callable[[int], bytes]) -> Callable[[Frame], Any]:
    read = frame_handler(connection, callback)
    left: dict[int, int] = {}  # channel -> bytes of a body that are dropped

    def on_frame(frame: Frame) -> Any:
        kind, channel, data = frame
        if kind == _BODY and channel in left:
            connection.bytes_recv += 1  # by which the library knows that the broker is there
            left[channel] -= len(data)
            if left[channel] <= 0:
                del left[channel]
            return False
        if kind == _HEADER and len(data) >= _SIZE.size:
            identity, weight, size = _SIZE.unpack_from(data)
            if size > MOST_BYTES:
                left[channel] = size
                short = instead(size)
                read((_HEADER, channel, _SIZE.pack(identity, weight, len(short)) + bytes(data[_SIZE.size :])))
                return read((_BODY, channel, short))
        return read(frame)

    return on_frame
