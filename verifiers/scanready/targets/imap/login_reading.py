"""Read the lines of an IMAP server's answers according to RFC 3501, where imaplib is too strict or guesses.

imaplib accepts any capitals after a tag as a status, so an unknown status looks like a refusal. It does not accept a
status in small letters, or one without a text, which some servers omit (read in Python 3.11 to 3.14). It does not
accept a line that ends with LF without CR, which GNU's server sends and other clients read.

imaplib raises ``abort`` both for an answer that it does not understand and for the end of a connection. This module
raises :class:`NotUnderstood` for the former, so ``abort`` always means the end of the connection, or BYE.
"""

from __future__ import annotations

import re
from typing import Any

from scanready.wire.printable import quoted

_STATUSES = (b"OK", b"NO", b"BAD")  # of a tagged answer (RFC 3501, 7.1)
_LINE = re.compile(rb"([A-Za-z0-9]+|\*) ([A-Za-z]+)(?: (.*))?", re.DOTALL)


class NotUnderstood(Exception):
    """Report an answer that imaplib does not understand, with imaplib's text; the connection is still open."""


class UnknownStatus(NotUnderstood):
    """Report an answer to a command without one of the three statuses of IMAP."""


class OwnReading:
    """Mix into imaplib's connection class, before it in the bases, to change how it reads lines."""

    tagpre: bytes
    abort: type[Exception]
    error: type[Exception]
    _ended = False

    def readline(self) -> bytes:
        """Read a line, and remember the end of the connection.

        Raises:
            NotUnderstood: the line is longer than imaplib's limit.
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
    """Return a line with its status in capitals, and with an empty text if it has none.

    Args:
        line: the line without its end.
        tag: the prefix of our commands' tags.

    Raises:
        UnknownStatus: it answers one of our commands, but not with OK, NO or BAD.
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
