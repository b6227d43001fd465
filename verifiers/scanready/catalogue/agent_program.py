"""Describe a program of the agent that the scanner uses to reach a target, such as its ssh client.

The sibling module ``client`` of a row looks for it, and has the names of :class:`AgentProgram`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from scanready.model import Cause


class Words(Protocol):
    """The findings that a program can have, on a rung or as an answer of ``scanready agent``."""

    def ok(self, summary: str, **facts: Any) -> None:
        """Pass: the program is installed."""

    def warn(self, cause: Cause, detail: str, fix: str | None = None) -> None:
        """Warn: the program is unsuitable, or in the wrong place."""

    def fail(self, cause: Cause, detail: str, fix: str | None = None) -> None:
        """Fail: the program is missing."""

    def skip(self, reason: str) -> None:
        """Skip: the program is not needed; give the reason."""


class AgentProgram(Protocol):
    """The names of a module ``client``."""

    #: Its name in messages, such as "ssh client".
    NAME: str

    @staticmethod
    def present() -> Any:
        """Look for it, and return what is known of it; None where it is missing. Blocks."""

    @staticmethod
    def describe(found: Any, words: Words) -> None:
        """State what it is on the first rung of a climb."""

    @staticmethod
    def examine(found: Any, words: Words, needing: Sequence[str], named: Sequence[str]) -> None:
        """State what it is and knows, for ``scanready agent``.

        ``needing`` are the types to be served that need it; ``named`` those of them that a target names.
        """
