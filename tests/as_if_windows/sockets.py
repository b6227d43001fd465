"""Sockets and event loops as Windows has them: TCP for a pair, sharing by bytes, and the completion-port loop.

The loop refuses what that one lacks, tells errors by Win32 numbers (see :mod:`tests.completion_ports`), loses what it
has read for a wait that is cancelled, and counts in ticks of its clock.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import os
import secrets
import socket
import sys
import threading
import time
from asyncio import base_events, selector_events, unix_events
from collections.abc import Callable
from typing import Any

from .numbers import completed_from, port_unreachable

TICK = 0.015625
#: Seconds for which a socket that was shared waits to be taken.
_SHARED = 60.0


def pair(*_: Any) -> tuple[socket.socket, socket.socket]:
    """Return two sockets that are connected over TCP; there are no others."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _address = listener.accept()
    for sock in (one, other):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one, other


def share(sock: socket.socket, pid: int) -> bytes:
    """Return bytes by which another process gets the socket; Windows copies its handle into that process."""
    name = f"\0scanready-shared-{secrets.token_hex(16)}"
    copy = sock.dup()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(1)
    listener.settimeout(_SHARED)

    def give() -> None:
        with contextlib.suppress(OSError), listener, copy:
            taker, _ = listener.accept()
            with taker:
                socket.send_fds(taker, [b"s"], [copy.fileno()])

    threading.Thread(target=give, daemon=True).start()
    return base64.b64encode(name.encode())


def from_share(data: bytes) -> socket.socket:
    """Return the socket that another process has shared."""
    with socket.socket(socket.AF_UNIX) as giver:
        giver.settimeout(_SHARED)
        giver.connect(base64.b64decode(data).decode())
        _, (number,), _, _ = socket.recv_fds(giver, 1, 1)
    os.set_inheritable(number, False)
    # Neither socket is made blocking: here that would change both, and with completion ports neither is asked.
    return socket.socket(fileno=number)


class Refused(NotImplementedError):
    """The completion-port loop has no such method."""


_LACKING = ("add_reader", "add_writer", "remove_reader", "remove_writer")
_LACKING_ON_UNIX = ("add_signal_handler", "remove_signal_handler", "create_unix_connection", "create_unix_server")


def install(is_ours: Callable[[object], bool]) -> None:
    """Let each event loop be one on Windows, for the product's modules."""
    setattr(socket.socket, "share", share)  # noqa: B010  # Windows' method
    for owner, names in (
        (selector_events.BaseSelectorEventLoop, _LACKING),
        (unix_events._UnixSelectorEventLoop, _LACKING_ON_UNIX),
    ):
        for name in names:
            _refuse(owner, name, is_ours)
    loop: Any = selector_events.BaseSelectorEventLoop
    for name in ("sock_connect", "sock_recv", "sock_sendall", "sock_accept"):
        _translate(loop, name, is_ours)
    base: Any = base_events.BaseEventLoop
    begun = base.__init__

    def begin(self: Any) -> None:
        begun(self)
        self._clock_resolution = TICK

    base.__init__ = begin
    base.time = lambda _: time.monotonic() // TICK * TICK


def _refuse(owner: Any, name: str, is_ours: Callable[[object], bool]) -> None:
    real = getattr(owner, name)

    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        if is_ours(sys._getframe(1).f_globals.get("__name__")):
            raise Refused(f"the completion-port loop has no {name}")
        return real(self, *arguments, **options)

    setattr(owner, name, method)


def _translate(owner: Any, name: str, is_ours: Callable[[object], bool]) -> None:
    real = getattr(owner, name)

    def method(self: Any, sock: Any, *arguments: Any) -> Any:
        if not is_ours(sys._getframe(1).f_globals.get("__name__")):
            return real(self, sock, *arguments)
        if name == "sock_recv":
            return _received(functools.partial(real, self), sock, *arguments)
        return _told(real(self, sock, *arguments))

    setattr(owner, name, method)


async def _told(call: Any) -> Any:
    try:
        return await call
    except OSError as error:
        error.__traceback__ = None  # as below
        told = completed_from(error)
    try:
        raise told
    finally:
        del told


async def _received(read: Callable[[socket.socket, int], Any], sock: socket.socket, most: int) -> Any:
    """Read as the system does, on a handle that outlives the socket's close until the end of the operation."""
    with socket.socket(fileno=os.dup(sock.fileno())) as handle:
        handle.setblocking(False)
        try:
            return await read(handle, most)
        except asyncio.CancelledError:
            _lose(handle, most)
            raise
        except OSError as error:
            error.__traceback__ = None  # a frame of the selector's loop has the future, and that the error: a cycle
            if isinstance(error, ConnectionRefusedError) and handle.type == socket.SOCK_DGRAM:
                return port_unreachable()
            told = completed_from(error)
    try:
        raise told
    finally:
        del told


def _lose(handle: socket.socket, most: int) -> None:
    """Take what came meanwhile: the system has read it into memory that the cancelled operation frees."""
    with contextlib.suppress(OSError):
        handle.recv(most)
