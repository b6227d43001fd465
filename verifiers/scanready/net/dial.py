"""Open one TCP connection; on failure, say who refused it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from . import icmp, sockets
from .allowed import demand_allowed
from .sockets import Address
from .stream import ConnectError, ReadTimeout, Stream, Tap
from .system_errors import of_number, posix_errors

#: A reserved source port may still be in use towards the same place: then another one is tried.
_RESERVED_TRIES = 3


async def dial(
    address: Address,
    deadline: float,
    tap: Tap | None = None,
    opened: Callable[[Stream], object] | None = None,
    privileged: bool = False,
) -> Stream:
    """Connect to one address; call ``opened`` with the stream at once, even if this task is cancelled meanwhile.

    ``privileged`` asks for a source port below 1024; :attr:`Stream.privileged` says whether one was available.

    Raises:
        ConnectError: refused, rejected, unreachable, not allowed or a limit of this host.
        ReadTimeout: no answer until ``deadline``.
    """
    demand_allowed(address)
    for _ in range(_RESERVED_TRIES if privileged else 0):
        try:
            return await _dial(address, deadline, tap, opened, privileged)
        except ConnectError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):  # Linux' word, and Windows'
                raise
    return await _dial(address, deadline, tap, opened, False)


async def _dial(
    address: Address,
    deadline: float,
    tap: Tap | None,
    opened: Callable[[Stream], object] | None,
    privileged: bool,
) -> Stream:
    family, where = address
    since = asyncio.get_running_loop().time()
    try:
        sock = sockets.tcp(family, privileged)
    except OSError as error:
        raise ConnectError(error) from error
    try:
        async with asyncio.timeout_at(deadline):
            with posix_errors():
                await asyncio.get_running_loop().sock_connect(sock, where)
    except TimeoutError as error:
        # Answered in the very last moment: a connection that is there needs its polite end (measured with MariaDB).
        if (
            late := _failed(sock) or (error if error.errno else None)
        ) is not None:  # the system's time-out has a number
            _raise_unless_reset(late, sock)
        elif not _connected(sock):
            sock.close()
            waited = asyncio.get_running_loop().time() - since
            raise ReadTimeout("no answer to the connection request within the time left", b"", waited) from None
    except OSError as error:
        _raise_unless_reset(error, sock)
    except BaseException:
        if opened is not None and _connected(sock):
            opened(Stream(sock, str(where[0]), deadline, tap))
        else:
            sock.close()
        raise
    stream = Stream(sock, str(where[0]), deadline, tap)
    if opened is not None:
        opened(stream)
    return stream


def _raise_unless_reset(error: OSError, sock: socket.socket) -> None:
    """Raise what ended the attempt. A reset does not: the peer accepted first, and the first word will show it."""
    if error.errno != errno.ECONNRESET:
        told, offender = icmp.of(sock)
        sock.close()
        raise ConnectError(error, told, offender) from error


def _failed(sock: sockets.KeepingSocket) -> OSError | None:
    """Return the error of a connection that failed while the loop was busy past the time; None if it still tries."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or sock.kept_error
    return of_number(number) if number else None


def _connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
