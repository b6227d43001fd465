"""The way of one climb through the gate of its run, during which the climb's time stands still.

A wait for a turn is ours, and says nothing about the target: it must not use up the target's time. The same holds for
whatever else the climb waits for at the agent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

from .dial_gate import DialGate, NotBegun
from .sockets import Address


class Passage:
    """Let the connections of one climb begin in their turn.

    Attributes:
        begun: the climb, or one that it continues, has begun a connection; then its turns come first.
        waited: seconds for which the climb's time has stood still. Connections that wait side by side count once.

    Args:
        gate: that of the run; None lets everyone pass.
        moved: called after each wait with its seconds: all deadlines of the climb are later by them.
    """

    __slots__ = ("_bounded", "_gate", "_moved", "_since", "_waiting", "begun", "leave", "waited")

    def __init__(self, gate: DialGate | None = None, moved: Callable[[float], object] | None = None) -> None:
        self._gate, self._moved, self.begun = gate, moved, False
        #: Call with the address once the connection was answered, or given up.
        self.leave: Callable[[Address], object] = gate.leave if gate is not None else _nothing
        self._since = self.waited = 0.0
        self._waiting = 0
        self._bounded: dict[asyncio.Timeout, float] = {}  # with the seconds left of those that stand still

    def when_moved(self, moved: Callable[[float], object]) -> None:
        """Call ``moved`` after each wait from now on."""
        self._moved = moved

    async def enter(self, address: Address) -> float:
        """Wait until a connection to ``address`` may begin; return the seconds. It ends with :attr:`leave`.

        Raises:
            NotBegun: the run was stopped, and the climb has begun no connection.
        """
        if self._gate is None or self._gate.enters(address, self.begun):
            self.begun = True
            return 0.0
        now = asyncio.get_running_loop().time
        began = now()
        with self.aside():
            await self._turn(self._gate, address)
        self.begun = True
        return now() - began

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Let the climb's time stand still while it waits for something that is not the target's."""
        now = asyncio.get_running_loop().time
        self._stand_still(now())
        try:
            yield
        finally:
            self._go_on(now())

    @property
    def waited_by_now(self) -> float:
        """The same as ``waited``, with a wait that has not ended."""
        return self.waited + (asyncio.get_running_loop().time() - self._since if self._waiting else 0.0)

    @contextlib.asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Bound what may dial by ``seconds``, as ``asyncio.timeout`` does, but stand still with the climb's time.

        Raises:
            TimeoutError: it took longer.
        """
        async with asyncio.timeout(None if self._waiting else seconds) as bounded:
            self._bounded[bounded] = seconds
            try:
                yield
            finally:
                del self._bounded[bounded]

    async def _turn(self, gate: DialGate, address: Address) -> None:
        try:
            await gate.wait(address, self.begun)
        except NotBegun:
            if not self.begun:  # else another connection of the climb has begun meanwhile
                raise
            await gate.wait(address, True)

    def _stand_still(self, now: float) -> None:
        self._waiting += 1
        if self._waiting > 1:
            return
        self._since = now
        for bounded in self._bounded:
            if (when := bounded.when()) is not None and not bounded.expired():
                self._bounded[bounded] = when - now
                bounded.reschedule(None)

    def _go_on(self, now: float) -> None:
        self._waiting -= 1
        if self._waiting:
            return
        waited = now - self._since
        self.waited += waited
        for bounded, left in self._bounded.items():
            if not bounded.expired():
                bounded.reschedule(now + left)
        if self._moved is not None:
            self._moved(waited)


def _nothing(_: Address) -> None:
    """Do nothing: no climb waits."""


#: For connections that belong to no run: each begins at once.
ALWAYS_OPEN = Passage()
