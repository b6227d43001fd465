"""Open all sockets of the package; they are non-blocking and keep ICMP errors."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import icmp

if TYPE_CHECKING:
    from asyncio import Future

#: (family, socket address) as the resolver gives them.
Address = tuple[int, tuple[Any, ...]]

#: Source ports that servers with ``secure`` exports trust. The Linux NFS client uses the same range
#: (sunrpc.min_resvport, sunrpc.max_resvport); below it are well-known services.
_RESERVED_PORTS = range(665, 1024)
#: The errors of a port in use: on Windows, where each process may have such a port, also EACCES (another program has
#: it for itself, or it is in an excluded range).
_TAKEN = {errno.EADDRINUSE} | ({errno.EACCES} if sys.platform == "win32" else set())
#: Linux makes a socket non-blocking as it opens it, without a further call.
_NON_BLOCKING: int = getattr(socket, "SOCK_NONBLOCK", 0)
#: How many of them are tried: each is taken by at most one other connection to the same place.
_TRIES = 12


class KeepingSocket(socket.socket):
    """Keeps what the loop read for a task cancelled in that turn: lost, it would be an offence at a MySQL server.

    ``kept`` are the bytes, ``kept_error`` the number of a connection's error, 0 without one. ``release`` is called with
    the descriptor before that is closed or handed over; None if no poller has it. ``reading`` is a read that the system
    does, where it reads into memory of its own (Windows); the wait that began it may be over.
    """

    __slots__ = ("kept", "kept_error", "reading", "release")
    kept: bytes
    kept_error: int
    reading: Future[object] | None
    release: Callable[[int], None] | None

    def __init__(self, family: int, kind: int) -> None:
        super().__init__(family, kind)
        self.kept, self.kept_error, self.reading, self.release = b"", 0, None, None

    def recv(self, *arguments: int) -> bytes:
        self.kept = super().recv(*arguments)
        return self.kept

    def taken(self, most: int) -> object:
        """Return what was read for a wait that is over, or else what is there now.

        Raises:
            BlockingIOError: nothing came.
            OSError: the connection broke.
        """
        if self.reading is None:
            return self.kept or self.recv(most)
        if not self.reading.done():
            raise BlockingIOError
        reading, self.reading = self.reading, None
        try:
            return reading.result()
        finally:
            del reading  # it has its error, and that this frame: a cycle

    def getsockopt(self, level: int, name: int, *size: int) -> Any:
        """Read an option; the error of a connection can be read once only, and is kept."""
        value = super().getsockopt(level, name, *size)
        if (level, name) == (socket.SOL_SOCKET, socket.SO_ERROR) and value:
            self.kept_error = value
        return value

    def close(self) -> None:
        """Close it, and leave the poller first."""
        self._leave_poller()
        super().close()

    def detach(self) -> int:
        """Give the descriptor away; the poller no longer has it."""
        self._leave_poller()
        return super().detach()

    def _leave_poller(self) -> None:
        release, self.release = self.release, None
        if release is not None:
            release(self.fileno())
        reading, self.reading = self.reading, None
        if reading is not None and not reading.cancel() and not reading.cancelled():
            reading.exception()  # or asyncio would tell of one that was never asked for


def tcp(family: int, privileged: bool = False) -> KeepingSocket:
    """Return a TCP socket; ``privileged`` asks for a source port below 1024, where this process may have one.

    Raises:
        OSError: out of descriptors, or another limit of this host.
    """
    sock = KeepingSocket(family, socket.SOCK_STREAM | _NON_BLOCKING)
    if not _NON_BLOCKING:
        sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    icmp.ask_for_it(sock)
    if privileged:
        _reserve(sock)
    return sock


def udp(family: int, privileged: bool = False) -> KeepingSocket:
    """Return a UDP socket; see :func:`tcp`."""
    sock = KeepingSocket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    icmp.ask_for_it(sock)
    if privileged:
        _reserve(sock)
    return sock


def source_port(sock: socket.socket) -> int:
    """Return the local port, 0 if there is none yet."""
    return int(sock.getsockname()[1])


def _reserve(sock: socket.socket) -> None:
    """Bind to a port below 1024 if this process may (root, or CAP_NET_BIND_SERVICE); else leave it to the kernel."""
    from random import sample  # loaded late: few types need such a port

    anywhere = "::" if sock.family == socket.AF_INET6 else "0.0.0.0"
    if sys.platform != "win32":  # there it would let others take our port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before linger on these few ports
    for port in sample(_RESERVED_PORTS, _TRIES):
        try:
            sock.bind((anywhere, port))
            return
        except OSError as error:
            if error.errno not in _TAKEN:
                return


def loopback_listener() -> socket.socket:
    """Return a blocking socket that listens on loopback, for a library that accepts only an address.

    Raises:
        OSError: this host has no loopback interface, or no free port.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", 0))
    sock.listen(1)
    return sock


@contextlib.contextmanager
def closed_port(address: str) -> Iterator[int]:
    """Yield a port of this host that refuses connections: it is bound, so no other process listens on it.

    Raises:
        OSError: this host has no such address, or no free port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((address, 0))
        yield int(sock.getsockname()[1])


def of_descriptor(number: int) -> socket.socket:
    """Return the socket of a descriptor that came from another process."""
    return socket.socket(fileno=number)


def blocking(sock: socket.socket) -> socket.socket:
    """Take a socket over for a client library: the same connection, blocking."""
    taken = socket.socket(fileno=sock.detach())
    taken.setblocking(True)
    return taken


def routing_table() -> socket.socket:
    """Return a socket to the kernel's own routing and neighbour tables (Linux, rtnetlink(7)). It reaches no network.

    Raises:
        OSError: this system has none.
    """
    if sys.platform != "linux":
        raise OSError("only Linux has rtnetlink")
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)  # NETLINK_ROUTE


def source_address(address: Address) -> str | None:
    """Return this host's own address towards ``address``; sends nothing. None without a route."""
    family, where = address
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(where)
            return str(sock.getsockname()[0])
    except OSError:
        return None
