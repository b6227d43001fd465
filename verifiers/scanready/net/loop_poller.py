"""Wait with the event loop's own socket calls, which every platform has, and with a timer for each wait.

Each call adds a reader or writer to the loop and removes it again. That costs more than :mod:`.epoll_poller`, but it is
the only way with Windows' completion ports. There the system reads into memory of its own, and a read that is cancelled
may have taken bytes already: it is never cancelled while its socket is open, and the next wait gets what it brings.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
import sys
import weakref

from .sockets import Address, KeepingSocket
from .system_errors import posix_errors

#: Turns of the loop in which a read that is complete reaches the task that waits for it.
_TURNS = 3


def _reads_ahead() -> bool:
    """Say whether the system may have read what a cancelled read has not brought (Windows' completion ports)."""
    return sys.platform == "win32"


class LoopPoller:
    """See :class:`.poller.Poller`. The loop reads for a wait; a wait cancelled in that turn leaves it in ``kept``.

    Where the system reads ahead, the read goes on in ``reading``.
    """

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
        if _reads_ahead():
            return await self._read_ahead(sock, most, until)
        async with asyncio.timeout_at(until):
            with posix_errors():
                return await self._running().sock_recv(sock, most)

    async def _read_ahead(self, sock: KeepingSocket, most: int, until: float) -> object:
        """Wait for the socket's read; begin it if there is none. It may be complete though the loop was busy."""
        loop = self._running()
        if sock.reading is None:
            # By the class, in a context of its own: it is the socket's, and holds nothing of the climb that began it.
            sock.reading = asyncio.Task(_read(loop, sock, most), loop=loop, context=contextvars.Context())
        reading = sock.reading
        await asyncio.wait((reading,), timeout=until - loop.time())
        for _ in range(_TURNS):
            if not reading.done():
                await asyncio.sleep(0)
        if not reading.done():
            raise TimeoutError
        if sock.reading is not reading or reading.cancelled():
            raise OSError(errno.EBADF, "the socket was closed")
        sock.reading = None
        try:
            return reading.result()
        finally:
            del reading  # it has its error, and that this frame: a cycle

    async def send(self, sock: KeepingSocket, data: bytes, until: float) -> None:
        """Send all of ``data``."""
        async with asyncio.timeout_at(until):
            with posix_errors():
                await self._running().sock_sendall(sock, data)


async def _read(loop: asyncio.AbstractEventLoop, sock: KeepingSocket, most: int) -> object:
    with posix_errors():
        received = await loop.sock_recv(sock, most)
    sock.kept = b""  # the result has it
    return received
