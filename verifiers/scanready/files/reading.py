"""Read a file that may be anything: a pipe without a writer, a device, a directory, huge, or changing meanwhile.

Nothing here waits for ever or reads more than it was allowed. The kind of a file is checked before it is opened, since
opening some devices has effects, and once more afterwards, since another program may have exchanged it.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import stat
import sys
import time
from pathlib import Path
from typing import BinaryIO, cast

from .places import standard_descriptor

#: How long a named pipe may be silent, and how long all of it may take, in seconds.
SILENCE, PATIENCE = 10.0, 60.0
_BLOCK = 1 << 16
_TRIES = 3
#: By Windows' number, whose words are in the language of its user, and whose errno says less ("System Error Codes").
_BY_WINERROR = {
    32: "is held by another program: close it there",  # ERROR_SHARING_VIOLATION
    33: "is held by another program: close it there",  # ERROR_LOCK_VIOLATION
    123: "is not a file name",  # ERROR_INVALID_NAME
    206: "has a name that is too long",  # ERROR_FILENAME_EXCED_RANGE
}
_NOT_FILES = {stat.S_IFDIR: "a directory", stat.S_IFBLK: "a disk", stat.S_IFCHR: "a device", stat.S_IFSOCK: "a socket"}


class Unreadable(Exception):
    """Raise for a file that cannot be read; the message continues a sentence that begins with its name."""


def read(path: str | os.PathLike[str], most: int) -> bytes:
    """Return all of a file. ``/dev/stdin``, other open descriptors and named pipes are read to their end.

    Args:
        most: bytes; a larger file is refused, before it is read where its size is known.

    Raises:
        Unreadable: it is no file, is larger, does not end, or changes while it is read.
    """
    with _translated():
        if (descriptor := standard_descriptor(os.fspath(path))) is not None:
            with os.fdopen(os.dup(descriptor), "rb", buffering=0) as given:
                return _all_of(given, most)
        for _ in range(_TRIES):
            with _opened(path) as file:
                before = os.fstat(file.fileno())
                if stat.S_ISFIFO(before.st_mode):
                    return _from_pipe(file.fileno(), most)
                _fits(before.st_size, most)
                content = _all_of(file, most)
                if is_same(before, os.fstat(file.fileno())):
                    return content
    raise Unreadable("changes while it is read: try again when it is complete")


def read_standard_input(most: int) -> bytes:
    """Return all of standard input, waiting for it as long as its writer takes.

    Raises:
        Unreadable: it is larger than ``most`` bytes, or cannot be read.
    """
    with _translated():
        return _all_of(sys.stdin.buffer, most)


def open_file(path: str | os.PathLike[str], most: int) -> BinaryIO:
    """Open a file that is read in parts, more than once; a pipe is copied to a temporary file without a name.

    Raises:
        Unreadable: it is no file, is larger than ``most`` bytes, or does not end.
    """
    with _translated():
        if standard_descriptor(os.fspath(path)) is not None:
            return _copy(read(path, most))
        with contextlib.ExitStack() as until_returned:
            file = until_returned.enter_context(_opened(path))
            found = os.fstat(file.fileno())
            if stat.S_ISFIFO(found.st_mode):  # not opened again: its writer would lose its reader
                return _copy(_from_pipe(file.fileno(), most))
            _fits(found.st_size, most)
            _demand_content(file)
            until_returned.pop_all()
            return io.BufferedReader(file)


def _copy(content: bytes) -> BinaryIO:
    from tempfile import TemporaryFile  # loaded late: it takes 3 ms

    copy = TemporaryFile()  # noqa: SIM115  # the caller closes it
    copy.write(content)
    copy.seek(0)
    return cast("BinaryIO", copy)  # on Windows it is in a wrapper


def check_regular(path: str | os.PathLike[str], most: int) -> os.stat_result:
    """Look at a file that a library will read by its name, and return what the system says of it.

    Raises:
        Unreadable: it is not a regular file, is larger than ``most`` bytes, or this user may not read it.
    """
    with _translated():
        with _opened(path) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Unreadable("is a pipe, which can be read only once: name a file")
            _fits(found.st_size, most)
            _demand_content(file)
        return found


def is_same(before: os.stat_result, after: os.stat_result) -> bool:
    """Return True if a file has not changed between two looks at it."""
    return (before.st_size, before.st_mtime_ns, before.st_ino) == (after.st_size, after.st_mtime_ns, after.st_ino)


class _translated:  # noqa: N801  # reads as a keyword does
    """Turn what the system says into :class:`Unreadable`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            if told := _BY_WINERROR.get(getattr(error, "winerror", None) or 0):
                raise Unreadable(told) from error
            raise Unreadable(f"cannot be read: {error.strerror or type(error).__name__}") from error
        if isinstance(error, ValueError):  # a NUL in the name
            raise Unreadable("is not a file name") from error


