"""Open one TCP connection; on failure, say who refused it."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

from . import icmp, sockets
from .allowed import NotAllowed, demand_allowed
from .passage import ALWAYS_OPEN, Passage
from .poller import poller_of
from .sockets import Address
from .stream import ConnectError, ReadTimeout, Stream, Tap
from .system_errors import of_number

#: A reserved source port may still be in use towards the same place: then another one is tried.
_RESERVED_TRIES = 3


async def dial(
    address: Address,
    deadline: float,
    tap: Tap | None = None,
    opened: Callable[[Stream], object] | None = None,
    privileged: bool = False,
    passage: Passage = ALWAYS_OPEN,
) -> Stream:
    """Connect to one address; call ``opened`` with the stream at once, even if this task is cancelled meanwhile.

    ``privileged`` asks for a source port below 1024; :attr:`Stream.privileged` says whether one was available.
    ``deadline`` is later by the time for which the connection waits for its turn in ``passage``.

    Raises:
        ConnectError: refused, rejected, unreachable, not allowed or a limit of this host.
        ReadTimeout: no answer until ``deadline``.
        NotBegun: the run was stopped before the first connection of the climb.
    """
    for _ in range(_RESERVED_TRIES if privileged else 0):
        try:
            return await _dial(address, deadline, tap, opened, privileged, passage)
        except ConnectError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):  # Linux' word, and Windows'
                raise
    return await _dial(address, deadline, tap, opened, False, passage)


async def accepting(address: Address, deadline: float, passage: Passage = ALWAYS_OPEN) -> sockets.KeepingSocket | None:
    """Return an open connection to one address; None if nothing accepts one by ``deadline``, for whatever reason.

    A refusal costs no more than the socket. A connection is the caller's to end politely; one that comes into being as
    the task is cancelled is ended here. For ``passage`` see :func:`dial`.
    """
    try:
        sock = sockets.tcp(address[0])
    except OSError:
        return None
    try:
        if await attempt(sock, address, deadline, passage) is None:
            return sock
    except NotAllowed:
        pass
    except BaseException:
        if connected(sock):
            await Stream(sock, str(address[1][0]), deadline).close()
        else:
            sock.close()
        raise
    sock.close()
    return None


async def _dial(
    address: Address,
    deadline: float,
    tap: Tap | None,
    opened: Callable[[Stream], object] | None,
    privileged: bool,
    passage: Passage,
) -> Stream:
    family, where = address
    loop = asyncio.get_running_loop()
    since = loop.time() - passage.waited
    sock = opened_socket(family, privileged)
    try:
        failed = await attempt(sock, address, deadline, passage)
    except BaseException:
        if opened is not None and connected(sock):
            opened(Stream(sock, str(where[0]), deadline, tap))
        else:
            sock.close()
        raise
    if failed is not None:
        raise explained(failed, sock, loop.time() - passage.waited - since) from failed
    stream = Stream(sock, str(where[0]), deadline, tap)
    if opened is not None:
        opened(stream)
    return stream


def opened_socket(family: int, privileged: bool = False) -> sockets.KeepingSocket:
    """Return a TCP socket.

    Raises:
        ConnectError: a limit of this host.
    """
    try:
        return sockets.tcp(family, privileged)
    except OSError as error:
        raise ConnectError(error) from error


async def attempt(sock: sockets.KeepingSocket, address: Address, deadline: float, passage: Passage) -> OSError | None:
    """Connect in its turn; return the error that ended the attempt, None for a connection.

    A reset is a connection: the peer accepted first, and the first word will show it. A TimeoutError without a number
    is silence; the system's own time-out has one.

    Raises:
        NotAllowed: this process may not contact the address; no packet was sent.
    """
    demand_allowed(address)
    deadline += await passage.enter(address)
    try:
        await poller_of(asyncio.get_running_loop()).connect(sock, address, deadline)
    except TimeoutError as error:
        # Answered in the very last moment: a connection that is there needs its polite end (measured with MariaDB).
        return _unless_reset(_failed(sock) or (None if error.errno is None and connected(sock) else error))
    except OSError as error:
        return _unless_reset(error)
    finally:
        passage.leave(address)
    return None


def _unless_reset(error: OSError | None) -> OSError | None:
    if error is None or error.errno == errno.ECONNRESET:
        return None
    error.__traceback__ = None  # it has the frame that keeps the error: a cycle
    return error


def explained(error: OSError, sock: socket.socket, waited: float) -> ConnectError | ReadTimeout:
    """Close the socket, and return why there is no connection; ``waited`` are seconds."""
    if isinstance(error, TimeoutError) and error.errno is None:
        sock.close()
        return ReadTimeout("no answer to the connection request within the time left", b"", waited)
    told, offender = icmp.of(sock)
    sock.close()
    return ConnectError(error, told, offender)


def _failed(sock: sockets.KeepingSocket) -> OSError | None:
    """Return the error of a connection that failed while the loop was busy past the time; None if it still tries."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or sock.kept_error
    return of_number(number) if number else None


def connected(sock: socket.socket) -> bool:
    """Return whether a connection has come into being, also if its task was cancelled meanwhile."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
