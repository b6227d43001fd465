"""Processes that are gone before they are given their input, as each platform reports it."""

from __future__ import annotations

import io
import os
import subprocess
from typing import Any


class _NobodyReads(io.RawIOBase):
    """A pipe that no process reads."""

    def __init__(self, number: int) -> None:
        self._number = number

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        raise OSError(self._number, os.strerror(self._number))


def gone(number: int) -> type[subprocess.Popen[bytes]]:
    """Return a Popen whose process has ended when it is written to; the system reports it with this errno."""

    class Gone(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            assert self.stdin is not None
            self.stdin.close()
            self.stdin = io.BufferedWriter(_NobodyReads(number))

    return Gone
