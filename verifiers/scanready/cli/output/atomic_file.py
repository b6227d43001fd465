"""A file that is replaced in one step: whoever reads it sees all of the old one or all of the new one."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
from pathlib import Path
from typing import Any, BinaryIO


class WholeFile(io.RawIOBase):
    """Writes beside the file, under a name that nobody collects; :meth:`commit` puts it in place.

    A file that is none (a pipe, ``/dev/stdout``) is written to as it is. Of a link, what it leads to is replaced.

    Raises:
        OSError: the place cannot be written to; nothing has been touched.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._place = Path(name).resolve()
        there = os.path.exists(name)
        regular = not there or stat.S_ISREG(os.stat(name).st_mode)
        self._beside = regular and os.access(self._place.parent, os.W_OK | os.X_OK)
        if self._beside and there:
            with open(name, "ab"):
                pass  # may it be written to? A directory says nothing of a file that somebody protects
        self._written = self._place.with_name(f".{self._place.name}.{os.getpid()}.tmp") if self._beside else Path(name)
        self._raw: BinaryIO | Any = None if self._beside else self._opened()

    def _opened(self) -> BinaryIO | Any:
        return open(self._written, "wb", buffering=0)  # closed by commit or close

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Write all of it."""
        if self._raw is None:
            self._raw = self._opened()
        rest = memoryview(data)
        while rest:
            rest = rest[self._raw.write(rest) :]
        return len(data)

    def commit(self) -> None:
        """Put what was written in place of the file, which keeps its permissions.

        Raises:
            OSError: it did not work; the file is what it was.
        """
        if self._raw is None:
            return
        self._raw.close()
        if self._beside:
            if self._place.exists():
                shutil.copymode(self._place, self._written)
            self._written.replace(self._place)
        self._raw = None

    def close(self) -> None:
        """Give up what is not committed."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None
            if self._beside:
                with contextlib.suppress(OSError):
                    self._written.unlink()
        super().close()
