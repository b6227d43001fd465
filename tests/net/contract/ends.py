"""Two ends of one connection for the contract: the stream under test, and a peer that does what the test says.

The contract knows no backend. A backend is one entry of :data:`BACKENDS`: the event loop it runs on, which decides how
its sockets wait (:mod:`scanready.net.poller`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pytest

from fixtures.emulators.certificates import authority
from scanready.net import loop_poller, sockets
from scanready.net.framing import Framing
from scanready.net.stream import Stream
from scanready.wire import Cursor, Steps, WireError, stepwise
from tests.clock import JumpingLoop, PortableLoop
from tests.completion_ports import CompletionPorts, ReadingAhead

T = TypeVar("T")
Channel = Literal["clear", "tls", "tls-in-packets"]
CHANNELS: tuple[Channel, ...] = ("clear", "tls", "tls-in-packets")


@dataclass(frozen=True)
class Backend:
    """A way to carry a stream's bytes."""

    loop: type[JumpingLoop]

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end on the backend's loop."""
        with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=self.loop) as runner:
            if issubclass(self.loop, ReadingAhead):
                patch.setattr(loop_poller, "_reads_ahead", lambda: True)
            return runner.run(main)

    def ticking(self) -> Backend:
        """Return the same on a loop on which each turn takes a millisecond."""
        return Backend(type("Ticking", (TickingLoop, self.loop), {}))


class TickingLoop(JumpingLoop):
    """A loop on which each turn takes a millisecond; it keeps the longest turn in CPU seconds."""

    turns = 0
    longest = 0.0

    def _run_once(self) -> None:
        began = time.thread_time()
        super()._run_once()  # type: ignore[misc]  # asyncio's own
        self.longest = max(self.longest, time.thread_time() - began)
        self.turns += 1
        self._jumps.now += 0.001


BACKENDS = {
    "an epoll set": Backend(JumpingLoop),
    "the loop's socket calls": Backend(PortableLoop),
    "errors in Windows' words": Backend(CompletionPorts),
    "reads that cannot be taken back": Backend(ReadingAhead),
}

# TLS inside another protocol: here each packet is an F, a u16 length, and that many bytes of TLS.


def packed(data: bytes, size: int = 0xFFFF) -> bytes:
    """Put ``data`` into packets."""
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"F" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


@stepwise
def unpacked(cursor: Cursor) -> Steps[bytes]:
    """Take TLS out of the next packet, or the next record that comes without one."""
    (kind,) = yield from cursor.peek(1)
    if kind == ord("F"):
        head = yield from cursor.take(3)
        return (yield from cursor.take(int.from_bytes(head[1:], "big")))
    if not 0x14 <= kind <= 0x17:
        raise WireError("no packet")
    head = yield from cursor.peek(5)
    return (yield from cursor.take(5 + int.from_bytes(head[3:], "big")))


class Peer:
    """The other end. ``piece`` is the number of bytes in each of its writes."""

    def __init__(self, sock: socket.socket, channel: Channel, piece: int = 1 << 30) -> None:
        self.sock, self.piece = sock, piece
        self._packets = channel == "tls-in-packets"
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        if channel != "clear":
            self._tls = authority().context().wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def shake_hands(self) -> None:
        """Do the server's part of the TLS handshake."""
        assert self._tls is not None
        loop = asyncio.get_running_loop()
        rest = b""
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
                await self._write(self._outgoing.read())
                return
            await self._write(self._outgoing.read())
            rest += await loop.sock_recv(self.sock, 1 << 16)
            if not self._packets:
                self._incoming.write(rest)
                rest = b""
            while len(rest) >= 3 and len(rest) >= (end := 3 + int.from_bytes(rest[1:3], "big")):
                self._incoming.write(rest[3:end])
                rest = rest[end:]

    def sealed(self, data: bytes) -> bytes:
        """Return the bytes that carry ``data`` to the stream."""
        if self._tls is None:
            return data
        self._tls.write(data)
        records = self._outgoing.read()
        return packed(records) if self._packets else records

    async def say(self, data: bytes) -> None:
        """Send ``data`` through the channel."""
        await self._pieces(self.sealed(data))

    async def hear(self) -> bytes:
        """Return what the stream has sent, in clear; nothing at its end."""
        while True:
            if self._tls is not None:
                with contextlib.suppress(ssl.SSLWantReadError):
                    return self._tls.read(1 << 16)
            raw = await asyncio.get_running_loop().sock_recv(self.sock, 1 << 16)
            if self._tls is None or not raw:
                return raw
            self._incoming.write(raw)

    def half_close(self) -> None:
        """Send a FIN, and go on listening."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Send a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    async def _write(self, records: bytes) -> None:
        if records:
            await self._pieces(packed(records) if self._packets else records)

    async def _pieces(self, data: bytes) -> None:
        for at in range(0, len(data), self.piece):
            await asyncio.get_running_loop().sock_sendall(self.sock, data[at : at + self.piece])
            await asyncio.sleep(0)


class Spring(sockets.KeepingSocket):
    """A socket that always has bytes, once it is opened: a peer that is faster than any reader."""

    source: Callable[[], bytes] | None = None
    reads = 0

    def recv(self, *arguments: int) -> bytes:
        if self.source is None:
            return super().recv(*arguments)
        self.reads += 1
        with contextlib.suppress(BlockingIOError):
            return super().recv(*arguments)  # the session tickets of TLS come before what is sealed after them
        self.kept = self.source()
        assert len(self.kept) <= arguments[0]
        return self.kept


@contextlib.asynccontextmanager
async def connected(channel: Channel, seconds: float = 5.0, piece: int = 1 << 30) -> AsyncIterator[tuple[Stream, Peer]]:
    """Connect a stream and a peer over the loopback interface, and do the handshake of the channel."""
    loop = asyncio.get_running_loop()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.setblocking(False)
        sock = Spring(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        await loop.sock_connect(sock, listener.getsockname())
        accepted, _ = await loop.sock_accept(listener)
    accepted.setblocking(False)
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer = Peer(accepted, channel, piece)
    stream = Stream(sock, "127.0.0.1", loop.time() + 5)
    if channel != "clear":
        framing = Framing(packed, unpacked) if channel == "tls-in-packets" else None
        await asyncio.gather(stream.start_tls("localhost", framing=framing), peer.shake_hands())
    stream.deadline = loop.time() + seconds
    try:
        yield stream, peer
    finally:
        accepted.close()
        await stream.close()
