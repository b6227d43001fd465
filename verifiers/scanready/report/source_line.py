"""Find the line of an inventory that declares a target, for reports that point to it.

The path is the one that the user gave, with forward slashes. Stored results have it, too; they are untrusted.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from scanready.model import Target

#: Characters of a stored place. A longer one is left out: a message of a fleet takes no longer text.
_LONGEST = 500
_PLACE = re.compile(r"(?P<file>[^\0]+):(?P<line>[1-9][0-9]{0,8})", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_STDIN = "<stdin>"


class SourceLine(NamedTuple):
    """A line of an inventory.

    Attributes:
        file: its path with forward slashes, relative to the current directory if it is below it.
        line: from 1.
    """

    file: str
    line: int

    @property
    def is_relative(self) -> bool:
        """True if the path is relative."""
        return not self.file.startswith("/") and not _DRIVE.match(self.file)

    @property
    def uri(self) -> str:
        """Return the path as a URI reference (RFC 3986), percent-encoded; of an absolute path, a ``file`` URI."""
        path = quote(self.file.encode("utf-8", "surrogatepass"), safe="/~")
        if self.is_relative:
            return path
        return f"file://{path}" if path.startswith("/") else f"file:///{path.replace('%3A', ':', 1)}"


def stored_source(target: Target) -> str:
    """Return the place of a target as results have it, with forward slashes; empty if it is of no file."""
    source = target.source or ""
    if len(source) > _LONGEST or source.startswith(f"{_STDIN}:"):
        return ""
    return source.replace("\\", "/") if os.name == "nt" else source


def source_line(target: Target) -> SourceLine | None:
    """Return the line that declares a target; None for a target of the command line, or of an older result."""
    found = _PLACE.fullmatch(stored_source(target))
    if found is None:
        return None
    file = found["file"].replace("\\", "/") if _DRIVE.match(found["file"]) else found["file"]
    return SourceLine(_below(file), int(found["line"]))


def _below(file: str) -> str:
    """Return a path relative to the current directory if it is below it: build servers know paths of a checkout."""
    path = posixpath.normpath(file)
    try:
        here = Path.cwd().as_posix().rstrip("/")
    except OSError:  # the directory is gone
        return path
    return path[len(here) + 1 :] if path.startswith(f"{here}/") else path
