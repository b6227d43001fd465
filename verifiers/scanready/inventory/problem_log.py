"""Collect the problems of an inventory file while it is read, each with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanready.catalogue.wrong import Collected

from .nodes import Node
from .problems import MOST_PROBLEMS, Problem, too_many
from .shapes import Shape


@dataclass(slots=True)
class Page:
    """Collect problems and warnings with their places. ``base`` is the directory of relative file names."""

    file: str
    base: Path
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def wrong(self, node: Node, *messages: str) -> None:
        """Note problems at a node.

        Raises:
            InventoryError: there are `MOST_PROBLEMS` now; the rest of the file is not read.
        """
        self.problems.extend(Problem(message, self.file, node.line, node.column) for message in messages)
        if len(self.problems) >= MOST_PROBLEMS:
            raise too_many(self.problems, self.file)

    def careless(self, node: Node, messages: Sequence[str]) -> None:
        """Note warnings at a node."""
        self.warnings.extend(str(Problem(message, self.file, node.line, node.column)) for message in messages)

    def reading(self, node: Node) -> Collected:
        """Note a :class:`Wrong` raised in the block as a problem at ``node``, and continue after the block."""
        return Collected(lambda *messages: self.wrong(node, *messages))

    def shaped(self, shape: Shape, node: Node, value: Mapping[str, Any] | None = None) -> Any:
        """Return the content of a mapping (``value``, or else the whole node); None if it has problems: note them.

        The content has an attribute for each key of the shape, None for a missing one.
        """
        plain = node.plain() if value is None else value
        found: Any = shape.content(plain)
        if found is None:
            from .validation import validated  # loaded late: pydantic takes 100 ms, and most mappings need none

            found = validated(self.wrong, shape, node, plain)
        return found

    def unknown_key(self, shape: Shape, key: Node) -> None:
        """Note a key that the shape does not have."""
        from .validation import note_unknown_key

        note_unknown_key(self.wrong, shape, key)
