"""End the process: flush all output, print no traceback for a closed pipe, and do not wait for threads."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from types import TracebackType
from typing import NoReturn

#: The reader of standard output has gone (`| head -1`). A shell reports this code for a command that SIGPIPE ended.
READER_GONE = 141


#: The errors of a stream that cannot be written to, or that another package closed or replaced by None.
_UNUSABLE = (OSError, ValueError, AttributeError)


#: The exit code of an internal error: the remaining targets are undecided. Python's own 1 would mean "blocked".
CRASHED = 3
_NO_MEMORY = (
    "scanready: this host has not enough memory. Stored results are kept: `scanready runs` lists them, and "
    "`verify --resume` checks the rest. With a lower --concurrency, a run needs less.\n"
)


def not_as_a_verdict(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> NoReturn:
    """Show the traceback of an unhandled error and exit with code 3, which is not a verdict.

    A missing package is not an error of scanready: print the command that installs it and exit with 2. Neither is a
    host without memory: the store has the results until then.
    """
    if isinstance(error, MemoryError):
        with contextlib.suppress(*_UNUSABLE):
            sys.stderr.write(_NO_MEMORY)
            sys.stderr.flush()
        os._exit(CRASHED)
    if isinstance(error, ModuleNotFoundError):
        from scanready.files.installation import how_to_complete

        if message := how_to_complete(error):
            with contextlib.suppress(OSError):
                sys.stderr.write(message)
                sys.stderr.flush()
            os._exit(2)
    sys.__excepthook__(kind, error, trace)
    with contextlib.suppress(*_UNUSABLE):
        sys.stderr.write("scanready: this is a bug in scanready; please report it with the lines above\n")
        sys.stderr.flush()
    os._exit(CRASHED)


def stand_in_for_closed() -> None:
    """Open the null device in place of a standard stream that the caller closed (``>&-``).

    Otherwise the first socket would get its descriptor, and output of a child or a message would go to a target.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
        setattr(sys, name, os.fdopen(descriptor, "r" if descriptor == 0 else "w", encoding="utf-8"))


def leave(code: int) -> NoReturn:
    """End the process with ``code``.

    A client library that hangs in its thread, or a look-up that the system's resolver does not
    give up, would block a normal exit. In that case the process ends without waiting for them.
    """
    written = False
    try:
        sys.stdout.flush()
        written = True
    except BrokenPipeError:
        code = code or READER_GONE
    except _UNUSABLE as error:
        reason = error.strerror if isinstance(error, OSError) else "it was closed"
        with contextlib.suppress(*_UNUSABLE):
            sys.stderr.write(f"scanready: cannot write to standard output: {reason}\n")
        code = code or 2
    sys.stdout = sys.stderr  # the data is complete: text that other packages print at exit must not follow it
    with contextlib.suppress(*_UNUSABLE):
        sys.stderr.flush()
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and not thread.daemon]
    if others or not written:
        os._exit(code)  # a normal exit would try to write again, fail, and end with a code of its own
    sys.exit(code)
