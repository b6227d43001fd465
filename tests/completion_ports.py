"""An event loop that tells errors as Windows' completion ports do, so that its words are read on every platform.

An error of the loop's own operations is made of a Win32 number: ``winerror`` has it, ``errno`` is EINVAL, the words are
the system's. asyncio makes a :class:`ConnectionResetError` of a lost connection, without ``winerror`` (CPython,
``windows_events.py``, ``finish_recv``), and some Pythons return a tuple for a "port unreachable" over UDP (CPython,
gh-91227). A socket's own error has Winsock's number besides the errno.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from scanready.net.sockets import KeepingSocket
from tests.as_if_windows.numbers import WINSOCK, completed, completed_from, winsock
from tests.clock import PortableLoop

__all__ = ["CompletionPorts", "ReadingAhead", "TellingTuples", "completed", "sockets_of_windows", "winsock"]


class CompletionPorts(PortableLoop):
    """Tell the errors of the loop's own operations; ``as_tuple`` is how this Python tells a closed UDP port."""

    as_tuple = False

    async def sock_connect(self, sock: Any, address: Any) -> None:
        with _translated():
            await super().sock_connect(sock, address)

    async def sock_recv(self, sock: Any, n: int) -> bytes:
        try:
            with _translated():
                return await super().sock_recv(sock, n)
        except ConnectionRefusedError:
            if sock.type != socket.SOCK_DGRAM:
                raise
        if self.as_tuple:
            return (b"", None)  # type: ignore[return-value]  # the fault that is played
        raise completed(1234)

    async def sock_sendall(self, sock: Any, data: Any) -> None:
        with _translated():
            await super().sock_sendall(sock, data)


class TellingTuples(CompletionPorts):
    """The same, with the other answer for a closed UDP port."""

    as_tuple = True


class ReadingAhead(CompletionPorts):
    """The same, and the system reads into memory of its own: what came for a read that is cancelled is lost."""

    async def sock_recv(self, sock: Any, n: int) -> bytes:
        with socket.socket(fileno=os.dup(sock.fileno())) as handle:
            handle.setblocking(False)
            try:
                return await super().sock_recv(handle, n)
            except asyncio.CancelledError:
                with suppress(OSError):
                    handle.recv(n)
                raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise completed_from(error) from None


@contextmanager
def sockets_of_windows(patch: Callable[[type, str, Any], None]) -> Iterator[None]:
    """Let sockets tell Winsock's words; ``patch`` is ``monkeypatch.setattr``."""
    for name in ("recv", "send"):
        own = getattr(KeepingSocket, name)

        def told(*arguments: Any, own: Any = own) -> Any:
            try:
                return own(*arguments)
            except BlockingIOError:
                raise
            except OSError as error:
                number = error.errno or 0
                raise winsock(type(error), number, WINSOCK.get(number, number)) from None

        patch(KeepingSocket, name, told)
    yield
