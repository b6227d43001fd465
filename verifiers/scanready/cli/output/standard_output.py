"""Reserve standard output for data: all other text printed while a command runs goes to standard error.

One line printed by a plug-in or a client library would make JSON unreadable. Such code may call ``print``, write to
descriptor 1, or start a program that inherits it. The data therefore has its own descriptor, which no child inherits.
Descriptor 1 leads to standard error from the beginning to the end of the process.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from scanready.files import descriptors

_DESCRIPTOR, _ERRORS = 1, 2
_kept: list[TextIO] = []


def data_stream() -> TextIO:
    """Return the stream for the data of a command: standard output as it was when the command began."""
    return _kept[-1] if _kept else sys.stdout


@contextlib.contextmanager
def kept_for_data() -> Iterator[None]:
    """Reserve standard output for :func:`data_stream`; meanwhile ``print`` and ``sys.stdout`` use standard error.

    A command that another command runs writes its data to the same stream.
    """
    _kept.append(data_stream())
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _kept.pop()


def set_apart() -> None:
    """Give ``sys.stdout`` its own descriptor, and redirect descriptor 1 to standard error, for the whole process.

    A stream without a descriptor, such as a test's, is not changed.
    """
    theirs = sys.stdout
    try:
        if theirs.fileno() != _DESCRIPTOR:
            return
    except (AttributeError, OSError, ValueError):  # not a file, or a closed one
        return
    theirs.flush()
    ours = os.dup(_DESCRIPTOR)
    buffering = 1 if theirs.isatty() else -1
    errors = "backslashreplace" if theirs.errors == "strict" else theirs.errors  # a code page lacks most characters
    sys.stdout = open(ours, "w", buffering, encoding=theirs.encoding, errors=errors)  # noqa: SIM115  # never closed
    os.dup2(_ERRORS, _DESCRIPTOR)
    descriptors.note_moved(_DESCRIPTOR, ours)
