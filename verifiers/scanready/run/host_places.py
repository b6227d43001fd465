"""Limit the concurrent targets of each host; a host that has none takes no memory."""

from __future__ import annotations

import asyncio
from collections import deque


class HostPlaces:
    """The places at all hosts. They go to those who wait in the order in which they came."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # only at hosts without a free place

    async def enter(self, host: str, most: int) -> None:
        """Take one of ``most`` places at ``host``, or wait for it; :meth:`leave` gives it back."""
        taken = self._taken.get(host, 0)
        if taken < most:
            self._taken[host] = taken + 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(host, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was given to it in the same moment
                self.leave(host)
            else:
                self._withdraw(host, turn)
            raise

    def leave(self, host: str) -> None:
        """Give a place to the next one that waits for it, or free it."""
        while (waiting := self._waiting.get(host)) is not None:
            turn = waiting[0]
            self._withdraw(host, turn)
            if not turn.done():
                turn.set_result(None)
                return
        if (left := self._taken[host] - 1) == 0:
            del self._taken[host]
        else:
            self._taken[host] = left

    def _withdraw(self, host: str, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(host)
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[host]
