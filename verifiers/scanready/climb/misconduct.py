"""The error of a verifier that does what none may do; light, since the types of other packages are read with it."""

from __future__ import annotations


class Misconduct(RuntimeError):
    """The coroutine did what no verifier may do; the text says what, without a subject."""
