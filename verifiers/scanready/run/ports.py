"""Give the targets that meet on one port a shared memory of it; it goes with the last of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Container, Iterable, Sequence

from scanready.climb.port_memory import PortMemory
from scanready.climb.time_shares import TimeShares
from scanready.model import Target

from . import registry

_Endpoint = tuple[str, int]
#: From so many targets on, only the ports of several are counted: a count takes 170 bytes (measured). Rounds of fewer
#: targets may go on at the same time, and meet on a port.
_MANY = 1000


class Ports:
    """The ports of all targets under way."""

    def __init__(self) -> None:
        self._left: Counter[_Endpoint] = Counter()
        self._shared: dict[_Endpoint, PortMemory] = {}
        self._guesses: Counter[_Endpoint] = Counter()

    def expect(self, targets: Sequence[Target]) -> None:
        """Take note of the targets of a round, before the first of them."""
        met = _met(targets) if len(targets) >= _MANY else None
        self._left.update(
            target.endpoint
            for target in targets
            if met is None or hash(target.endpoint) in met or target.endpoint in self._left
        )
        self._guesses |= Counter(t.endpoint for t in targets if t.guessed and registry.verifier(t.type))

    def memory(self, target: Target) -> PortMemory:
        """Return the memory of a target's port; it is asked once for each target, as its climb begins."""
        key = target.endpoint
        left = self._left.get(key, 0) - 1
        memory = self._shared.pop(key, None) or PortMemory(guesses=TimeShares(self._guesses[key]), alone=left <= 0)
        if left > 0:
            self._left[key], self._shared[key] = left, memory
        else:
            self._left.pop(key, None)
        return memory


def _met(targets: Sequence[Target]) -> Container[int]:
    """Return the hashes of the endpoints of several targets, and maybe of a few others."""
    return met_twice(hash(target.endpoint) for target in targets)


def met_twice(hashes: Iterable[int]) -> set[int]:
    """Return the numbers that are met more than once; a count of each would take much more memory."""
    return {one for one, other in itertools.pairwise(sorted(hashes)) if one == other}
