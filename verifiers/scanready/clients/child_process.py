"""Start processes that only we end, and hand them their input, on each platform."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import subprocess
import sys
from typing import IO, Any

#: The process that was to read is gone; Windows says so with EINVAL (CPython, ``PC/errmap.h``).
_GONE = frozenset({errno.EPIPE, errno.ESHUTDOWN, errno.EINVAL})


def own_group() -> dict[str, Any]:
    """Return the arguments of :class:`subprocess.Popen` for a process that no key of the terminal interrupts.

    Ending it is the parent's task. On Windows a group of its own hears no Ctrl-C, and a process without a window hears
    neither Ctrl-Break nor the end of the parent's console.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def feed(pipe: IO[bytes], data: bytes) -> bool:
    """Write to the standard input of a process, and leave it open; False if the process is gone.

    Raises:
        OSError: writing failed, but not because the process is gone.
    """
    try:
        pipe.write(data)
        pipe.flush()
    except OSError as error:
        if error.errno not in _GONE:
            raise
        close(pipe)  # its buffer must not fail a second time
        return False
    return True


def close(pipe: IO[bytes]) -> None:
    """Close the standard input of a process that may be gone."""
    with contextlib.suppress(OSError):
        pipe.close()


def take_standard_input() -> io.FileIO:
    """Return the rest of this process's standard input; from now on every library finds that empty.

    A library that asks Windows for the type of standard input waits while a thread reads the pipe, and one that reads
    it would wait for ever.
    """
    taken = io.FileIO(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return taken
