"""Find out what the terminal can show: width, colours, signs."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TextIO

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


def columns(stream: TextIO | None = None) -> int:
    """Return the terminal's width, from COLUMNS if that is set, within reasonable limits.

    Args:
        stream: the one that is written to; None for the data. Only one of them may be a terminal.
    """
    return max(_NARROWEST, min(_told() or _measured(stream or data_stream()) or _FILE_WIDTH, _WIDEST))


def folded(line: str, stream: TextIO) -> str:
    """Return a line as lines that fit the terminal of a stream, broken between words; as it is for a file or a pipe.

    A terminal itself breaks a line in the middle of a word. A word that is too long for it stays whole.
    """
    if not stream.isatty():
        return line
    lines = textwrap.TextWrapper(
        columns(stream) - 1,  # some terminals begin a new line after the last column
        subsequent_indent="  ",
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.fill(line)


def cut(line: str, width: int) -> str:
    """Return the beginning of a line that fits a width, with ``...`` at its end if words are missing."""
    if len(line) <= width:
        return line
    return line[: width - 3].rpartition(" ")[0].rstrip() + " ..."


def _told() -> int:
    """Return the width from COLUMNS; 0 without one."""
    try:
        return max(0, int(os.environ.get("COLUMNS", "0")))
    except ValueError:
        return 0


def _measured(stream: TextIO) -> int:
    """Return the width of the terminal that a stream leads to; 0 if it is not a terminal."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
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
