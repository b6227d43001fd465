"""End an agent within a bounded time after SIGTERM or Ctrl-C, and at once at the second one."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

#: Seconds after SIGTERM in which batches under way go on; what is left then is for the next start.
GRACE = 20.0
#: Seconds after which the process ends, whatever it still waits for: results are on their way, or in the journal.
LIMIT = 45.0


class Unfinished(Exception):
    """Raised if a batch is put back because the process ends; the next start continues it."""


class Stopping:
    """Know whether this process is to end.

    Attributes:
        event: set at the first signal.
    """

    def __init__(self, warn: Callable[[str], None], grace: float = GRACE, limit: float = LIMIT) -> None:
        self._warn, self._grace, self._limit = warn, grace, limit
        self._until = 0.0
        self.event = threading.Event()

    def begin(self, **_: object) -> None:
        """Hear of SIGTERM or Ctrl-C; the next one ends the process at once."""
        if self.event.is_set():
            return
        self._until = time.monotonic() + self._grace
        self.event.set()
        threading.Thread(target=self._end, name="stopping", daemon=True).start()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)

    @property
    def is_over(self) -> bool:
        """True if the time for batches under way has passed."""
        return self.event.is_set() and time.monotonic() >= self._until

    def _end(self) -> None:
        time.sleep(self._limit)
        self._warn(f"not finished {self._limit:.0f} s after the signal: ending; the next start goes on")
        sys.stderr.flush()
        os._exit(0)
