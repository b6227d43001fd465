"""Items of XDR for tests, apart from the codec's own writers (RFC 4506)."""

from __future__ import annotations

import struct


def u32s(*numbers: int) -> bytes:
    """Return unsigned integers."""
    return struct.pack(f">{len(numbers)}I", *numbers)


def string(text: bytes) -> bytes:
    """Return a string (4.11): length, octets, and noughts up to a multiple of four."""
    return u32s(len(text)) + text + bytes(-len(text) % 4)
