"""Make ONC RPC calls over a TCP connection or over UDP."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from scanready.climb.probe import Probe
from scanready.net import sockets
from scanready.net.allowed import demand_allowed
from scanready.net.events import record
from scanready.net.stream import HEARD, Stream
from scanready.wire import UnknownValue, WireError
from scanready.wire.rpc import message as wire

T = TypeVar("T")

#: The most answers with an unknown xid to skip; a normal server sends none.
_MOST_IGNORED = 8


class Calls(Protocol):
    """Make calls to one port, over TCP or UDP."""

    @property
    def privileged(self) -> bool:
        """Return True if the source port is below 1024."""

    async def call(
        self, program: int, version: int, procedure: int, arguments: bytes = b"", credential: bytes = wire.AUTH_NONE
    ) -> wire.Reply:
        """Call and return the answer."""


def read(parse: Callable[[bytes], T], reply: wire.Reply) -> T:
    """Parse a program's results.

    Raises:
        WireError: they are broken; the error quotes them.
    """
    try:
        return parse(reply.results)
    except WireError as error:
        error.heard = reply.results[:HEARD]
        raise


async def null(calls: Calls, program: int, version: int, credential: bytes = wire.AUTH_NONE) -> wire.Reply:
    """Call procedure 0, which has no arguments and no results (RFC 5531, 12.1), and return the answer.

    Raises:
        UnknownValue: the answer has results, so the peer answers success to any call or is not a known server.
        WireError, StreamError: as :meth:`Calls.call`.
    """
    reply = await calls.call(program, version, 0, b"", credential)
    if reply.results:
        error = UnknownValue("the result of procedure NULL, which has none", reply.results[:8].hex())
        error.heard = reply.results[:HEARD]
        raise error
    return reply


class Talk:
    """Make calls over one TCP connection, one after another."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    @property
    def privileged(self) -> bool:
        """Return True if the source port is below 1024."""
        return self.stream.privileged

    async def call(
        self, program: int, version: int, procedure: int, arguments: bytes = b"", credential: bytes = wire.AUTH_NONE
    ) -> wire.Reply:
        """Call and return the answer.

        Raises:
            ReadTimeout, PeerClosed: no answer.
            WireError: the answer is not RPC, or answers other calls.
        """
        xid = random.getrandbits(32)
        if credential != wire.AUTH_NONE:
            record("sys")
        await self.stream.send(wire.record(wire.call(xid, program, version, procedure, arguments, credential)))
        for _ in range(_MOST_IGNORED):
            reply = await self.stream.receive(wire.read_reply)
            if reply.xid == xid:
                return reply
        error = WireError("only answers to calls that were not sent")
        error.heard = self.stream.heard
        raise error


class Datagrams:
    """Make calls over UDP, each from its own socket, for at most ``seconds`` each."""

    def __init__(self, probe: Probe, port: int, seconds: float = 3.0) -> None:
        self._probe, self._port, self._seconds = probe, port, seconds

    @property
    def privileged(self) -> bool:
        """Return True if this process may use a source port below 1024."""
        with sockets.udp(socket.AF_INET, privileged=True) as trial:
            return 0 < sockets.source_port(trial) < 1024

    async def call(
        self, program: int, version: int, procedure: int, arguments: bytes = b"", credential: bytes = wire.AUTH_NONE
    ) -> wire.Reply:
        """Call and return the answer; use a source port below 1024 if this process may.

        Raises:
            UdpTimeout: no answer, which proves nothing.
            ConnectError: an ICMP error arrived.
            WireError: the answer is not RPC.
        """
        xid = random.getrandbits(32)

        def reader(datagram: bytes) -> wire.Reply | None:
            reply = wire.parse_reply(datagram)
            return reply if reply.xid == xid else None

        question = wire.call(xid, program, version, procedure, arguments, credential)
        host = self._probe.address or self._probe.host
        return await self._probe.ask(host, self._port, question, reader, seconds=self._seconds, privileged=True)

    def tell(self, program: int, version: int, procedure: int, arguments: bytes, credential: bytes) -> None:
        """Send one call without waiting for an answer, even after the deadline; used to undo a mount."""
        question = wire.call(random.getrandbits(32), program, version, procedure, arguments, credential)
        address = self._probe.address
        assert address is not None, "the server has answered before"
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with suppress(OSError), sockets.udp(family, True) as sock:
            demand_allowed((family, (address, self._port)))
            self._probe.footprint.connections += 1
            sock.connect((address, self._port))
            sock.send(question)
