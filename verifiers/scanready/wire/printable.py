r"""Make hostile text harmless and keep it readable, for evidence and for every output.

Text from a target may contain escape sequences that move the cursor or change the window's title, marks that reverse
the reading direction, or a megabyte of data. Every output for people passes such text through this module. Unprintable
characters are shown as Python's escapes (``\x1b``, ``\u202e``).
"""

from __future__ import annotations

from scanready.redaction import WITHHELD, current
from scanready.redaction.workflow import harmless_lines

#: Characters shown of one line. No honest server sends longer ones; the rest is counted, not shown.
MOST = 400
#: Characters of a peer's text that are evidence. Masking costs 2 us for each character that is read, on the event loop;
#: a server's error of 30,000 took 0.1 s (measured).
MOST_EVIDENCE = 1000
#: Lines shown of a fix. The built-in fixes have fewer.
MOST_LINES = 40
#: The length of the note about the cut. Cutting fewer characters than that saves no room.
_NOTE = 24
#: Characters read beyond a cut, so that a secret at the cut is recognised whole.
_LONGEST_SECRET = 4096
#: Replaces each unprintable character in evidence.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def visible(text: str, most: int = MOST) -> str:
    """Return ``text`` on one line, every unprintable character escaped, cut after about ``most`` characters.

    Unprintable is what Unicode calls Other (controls, format marks such as the
    bidirectional ones, surrogates, unassigned) or Separator, the space excepted.
    """
    rest = len(text) - most
    if rest > _NOTE:
        return f"{visible(text[:most])}... ({rest} more characters)"
    return escaped(text)


def visible_lines(text: str, most: int = MOST) -> list[str]:
    """Return the lines of ``text``, each as :func:`visible` shows it; for texts of several lines, such as a fix."""
    lines = text.strip("\r\n").split("\n")
    shown = [visible(line.expandtabs(4).rstrip("\r"), most) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"... ({len(lines) - MOST_LINES} more lines)")
    return shown


def printable(text: str, most: int = MOST_EVIDENCE) -> str:
    """Return a peer's ``text`` on one line for evidence, with the target's secrets masked, as :func:`collapsed` does.

    Do not base a decision on the result: masking may hide a word of the protocol. The text is cut after ``most``
    characters without a note.
    """
    shown = current().peer(text[: 4 * most + _LONGEST_SECRET])
    return shown if shown == WITHHELD else collapsed(shown, most)


def quoted(raw: bytes | None) -> str:
    """Return a peer's bytes as Python would write them, for evidence."""
    return printable(repr(raw))


def collapsed(text: str, most: int | None = None) -> str:
    """Return ``text`` on one line: collapse white space, replace unprintable characters, then cut after ``most``."""
    line = " ".join((text if most is None else text[: 4 * most]).split())
    if not line.isprintable():
        line = "".join(char if char.isprintable() else REPLACEMENT for char in line)
    return line[:most]


def words_of(text: str) -> str:
    """Return the printable words of ``text``, with any other characters between them as one space each.

    This is for messages in binary fields.
    """
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def escaped(text: str) -> str:
    """Return ``text`` with every unprintable character as the escape that Python would write for it.

    A command for a build server (``::error``, ``##vso[``) at the start gets a space in front, which disables it.
    """
    text = harmless_lines(text)
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
