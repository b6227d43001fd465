"""The only byte pipe: send, receive, start TLS, close politely.

It waits with the event loop's poller (:mod:`.poller`). TLS runs through memory buffers: STARTTLS, direct TLS and TLS
inside another protocol take one code path, and the certificate is kept whatever its faults. Every wait ends at the
stream's absolute deadline, and so does a talk with a peer whose bytes are always there already; it leaves the loop to
others in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from scanready.wire import Buffer, OurLimit, Reader, WireError
from scanready.wire.tls_key_exchange import KeyExchange

from . import off_the_loop, sockets
from .echo import EchoWatch, speaks_first
from .errors import ConnectError, PeerClosed, ReadTimeout, StreamError, TlsError, TooCostly, UdpTimeout
from .events import record
from .framing import Framing
from .poller import poller_of
from .system_errors import words_of
from .tap import REMARK, TRACEBACK, Tap
from .tls import TlsSession, dhe_suites, handshake_context, server_name, session_of

__all__ = ["HEARD", "MOST_UNREAD", "REMARK", "TRACEBACK", "ConnectError", "Framing", "PeerClosed"]
__all__ += ["ReadTimeout", "Stream", "StreamError", "Tap", "TlsError", "TooCostly", "UdpTimeout"]
T = TypeVar("T")

#: Number of first bytes that identification needs; the rest of the conversation is not kept.
HEARD = 512
#: No first flight of any protocol is larger; a reader that still wants more by then is being fed.
MOST_UNREAD = 1 << 20
#: Bytes in one read. The dearest of them for a reader, chunks of one byte in HTTP, cost the loop 20 ms (measured).
_CHUNK = 8192
#: The bytes, of those that are there already, that one stream reads before it lets the loop turn; a read counts for
#: ``_READ`` of them at least. So the loop turns after four small reads or one large one. With a tap each read is small
#: and a turn: masking what a transcript shows costs up to 8 us a byte (measured).
_SHARE, _READ = _CHUNK, _CHUNK // 4
#: Bits of a Diffie-Hellman group. OpenSSH's clients take no larger one; 9,990 bits cost 0.6 s (measured). From 3,072
#: on, which cost 10 ms, OpenSSL computes outside of the event loop.
LARGEST_GROUP, MOST_ON_THE_LOOP = 8192, 3072
#: Bytes of a server's part of a handshake; most have 5,000. OpenSSL reads the rest of a longer one outside of the loop:
#: 340 small certificates, 96,000 bytes, cost it 92 ms (measured).
_SHORT_HANDSHAKE = 16 << 10
#: How long a close waits for the peer's own end, in seconds. Servers that close on FIN do it in one round trip.
_LINGER, _LEAST_LINGER = 0.25, 0.05


class Stream:
    """Send and receive over one connection, from its first byte to its polite end.

    Args:
        sock: connected and non-blocking.
        deadline: absolute, in the event loop's time; no wait passes it.
        tap: receives every byte in clear text, for the transcript.

    Attributes:
        greeted: true once the peer spoke before anything was sent to it.
        when_secured: awaited when a TLS handshake has ended; None for nothing to do.
    """

    __slots__ = (
        "_buffer",
        "_detached",
        "_echo",
        "_first_byte",
        "_framed",
        "_incoming",
        "_key_exchange",
        "_last_look",
        "_most",
        "_now",
        "_outgoing",
        "_patience",
        "_poller",
        "_spoke",
        "_tap",
        "_tls",
        "_turn",
        "_unwrap",
        "_wrap",
        "deadline",
        "greeted",
        "heard",
        "peer",
        "sock",
        "when_secured",
    )

    def __init__(self, sock: sockets.KeepingSocket, peer: str, deadline: float, tap: Tap | None = None) -> None:
        self.sock = sock
        self.peer = peer
        self.deadline = deadline
        self.heard = b""
        loop = asyncio.get_running_loop()
        self._now, self._poller = loop.time, poller_of(loop)
        self._tap = tap
        self._most = _READ if tap else _CHUNK
        self.when_secured: Callable[[], Awaitable[None]] | None = None
        self._first_byte = math.inf
        self._patience: float | None = None
        self._spoke = self._detached = self.greeted = False
        self._echo = EchoWatch()
        self._turn = 0  # bytes read since the loop last turned for this stream, as _SHARE counts them
        self._last_look = -math.inf  # the deadline after which the socket was read once more
        self._buffer = Buffer()
        self._tls: ssl.SSLObject | None = None
        self._key_exchange = KeyExchange(dhe_suites())
        self._incoming = self._outgoing = None  # type: ssl.MemoryBIO | None
        self._wrap: Callable[[bytes], bytes] | None = None
        self._unwrap: Reader[bytes] | None = None
        self._framed = Buffer()

    def wait_for_first_byte(self, patience: float | None) -> None:
        """Give up on a peer that says nothing within ``patience`` seconds from the next read on.

        One that speaks has until the deadline. In TLS, bytes in clear count.
        """
        self._patience = patience
        self._first_byte = math.inf

    # talking --------------------------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises:
            ReadTimeout: the peer took nothing until the deadline.
            PeerClosed: the peer has closed.
            TlsError: the encrypted stream broke.
        """
        if self._tap:
            self._tap("sent", data)
        if self._tls is None:
            await self._put(data)
            return
        self._echo.sent(data)
        try:
            self._tls.write(data)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError) as error:
            raise PeerClosed("the server closed the connection before the agent sent data", self.heard) from error
        except ssl.SSLError as error:
            if error.reason == "PROTOCOL_IS_SHUTDOWN":  # the end of the session was read before
                raise PeerClosed("the server closed the connection before the agent sent data", self.heard) from error
            raise TlsError(error.reason or str(error), self.heard) from error
        await self._flush()

    async def receive(self, reader: Reader[T]) -> T:
        """Return the next message that ``reader`` parses; bytes after it wait for the next reader.

        Raises:
            ReadTimeout: not whole by the deadline.
            PeerClosed: the peer closed or reset before it was whole.
            WireError: the peer broke its protocol; Echoed where it sends back what it is sent.
            TlsError: the encrypted stream broke.
        """
        while True:
            try:
                answer = reader(self._buffer)
            except WireError as error:
                await self._echo.wait_for_enough(self._fill, self.deadline)
                error.heard, error.first = self.heard, self.unread >= len(self.heard)
                raise self._echo.instead_of(error) from None  # no local: an error in its own frame is a cycle
            if answer is not None:
                return answer
            if self._buffer.eof:
                none = "before it sent any data over TLS" if self._tls else "before it sent any data"
                came = f"after {len(self.heard)} bytes" if self.heard else none
                raise PeerClosed(f"the server closed the connection {came}", self.heard, unread=self.unread)
            if len(self._buffer) > MOST_UNREAD:
                raise OurLimit(f"the server sent more than {MOST_UNREAD} bytes without completing a message")
            await self._fill()

    async def expect_silence(self, seconds: float) -> None:
        """Wait ``seconds`` for a peer that must not speak first.

        Bytes that came in time count also where the loop was busy meanwhile.

        Raises:
            WireError: it speaks first, so it is another protocol.
            PeerClosed: it closed or reset.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._fill()
        except TimeoutError:
            if not self._is_there():
                return
            await self._fill()  # it spoke in time, and the loop was busy
        if self._buffer.eof:
            raise PeerClosed("the server closed the connection before it sent any data", self.heard)
        raise speaks_first(self.heard)

    @property
    def unread(self) -> int:
        """Return the number of received bytes that no reader has taken."""
        return len(self._buffer)

    async def start_tls(self, name: str | None, alpn: Sequence[str] = (), framing: Framing | None = None) -> TlsSession:
        """Do the TLS handshake to its end whatever the certificate; it is judged afterwards.

        Args:
            name: for SNI; an address sends none.
            framing: where the handshake travels inside another protocol.

        Raises:
            WireError: the peer sent what is no packet of ``framing``; Echoed where it sends back what it is sent.
            TooCostly: the server's Diffie-Hellman group is larger than :data:`LARGEST_GROUP`.
            TlsError, PeerClosed, ReadTimeout: as named, with ``securing`` set. Clear bytes beyond the peer's consent to
                TLS, which could have been injected, are a TlsError, too.
            TimeoutError: the deadline came while this side computed.
        """
        record("tls")
        self._spoke, self.heard, self._echo = bool(self.heard), b"", EchoWatch()
        if len(self._buffer):
            raise TlsError("the server sent clear-text data after it agreed to TLS", b"", securing=True, spoke=True)
        if framing is not None:
            self._wrap, self._unwrap = framing.wrap, framing.unwrap
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = handshake_context(tuple(alpn)).wrap_bio(self._incoming, self._outgoing, server_hostname=server_name(name))
        try:
            await self._finish_handshake(tls)
        except StreamError as error:
            error.in_handshake(name, spoke=self._spoke)
            raise
        self._tls, self._spoke, self.heard, self._wrap, self._echo = tls, True, b"", None, EchoWatch()
        self._key_exchange.handshakes = 0
        if self.when_secured is not None:
            await self.when_secured()
        return session_of(tls)

    async def _finish_handshake(self, tls: ssl.SSLObject) -> None:
        assert self._incoming is not None
        came = 0
        while True:
            try:
                costly = self._key_exchange.bits > MOST_ON_THE_LOOP or came > _SHORT_HANDSHAKE
                await self._compute(tls.do_handshake, costly)
                break
            except ssl.SSLWantReadError:
                await self._flush()
                raw = await self._get()
                if not raw:
                    instead = "" if self.heard else " instead of answering the TLS ClientHello"
                    raise PeerClosed(f"the server closed the connection{instead}", self.heard) from None
                records = self._unframed(raw)
                self._hear(records)
                self._demand_moderate(records)
                self._incoming.write(records)
                came += len(records)
            except ssl.SSLError as error:
                with contextlib.suppress(StreamError):
                    await self._flush()
                raise self._echo.instead_of(TlsError(error.reason or str(error), self.heard)) from error
        await self._flush()

    # ending ---------------------------------------------------------------------------------------------------------

    async def close(self, end: float | None = None) -> None:
        """End politely: close_notify, FIN, then read what is still coming so that no reset goes out.

        Never raises and takes a quarter of a second at the most, less towards ``end`` (the loop's time), yet one round
        trip in any case.
        """
        now = self._now()
        self.deadline = now + (_LINGER if end is None else min(_LINGER, max(_LEAST_LINGER, end - now)))
        with contextlib.suppress(StreamError, OSError, ssl.SSLError, ValueError):
            if self._tls is not None:
                with contextlib.suppress(ssl.SSLError):
                    self._tls.unwrap()
                await self._flush()
            self.sock.shutdown(socket.SHUT_WR)
            drained = 0
            while drained < MOST_UNREAD and (raw := await self._get()):
                drained += len(raw)
        self.sock.close()

    def detach(self) -> socket.socket:
        """Hand the connected socket over to a client library, blocking again. Only before TLS."""
        if self._tls is not None:
            raise ValueError("a TLS session cannot be handed over")
        self._detached = True
        return sockets.blocking(self.sock)

    def leave_transcript(self) -> None:
        """Keep what follows out of the transcript: a secret, or what one can be guessed by (RFC 5802, 9)."""
        self._tap = None

    @property
    def answered(self) -> bool:
        """True once the peer sent a byte; also where it may have sent one to a client library (:meth:`detach`)."""
        return bool(self.heard) or self._spoke or self._tls is not None or self._detached

    @property
    def alpn(self) -> str | None:
        """The protocol that the peer picked by ALPN (RFC 7301), None if it picked none or there is no TLS."""
        return self._tls.selected_alpn_protocol() if self._tls is not None else None

    @property
    def encrypted(self) -> bool:
        """True once TLS is done."""
        return self._tls is not None

    @property
    def privileged(self) -> bool:
        """Return True if our own port is below 1024; servers conclude from it that root started the process."""
        return sockets.source_port(self.sock) < 1024

    # the pipe -------------------------------------------------------------------------------------------------------

    async def _fill(self) -> None:
        """Wait for at least one more byte, or the end, into the buffer."""
        if self._tls is None:
            raw = await self._get()
            self._hear(raw)
            self._took(raw)
            return
        assert self._incoming is not None
        while True:
            try:
                # One more handshake within TLS may have any group: its messages are encrypted.
                again = self._key_exchange.handshakes > 0
                self._took(await self._compute(partial(self._tls.read, _CHUNK), again))
                return
            except ssl.SSLWantReadError:
                await self._flush()
                raw = await self._get()
                if raw:
                    records = self._unframed(raw)
                    self._key_exchange.feed(records)
                    self._incoming.write(records)
                else:
                    self._incoming.write_eof()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                self._took(b"")
                return
            except ssl.SSLError as error:
                raise TlsError(error.reason or str(error), self.heard) from error

    async def _compute(self, step: Callable[[], T], costly: bool) -> T:
        """Let OpenSSL do one step; do a costly step outside of the event loop."""
        return await off_the_loop.computed(step, self.deadline) if costly else step()

    def _demand_moderate(self, records: bytes) -> None:
        self._key_exchange.feed(records)
        if (bits := self._key_exchange.bits) > LARGEST_GROUP:
            detail = f"the server's Diffie-Hellman group has {bits} bits; scanready supports at most {LARGEST_GROUP}"
            raise TooCostly(detail, self.heard)

    def _took(self, data: bytes) -> None:
        if self._tls is not None:
            self._hear(data)
            self.wait_for_first_byte(None)  # records without a byte of the talk, such as tickets, are no answer
        if self._tap and data:
            self._tap("received", data)
        if data:
            self._buffer.feed(data)
        else:
            self._buffer.eof = True

    def _hear(self, data: bytes) -> None:
        self.greeted = self.greeted or (bool(data) and not self._echo.has_begun)
        if len(self.heard) < HEARD:
            self.heard += data[: HEARD - len(self.heard)]
        self._echo.hear(data)

    async def _flush(self) -> None:
        assert self._outgoing is not None
        if data := self._outgoing.read():
            await self._put(self._wrap(data) if self._wrap else data)

    def _unframed(self, raw: bytes) -> bytes:
        """Return the TLS records in the received packets, without the packets; keep an incomplete packet for later."""
        if self._unwrap is None:
            return raw
        self._framed.feed(raw)
        records = bytearray()
        try:
            while (part := self._unwrap(self._framed)) is not None:
                records += part
        except WireError as error:
            error.heard = (self.heard + raw)[:HEARD]
            raise
        return bytes(records)

    async def _put(self, data: bytes) -> None:
        """Send the bytes that the kernel accepts now (nearly always all of them, without a task); wait for the rest."""
        if self._tls is None:
            self._echo.sent(data)
        try:
            data = data[self.sock.send(data) :]
            if not data:
                return
        except BlockingIOError:
            pass
        except OSError as error:
            raise self._broken(f"the connection failed while the agent was sending: {words_of(error)}") from error
        since = self._now()
        try:
            await self._poller.send(self.sock, data, self.deadline)
        except TimeoutError:
            raise ReadTimeout(
                "the server accepted no more data within the time left", self.heard, self._now() - since
            ) from None
        except OSError as error:
            raise self._broken(f"the connection failed while the agent was sending: {words_of(error)}") from error

    async def _get(self) -> bytes:
        """Take what is there, or wait for it; an empty answer is the peer's end.

        Bytes that are there at the deadline are still taken, once: that we were late says nothing about the peer.
        """
        since = self._now()
        try:
            if self._turn >= _SHARE:
                self._turn = 0
                await asyncio.sleep(0)
                since = self._now()
            if self._patience is not None and self._first_byte == math.inf:
                self._first_byte = since + self._patience
            if since >= self.deadline:
                self._look_once_more()
            try:
                raw = self._taken()
            except BlockingIOError:
                raw = None  # the error has its frames: it must not be at hand while we wait
            if raw is None:
                self._turn, raw = 0, await self._awaited()
            self.sock.kept = b""
            if self._tls is None:
                self.wait_for_first_byte(None)
            self._turn += _SHARE if self._tap else max(_READ, len(raw))
            return raw
        except TimeoutError:
            raise ReadTimeout(
                "no answer within the time left", self.heard, self._now() - since, self._patience, self._spoke
            ) from None
        except OSError as error:
            error.__traceback__ = None  # the loop's frame in it holds the future, and that the error: a cycle
            reset = isinstance(error, ConnectionResetError)
            what = "the server reset the connection" if reset else f"the connection failed: {words_of(error)}"
            raise self._broken(what) from error

    def _broken(self, what: str) -> PeerClosed | ValueError:
        """Return the error of a connection that broke; where this side had closed it, the peer has no part in that."""
        if self.sock.fileno() < 0:
            return ValueError("the stream was used after it was closed or handed over")
        return PeerClosed(what, self.heard, unread=self.unread)

    async def _awaited(self) -> bytes:
        """Wait for bytes or the end; those that came while the loop was busy past the time count, too.

        Raises:
            TimeoutError: the deadline, or that of the first byte.
        """
        try:
            received = await self._poller.receive(self.sock, self._most, min(self.deadline, self._first_byte))
            assert isinstance(received, bytes), "a stream's"
            return received
        except TimeoutError:
            if self._now() >= self.deadline:
                self._look_once_more()
            try:
                return self._taken()
            except BlockingIOError:
                raise TimeoutError from None

    def _taken(self) -> bytes:
        """Return what the loop read for a read that was cancelled, or what is there now."""
        taken = self.sock.taken(self._most)
        assert isinstance(taken, bytes), "a stream's"
        return taken

    def _is_there(self) -> bool:
        """Say whether bytes, or the end, can be read at once."""
        try:
            self.sock.kept = self._taken()
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _look_once_more(self) -> None:
        """Allow one read after the deadline.

        Raises:
            TimeoutError: it has taken place.
        """
        if self._last_look == self.deadline:
            raise TimeoutError
        self._last_look = self.deadline
