"""Find the directory of a file to write, without following a symbolic link that another user planted.

A path is walked one directory at a time, each opened relative to the one before and never through a link. A link is
expanded here, and only if no other user could have made it. An open directory stays the same one however its name is
moved meanwhile, and all later steps (create, rename, remove) are relative to it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from pathlib import Path
from typing import Protocol

from .descriptors import present
from .temporary import temporary_name
from .trust import Refused, is_sticky, is_trusted, open_to_all, others_can_write, this_user, user_name

#: As many as Linux follows in one path.
_MOST_LINKS = 40
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)
#: Opens a directory that may be searched and not listed, where the system can.
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _CLOSE_ON_EXEC
_DESCRIPTOR = re.compile(r"/dev/std(in|out|err)|/(?:dev|proc/self)/fd/(\d{1,9})")
_STREAMS = {"in": 0, "out": 1, "err": 2}
# The errors of file systems without hard links.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class Place(Protocol):
    """A name in a directory that is held open. Every method may raise OSError.

    ``descriptor`` is an open file of this process where the path names one (``/dev/stdout``), else None.
    """

    descriptor: int | None

    def look(self) -> os.stat_result | None:
        """Return what stands at the name, a link itself; None if nothing does."""

    def refuse_strangers(self, found: os.stat_result) -> None:
        """Refuse a file that another user left in a directory that everybody can write."""

    def can_create(self) -> bool:
        """Return True if this user may put files into the directory."""

    def open(self, flags: int) -> int:
        """Open what stands at the name, never through a link; return the descriptor."""

    def create_temporary(self) -> tuple[int, str]:
        """Create an empty file that only this user can use; return its descriptor and its name."""

    def replace_with(self, temporary: str) -> None:
        """Give the temporary file the name, whatever has it."""

    def add(self, temporary: str) -> None:
        """Give the temporary file the name; raise FileExistsError if it is taken."""

    def remove(self, temporary: str) -> None:
        """Remove the temporary file."""

    def sync(self) -> None:
        """Ask for the directory's entries to be on the disk."""

    def close(self) -> None:
        """Let the directory go."""


def standard_descriptor(path: str) -> int | None:
    """Return the descriptor that a path such as ``/dev/stdout`` or ``/dev/fd/3`` stands for, None for other paths."""
    found = _DESCRIPTOR.fullmatch(path)
    if found is None or os.name == "nt":
        return None
    return present(_STREAMS[found[1]] if found[1] else int(found[2]))


def find(path: str) -> Place:
    """Find the place of a file to write.

    Raises:
        OSError: its directory does not exist, or cannot be searched.
        Refused: a link on the way may be another user's; ``strerror`` says what to do.
    """
    if os.name == "nt" or not _NO_FOLLOW:
        from .nt_place import NtPlace

        return NtPlace(path)
    return _walked(path)


