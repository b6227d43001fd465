"""One process a run: a lock that the system takes back when its holder ends, however it ends.

All locks of a store are bytes of one file beside it, far behind its content; the byte's place is the run's number. The
content has the holder's process number, in a slot of its own for each run, for the message to the second process.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

from .errors import StoreError

_SLOT = 16
_FAR = 1 << 40
_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}

if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int, at: int) -> None:
        os.lseek(descriptor, at, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _give_back(descriptor: int, at: int) -> None:
        os.lseek(descriptor, at, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try(descriptor: int, at: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, at)

    def _give_back(descriptor: int, at: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, at)


class RunLock:
    """The lock of one run, held until :meth:`release` or the end of the process.

    A process that holds two locks of one store must release them together: closing one lets go of both (POSIX).

    Args:
        path: the store's file.
        number: the run's.
        name: the run's, for the message.

    Raises:
        StoreError: another process has it; the message names that process.
    """

    def __init__(self, path: Path, number: int, name: str) -> None:
        self._descriptor: int | None = None
        self._number = number
        descriptor = _opened(path)
        if descriptor is None:
            return  # a store that is only read, or a file system without locks, keeps no run from going on
        try:
            _try(descriptor, _FAR + number)
        except OSError as error:
            holder = _holder(descriptor, number)
            os.close(descriptor)
            if error.errno in _TAKEN:
                raise StoreError(f"{name} is being written by another scanready{holder}: wait until it ends") from error
            return
        self._descriptor = descriptor
        if number < 0:
            return  # the lock of an agent, which no message names
        with contextlib.suppress(OSError):
            os.lseek(descriptor, number * _SLOT, os.SEEK_SET)
            os.write(descriptor, f"{os.getpid():>{_SLOT - 1}}\n".encode())

    def is_held_elsewhere(self, number: int) -> bool:
        """Return whether another process holds the lock of another run of the store.

        It asks through the descriptor of this lock: to open and close another one would let go of it.
        """
        if self._descriptor is None or number == self._number:
            return False
        try:
            _try(self._descriptor, _FAR + number)
        except OSError as error:
            return error.errno in _TAKEN
        _give_back(self._descriptor, _FAR + number)
        return False

    def release(self) -> None:
        """Give it back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_running(path: Path, number: int) -> bool:
    """Return True if a process is writing a run."""
    try:
        RunLock(path, number, "").release()
    except StoreError:
        return True
    return False


def _opened(path: Path) -> int | None:
    flags = os.O_RDWR | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT", "O_NONBLOCK"):
        flags |= getattr(os, name, 0)
    try:
        whole = path.resolve()
        return os.open(whole.with_name(whole.name + "-lock"), flags, 0o600)
    except OSError:
        return None


def _holder(descriptor: int, number: int) -> str:
    with contextlib.suppress(OSError, ValueError):
        os.lseek(descriptor, number * _SLOT, os.SEEK_SET)
        return f" (process {int(os.read(descriptor, _SLOT))})"
    return ""
