"""A foreign file as text, bounded, whatever its encoding."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from scanready.inventory.problems import InventoryError, Problem

#: Some hundred thousand hosts of an nmap scan.
LARGEST_FILE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text, its name for messages, and what was odd about its encoding."""

    file: str
    text: str
    oddity: str = ""


def read_source(path: str | Path) -> Source:
    """Read a file; ``-`` is standard input. UTF-8; UTF-16 with its mark; else Windows-1252, which is told.

    Raises:
        InventoryError: it cannot be read, or is too large.
    """
    file = "<stdin>" if str(path) == "-" else str(path)
    content, wrong = _content(path)
    if not wrong and len(content) > LARGEST_FILE:
        wrong = f"larger than {LARGEST_FILE // 1024 // 1024} MiB: split it"
    if wrong:
        raise InventoryError([Problem(wrong, file)])
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Source(file, content.decode("utf-16", "replace"))
    try:
        return Source(file, content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Source(file, content.decode("cp1252", "replace"), "it is not UTF-8, and was read as Windows-1252")


def _content(path: str | Path) -> tuple[bytes, str]:
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(LARGEST_FILE + 1), ""
        with open(path, "rb") as stream:
            return stream.read(LARGEST_FILE + 1), ""
    except OSError as error:
        return b"", f"cannot be read: {error.strerror}"
    except ValueError:
        return b"", "is not a file name"
