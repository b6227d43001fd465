"""Wait for sockets: connect, receive and send, each until a deadline. The way depends on the event loop.

On Linux, one epoll set has each socket once (:mod:`.epoll_poller`). Windows' event loop cannot watch a descriptor, and
other systems have no epoll: there the loop's own socket calls do the same (:mod:`.loop_poller`).
"""

from __future__ import annotations

import asyncio
from typing import Protocol
from weakref import WeakKeyDictionary

from . import epoll_poller
from .loop_poller import LoopPoller
from .sockets import Address, KeepingSocket


class Poller(Protocol):
    """The waits of one event loop. All times are the loop's.

    An expired wait is a :class:`TimeoutError` without ``errno``; the system's own time-out has one. Other errors are
    :class:`OSError` with POSIX's numbers. Each wait may be cancelled, and then no byte is lost: what was read for a
    cancelled wait is in ``sock.kept``. A socket has one wait for bytes and one for room at the same time.
    """

    async def connect(self, sock: KeepingSocket, address: Address, until: float) -> None:
        """Connect a socket."""

    async def receive(self, sock: KeepingSocket, most: int, until: float) -> object:
        """Return the next bytes, at most so many; none at the end. For a socket on which a read would block."""

    async def send(self, sock: KeepingSocket, data: bytes, until: float) -> None:
        """Send all of ``data``. For a socket on which a send would block."""


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Poller] = WeakKeyDictionary()


def poller_of(loop: asyncio.AbstractEventLoop) -> Poller:
    """Return the poller of a running loop, the same one for all its sockets."""
    found = _of_loop.get(loop)
    if found is None:
        found = _of_loop[loop] = epoll_poller.on(loop) or LoopPoller(loop)
    return found
