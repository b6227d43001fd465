"""The few sentences several commands say alike."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from scanready.redaction import current
from scanready.redaction.userinfo import without_passwords
from scanready.wire.printable import visible


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"``, or nothing where nothing is near."""
    from scanready.catalogue.wrong import nearest

    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else ""


def means_a_file(word: str) -> bool:
    """Whether a word that may be an inventory or a target is an inventory: there, or called like one."""
    return word == "-" or word.endswith((".yaml", ".yml")) or os.path.isfile(word)


def fitting(word: str) -> str:
    """Return a word of the operator's as it may be repeated to a terminal: printable, and no password in a URL."""
    return visible(without_passwords(word), 120)


def warn(message: str) -> None:
    """Write a message to standard error, without any secret of the run that is under way."""
    sys.stderr.write(f"scanready: {visible(current().composed(message), 1000)}\n")
