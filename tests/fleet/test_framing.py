"""A message beyond the bound is dropped frame by frame, and a short one that is refused takes its place."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

pytest.importorskip("amqp")

from scanready.fleet.framing import MOST_BYTES, results_frames, task_frames
from scanready.fleet.messages import MessageError, decode

_DELIVER = struct.pack(">HH", 60, 60) + b"rest"


class Connection:
    bytes_recv = 0


def header(size: int) -> bytes:
    return struct.pack(">HHQ", 60, 0, size) + struct.pack(">H", 0)


def read(frames: Any, *bodies: tuple[int, int]) -> tuple[list[bytes], int]:
    """Return the bodies of messages with so many bytes, each in frames of some bytes; and the number of frames."""
    found: list[bytes] = []
    connection = Connection()
    on_frame = frames(connection, lambda channel, method, arguments, message: found.append(message.body))
    count = 0
    for size, part in bodies:
        pieces = [bytes(min(part, size - at)) for at in range(0, size, part)]
        for frame in ((1, 7, _DELIVER), (2, 7, header(size)), *((3, 7, piece) for piece in pieces)):
            on_frame(frame)
            count += 1
    return found, connection.bytes_recv - count


@pytest.mark.parametrize("frames", [results_frames, task_frames])
def test_a_message_within_the_bound_is_whole(frames: Any) -> None:
    found, _ = read(frames, (0, 1), (5, 2), (MOST_BYTES, 1 << 17))
    assert list(map(len, found)) == [0, 5, MOST_BYTES]


def test_a_larger_message_is_refused_with_its_size() -> None:
    found, more = read(results_frames, (MOST_BYTES + 1, 1 << 17), (3, 3))
    assert (len(found), found[1], more) == (2, bytes(3), 1)
    with pytest.raises(MessageError, match=f"the message has {MOST_BYTES + 1:,} bytes, and was dropped"):
        decode(found[0])


def test_a_larger_task_is_one_whose_text_is_refused() -> None:
    found, _ = read(task_frames, (2 * MOST_BYTES, 1 << 17), (3, 3))
    assert found[1] == bytes(3)
    (text,), options, embedded = json.loads(found[0])
    assert (options, embedded) == ({}, {})
    with pytest.raises(MessageError, match="was dropped"):
        decode(text)
