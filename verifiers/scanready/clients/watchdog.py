"""End the connections of a client library when the time is over.

A library's time-out limits each wait, or nothing: a peer that sends a byte now and then holds the thread for ever. The
end of the connection ends every wait, so the watchdog shuts the connection down, also below TLS.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType


class Watchdog:
    """End a client library's connections at ``deadline`` (:func:`time.monotonic`); a context manager around a login."""

    def __init__(self, deadline: float) -> None:
        #: When it bites.
        self.deadline = deadline
        self._held: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(max(0.0, deadline - time.monotonic()), self._bite)
        self._timer.daemon = True
        #: True once the time was over and the guarded connections were ended.
        self.bitten = False

    def guard(self, number: int) -> None:
        """Guard the connection with this file descriptor (or socket handle); its owner may close it at any time."""
        with self._lock:
            self._held.append(socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM))  # a handle of our own
            if self.bitten:
                self._end()

    def _bite(self) -> None:
        with self._lock:
            self.bitten = True
            self._end()

    def _end(self) -> None:
        for held in self._held:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Watchdog:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            for held in self._held:
                held.close()
            self._held.clear()
