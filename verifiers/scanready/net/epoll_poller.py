"""Wait with one epoll set in which each socket is registered once, edge-triggered (Linux, epoll(7)).

The event loop watches only the set itself. A wait is one future: no system call adds or removes it. With the loop's
own socket calls each wait costs two calls of epoll_ctl and a timer.

An edge is reported once. It cannot be lost: a wait begins only after the system said that the call would block, in the
same turn of the loop, and the set is read in another one. A reported edge proves nothing: after each, the call is tried
again. So an event of a closed socket that had the same number does no harm.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import weakref
from contextlib import suppress
from socket import SO_ERROR, SOL_SOCKET
from typing import Any

from .deadlines import EXPIRED, Wait, deadlines_of
from .sockets import Address, KeepingSocket

_EDGES = _IN = _OUT = _CONNECTED = 0
if sys.platform == "linux":
    _EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
    _IN = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
    _OUT = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
    _CONNECTED = select.EPOLLOUT


def _new_set() -> Any:
    """Return a :class:`select.epoll`, which is a name on Linux only."""
    if sys.platform != "linux":
        raise NotImplementedError
    return select.epoll()


class _Watched:
    """The waits of one registered socket. It does not keep the socket, so that a forgotten one is closed."""

    __slots__ = ("for_bytes", "for_room")

    def __init__(self) -> None:
        self.for_bytes: Wait | None = None
        self.for_room: Wait | None = None


class EpollPoller:
    """See :class:`.poller.Poller`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._set = _new_set()
        self._watched: dict[int, _Watched] = {}  # by the descriptor
        self._deadlines = deadlines_of(loop)
        loop.add_reader(self._set.fileno(), _report, weakref.ref(self))
        _in_this_process.add(self)

    async def connect(self, sock: KeepingSocket, address: Address, until: float) -> None:
        """Connect a socket."""
        try:
            sock.connect(address[1])
        except (BlockingIOError, InterruptedError):
            pass
        else:
            return
        watched = self._watch(sock)
        while True:
            watched.for_room = wait = self._new_wait()
            step = self._deadlines.add(wait, until)  # as _events() does, which would be one more coroutine
            try:
                events = await wait
            finally:
                self._deadlines.remove(wait, step)
            if events == EXPIRED:
                raise TimeoutError
            if number := sock.getsockopt(SOL_SOCKET, SO_ERROR):
                raise OSError(number, f"Connect call failed {address[1]}")  # the loop's words for it
            if events & _CONNECTED:
                return

    async def receive(self, sock: KeepingSocket, most: int, until: float) -> object:
        """Return the next bytes."""
        watched = self._watch(sock)
        while True:
            watched.for_bytes = wait = self._new_wait()
            await self._events(wait, until)
            try:
                return sock.recv(most)
            except BlockingIOError:
                continue

    async def send(self, sock: KeepingSocket, data: bytes, until: float) -> None:
        """Send all of ``data``; only a send that would block shows that the next edge comes."""
        watched, left = self._watch(sock), memoryview(data)
        while True:
            try:
                while left:
                    left = left[sock.send(left) :]
                return
            except BlockingIOError:
                watched.for_room = wait = self._new_wait()
                await self._events(wait, until)

    def release(self, descriptor: int) -> None:
        """Take a socket out of the set before it is closed or handed over; a task that waits for it fails at once.

        A closed socket would leave the set by itself, unless a forked process still has it.
        """
        if (watched := self._watched.pop(descriptor, None)) is None:
            return
        with suppress(OSError):  # closed behind our back
            self._set.unregister(descriptor)
        for wait in (watched.for_bytes, watched.for_room):
            if wait is not None and not wait.done():
                wait.set_result(_IN | _OUT)

    def leave_to_parent(self) -> None:
        """Forget all sockets, in a forked process: the set is also the parent's, and stays as it is."""
        self._watched.clear()

    def report(self) -> None:
        """Read the set, and wake the waits whose event it has."""
        for descriptor, events in self._set.poll(0):
            if (watched := self._watched.get(descriptor)) is None:
                continue
            if events & _IN and (wait := watched.for_bytes) is not None and not wait.done():
                wait.set_result(events)
            if events & _OUT and (wait := watched.for_room) is not None and not wait.done():
                wait.set_result(events)

    def _watch(self, sock: KeepingSocket) -> _Watched:
        """Return the waits of a socket; the first one registers it, and bytes that are there already are an edge."""
        descriptor = sock.fileno()
        if sock.release is not None and (watched := self._watched.get(descriptor)) is not None:
            return watched
        self._set.register(descriptor, _EDGES)
        watched = self._watched[descriptor] = _Watched()
        sock.release = self.release
        return watched

    def _new_wait(self) -> Wait:
        loop = self._loop()
        assert loop is not None, "it runs"
        return loop.create_future()

    async def _events(self, wait: Wait, until: float) -> int:
        """Return the events that ended a wait.

        Raises:
            TimeoutError: there were none.
        """
        step = self._deadlines.add(wait, until)
        try:
            events = await wait
        finally:
            self._deadlines.remove(wait, step)
        if events == EXPIRED:
            raise TimeoutError
        return events


def on(loop: asyncio.AbstractEventLoop) -> EpollPoller | None:
    """Return a poller on a loop; None where there is no epoll, or the loop cannot watch a descriptor."""
    if sys.platform != "linux":
        return None
    try:
        return EpollPoller(loop)
    except NotImplementedError:
        return None


def _report(poller: weakref.ref[EpollPoller]) -> None:
    """Stand in the loop for a poller, which it does not keep: the set is closed with the poller."""
    if (found := poller()) is not None:
        found.report()


_in_this_process: weakref.WeakSet[EpollPoller] = weakref.WeakSet()


def _forked() -> None:
    for poller in _in_this_process:
        poller.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
