"""Run what another package does when it is imported: it may print, exit, fork or raise anything, and ends no run."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import TypeVar

from scanready.wire.printable import visible

from .attempt import Unusable, error_line

T = TypeVar("T")
#: The folders whose lines are no place to look at: scanready's own, and Python's library.
_OURS, _PYTHON = (f"{folder}{os.sep}" for folder in (Path(__file__).parents[2], Path(os.__file__).parent))


class Raised(Unusable):
    """A module of a plug-in raised; the text is the error on one line, with file and line of the plug-in's."""


def importing(function: Callable[..., T], *arguments: object) -> T:
    """Call a function that imports another package, and return what it returns.

    Its output goes to stderr: stdout is data. An exception that ends a process (``KeyboardInterrupt`` and every
    other ``BaseException``) is the package's fault unless a person pressed Ctrl-C meanwhile. A process that the
    package forks ends where the import ends.

    Raises:
        Raised: the package raised anything else.
        Unusable: as the function raises it.
        KeyboardInterrupt: a person pressed Ctrl-C.
    """
    with contextlib.redirect_stdout(sys.stderr), _Import():
        return function(*arguments)


class _Import:
    """Turns what an import raises into a fault of the package, unless SIGINT came meanwhile.

    A handler other than Python's own is left alone: those of a run raise nothing. Only the main thread gets signals.
    """

    def __init__(self) -> None:
        self._pressed = False
        self._process = os.getpid()
        in_main = threading.current_thread() is threading.main_thread()
        self._listens = in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def __enter__(self) -> None:
        if self._listens:
            signal.signal(signal.SIGINT, self._interrupt)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if os.getpid() != self._process:  # a fork of the package would do the run a second time
            os._exit(0)
        if self._listens and signal.getsignal(signal.SIGINT) == self._interrupt:  # the package may have set its own
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if error is None or isinstance(error, Unusable):
            return
        if self._pressed and not isinstance(error, (Exception, SystemExit)):
            return
        raise _raised(error) from None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._pressed = True
        signal.default_int_handler(number, frame)


def _raised(error: BaseException) -> Raised:
    from scanready.climb.trace import trace_of

    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    if not theirs:  # no line of theirs ran: the module or the name in it is not there, or has no syntax
        return Raised(error_line(error))
    file = Path(theirs[-1].filename)
    place = visible(f"{file.parent.name}/{file.name}, line {theirs[-1].lineno}")
    return Raised(f"{error_line(error)} ({place})", trace_of(error))


def _is_theirs(file: str) -> bool:
    """Return False for files of Python itself and of scanready; packages may be installed below Python's library."""
    ours = file.startswith(("<", _OURS))
    return not ours and not (file.startswith(_PYTHON) and "-packages" not in file)
