"""Write a file so that its readers see all of the old one or all of the new one, and strangers see neither.

A new file is for its owner only (0600). One that replaces another keeps its owner, group, ACL and ordinary permissions;
set-user-ID and the like are never kept. A hard link is not written through: the name gets a file of its own.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
import time
from typing import Any

from . import places
from .system_files import is_of_system
from .trust import Refused

#: The permissions of a new file.
PRIVATE = 0o600
#: How long a pipe may have no reader, in seconds.
PATIENCE = 5.0
_EVERY = 0.02
_ACL = "system.posix_acl_access"
_BLOCK = 1 << 16


class AtomicFile(io.RawIOBase):
    """Writes beside the file, under a random name; :meth:`commit` puts it in place, :meth:`close` gives it up.

    A pipe, a terminal and the like are written to as they are, and so is a file whose directory takes no new files.

    Args:
        name: the file; a link to it is followed where no other user can have made it.
        mode: its permissions (``0o644``); None keeps those of a file that is replaced, and is 0600 for a new one.
        streamed: put it in place at the first byte, empty, so that others can follow how it grows.
        exclusive: the file must not exist, now or at :meth:`commit`.
        durable: wait until it is on the disk, so that a power failure leaves the old file or the new one.

    Raises:
        OSError: the place cannot be written, and nothing has been touched; ``strerror`` says why.
    """

    def __init__(
        self,
        name: str,
        *,
        mode: int | None = None,
        streamed: bool = False,
        exclusive: bool = False,
        durable: bool = True,
    ) -> None:
        super().__init__()
        self._mode, self._streamed, self._exclusive, self._durable = mode, streamed, exclusive, durable
        self._raw: io.FileIO | None = None
        self._old: io.FileIO | None = None
        self._replaced: os.stat_result | None = None
        self._temporary = ""
        self._direct = False
        self._place = places.find(name)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Write all of ``data``."""
        if self._raw is None:
            self._raw = self._begun()
        rest = memoryview(data)
        while rest:
            taken = self._raw.write(rest)
            if taken is None:  # the reader made the pipe non-blocking, and is slow
                time.sleep(_EVERY)
                continue
            rest = rest[taken:]
        return len(data)

    def commit(self) -> None:
        """Put what was written in place of the file.

        Raises:
            OSError: that failed; the file is what it was.
        """
        if self._streamed and self._raw is None and not self._direct:
            self._raw = self._begun()
        if self._raw is None:
            return
        if self._durable and not self._direct:
            os.fsync(self._raw.fileno())
        if not self._direct and not self._streamed:
            self._publish()
        self._raw.close()
        self._raw = None

    def close(self) -> None:
        """Give up what is not committed; streamed bytes stay."""
        for opened in (self._raw, self._old):
            if opened is not None:
                with contextlib.suppress(OSError):
                    opened.close()
        self._raw = self._old = None
        if self._temporary:
            with contextlib.suppress(OSError):
                self._place.remove(self._temporary)
            self._temporary = ""
        if hasattr(self, "_place"):
            self._place.close()
        super().close()

    def _prepare(self) -> None:
        """Look at what is there, and decide how it is written."""
        if self._place.descriptor is not None:
            self._direct = True
            self._raw = io.FileIO(os.dup(self._place.descriptor), "wb")
            return
        found = self._place.look()
        if found is None:
            if not self._place.can_create():
                raise PermissionError(errno.EACCES, "its directory takes no new files from this user")
        elif self._exclusive:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        else:
            self._prepare_existing(found)

    def _prepare_existing(self, found: os.stat_result) -> None:
        kind = stat.S_IFMT(found.st_mode)
        if kind in _UNWRITABLE:
            raise Refused(errno.EINVAL, f"it is a {_UNWRITABLE[kind]}: name a file")
        if kind == stat.S_IFREG and is_of_system(found):
            raise Refused(errno.EINVAL, "it is a file of the kernel's: name a regular file, or a new one")
        self._place.refuse_strangers(found)
        opened = self._opened(_waiting(kind))
        now = os.fstat(opened.fileno())
        if stat.S_IFMT(now.st_mode) != kind or not os.path.samestat(now, found):
            opened.close()
            raise Refused(errno.EAGAIN, "it changed while it was opened: try again")
        if kind != stat.S_IFREG:
            if sys.platform != "win32":
                os.set_blocking(opened.fileno(), True)
            self._direct, self._raw = True, opened
            return
        self._old, self._replaced = opened, now
        if not self._place.can_create():
            self._write_in_place()

    def _opened(self, patience: float) -> io.FileIO:
        """Open what is there for writing; wait until a pipe has a reader."""
        end = time.monotonic() + patience
        while True:
            try:
                flags = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
                return io.FileIO(self._place.open(flags), "wb")
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                if time.monotonic() >= end:
                    raise Refused(errno.ENXIO, "it is a pipe that no program reads") from error
                time.sleep(_EVERY)

    def _write_in_place(self) -> None:
        """Write into the file itself, since its directory takes no new one; under all of its names, so one only."""
        if self._replaced is not None and self._replaced.st_nlink > 1:
            raise Refused(errno.EMLINK, "it has a second name (a hard link), and its directory takes no new files")
        self._direct = True

    def _begun(self) -> io.FileIO:
        """Return the file that takes the bytes."""
        if self._direct and self._old is not None:
            os.ftruncate(self._old.fileno(), 0)
            opened, self._old = self._old, None
            return opened
        descriptor, self._temporary = self._place.create_temporary()
        opened = io.FileIO(descriptor, "wb")
        try:
            _permit(descriptor, self._replaced, self._mode, self._old)
            if not self._streamed:
                return opened
            if os.name != "nt":
                self._put()
                return opened
            opened.close()
            self._let_old_go()
            self._put()
            return io.FileIO(self._place.open(os.O_WRONLY), "wb")
        except BaseException:
            opened.close()
            raise

    def _let_old_go(self) -> None:
        """Close the old file and the new one: Windows neither moves nor replaces an open file."""
        for opened in (self._raw, self._old):
            if opened is not None:
                opened.close()

    def _publish(self) -> None:
        """Give the file its name, and let the directory be written."""
        if os.name == "nt":
            self._let_old_go()
        try:
            self._put()
        except OSError as error:
            if error.errno != errno.EBUSY or self._old is None or self._old.closed:
                raise
            self._copy_over()
        if self._durable:
            self._place.sync()

    def _put(self) -> None:
        if self._exclusive:
            self._place.add(self._temporary)
        else:
            self._place.replace_with(self._temporary)
        self._temporary = ""

    def _copy_over(self) -> None:
        """Copy into a file that is a mount point (of a container), which cannot be renamed over."""
        if self._raw is None or self._old is None or sys.platform == "win32":
            return
        os.ftruncate(self._old.fileno(), 0)
        at = 0
        while block := os.pread(self._raw.fileno(), _BLOCK, at):
            at += len(block)
            rest = memoryview(block)
            while rest:
                rest = rest[self._old.write(rest) or 0 :]


