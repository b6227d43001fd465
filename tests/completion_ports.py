"""An event loop that tells errors as Windows' completion ports do, so that its words are read on every platform.

An error of the loop's own operations is made of a Win32 number: ``winerror`` has it, ``errno`` is EINVAL, the words are
the system's. asyncio makes a :class:`ConnectionResetError` of a lost connection, without ``winerror`` (CPython,
``windows_events.py``, ``finish_recv``), and some Pythons return a tuple for a "port unreachable" over UDP (CPython,
gh-91227). A socket's own error has Winsock's number besides the errno.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scanready.net.sockets import KeepingSocket
from tests.clock import PortableLoop

#: errno -> the number of a completion port.
COMPLETED = {
    errno.ECONNREFUSED: 1225,
    errno.ECONNRESET: 64,
    errno.ECONNABORTED: 1236,
    errno.ETIMEDOUT: 121,
    errno.ENETUNREACH: 1231,
    errno.EHOSTUNREACH: 1232,
    errno.EHOSTDOWN: 1256,
    errno.ENETDOWN: 1222,
    errno.EACCES: 10013,
    errno.EADDRINUSE: 10048,
    errno.EADDRNOTAVAIL: 10049,
    errno.ENOBUFS: 10055,
    errno.EMFILE: 10024,
    errno.ENOTCONN: 2250,
    errno.EPIPE: 10058,
}
#: errno -> Winsock's number.
WINSOCK = {
    errno.ECONNREFUSED: 10061,
    errno.ECONNRESET: 10054,
    errno.ECONNABORTED: 10053,
    errno.ETIMEDOUT: 10060,
    errno.ENOTCONN: 10057,
    errno.EPIPE: 10058,
}
_WORDS = "Eine Meldung von Windows"
#: Errors with a class of their own (CPython, ``Modules/overlapped.c``).
_CLASSES = {1225: ConnectionRefusedError, 1236: ConnectionAbortedError}


def winsock(kind: type[OSError], errno_: int, winerror: int) -> OSError:
    """Return an error that a call of Winsock's raises."""
    error = kind(errno_, _WORDS)
    error.winerror = winerror  # type: ignore[attr-defined]  # Windows' attribute
    return error


def completed(number: int) -> OSError:
    """Return the error that a completion port's operation raises for a number of Win32 or Winsock."""
    if number in (64, 995):
        return ConnectionResetError(errno.EINVAL, _WORDS)
    return winsock(_CLASSES.get(number, OSError), _errno_in_python(number), number)


def _errno_in_python(number: int) -> int:
    """The errno that CPython gives it on Windows (``PC/errmap.h``), with this platform's number for Winsock's."""
    if number == 10013:
        return errno.EACCES
    known = {winsock: errno_ for errno_, winsock in (COMPLETED | WINSOCK).items() if winsock >= 10000}
    return known.get(number, errno.EINVAL)


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


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None or getattr(error, "winerror", None) is not None:
            raise
        raise completed(COMPLETED.get(error.errno, error.errno)) from None


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
