"""Decide which of the batches in an agent's hands may begin. No I/O.

Batches of one kind (the same settings and the same guard of logins) go together, up to a number of climbs. Others wait
until nothing is going. While one of them waits, nothing else begins, or an agent with much work would never be idle.
Then the turn is that of the run that was served longest ago, and of every batch that goes with its oldest one. So a run
waits for one turn of each other run in hand at most, however many batches those have.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

#: Runs whose last turn is remembered. An agent runs for months.
_REMEMBERED = 1000


@dataclass(eq=False, slots=True)
class Waiting:
    """A batch in hand.

    Attributes:
        kind: batches go together if theirs are equal.
        exclusive: nothing else may go meanwhile.
        climbs: that it has yet to make; those that are over free their places one by one.
    """

    run: str
    kind: object
    exclusive: bool
    climbs: int
    has_begun: bool = False


class Turns:
    """The batches in hand, in the order in which they came.

    Args:
        most: climbs at once. A batch with more goes when nothing else does.
    """

    def __init__(self, most: int) -> None:
        self._most, self._climbs = most, 0
        self._waiting: list[Waiting] = []
        self._going: list[Waiting] = []
        self._served: OrderedDict[str, None] = OrderedDict()  # the run that was served last is the last

    @property
    def going(self) -> int:
        """The number of batches that have begun, and not ended."""
        return len(self._going)

    def join(self, run: str, kind: object, exclusive: bool, climbs: int) -> Waiting:
        """Take a batch in hand; it may begin once :meth:`call` says so."""
        one = Waiting(run, kind, exclusive, climbs)
        self._waiting.append(one)
        return one

    def call(self) -> None:
        """Let those begin that may: mark them so."""
        while self._waiting:
            order = {run: number for number, run in enumerate(self._served)}
            first = min(self._waiting, key=lambda one: order.get(one.run, -1))  # the first one among equals
            if not self._going:
                self._begin(first)
                for one in [] if first.exclusive else [*self._waiting]:
                    if not one.exclusive and one.kind == first.kind and self._has_room(one):
                        self._begin(one)
            elif not self._fit() or not self._has_room(first):
                return
            else:
                self._begin(first)

    def climbed(self, one: Waiting, climbs: int) -> bool:
        """Note that some climbs of a batch are over; return True if another batch may begin now."""
        one.climbs -= climbs
        self._climbs -= climbs
        before = self.going
        self.call()
        return self.going > before

    def leave(self, one: Waiting) -> None:
        """End a batch, or give it up while it waits."""
        if one.has_begun:
            self._going.remove(one)
            self._climbs -= one.climbs
        else:
            self._waiting.remove(one)
        self.call()

    def _fit(self) -> bool:
        """Return whether all batches in hand go together."""
        kind = self._going[0].kind
        return not any(one.exclusive or one.kind != kind for one in (self._going[0], *self._waiting))

    def _has_room(self, one: Waiting) -> bool:
        return self._climbs + one.climbs <= self._most

    def _begin(self, one: Waiting) -> None:
        self._waiting.remove(one)
        self._going.append(one)
        self._climbs += one.climbs
        one.has_begun = True
        self._served[one.run] = None
        self._served.move_to_end(one.run)
        if len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)
