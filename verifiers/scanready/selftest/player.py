"""Play an emulator to one client: each request that matches gets its answer, inside TLS as well."""

from __future__ import annotations

import asyncio
import re
import ssl

from .emulator import Answer, Emulator

#: Bytes of a request that no answer matches; more of them end the connection.
MOST = 64 * 1024


class Player(asyncio.Protocol):
    """Play the server's part of one connection.

    TLS runs over ``ssl.MemoryBIO``: a client may send its ClientHello directly after its request for TLS, and
    asyncio's ``start_tls`` would lose it.
    """

    def __init__(self, emulator: Emulator, context: ssl.SSLContext, second: int = 0) -> None:
        self._emulator = emulator
        self._second = second
        self._context = context
        self._request = b""
        self._session: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or wait for TLS."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._emulator.tls:
            self._begin_tls()
        else:
            self._greet()

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        try:
            self._take(data)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._transport.close()
        self._flush()
        if len(self._request) > MOST:
            self._transport.close()

    def _take(self, data: bytes) -> None:
        if self._session is None:
            self._request += data
            self._answer()
            return
        self._incoming.write(data)
        self._session.do_handshake()
        self._greet()
        while plain := self._session.read(MOST):
            self._request += plain
            self._answer()

    def _answer(self) -> None:
        while found := self._next():
            answer, request = found
            self._request = self._request[request.end() :]
            data = answer.data
            for fill in answer.fills:
                data = fill.into(data, request, self._second)
            self._send(data)
            if answer.closes:
                self._transport.close()
            if answer.begins_tls:
                self._begin_tls()
                early, self._request = self._request, b""
                if early:
                    self._take(early)

    def _next(self) -> tuple[Answer, re.Match[bytes]] | None:
        inside = self._session is not None
        fitting = (answer for answer in self._emulator.answers if answer.in_tls in (None, inside))
        matches = ((answer, answer.to.match(self._request)) for answer in fitting)
        return next(((answer, match) for answer, match in matches if match), None)

    def _greet(self) -> None:
        if not self._greeted:
            self._greeted = True
            self._send(self._emulator.greeting)

    def _begin_tls(self) -> None:
        self._session = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def _send(self, data: bytes) -> None:
        if self._session is None:
            self._transport.write(data)
        elif data:
            self._session.write(data)
            self._flush()

    def _flush(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._outgoing.read())
