r"""Make hostile text harmless, and keep it readable: for evidence, and for every output.

Whatever a target says may hold escape sequences that move the cursor or retitle the
window, marks that turn the reading direction, or a megabyte of anything. Every human
output passes such text through here; what is not printable is shown as the escape
Python would write for it (``\x1b``, ``\u202e``).
"""

from __future__ import annotations

from scanready.redaction import WITHHELD, current
from scanready.redaction.workflow import harmless_lines

#: Enough for any one line a server says in good faith; the rest is counted, not shown.
MOST = 400
#: Characters of a peer's text that are evidence. Masking costs 2 us for each character that is read, on the event loop;
#: a server's error of 30,000 took 0.1 s (measured).
MOST_EVIDENCE = 1000
#: A generated fix is a handful of lines; a longer one did not come from us.
MOST_LINES = 40
#: As long as the note about what is cut: cutting less than that would only take words away.
_NOTE = 24
#: Read beyond a cut, so that a secret which the cut would halve is recognised.
_LONGEST_SECRET = 4096
#: Stands for a character that is not shown.
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
    """Return the lines of ``text``, each as :func:`visible` shows it; for what is meant to have lines, as a fix is."""
    lines = text.strip("\r\n").split("\n")
    shown = [visible(line.expandtabs(4).rstrip("\r"), most) for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"... ({len(lines) - MOST_LINES} more lines)")
    return shown


def printable(text: str, most: int = MOST_EVIDENCE) -> str:
    """Return a peer's ``text`` on one line for evidence: without the target's secrets, and as :func:`collapsed` does.

    Not for text that decides anything: what is masked may be a word of the protocol. Cut after ``most`` characters,
    silently.
    """
    shown = current().peer(text[: 4 * most + _LONGEST_SECRET])
    return shown if shown == WITHHELD else collapsed(shown, most)


def quoted(raw: bytes | None) -> str:
    """Return a peer's bytes as Python would write them, for evidence."""
    return printable(repr(raw))


def collapsed(text: str, most: int | None = None) -> str:
    """Return ``text`` on one line: white space collapsed, each other unprintable character replaced, and then cut."""
    line = " ".join((text if most is None else text[: 4 * most]).split())
    if not line.isprintable():
        line = "".join(char if char.isprintable() else REPLACEMENT for char in line)
    return line[:most]


def words_of(text: str) -> str:
    """Return the printable words of ``text``, whatever stands between them; for messages out of binary fields."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def escaped(text: str) -> str:
    """Return ``text`` with every unprintable character as the escape that Python would write for it.

    A command to a build server (``::error``, ``##vso[``) at its start gets a space, and is none any more.
    """
    text = harmless_lines(text)
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