_UNWRITABLE = {stat.S_IFDIR: "directory", stat.S_IFBLK: "disk", stat.S_IFSOCK: "socket", stat.S_IFLNK: "symbolic link"}


def ordinary_mode() -> int:
    """Return the permissions that this user's new files usually have: 0666 less the umask."""
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o666 & ~umask


def _waiting(kind: int) -> float:
    return PATIENCE if kind == stat.S_IFIFO else 0.0


def _permit(descriptor: int, replaced: os.stat_result | None, mode: int | None, old: io.FileIO | None) -> None:
    """Set owner, group and permissions by descriptor: as asked, else as those of the file that is replaced.

    Where the group cannot be kept, its permissions are not given to another group.
    """
    if sys.platform == "win32":
        return
    wanted = PRIVATE if replaced is None else stat.S_IMODE(replaced.st_mode) & 0o777
    lost = 0 if replaced is None else _lost_group(descriptor, replaced)
    os.fchmod(descriptor, wanted & ~lost if mode is None else mode & 0o777)
    if old is not None and mode is None and not lost and sys.platform == "linux":
        with contextlib.suppress(OSError):  # most files have no list
            os.setxattr(descriptor, _ACL, os.getxattr(old.fileno(), _ACL))


def _lost_group(descriptor: int, replaced: os.stat_result) -> int:
    """Keep owner and group as far as this user may; return the permission bits that must go."""
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) == (replaced.st_uid, replaced.st_gid):
        return 0
    if sys.platform != "win32":
        for owner in (replaced.st_uid, -1):
            with contextlib.suppress(OSError):
                os.fchown(descriptor, owner, replaced.st_gid)
                return 0
    return stat.S_IRWXG
