"""Rank changes by the number of targets that they take past the step where the checks ended. No I/O.

A change is anything that one person makes at one place: a firewall rule, a client program on one agent. A target may
lack several changes at once. It counts only for all of them together, never for one of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
#: A target, by its number, and an agent.
Pair = tuple[int, str]
#: Changes have two to the power of their number of parts.
_FEW = 6


@dataclass(frozen=True, slots=True)
class Ranked(Generic[K]):
    """Describe one place of a ranking.

    Attributes:
        changes: one change, or several that are needed together.
        targets: the numbers of the targets that lack exactly these changes at some agent, in order.
        pairs: these targets, each with every agent that it lacks exactly these changes at, in order.
        together: how many targets all of these changes take past their step, with those that lack fewer of them.
    """

    changes: frozenset[K]
    targets: tuple[int, ...]
    pairs: tuple[Pair, ...]
    together: int


class Ranking(Generic[K]):
    """Collect what targets lack, and count what changes take past their step."""

    def __init__(self) -> None:
        self._lacking: dict[frozenset[K], list[Pair]] = {}

    def add(self, place: int, agent: str, lacking: frozenset[K]) -> None:
        """Add a target at an agent, with every change that it lacks there.

        Raises:
            ValueError: it lacks nothing.
        """
        if not lacking:
            raise ValueError("a target that lacks nothing has no place in a ranking")
        self._lacking.setdefault(lacking, []).append((place, agent))

    def applied(self, changes: Collection[K]) -> set[Pair]:
        """Return the targets, each with its agent, that pass their step once these changes are made."""
        made = frozenset(changes)
        if len(made) <= _FEW:  # then it is quicker to look up each part of them than to go through all targets
            sizes = range(1, len(made) + 1)
            parts = (frozenset(part) for size in sizes for part in itertools.combinations(made, size))
            return {pair for part in parts for pair in self._lacking.get(part, ())}
        return {pair for lacking, pairs in self._lacking.items() if lacking <= made for pair in pairs}

    def ranked(self, cost: Callable[[frozenset[K], Collection[int]], tuple[int, str]]) -> Iterator[Ranked[K]]:
        """Yield the changes: those that take most targets past their step first.

        Args:
            cost: returns, for changes and the targets that lack them, the number of rules, the fewest of which come
                first among equals, and a text that decides between equal ones.
        """
        targets = {lacking: {place for place, _ in pairs} for lacking, pairs in self._lacking.items()}
        for lacking in sorted(targets, key=lambda one: (-len(targets[one]), *cost(one, targets[one]))):
            together = {place for place, _ in self.applied(lacking)} if len(lacking) > 1 else targets[lacking]
            pairs = tuple(sorted(self._lacking[lacking]))
            yield Ranked(lacking, tuple(sorted(targets[lacking])), pairs, len(together))
