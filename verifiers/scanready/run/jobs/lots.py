"""Lots of targets: the hosts that a process is given at once, and how many of its concurrent targets they may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scanready.model import Target
from scanready.run.any_type import flat
from scanready.run.engine import GUESSES_PER_HOST

from .target_form import can_travel


@dataclass(slots=True, eq=False)
class Lot:
    """Some hosts with all of their targets.

    Attributes:
        targets: of these hosts.
        places: concurrent targets at most: those of one host are limited.
        stays: only the first process can climb for them, since an option is no JSON.
        lost: processes that ended with them.
        left: the targets without a report, by ``id()``.
    """

    targets: list[Target]
    places: int
    stays: bool = False
    lost: int = 0
    left: dict[int, Target] = field(init=False)
    _climbs: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = {id(target): target for target in self.targets}
        self._climbs = len(flat(self.targets))

    def leave(self, target: Target) -> int:
        """Take note that a target's report was passed on; return the number of places that this frees."""
        before = min(self.places, self._climbs)
        self._climbs -= len(target.tries) or 1
        return before - min(self.places, self._climbs)

    @property
    def taken(self) -> int:
        """The places that it still takes."""
        return min(self.places, self._climbs)


def lots_of(groups: Sequence[list[Target]], at_once: int, per_host: int) -> Iterator[Lot]:
    """Yield the hosts of ``groups`` in lots of ``at_once``."""
    staying = [group for group in groups if not all(map(can_travel, group))]
    going = [group for group in groups if group not in staying] if staying else groups
    for some, stays in ((staying, True), (going, False)):
        for first in range(0, len(some), at_once):
            yield _lot(some[first : first + at_once], per_host, stays=stays)


def lots_again(lot: Lot, groups: Sequence[list[Target]], per_host: int) -> Iterator[Lot]:
    """Yield a lot for each host of a lot whose process has ended, for the targets without a report."""
    for group in groups:
        again = _lot([group], per_host, stays=False)
        again.lost = lot.lost + 1
        yield again


def _lot(groups: Sequence[list[Target]], per_host: int, *, stays: bool) -> Lot:
    places = 0
    for group in groups:
        guessed = any(target.tries for target in group)
        places += min(len(flat(group)), max(per_host, GUESSES_PER_HOST) if guessed else per_host)
    return Lot([target for group in groups for target in group], places, stays)
