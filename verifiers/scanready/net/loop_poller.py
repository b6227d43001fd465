"""Wait with the event loop's own socket calls, which every platform has, and with a timer for each wait.

Each call adds a reader or writer to the loop and removes it again. That costs more than :mod:`.epoll_poller`, but it is
the only way with Windows' completion ports.
"""

from __future__ import annotations

import asyncio
import weakref

from .sockets import Address, KeepingSocket
from .system_errors import posix_errors


class LoopPoller:
    """See :class:`.poller.Poller`. The loop reads for a wait; a wait cancelled in that turn leaves it in ``kept``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)

    def _running(self) -> asyncio.AbstractEventLoop:
        loop = self._loop()
        assert loop is not None, "it runs"
        return loop

    async def connect(self, sock: KeepingSocket, address: Address, until: float) -> None:
        """Connect a socket."""
        async with asyncio.timeout_at(until):
            with posix_errors():
                await self._running().sock_connect(sock, address[1])

    async def receive(self, sock: KeepingSocket, most: int, until: float) -> object:
        """Return the next bytes; over UDP some Pythons on Windows return a tuple for "port unreachable"."""
        async with asyncio.timeout_at(until):
            with posix_errors():
                return await self._running().sock_recv(sock, most)

    async def send(self, sock: KeepingSocket, data: bytes, until: float) -> None:
        """Send all of ``data``."""
        async with asyncio.timeout_at(until):
            with posix_errors():
                await self._running().sock_sendall(sock, data)
