"""Tell whether two names are one file, also where the file system does not tell upper from lower case."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

#: Their file systems usually take ``ESTATE.YAML`` for ``estate.yaml``; that of macOS also ignores how an umlaut is
#: composed.
_FOLDS_CASE = ("win32", "darwin", "cygwin")


def is_same(one: str, other: str) -> bool:
    """Return True if the names lead to one file, or would if they were written to.

    A second name of a file (a hard link) is another file: writing replaces only the name.
    """
    first, second = os.path.realpath(one), os.path.realpath(other)
    if first == second:
        return True
    if _folded(first) != _folded(second):
        return False
    try:
        return Path(first).samefile(second)
    except OSError:  # one of them is not there yet
        return sys.platform in _FOLDS_CASE


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
