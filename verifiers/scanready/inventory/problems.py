"""Define the problems of an inventory, each with its place and without secrets.

:class:`InventoryError` adds the place of a value to the message of :class:`scanready.catalogue.wrong.Wrong`, which
the reader of the value raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Users read no more than this, and each problem costs time for the search for similar names.
MOST_PROBLEMS = 1000


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


def too_many(problems: Sequence[Problem], file: str | None) -> InventoryError:
    """Return the error for a file with too many problems: usually one mistake, repeated everywhere."""
    first = sorted(problems[:MOST_PROBLEMS], key=lambda problem: (problem.line or 0, problem.column or 0))
    return InventoryError([*first, Problem(f"{MOST_PROBLEMS:,} problems; the rest of the file was not checked", file)])


class InventoryWarning(UserWarning):
    """Warn of a usable but careless inventory, such as a secret that others can read."""
