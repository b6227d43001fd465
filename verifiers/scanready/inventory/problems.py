"""What is wrong with an inventory: every problem with its place, and no secret in any of them.

:class:`InventoryError` says where a value stood; what is wrong with it is the :class:`scanready.catalogue.wrong.Wrong`
that a reader of values raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. ``line`` and ``column`` count from 1; None where there is no file."""

    text: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return f"{place}: {self.text}" if place else self.text


class InventoryError(ValueError):
    """The inventory or a TARGET argument cannot be used: all of its ``problems`` at once, nothing was contacted."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class InventoryWarning(UserWarning):
    """Usable, but careless: a secret that others can read."""