def _opened(path: str | os.PathLike[str]) -> io.FileIO:
    """Open without waiting for a writer, and never a device but the null device."""
    _refuse_devices(os.stat(path))
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
        flags |= getattr(os, name, 0)
    file = io.FileIO(os.open(path, flags))
    try:
        _refuse_devices(os.fstat(file.fileno()))
    except Unreadable:
        file.close()
        raise
    return file


def _refuse_devices(found: os.stat_result) -> None:
    what = _NOT_FILES.get(stat.S_IFMT(found.st_mode))
    if what is not None and not os.path.samestat(found, Path(os.devnull).stat()):
        raise Unreadable(f"is {what}: name a file")


def _fits(size: int, most: int) -> None:
    if size > most:
        raise Unreadable(f"is larger than {_size(most)}")


def _size(most: int) -> str:
    return f"{most >> 20} MiB" if most >= 1 << 20 else f"{most >> 10} KiB"


def _all_of(file: BinaryIO | io.RawIOBase, most: int) -> bytes:
    content = io.BytesIO()
    while (block := file.read(_BLOCK)) != b"":
        if block is None:  # another program made the descriptor non-blocking: no end, there is nothing yet
            _wait_for_more(file.fileno())
            continue
        content.write(block)
        _fits(content.tell(), most)
    return content.getvalue()


def _wait_for_more(descriptor: int) -> None:
    """Wait for a writer as long as it takes.

    Raises:
        Unreadable: there is none: a file of the system, such as ``/proc/kmsg``, looks ordinary and does not end.
    """
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise Unreadable("is no ordinary file: it does not end")
    _poll(descriptor, None)


def _demand_content(file: io.FileIO) -> None:
    """Refuse what looks like an ordinary file, and would be waited for."""
    if file.read(1) is None:
        _wait_for_more(file.fileno())
    file.seek(0)


def _from_pipe(descriptor: int, most: int) -> bytes:
    """Read a named pipe to its end. At its beginning the end means that no program has opened it yet."""
    content, begun = io.BytesIO(), time.monotonic()
    heard = begun
    while (now := time.monotonic()) - heard < SILENCE and now - begun < PATIENCE:
        try:
            block = os.read(descriptor, _BLOCK)
        except BlockingIOError:
            _poll(descriptor, min(heard + SILENCE, begun + PATIENCE) - now)
            continue
        if block:
            content.write(block)
            _fits(content.tell(), most)
            heard = time.monotonic()
        elif content.tell():
            return content.getvalue()
        else:
            time.sleep(0.01)
    if not content.tell():
        raise Unreadable(f"is a pipe that no program writes to (waited {SILENCE:.0f} s)")
    raise Unreadable(f"is a pipe without an end (waited {now - begun:.0f} s)")


def _poll(descriptor: int, seconds: float | None) -> None:
    """Wait for bytes, at most so many seconds; None is as long as it takes."""
    if sys.platform == "win32":  # its pipes cannot be waited for: they are read again
        time.sleep(0.01)
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(None if seconds is None else max(1, int(seconds * 1000)))
