"""Judge an input: it is a fault if it raises an error that is not the entry's own, or costs too much CPU time.

The clock is the CPU time of this thread, so other processes do not matter. A run that exceeds the bound is repeated
without the collector of garbage; the least of three counts, and on a slow machine the bound is longer (tests/pace.py).
A run that does not end is ended by a timer of CPU time.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
import time
from collections.abc import Iterator

from tests.fuzzing.entries import Entry
from tests.pace import slowness

#: CPU seconds that an input may cost whatever its length.
FIXED = 0.1
#: After so many times its bound a run is ended.
_PATIENCE = 10


class TooLong(BaseException):
    """Raise in a run that does not end; no handler of the package catches it."""


class Fault(Exception):
    """Raise for an input that is a fault; the message says what is wrong, ``kind`` names the error or "slow"."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


def bound(entry: Entry, size: int) -> float:
    """Return the CPU seconds that ``size`` bytes may cost."""
    return FIXED + entry.seconds_per_byte * size


def try_out(entry: Entry, data: bytes) -> None:
    """Run an entry with an input.

    Raises:
        Fault: the input is a fault.
    """
    most = bound(entry, len(data))
    took = _seconds(entry, data, most)
    if took > most:
        collects = gc.isenabled()
        gc.disable()
        try:
            took = min(_seconds(entry, data, most) for _ in range(3))
        finally:
            if collects:
                gc.enable()
    if took > most and took > (most := most * slowness()):
        raise Fault("slow", f"it computes for {took:.2f} s; {len(data)} bytes may cost {most:.2f} s")


def fault_of(entry: Entry, data: bytes) -> str | None:
    """Return the kind of fault that an input is, None for none."""
    try:
        try_out(entry, data)
    except Fault as fault:
        return fault.kind
    return None


def _seconds(entry: Entry, data: bytes, most: float) -> float:
    """Return the CPU seconds of one run."""
    began = time.thread_time()
    try:
        with _timer(_PATIENCE * most):
            entry.run(data)
    except entry.own:
        pass
    except TooLong:
        return time.thread_time() - began
    except Exception as error:
        raise Fault(type(error).__name__, f"{type(error).__name__}: {error}") from error
    return time.thread_time() - began


@contextlib.contextmanager
def _timer(seconds: float) -> Iterator[None]:
    """Raise TooLong when this process has computed for so long. Only the main thread can be interrupted."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "ITIMER_PROF"):
        yield
        return
    signal.signal(signal.SIGPROF, _interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _interrupt(*_: object) -> None:
    raise TooLong
