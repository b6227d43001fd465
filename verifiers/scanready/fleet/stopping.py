"""End an agent within a bounded time: after SIGTERM or Ctrl-C, at once at the second one, and if its worker ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import bootsteps

#: Seconds after SIGTERM in which batches under way go on; what is left then is for the next start.
GRACE = 20.0
#: Seconds after which the process ends, whatever it still waits for: results are on their way, or in the journal.
LIMIT = 45.0
#: The exit code of an agent that cannot use its broker.
_NO_BROKER = 2
_ENDING = "ending: batches under way go on for up to {:.0f} s; Ctrl-C or SIGTERM ends at once, and loses nothing either"


def ending() -> list[int]:
    """Return the signals that end an agent, beside SIGHUP, which a terminal that is closed sends.

    SIGBREAK is Ctrl-Break of Windows, the end of the console, and of the session.
    """
    return [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]


class Unfinished(Exception):
    """Raised if a batch is put back because the process ends; the next start continues it."""


class Stopping:
    """Know whether this process is to end.

    Attributes:
        event: set at the first signal, or when the worker ends.
        why: why the worker ended by itself; empty after a signal.
    """

    def __init__(self, warn: Callable[[str], None], grace: float = GRACE, limit: float = LIMIT) -> None:
        self._warn, self._grace, self._limit = warn, grace, limit
        self._until = 0.0
        self.event = threading.Event()
        self.why = ""

    def begin(self) -> None:
        """Hear of SIGTERM, Ctrl-C or the end of the terminal; the next SIGTERM or Ctrl-C ends the process at once."""
        if threading.current_thread() is threading.main_thread():
            _next_ends_at_once()
        if self.event.is_set():
            return
        self._until = time.monotonic() + self._grace
        self.event.set()
        threading.Thread(target=self._end, name="stopping", daemon=True).start()

    def begin_because(self, why: str) -> None:
        """Hear that the worker ends by itself: what waits for the broker must not keep the process."""
        if not self.event.is_set():
            self.why = why
        self.begin()

    @property
    def is_over(self) -> bool:
        """True if the time for batches under way has passed."""
        return self.event.is_set() and time.monotonic() >= self._until

    def _end(self) -> None:
        if not self.why:  # in this thread: the signal may have come in the middle of another line
            self._warn(_ENDING.format(self._grace))
        time.sleep(self._limit)
        since = f"not finished {self._limit:.0f} s after the {'end of the worker' if self.why else 'signal'}"
        self._warn(f"{since}: ending; the next start goes on")
        if self.why:
            self._warn(self.why)
        sys.stderr.flush()
        os._exit(_NO_BROKER if self.why else 0)


def _next_ends_at_once() -> None:
    for number in ending():
        signal.signal(number, signal.SIG_DFL)
    if hasattr(signal, "SIGHUP"):  # a terminal that is closed sends it more than once
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


class EndTold(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Tell when Celery's worker begins to end: before it waits for the batches that its pool carries out.

    Args:
        ended: called then; an argument of the worker.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, ended: Callable[[], object], **options: Any) -> None:
        super().__init__(parent, **options)
        self._ended = ended

    def stop(self, parent: Any) -> None:  # Celery calls it so
        """Tell it; Celery stops its steps in the reverse order, so the pool comes after this one."""
        self._ended()
