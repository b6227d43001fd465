"""Hold the redactor of the target at hand: for this task, and for the threads that get a copy of its context."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from .redactor import NOTHING, Redactor

_CURRENT: ContextVar[Redactor] = ContextVar("redactor", default=NOTHING)


def current() -> Redactor:
    """Return the redactor of the target at hand; outside of any target, one that hides nothing."""
    return _CURRENT.get()


@contextlib.contextmanager
def redacting(redactor: Redactor) -> Iterator[None]:
    """Use ``redactor`` within this context."""
    token = _CURRENT.set(redactor)
    try:
        yield
    finally:
        _CURRENT.reset(token)
