"""A place to write on Windows: no descriptors of directories, and programs that keep others from replacing a file.

Links need a privilege there, and each user has a temporary directory, so a planted link is no everyday danger. A virus
scanner, an indexer or an editor often holds a file for a moment: replacing it is tried again for a while.
"""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from .temporary import temporary_name
from .trust import Refused

#: ``ERROR_ACCESS_DENIED``, ``ERROR_SHARING_VIOLATION``, ``ERROR_LOCK_VIOLATION``.
_HELD = (5, 32, 33)
_SEPARATORS = ("/", "\\")
_PATIENCE, _EVERY = 2.0, 0.05
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)


class NtPlace:
    """A :class:`~scanready.files.places.Place` by path; a link is resolved once."""

    descriptor: int | None = None

    def __init__(self, path: str) -> None:
        if not path or "\0" in path:
            raise Refused(errno.EINVAL, "it is not a file name")
        self._path = Path(os.path.realpath(path))
        if self.look() is None and not self._path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if path.endswith(_SEPARATORS) and not self._path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))

    def look(self) -> os.stat_result | None:
        """See :class:`~scanready.files.places.Place`."""
        try:
            return self._path.stat()
        except FileNotFoundError:
            return None

    def refuse_strangers(self, found: os.stat_result) -> None:
        """Refuse nothing: access is decided by lists that Python does not read."""

    def can_create(self) -> bool:
        """Return True: the mode bits say nothing on Windows, so only creating a file shows it."""
        return True

    def open(self, flags: int) -> int:
        """See :class:`~scanready.files.places.Place`."""
        return os.open(self._path, flags | _BINARY)

    def create_temporary(self) -> tuple[int, str]:
        """See :class:`~scanready.files.places.Place`."""
        name = str(self._path.with_name(temporary_name()))
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600), name

    def replace_with(self, temporary: str) -> None:
        """See :class:`~scanready.files.places.Place`; wait for a program that holds the file."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                Path(temporary).replace(self._path)
            except PermissionError as error:
                if getattr(error, "winerror", None) not in _HELD:
                    raise
                if time.monotonic() >= end:
                    raise Refused(errno.EACCES, "another program holds it: close it there, or name another file") from (
                        error
                    )
                time.sleep(_EVERY)
            else:
                return

    def add(self, temporary: str) -> None:
        """See :class:`~scanready.files.places.Place`; on Windows a rename does not overwrite."""
        if os.path.lexists(self._path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        Path(temporary).rename(self._path)

    def remove(self, temporary: str) -> None:
        """See :class:`~scanready.files.places.Place`."""
        Path(temporary).unlink()

    def sync(self) -> None:
        """Do nothing: a directory cannot be opened to flush it."""

    def close(self) -> None:
        """Do nothing: nothing is held open."""
