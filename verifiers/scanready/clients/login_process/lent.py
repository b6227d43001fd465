"""Lend a connection of the climb to a login: the connection itself, or a pipe to it where TLS of ours is on it.

So one connection serves the handshake and the login, where a second one would be an offence or lose what the first
agreed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from scanready.climb.explain import Failure
from scanready.climb.login_runner import LoginNetwork
from scanready.net.stream import ReadTimeout, Stream, StreamError
from scanready.wire import Cursor, Steps, WireError, stepwise

_CHUNK = 1 << 16
#: Seconds to send the last bytes of a login that has ended. A peer that no longer reads does not get them.
_LAST_WORDS = 0.1


class Lent:
    """A connection that a login takes over when it needs it; a field of a family's ``Where``.

    Until it is taken it is the climb's, with the farewell that it has there.

    Args:
        open: returns the stream, called on the event loop when the login takes it; what it raises ends the login.
        piped: lend a pipe in any case, so that a transcript has what goes through it.
        most: bytes that the peer may send through a pipe in all.
    """

    def __init__(self, open: Callable[[], Awaitable[Stream]], *, piped: bool = False, most: int = 4 << 20) -> None:
        self._open = open
        self._piped = piped
        self._left = most
        self._ours: socket.socket | None = None
        self._pumps: list[asyncio.Task[None]] = []

    def within(self, network: LoginNetwork, give_up: Callable[[Failure], None]) -> None:
        """Learn of the login that it is lent to: its network, and what ends it with a failure.

        A connection of the climb needs neither.
        """

    def take(self) -> socket.socket:
        """Return the connection, blocking; in the login only."""
        raise RuntimeError("the connection is taken in the process of the login")

    def port(self) -> int:
        """Return the port of this host that leads to the server, of one that is relayed; in the login only."""
        raise RuntimeError("the port is asked for in the process of the login")

    async def hand_over(self) -> socket.socket:
        """Return the socket that the login gets; on the event loop, once.

        Raises:
            Exception: what ``open`` raises.
        """
        stream = await self._open()
        if not (self._piped or stream.encrypted or stream.unread):
            return stream.detach()
        self._ours, theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._pumps = [asyncio.create_task(pump) for pump in (self._inward(stream), self._outward(stream))]
        return theirs

    async def end(self) -> None:
        """Take the stream back, so that it can be closed; the login has ended, and its last bytes still go out."""
        if self._pumps:
            await asyncio.wait(self._pumps[1:], timeout=_LAST_WORDS)
        for pump in self._pumps:
            pump.cancel()
        if self._pumps:
            await asyncio.wait(self._pumps)
        self._pumps = []  # their frames have the stream
        if self._ours is not None:
            self._ours.close()
            self._ours = None

    async def _inward(self, stream: Stream) -> None:
        """Carry what the peer sends to the login, to the end of either or of the budget."""
        assert self._ours is not None
        loop = asyncio.get_running_loop()
        try:
            while self._left > 0:
                data = await stream.receive(_part)
                self._left -= len(data)
                await loop.sock_sendall(self._ours, data)
        except (ReadTimeout, asyncio.CancelledError):
            # Silence is no end, and the login has a deadline itself. A task that ends cancelled keeps its frames alive.
            return
        except (OSError, StreamError, WireError):
            pass
        with contextlib.suppress(OSError):
            self._ours.shutdown(socket.SHUT_WR)

    async def _outward(self, stream: Stream) -> None:
        assert self._ours is not None
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError, StreamError, asyncio.CancelledError):
            while data := await loop.sock_recv(self._ours, _CHUNK):
                await stream.send(data)


class Taken(Lent):
    """The same in the login; ``get`` returns the socket."""

    def __init__(self, get: Callable[[], socket.socket]) -> None:
        self._get = get

    def take(self) -> socket.socket:
        """Return the connection, blocking."""
        sock = self._get()
        sock.setblocking(True)
        return sock

    def port(self) -> int:
        """Return the port of this host that leads to the server. The socket is shared: it stays as it is."""
        with self._get() as listener:
            return int(listener.getsockname()[1])


@stepwise
def _part(cursor: Cursor) -> Steps[bytes]:
    """Read what has come, one byte at least."""
    part = yield from cursor.part(_CHUNK)
    return part or (yield from cursor.cut_short())
