"""End waits at their deadlines with one coarse timer, not with a timer for each wait.

Nearly every wait ends because the peer answers, so a timer of its own would be set and cancelled for nothing. Deadlines
are grouped by steps of :data:`STEP` seconds, and only the earliest group has a timer. A wait ends up to one step late
and never early: a peer has all of its time.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import weakref

#: Seconds between two looks at the deadlines; the most by which a wait ends late.
STEP = 0.002
#: Waits that end in one turn of the loop. The work after an end takes memory until it is done, and thousands of
#: silent targets that were begun in the same second would end at once.
MOST_AT_ONCE = 32
#: The result of a wait whose time is over; events of a socket are never negative.
EXPIRED = -1

Wait = asyncio.Future[int]
_of_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Deadlines] = weakref.WeakKeyDictionary()


def deadlines_of(loop: asyncio.AbstractEventLoop) -> Deadlines:
    """Return the deadlines of a running loop, the same for all its waits."""
    found = _of_loop.get(loop)
    if found is None:
        found = _of_loop[loop] = Deadlines(loop)
    return found


class Deadlines:
    """The deadlines of one event loop's waits. It does not keep the loop alive."""

    __slots__ = ("_earliest", "_groups", "_loop", "_pending", "_steps", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._groups: dict[int, set[Wait]] = {}  # by the step in which they end
        self._steps: list[int] = []  # the same steps as a heap
        self._pending = 0
        self._earliest = 0  # the step of the timer
        self._timer: asyncio.TimerHandle | None = None

    def add(self, wait: Wait, until: float) -> int:
        """Have ``wait`` end with :data:`EXPIRED` at ``until``, in the loop's time; return what :meth:`remove` needs.

        A deadline that is over ends the wait in the next turn of the loop, so that bytes that are there win.
        """
        if until == math.inf:
            return 0
        step = math.floor(until / STEP) + 1
        group = self._groups.get(step)
        if group is None:
            group = self._groups[step] = set()
            heapq.heappush(self._steps, step)
            if self._timer is None or step < self._earliest:
                self._set_timer(step)
        group.add(wait)
        self._pending += 1
        return step

    def remove(self, wait: Wait, step: int) -> None:
        """Forget a wait that has ended. Without any wait there is no timer: an idle loop sleeps."""
        group = self._groups.get(step)
        if group is None or wait not in group:
            return
        group.remove(wait)
        self._pending -= 1
        if not self._pending:
            self._groups.clear()
            self._steps.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _set_timer(self, step: int) -> None:
        loop = self._loop()
        assert loop is not None, "it runs"
        if self._timer is not None:
            self._timer.cancel()
        self._earliest = step
        self._timer = loop.call_at(step * STEP, self._expire)

    def _expire(self) -> None:
        """End the waits whose time is over, the rest of many in the next turn of the loop.

        The step of the timer is due whatever the rounding of the clock.
        """
        self._timer = None
        loop = self._loop()
        assert loop is not None, "it runs"
        due = max(self._earliest, math.floor(loop.time() / STEP))
        left = MOST_AT_ONCE
        while left and self._steps and (self._steps[0] <= due or not self._groups[self._steps[0]]):
            group = self._groups[self._steps[0]]
            while left and group:
                wait = group.pop()
                self._pending -= 1
                if not wait.done():
                    wait.set_result(EXPIRED)
                    left -= 1
            if not group:
                del self._groups[heapq.heappop(self._steps)]
        if self._steps:
            self._set_timer(self._steps[0])
