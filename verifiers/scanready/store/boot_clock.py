"""Tell how much time has passed on this host since a note was written, whatever was done to its wall clock meanwhile.

A host without a clock of its own wakes in 1970 or 2015 and is set right later; another one is set back by a year. The
time since the host started is not changed by that. It is comparable until the next start.
"""

from __future__ import annotations

import datetime
import sys
import time
from pathlib import Path

from scanready.run import timestamps

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def reading() -> str:
    """Return this start of the host and the seconds since then, suspended ones included; empty where neither is known.

    Only Linux names each start.
    """
    if sys.platform != "linux":
        return ""
    try:
        boot = _BOOT.read_text("ascii").strip()
        return f"{boot} {time.clock_gettime(time.CLOCK_BOOTTIME):.3f}"
    except (OSError, ValueError):
        return ""


def counted_from(when: str, then: str, noticed: str, now: str, this: str) -> str:
    """Return the moment from which the age of a note counts, by the wall clock as it is now. UTC, ISO 8601.

    Args:
        when: the moment of the note, by the wall clock as it was.
        then: the :func:`reading` of the note; empty if it has none.
        noticed: when a run found first that the note is of a moment to come; empty if none did.
        now: this moment.
        this: the :func:`reading` of this moment.
    """
    if (seconds := passed(then, this)) is not None:
        return _earlier(now, seconds)
    if when <= now:
        return when
    return noticed if noticed and noticed <= now else now


def passed(then: str, this: str) -> float | None:
    """Return the seconds between two readings; None if they are not of one start of this host."""
    boot, _, begun = then.partition(" ")
    same, _, ended = this.partition(" ")
    try:
        seconds = float(ended) - float(begun)
    except ValueError:
        return None
    return seconds if boot == same and seconds >= 0 else None


def _earlier(moment: str, seconds: float) -> str:
    try:
        return timestamps.written(datetime.datetime.fromisoformat(moment) - datetime.timedelta(seconds=seconds))
    except (ValueError, OverflowError):  # a clock that is before the calendar, or a damaged store
        return moment
