"""Handle Ctrl-C and the end of the terminal: the first ends the run after the current targets, the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

INTERRUPTED = 130


@contextlib.contextmanager
def interruptible(stop: Callable[[], None], last_words: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` in the event loop at the first SIGINT, SIGTERM or SIGHUP; end the process at the second.

    On Windows, SIGBREAK is Ctrl-Break, the end of the console, and of the session.

    An ignored signal stays ignored: a run started with nohup(1) continues without its terminal.

    It uses ``signal.signal``, since the loop's own handlers do not exist on Windows.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    import asyncio  # imported late, since other commands need only the exit code of this module

    loop = asyncio.get_running_loop()
    pressed = 0

    def handle(_: int, __: FrameType | None) -> None:
        nonlocal pressed
        pressed += 1
        if pressed == 1:
            loop.call_soon_threadsafe(stop)
        else:
            last_words()
            os._exit(INTERRUPTED)

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
