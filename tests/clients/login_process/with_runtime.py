"""A function that stands for a client library with a runtime of its own, which is loaded after the fork."""

from __future__ import annotations

import mmap

LOAD_AFTER_FORK = True


def mapped(megabytes: int, seconds: float) -> int:
    """Map that much at once, as for an answer whose length was announced, and write to none of it."""
    with mmap.mmap(-1, megabytes << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as taken:
        return len(taken)
