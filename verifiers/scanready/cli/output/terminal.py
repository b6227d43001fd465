"""Find out what the terminal can show: width, colours, signs."""

from __future__ import annotations

import os
import sys

from scanready.report.look import Look

from .standard_output import data_stream

# The width without a terminal: few lines break, and it still fits on a page.
_FILE_WIDTH = 120
# COLUMNS may be any number, and the memory for a table grows with it.
_NARROWEST, _WIDEST = 20, 1000
_SIGNS = "✓✗–…"


def look(*, no_color: bool = False, verbosity: int = 0, to_file: bool = False) -> Look:
    """Return how to draw on standard output, or in a file."""
    terminal = not to_file and data_stream().isatty()
    width = columns() if terminal or "COLUMNS" in os.environ else _FILE_WIDTH
    forced = bool(os.environ.get("FORCE_COLOR")) and not to_file
    color = (forced or (terminal and _understands_color())) and not no_color and not os.environ.get("NO_COLOR")
    return Look(width, color, to_file or _can_encode(), verbosity, to_file)


def columns() -> int:
    """Return the terminal's width, from COLUMNS if that is set, within reasonable limits."""
    return max(_NARROWEST, min(_told() or _measured() or _FILE_WIDTH, _WIDEST))


def _told() -> int:
    """Return the width from COLUMNS; 0 without one."""
    try:
        return max(0, int(os.environ.get("COLUMNS", "0")))
    except ValueError:
        return 0


def _measured() -> int:
    """Return the width of the terminal that receives the data; 0 if it is not a terminal."""
    try:
        return os.get_terminal_size(data_stream().fileno()).columns
    except (AttributeError, OSError, ValueError):  # not a file, a closed one, or not a terminal
        return 0


def _understands_color() -> bool:
    """Return whether the terminal shows colours; older Windows consoles need a mode that we do not set."""
    if os.environ.get("TERM") == "dumb":
        return False
    return sys.platform != "win32" or bool(os.environ.get("WT_SESSION") or os.environ.get("CONEMUANSI"))


def erasure(width: int) -> str:
    """Return the text that erases the rest of a line, ``width`` columns; an old console shows escape codes as text."""
    return "\x1b[K" if _understands_color() else " " * width + "\r"


def _can_encode() -> bool:
    try:
        _SIGNS.encode(data_stream().encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
