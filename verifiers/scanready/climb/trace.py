"""Put the traceback of an exception into bounded text that holds no secret and refers to nothing of the climb.

It is formatted at once: an exception that is kept keeps its frames, and those keep the connections.
"""

from __future__ import annotations

import traceback
from dataclasses import replace

from scanready.model import Finding
from scanready.redaction import Redactor, current
from scanready.wire.printable import escaped

from .confidential import secrets_of

__all__ = ["bounded", "secrets_of", "trace_of"]

#: The last frames of each exception of a chain.
_FRAMES = 10
#: Characters and lines of the whole text; of a longer one the end is kept, where the error is.
_MOST, _LINES = 4092, 39
#: Characters of a text that are made printable: an exception's text may have any length.
_LOOKED_AT = 65_536
#: Characters of an exception's own text in a finding.
_DETAIL = 1000
#: How the pieces of a traceback begin that are not the words of an exception: frames, and sentences between exceptions.
_FRAME, _BETWEEN = "  File ", ("Traceback (", "\nThe above exception", "\nDuring handling")


def trace_of(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """Return the traceback of ``error`` and of its causes, the latest call last: printable lines, at most 4 KB.

    It has files, line numbers, functions, source lines and the exceptions' texts, and no values of variables.

    Args:
        secrets: texts that are masked (:func:`secrets_of`); without any, those of the target at hand are.
    """
    told = traceback.TracebackException.from_exception(error, limit=-_FRAMES, compact=True)
    redactor = Redactor(secrets) if secrets else current()
    text = "".join(_masked(piece, redactor) for piece in told.format())[-_LOOKED_AT:]
    lines = [escaped(line.expandtabs(4)) for line in text.rstrip("\n").split("\n")]
    whole = "\n".join(lines[-_LINES:])
    cut = len(lines) > _LINES or len(whole) > _MOST
    return f"...\n{whole[-_MOST:]}" if cut else whole


def bounded(finding: Finding) -> Finding:
    """Return the finding of an exception with its words, which may be of any length, cut."""
    return replace(finding, detail=finding.detail[:_DETAIL])


def _masked(piece: str, redactor: Redactor) -> str:
    """Mask a piece of a traceback: source lines belong to a program, but texts of exceptions may be the peer's."""
    marked = piece.lstrip(" |+-")
    if marked.startswith(_BETWEEN):
        return piece
    if piece.startswith(_FRAME) or marked.startswith(_FRAME.lstrip()):
        return redactor.composed(piece, ours=True)
    kind, colon, words = piece.rstrip("\n").partition(": ")
    if not colon or not kind.lstrip(" |+-").replace(".", "").replace("_", "").isalnum():
        return redactor.peer(piece.rstrip("\n")) + "\n"
    return f"{redactor.composed(kind)}: {redactor.peer(words)}\n"
