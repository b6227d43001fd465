"""Standard output is data: what anything else prints while a command runs goes to standard error.

A verifier of another package, or a client library, that prints one line would make JSON unreadable. It may print with
``print``, write to descriptor 1, or start a program that inherits that. So the data has a descriptor of its own, which
no child inherits, and descriptor 1 leads to standard error from the beginning to the end of the process.
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
    """Return the stream that takes the data of a command: standard output as it was when the command began."""
    return _kept[-1] if _kept else sys.stdout


@contextlib.contextmanager
def kept_for_data() -> Iterator[None]:
    """Keep standard output for :func:`data_stream`; ``print`` and ``sys.stdout`` lead to standard error meanwhile."""
    _kept.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _kept.pop()


def set_apart() -> None:
    """Give ``sys.stdout`` a descriptor of its own, and lead descriptor 1 to standard error; for a whole process.

    A stream of another kind, as a test puts in its place, stays as it is.
    """
    theirs = sys.stdout
    try:
        if theirs.fileno() != _DESCRIPTOR:
            return
    except (AttributeError, OSError, ValueError):  # no file, or a closed one
        return
    theirs.flush()
    ours = os.dup(_DESCRIPTOR)
    buffering = 1 if theirs.isatty() else -1
    sys.stdout = open(ours, "w", buffering, encoding=theirs.encoding, errors=theirs.errors)  # noqa: SIM115  # for good
    os.dup2(_ERRORS, _DESCRIPTOR)
    descriptors.note_moved(_DESCRIPTOR, ours)
