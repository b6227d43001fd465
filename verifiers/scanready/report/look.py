"""Say how an output for people looks."""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """Settings of an output for people: ``width`` in columns, ``verbosity`` -1 (quiet), 0, or 1 and more.

    ``file`` is true for a file that the command writes itself, not for standard output.
    """

    width: int = 100
    color: bool = False
    unicode: bool = True
    verbosity: int = 0
    file: bool = False
