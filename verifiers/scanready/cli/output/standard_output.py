"""Standard output is data: what anything else prints while a command runs goes to standard error.

A verifier of another package, or a client library, that prints one line would make JSON unreadable.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TextIO

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
