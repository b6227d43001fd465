"""Copy standard input and open pipes of a merge into a private folder: each file of a merge is read twice."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from scanready.cli.export_file import LARGEST_FILE
from scanready.files.places import standard_descriptor

from .inputs import Unfit

STANDARD_INPUT = "standard input"
_BLOCK = 1 << 16


class Streams:
    """Give each stream among the files of a merge a file that can be read again; use as a context manager.

    A stream is ``-``, ``/dev/stdin``, or an open pipe such as the shell makes for ``<(zcat FILE)``. A copy is only for
    this user and ends with the merge. It has at most the bytes of an export, whatever the stream holds.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self._names = {name: descriptor for name in files if (descriptor := _descriptor(name)) is not None}
        self._copies: dict[str, str] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Streams:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def named(self, file: str) -> str:
        """Return the name of a file for people, by which :meth:`path` finds it."""
        return STANDARD_INPUT if self._names.get(file) == 0 else file

    def path(self, name: str) -> str:
        """Return a name to open a file by; copy a stream first.

        Raises:
            Unfit: it cannot be read, or is too large.
        """
        descriptor = 0 if name == STANDARD_INPUT and 0 in self._names.values() else self._names.get(name)
        if descriptor is None:
            return name
        if name not in self._copies:
            self._copies[name] = self._copy(descriptor)
        return self._copies[name]

    def _copy(self, descriptor: int) -> str:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="scanready-")
        path = Path(self._folder.name) / f"stream-{len(self._copies)}.scanready"
        try:
            with _given(descriptor) as stream, path.open("xb") as file:
                if stream.isatty():
                    raise Unfit("it is a terminal: pipe an export into it, as in `zcat FILE | scanready merge -`")
                while block := stream.read(_BLOCK):
                    if file.tell() + len(block) > LARGEST_FILE:
                        raise Unfit(f"it is larger than {LARGEST_FILE >> 20} MiB: write it to a file as gzip")
                    file.write(block)
        except OSError as error:
            raise Unfit(f"it cannot be copied to the temporary folder: {error.strerror or error}") from error
        return str(path)


def _given(descriptor: int) -> contextlib.AbstractContextManager[BinaryIO]:
    if (
        descriptor == 0 and sys.stdin is not None
    ):  # the object that the process reads, with the bytes that it has in its buffer
        return contextlib.nullcontext(sys.stdin.buffer)
    return os.fdopen(os.dup(descriptor), "rb")


def _descriptor(name: str) -> int | None:
    """Return the open descriptor that a stream is read from; None for a file that can be read twice."""
    if name == "-":
        return 0
    descriptor = standard_descriptor(name)
    with contextlib.suppress(OSError):
        if descriptor is not None and (descriptor == 0 or not stat.S_ISREG(os.fstat(descriptor).st_mode)):
            return descriptor
    return None
