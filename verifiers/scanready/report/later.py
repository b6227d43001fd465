"""Make a document as its run begins: no packet waits for the libraries of its format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Later:
    """Stand for a document that ``make`` returns, until :meth:`begin`."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def begin(self, run: Any) -> str:
        """Make the document, and return the text before the first result."""
        self._made = self._make()
        text: str = self._made.begin(run)
        return text

    def add(self, result: Any) -> str:
        """Return the text to write for this result."""
        text: str = self._made.add(result)
        return text

    def end(self, totals: Any) -> str:
        """Return the text after the last result."""
        text: str = self._made.end(totals)
        return text
