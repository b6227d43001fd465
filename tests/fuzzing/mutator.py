"""Spoil seeds where there is no atheris: cuts, flips, huge lengths, repetitions, and two seeds joined."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.wire.fuzz import HUGE

#: Bytes of an input.
LARGEST = 16_384
_PIECE = 64


class Mutator:
    """Draws inputs from seeds; the same for the same number."""

    def __init__(self, seeds: Sequence[bytes], number: int) -> None:
        self._draw = random.Random(number)
        self._seeds = [seed[:LARGEST] for seed in seeds] or [b""]

    def next(self) -> bytes:
        """Return the next input."""
        data = bytearray(self._draw.choice(self._seeds))
        for _ in range(self._draw.choice((0, 1, 1, 2, 3, 6, 12))):
            self._spoil(data)
        return bytes(data[:LARGEST])

    def _spoil(self, data: bytearray) -> None:
        draw = self._draw
        # Lengths are in headers: half of all changes are near the beginning.
        at = draw.randrange(min(len(data), draw.choice((32, LARGEST))) + 1)
        match draw.randrange(8):
            case 0:
                data[at : at + 1] = draw.randbytes(1)
            case 1:
                huge = draw.choice(HUGE)
                data[at : at + len(huge)] = huge
            case 2:
                del data[at : at + draw.randrange(_PIECE)]
            case 3:
                del data[at:]
            case 4:
                data[at:at] = data[at : at + draw.randrange(_PIECE)] * draw.randrange(16)
            case 5:
                data[at:at] = draw.randbytes(draw.randrange(9))
            case 6 if at < len(data):
                data[at] = (data[at] + draw.choice((-1, 1))) % 256
            case _:
                other = draw.choice(self._seeds)
                data[at:] = other[draw.randrange(len(other) + 1) :]


def shrunk(data: bytes, still: Callable[[bytes], bool], tries: int = 300) -> bytes:
    """Return ``data`` with all parts left out without which it is ``still`` what it was, as far as ``tries`` go."""
    size = len(data) // 2
    while size and tries > 0:
        at = 0
        while at < len(data) and tries > 0:
            tries -= 1
            shorter = data[:at] + data[at + size :]
            if still(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data
