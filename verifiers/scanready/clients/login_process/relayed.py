"""Carry the session of a driver that calls the system itself, so that its secret is seen before it leaves.

Such a driver takes no socket, says nothing of its progress, and may keep Python's lock while it waits (IBM's does). It
gets an address of this host; what it sends there is read in this process, and goes on over a connection to where the
login may go.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from scanready.climb.explain import Failure
from scanready.climb.login_runner import LoginNetwork
from scanready.climb.login_trace import SecretTrace
from scanready.net.sockets import loopback_listener
from scanready.net.stream import StreamError

from .lent import Lent

#: Where the driver finds the server, at :meth:`Lent.port`.
ADDRESS = "127.0.0.1"
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Framing:
    """The framing of what a protocol's client sends.

    Attributes:
        size: bytes of a header.
        read: returns the bytes of the message that has this header, itself included, and its kind.
        before_the_secret: the kinds that have no secret. Any other may have it.
    """

    size: int
    read: Callable[[bytes], tuple[int, int]]
    before_the_secret: frozenset[int]


class Headers:
    """Find the headers in what a client sends, in whatever pieces it comes; nothing else is kept."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._head = bytearray()
        self._left = 0

    def feed(self, data: bytes) -> list[int]:
        """Return the kinds of the messages whose headers end in ``data``."""
        kinds: list[int] = []
        while data:
            passed = self._left or self._framing.size - len(self._head)
            part, data = data[:passed], data[passed:]
            if self._left:
                self._left -= len(part)
                continue
            self._head += part
            if len(self._head) == self._framing.size:
                length, kind = self._framing.read(bytes(self._head))
                kinds.append(kind)
                self._left = max(0, length - self._framing.size)
                self._head.clear()
        return kinds


class Relayed(Lent):
    """A way to the server for a driver, through a port of this host; a field of a family's ``Where``.

    Args:
        host, port: where it leads.
        framing: how the secret is known in it.
        trace: notes that the secret leaves.
    """

    def __init__(self, host: str, port: int, framing: Framing, trace: SecretTrace) -> None:
        self._place, self._framing, self._trace = (host, port), framing, trace
        self._network: LoginNetwork | None = None
        self._give_up: Callable[[Failure], None] = lambda _: None
        self._listener: socket.socket | None = None
        self._serving: list[asyncio.Task[None]] = []

    def within(self, network: LoginNetwork, give_up: Callable[[Failure], None]) -> None:
        """See :meth:`Lent.within`."""
        self._network, self._give_up = network, give_up

    async def hand_over(self) -> socket.socket:
        """Return the socket that listens for the driver, once there is a connection to the server.

        Raises:
            Failure, OSError, StreamError, TimeoutError: there is none.
        """
        first = await self._dialled()
        self._listener = loopback_listener()
        self._listener.setblocking(False)
        self._begin(self._accept(self._listener, first))
        return self._listener.dup()

    async def end(self) -> None:
        """Close all that is left of it; the login has ended."""
        serving, self._serving = self._serving, []
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving)
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _dialled(self) -> socket.socket:
        assert self._network is not None, "it is lent to a login"
        return (await self._network.dial(*self._place, None)).detach()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._serving.append(asyncio.create_task(work))

    async def _accept(self, listener: socket.socket, first: socket.socket) -> None:
        """Carry each connection that the driver makes; the first is there already."""
        there: socket.socket | None = first
        try:
            while True:
                ours, _ = await asyncio.get_running_loop().sock_accept(listener)
                ours.setblocking(False)
                self._begin(self._serve(ours, there))
                there = None
        except (OSError, asyncio.CancelledError):
            return
        finally:
            if there is not None:
                there.close()

    async def _serve(self, ours: socket.socket, there: socket.socket | None) -> None:
        with ours, contextlib.suppress(OSError, StreamError, Failure, asyncio.CancelledError):
            there = there or await self._dialled()
            there.setblocking(False)
            with there:
                ways = [_carry(ours, there, self._seeing()), _carry(there, ours, lambda _: None)]
                carrying = [asyncio.create_task(way) for way in ways]
                try:
                    await asyncio.gather(*carrying)
                finally:
                    for task in carrying:  # the other way still reads, and its sockets are closed now
                        task.cancel()

    def _seeing(self) -> Callable[[bytes], None]:
        """Return what sees the bytes of one connection before they leave.

        It raises ``login.withheld``, and has the login given up, where they have a secret that may not leave any more.
        """
        headers = Headers(self._framing)

        def see(data: bytes) -> None:
            assert self._network is not None
            if self._trace.sent or self._framing.before_the_secret.issuperset(headers.feed(data)):
                return
            try:
                self._network.permit()
            except Failure as failure:
                self._give_up(failure)
                raise
            self._trace.sent = True

        return see


async def _carry(one: socket.socket, other: socket.socket, see: Callable[[bytes], None]) -> None:
    """Carry what ``one`` sends to the ``other``, to its end."""
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(one, _CHUNK):
        see(data)
        await loop.sock_sendall(other, data)
    other.shutdown(socket.SHUT_WR)
