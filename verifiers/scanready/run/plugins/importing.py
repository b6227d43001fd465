"""Run what another package does when it is imported: it may print, exit or raise anything, and ends no run."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from .attempt import Unusable, attempted


def importing(function: Callable[..., Any], *arguments: Any) -> tuple[Any, str]:
    """Call a function that imports another package, as :func:`scanready.run.plugins.attempt.attempted` does.

    Its output goes to stderr: stdout is data. An exception that ends a process (``KeyboardInterrupt`` and every
    other ``BaseException``) is the package's fault unless a person pressed Ctrl-C meanwhile.

    Returns:
        What it returned and an empty text; or None and the error on one line.

    Raises:
        Wrong, Unusable: as the function raises them.
        KeyboardInterrupt: a person pressed Ctrl-C.
    """
    with contextlib.redirect_stdout(sys.stderr):
        return attempted(_guarded, function, *arguments)


def _guarded(function: Callable[..., Any], *arguments: Any) -> Any:
    with _Import():
        return function(*arguments)


class _Import:
    """Turns what would end the process into a fault of the package, unless SIGINT came meanwhile.

    A handler other than Python's own is left alone: those of a run raise nothing. Only the main thread gets signals.
    """

    def __init__(self) -> None:
        self._pressed = False
        in_main = threading.current_thread() is threading.main_thread()
        self._listens = in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def __enter__(self) -> None:
        if self._listens:
            signal.signal(signal.SIGINT, self._interrupt)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._listens and signal.getsignal(signal.SIGINT) == self._interrupt:  # the package may have set its own
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if error is None or isinstance(error, (Exception, SystemExit)) or self._pressed:
            return
        words, _failed = attempted(str, error)
        raise Unusable(f"does not load: {type(error).__name__}{f': {words}' if words else ''}") from None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._pressed = True
        signal.default_int_handler(number, frame)
