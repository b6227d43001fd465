"""Replace the ways out of the process of a login: names and connections are asked of the parent.

The parent resolves, checks the address against the places that may have the credential, connects, and hands the
connection over. So a library that follows a server to another host gets nowhere, however it finds that host. This holds
for whatever goes through Python's ``socket``; a C library that calls the system itself is not held by it.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
import sys
import threading
from typing import Any

from .codec import encode
from .messages import Channel, Message
from .parent import Answers

# The originals: literal addresses and sockets within this host need no parent.
_resolve = _socket.getaddrinfo
_connect = socket.socket.connect


class Network:
    """Names and connections, by way of the parent."""

    def __init__(self, channel: Channel, answers: Answers) -> None:
        self._channel = channel
        self._answers = answers
        self._asking = threading.Lock()  # a library may have threads

    def install(self) -> None:
        """Put this in the place of what ``socket`` has, in this process."""

        def connect(sock: socket.socket, address: Any) -> None:
            self.connect(sock, address)

        def connect_ex(sock: socket.socket, address: Any) -> int:
            try:
                self.connect(sock, address)
            except OSError as error:
                return error.errno or errno.EIO
            return 0

        def refused(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, "a login sends no datagrams")

        _socket.getaddrinfo = self.getaddrinfo  # which is what the function of socket calls
        for module in (socket, _socket):
            for name, function in (
                ("gethostbyname", self.gethostbyname),
                ("gethostbyname_ex", self.gethostbyname_ex),
                ("gethostbyaddr", self.gethostbyaddr),
                ("getnameinfo", self.getnameinfo),
            ):
                setattr(module, name, function)
        socket.getfqdn = lambda name="": name or socket.gethostname()
        socket.socket.connect = connect  # type: ignore[assignment,method-assign]
        socket.socket.connect_ex = connect_ex  # type: ignore[assignment,method-assign]
        socket.socket.sendto = refused  # type: ignore[assignment,method-assign]

    def take(self, number: int) -> socket.socket:
        """Return the connection of the climb that is lent under this number."""
        _, (lent,) = self._ask({"take": number})
        return lent

    def note(self, name: str, value: object, *, leaves: bool, parts: bool) -> bool:
        """Send a note of the login's trace; if the secret ``leaves`` next, wait for the parent's word on that.

        Return False if it may not leave, and this login ``parts`` from its server; the parent kills the others.
        """
        if not leaves:
            self._channel.send({"note": [name, encode(value)]})
            return True
        answer, _ = self._ask({"leaves": [name, encode(value)], "parts": parts})
        return not answer.get("withheld", False)

    def connect(self, sock: socket.socket, address: Any) -> None:
        """Connect ``sock`` as ``socket.connect`` does; it is the parent that dials."""
        if sock.family not in (socket.AF_INET, socket.AF_INET6):
            _connect(sock, address)
            return
        if sock.type != socket.SOCK_STREAM:
            raise OSError(errno.EPERM, "a login sends no datagrams")
        host, port = str(address[0]), int(address[1])
        _, (connected,) = self._ask({"dial": [host, port, sock.gettimeout() or None]})
        _take_place(sock, connected)

    def getaddrinfo(
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """Resolve as ``socket.getaddrinfo`` does."""
        name = host.decode("ascii") if isinstance(host, bytes) else host
        try:
            return _resolve(name, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        except socket.gaierror as error:
            if name is None or error.errno not in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)):
                raise
        answer, _ = self._ask({"resolve": [str(name), int(port or 0)]})
        found = [(one, tuple(where)) for one, where in answer["addresses"] if family in (0, one)]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address of this family")
        kind = type or socket.SOCK_STREAM
        return [
            (socket.AddressFamily(one), socket.SocketKind(kind), proto or socket.IPPROTO_TCP, "", where)
            for one, where in found
        ]

    def gethostbyname(self, host: str) -> str:
        """Return the first IPv4 address."""
        return str(self.getaddrinfo(host, 0, socket.AF_INET)[0][4][0])

    def gethostbyname_ex(self, host: str) -> tuple[str, list[str], list[str]]:
        """Return all IPv4 addresses."""
        return host, [], [str(found[4][0]) for found in self.getaddrinfo(host, 0, socket.AF_INET)]

    def gethostbyaddr(self, address: str) -> tuple[str, list[str], list[str]]:
        """Answer that there is no name: no login needs one."""
        raise socket.herror(1, "Unknown host")

    def getnameinfo(self, address: tuple[Any, ...], flags: int) -> tuple[str, str]:
        """Return the numbers."""
        return str(address[0]), str(address[1])

    def _ask(self, question: Message) -> tuple[Message, list[socket.socket]]:
        with self._asking:
            self._channel.send(question)
            answer, sockets = self._answers.next()
        if "error" in answer:
            raise _error(*answer["error"])
        return answer, sockets


def _error(kind: str, number: int, text: str) -> OSError:
    match kind:
        case "gaierror":
            return socket.gaierror(number, text)
        case "timeout":
            return TimeoutError(text)
    return OSError(number, text)


def _take_place(sock: socket.socket, connected: socket.socket) -> None:
    """Make ``sock`` be the other connection, with its own number and time-out."""
    seconds = sock.gettimeout()
    if sys.platform == "win32":
        sock.detach()
        socket.socket.__init__(sock, connected.family, connected.type, connected.proto, connected.detach())
    else:
        os.dup2(connected.fileno(), sock.fileno(), inheritable=False)
        connected.close()
    sock.settimeout(seconds)
