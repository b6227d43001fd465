"""Read the lines of an IMAP server's answers as RFC 3501 has them, where imaplib reads less or guesses.

imaplib takes any capitals after a tag for a status, so one that IMAP does not have looks like a refusal; it takes none
in small letters, and none without a text, which some servers leave out (read in Python 3.11 to 3.14). It takes no line
that LF ends without CR, which GNU's server sends and other clients read.

It raises ``abort`` for an answer that it does not understand, and for the end of a connection. Here the first is
:class:`NotUnderstood`, which is none of imaplib's errors; an ``abort`` then is the end of the connection, or BYE.
"""

from __future__ import annotations

import re
from typing import Any

from scanready.wire.printable import quoted

_STATUSES = (b"OK", b"NO", b"BAD")  # of a tagged answer (RFC 3501, 7.1)
_LINE = re.compile(rb"([A-Za-z0-9]+|\*) ([A-Za-z]+)(?: (.*))?", re.DOTALL)


class NotUnderstood(Exception):
    """imaplib does not understand an answer, in its own words; the connection stands."""


class UnknownStatus(NotUnderstood):
    """The answer to a command has none of the three statuses that there are."""


class OwnReading:
    """A part of imaplib's connection: stands before its class, and changes what it reads of a line."""

    tagpre: bytes
    abort: type[Exception]
    error: type[Exception]
    _ended = False

    def readline(self) -> bytes:
        """Read a line; the end of the connection is noted.

        Raises:
            NotUnderstood: it is longer than imaplib reads.
            OSError: the connection is lost.
        """
        try:
            line: bytes = super().readline()  # type: ignore[misc]  # of imaplib's class
        except self.error as error:
            raise NotUnderstood(str(error)) from error
        self._ended = not line.endswith(b"\n")
        return line[:-1] + b"\r\n" if line.endswith(b"\n") and not line.endswith(b"\r\n") else line

    def _get_line(self) -> bytes:
        line: bytes = super()._get_line()  # type: ignore[misc]
        return as_imaplib_reads(line, getattr(self, "tagpre", b""))

    def _get_response(self, *arguments: Any) -> Any:
        try:
            return super()._get_response(*arguments)  # type: ignore[misc]
        except self.abort as error:
            if self._ended:
                raise
            raise NotUnderstood(str(error)) from error


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
