"""Keep a background thread of the agent alive: an unforeseen error is reported once, and the work goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .once import Once

#: Seconds after an error before the work is begun again.
PAUSE = 2.0


def keep_up(name: str, work: Callable[[], None], ended: threading.Event, once: Once) -> threading.Thread:
    """Start a thread that calls ``work`` again and again until ``ended`` is set; return it.

    Each kind of error is said once until the work has succeeded again.
    """

    def loop() -> None:
        faults: set[str] = set()
        while not ended.is_set():
            try:
                work()
            except Exception as error:  # noqa: BLE001  # the agent would seem lost, or deaf to a cancellation
                fault = f"{name} {type(error).__name__}"
                faults.add(fault)
                once.say(fault, f"{name} failed, and goes on: {type(error).__name__}: {str(error)[:300]}")
                ended.wait(PAUSE)
            else:
                for fault in faults:
                    once.end(fault)
                faults.clear()

    thread = threading.Thread(target=loop, name=name, daemon=True)
    thread.start()
    return thread
