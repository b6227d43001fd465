"""Bound what a test computes, in seconds of the machine that the bounds were set on.

A bound on CPU time shall catch a reader that begins anew for each byte, not a slow machine: a core at half the speed
uses twice the time for the same work. So where a bound is exceeded, a fixed piece of work is timed in the same process
right afterwards, and the bound grows as that work did. A fault makes the one slow and not the other.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

#: CPU seconds of :func:`work` on the machine that the bounds were set on.
REFERENCE = 0.001
#: How often it is timed: a core that is slow for a moment moves the median little.
_TIMES = 9


def work() -> int:
    """Compute as the tested code does: calls, small integers, a dictionary, short hashes. Return how much it found."""
    digest, counts = b"", dict[bytes, int]()
    for number in range(2000):
        digest = hashlib.sha256(digest + number.to_bytes(4, "big")).digest()
        counts[digest[:2]] = counts.get(digest[:2], 0) + number % 7
    return len(counts)


def slowness() -> float:
    """Return how many times longer than on the reference machine this one computes now; at least 1."""
    return max(1.0, statistics.median(_seconds_of_work() for _ in range(_TIMES)) / REFERENCE)


def _seconds_of_work() -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def bound(seconds: float) -> float:
    """Return the CPU seconds that this machine may use where the reference machine may use ``seconds``."""
    return seconds * slowness()


def held_up() -> float:
    """Return for how many seconds the threads of this process wanted a core while others had it.

    It is run_delay in the kernel's sched-stats; 0 where there are none. The difference of two calls is what a wait may
    be late through no fault of the process.
    """
    nanoseconds = 0
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            nanoseconds += int(path.read_text().split()[1])
    return nanoseconds / 1e9


@contextlib.contextmanager
def computes_within(seconds: float) -> Iterator[None]:
    """Assert that a block computes for less than ``seconds`` of the reference machine.

    Only the thread's own computing counts: no waits, no other thread, no collection of garbage.
    """
    collects = gc.isenabled()
    gc.disable()
    began = time.thread_time()
    try:
        yield
    finally:
        took = time.thread_time() - began
        if collects:
            gc.enable()
    if took >= seconds:  # else it is within the bound on any machine
        most = bound(seconds)
        assert took < most, f"computed for {took:.3f} s; {most:.3f} s is the bound on this machine"
