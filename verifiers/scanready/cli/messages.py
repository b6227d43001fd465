"""Write the messages that several commands share."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable

from scanready.redaction import current
from scanready.redaction.userinfo import without_passwords
from scanready.wire.printable import visible


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"``, or an empty text if no known word is similar."""
    from scanready.catalogue.wrong import nearest

    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else ""


def means_a_file(word: str) -> bool:
    """Return whether an argument is an inventory, not a target: the file exists, or its name ends in .yaml or .yml."""
    return word == "-" or word.endswith((".yaml", ".yml")) or os.path.isfile(word)


def fitting(word: str) -> str:
    """Return a user's word as it may be repeated on a terminal: printable, without a password in a URL."""
    return visible(without_passwords(word), 120)


def warn(message: str) -> None:
    """Write a message to standard error, with the secrets of the current run masked; a terminal gets no broken words.

    A terminal that was closed, or a pipe without a reader, ends no work.
    """
    from scanready.cli.output.terminal import folded

    line = f"scanready: {visible(current().composed(message), 1000)}"
    with contextlib.suppress(OSError):
        sys.stderr.write(folded(line, sys.stderr) + "\n")