class PosixPlace:
    """A :class:`Place` by descriptor and name. Owns the descriptor ``directory``."""

    def __init__(self, directory: int, name: str, descriptor: int | None = None) -> None:
        self.directory, self.name, self.descriptor = directory, name, descriptor

    def look(self) -> os.stat_result | None:
        """See :class:`Place`."""
        try:
            return os.lstat(self.name, dir_fd=self.directory)
        except FileNotFoundError:
            return None

    def refuse_strangers(self, found: os.stat_result) -> None:
        """See :class:`Place`."""
        if found.st_uid != this_user() and open_to_all(os.fstat(self.directory)):
            owner = user_name(found.st_uid)
            raise Refused(
                errno.EPERM,
                f"it belongs to {owner}, in a directory that every user can write: name another file, "
                "or one in a directory of your own",
            )

    def can_create(self) -> bool:
        """See :class:`Place`."""
        effective = os.access in os.supports_effective_ids
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self.directory, effective_ids=effective)

    def open(self, flags: int) -> int:
        """See :class:`Place`."""
        return os.open(self.name, flags | _NO_FOLLOW | _CLOSE_ON_EXEC, dir_fd=self.directory)

    def create_temporary(self) -> tuple[int, str]:
        """See :class:`Place`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _CLOSE_ON_EXEC
        name = temporary_name()
        return os.open(name, flags, 0o600, dir_fd=self.directory), name

    def replace_with(self, temporary: str) -> None:
        """See :class:`Place`."""
        os.rename(temporary, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)

    def add(self, temporary: str) -> None:
        """See :class:`Place`."""
        here = self.directory
        try:
            os.link(temporary, self.name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            self.remove(temporary)
            return
        os.close(self.open(os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        self.replace_with(temporary)

    def remove(self, temporary: str) -> None:
        """See :class:`Place`."""
        os.unlink(temporary, dir_fd=self.directory)

    def sync(self) -> None:
        """See :class:`Place`. Some file systems cannot; the file is complete anyway."""
        with contextlib.suppress(OSError):
            opened = os.open(".", os.O_RDONLY | _CLOSE_ON_EXEC, dir_fd=self.directory)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)

    def close(self) -> None:
        """See :class:`Place`."""
        if self.directory >= 0:
            os.close(self.directory)
            self.directory = -1


def _walked(path: str) -> PosixPlace:
    if not path or "\0" in path:
        raise Refused(errno.EINVAL, "it is not a file name")
    at = os.open("/" if path.startswith("/") else ".", _DIRECTORY)
    try:
        place = _walk(at, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.close(at)
        raise
    if place.directory != at:
        os.close(at)
    return place


def _walk(start: int, path: str) -> PosixPlace:
    """Walk from ``start``, which stays open; each directory on the way is closed when the next one is open."""
    at, waiting, links = start, _parts(path), 0
    as_directory = path.endswith("/")
    try:
        if (descriptor := standard_descriptor(path)) is not None:
            return PosixPlace(at, path, descriptor)
        while waiting:
            part = waiting.pop()
            found = _look(at, part)
            if found is not None and stat.S_ISLNK(found.st_mode):
                links += 1
                target = _target(at, part, found, links)
                if (descriptor := standard_descriptor("/".join([target, *reversed(waiting)]))) is not None:
                    return PosixPlace(at, part, descriptor)
                waiting += _parts(target)
                if target.startswith("/"):
                    at = _step(at, start, "/")
            elif not waiting and part != "..":
                if as_directory and found is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                if as_directory and found is not None and not stat.S_ISDIR(found.st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                return PosixPlace(at, part)
            else:
                at = _step(at, start, part)
        raise Refused(errno.EISDIR, "it is a directory: name a file")
    except BaseException:
        if at != start:
            os.close(at)
        raise


def _parts(path: str) -> list[str]:
    """The parts of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _look(at: int, part: str) -> os.stat_result | None:
    try:
        return os.lstat(part, dir_fd=at)
    except FileNotFoundError:
        return None


def _step(at: int, start: int, part: str) -> int:
    """Open the next directory, which is no link, and let the one before go."""
    opened = os.open(part, _DIRECTORY | _NO_FOLLOW, dir_fd=at)
    if at != start:
        os.close(at)
    return opened


def _target(at: int, part: str, link: os.stat_result, links: int) -> str:
    """Return where a link leads.

    Follow it if only this user or root can write its directory, or if it is theirs and the sticky bit keeps it there.
    """
    if links > _MOST_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    directory = os.fstat(at)
    kept = is_sticky(directory) and is_trusted(directory.st_uid) and is_trusted(link.st_uid) and link.st_nlink == 1
    if others_can_write(directory) and not kept:
        raise Refused(
            errno.ELOOP,
            f"{Path(part).name} is a symbolic link that another user can have made (it belongs to "
            f"{user_name(link.st_uid)}): name the file that it leads to, or one in a directory of your own",
        )
    return os.readlink(part, dir_fd=at)
