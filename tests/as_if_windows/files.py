"""Files as Windows has them: what a process has open can neither be removed nor replaced, and locks are mandatory."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

SHARING_VIOLATION, ACCESS_DENIED = 32, 5


def _refuse_open(path: Any, winerror: int) -> None:
    """Raise what Windows does if this process has the file open; Python opens files so that others cannot delete them.

    Raises:
        PermissionError: it has.
    """
    try:
        wanted = os.lstat(path)
    except OSError:
        return
    for number in os.listdir("/proc/self/fd"):  # noqa: PTH208  # names, which are numbers
        try:
            found = os.fstat(int(number))
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
            words = "The process cannot access the file because it is being used by another process"
            error = PermissionError(
                errno.EACCES, words if winerror == SHARING_VIOLATION else "Access is denied", str(path)
            )
            error.winerror = winerror  # type: ignore[attr-defined]  # Windows' attribute
            raise error


def _removing(real: Callable[..., Any]) -> Callable[..., Any]:
    def remove(path: Any, *arguments: Any, **options: Any) -> Any:
        _refuse_open(path, SHARING_VIOLATION)
        return real(path, *arguments, **options)

    return remove


def _moving(real: Callable[..., Any], *, over: bool) -> Callable[..., Any]:
    def move(old: Any, new: Any, *arguments: Any, **options: Any) -> Any:
        _refuse_open(old, SHARING_VIOLATION)
        if not over and os.path.lexists(new):
            error = FileExistsError(errno.EEXIST, "Cannot create a file when that file already exists", str(new))
            error.winerror = 183  # type: ignore[attr-defined]  # Windows' attribute
            raise error
        _refuse_open(new, ACCESS_DENIED)
        return real(old, new, *arguments, **options)

    return move


#: Functions of ``os``.
TOLD: dict[str, Any] = {
    "remove": _removing(os.remove),
    "unlink": _removing(os.unlink),
    "replace": _moving(os.replace, over=True),
    "rename": _moving(os.rename, over=False),
}


def install(by_the_product: Callable[[], bool]) -> None:
    """Let the methods of :class:`~pathlib.Path` do the same where the product calls them."""
    for name, instead in (("unlink", TOLD["unlink"]), ("replace", TOLD["replace"]), ("rename", TOLD["rename"])):
        _put(name, instead, by_the_product)


def _put(name: str, instead: Callable[..., Any], by_the_product: Callable[[], bool]) -> None:
    real = getattr(Path, name)

    def method(path: Path, *arguments: Any, **options: Any) -> Any:
        if not by_the_product():
            return real(path, *arguments, **options)
        if name != "unlink":
            instead(path, *arguments)
            return type(path)(*arguments)
        try:
            return instead(path)
        except FileNotFoundError:
            if not (options.get("missing_ok") or arguments[:1] == (True,)):
                raise

    setattr(Path, name, method)


def msvcrt() -> ModuleType:
    """Return the module whose locks belong to an open file, not to a process."""
    made: Any = ModuleType("msvcrt")
    made.LK_UNLCK, made.LK_LOCK, made.LK_NBLCK = 0, 1, 2

    def locking(descriptor: int, mode: int, count: int) -> None:
        # Locks of an open file description; Python's fcntl has the numbers from 3.9 on.
        at = os.lseek(descriptor, 0, os.SEEK_CUR)
        kind = fcntl.F_UNLCK if mode == made.LK_UNLCK else fcntl.F_WRLCK
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(kind, at, count))
        except OSError as error:
            raise PermissionError(errno.EACCES, "Permission denied") from error

    made.locking = locking
    return made  # type: ignore[no-any-return]  # it was made as a module


def _flock(kind: int, at: int, count: int) -> bytes:
    import struct

    return struct.pack("hhqqi4x", kind, os.SEEK_SET, at, count, 0)


def winreg() -> ModuleType:
    """Return a registry without keys."""
    made: Any = ModuleType("winreg")
    for place, name in enumerate(
        ["HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER", "KEY_WOW64_64KEY", "KEY_WOW64_32KEY", "KEY_READ"]
    ):
        setattr(made, name, place)

    def absent(*_: Any) -> Any:
        raise FileNotFoundError(2, "The system cannot find the file specified")

    made.OpenKey = made.QueryValueEx = absent
    return made  # type: ignore[no-any-return]  # it was made as a module


assert sys.platform == "linux", "it stands in for Windows on Linux"
