"""Read the lines of an IMAP server's answers as RFC 3501 has them, where imaplib reads less or guesses.

imaplib takes any capitals after a tag for a status, so one that IMAP does not have looks like a refusal; it takes none
in small letters, and none without a text, which some servers leave out (read in Python 3.11 to 3.14).
"""

from __future__ import annotations

import re

from scanready.wire.printable import quoted

_STATUSES = (b"OK", b"NO", b"BAD")  # of a tagged answer (RFC 3501, 7.1)
_LINE = re.compile(rb"([A-Za-z0-9]+|\*) ([A-Za-z]+)(?: (.*))?", re.DOTALL)


class UnknownStatus(Exception):
    """The answer to a command has none of the three statuses that there are."""


class OwnReading:
    """A part of imaplib's connection: stands before its class, and changes what it reads of a line."""

    tagpre: bytes

    def _get_line(self) -> bytes:
        line: bytes = super()._get_line()  # type: ignore[misc]  # of imaplib's class
        return as_imaplib_reads(line, getattr(self, "tagpre", b""))


def as_imaplib_reads(line: bytes, tag: bytes) -> bytes:
    """Return a line with its status in capitals, and with an empty text where it has none.

    Args:
        line: without its end.
        tag: what the tags of our commands begin with.

    Raises:
        UnknownStatus: it answers one of our commands, and neither with OK nor with NO nor with BAD.
    """
    found = _LINE.fullmatch(line)
    if found is None:
        return line
    mark, word, text = found.groups()
    if mark == b"*":
        return line if word.isupper() else b"* " + word.upper() + line[len(mark) + 1 + len(word) :]
    if not tag or not mark.startswith(tag):
        return line
    if word.upper() not in _STATUSES:
        raise UnknownStatus(quoted(word[:24]))
    return b"%s %s %s" % (mark, word.upper(), text or b"")
