"""One end of the talk between two processes: sends without waiting, in order; what arrives comes as messages."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator

from .frames import Frames, Message, frame

_CHUNK = 1 << 18


class Wire:
    """Send and receive messages on a socket, on one event loop."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._unsent = bytearray()
        self._sending: asyncio.Task[None] | None = None

    def send(self, message: Message) -> None:
        """Send a message; the rest of one that does not fit at once goes later. A process that is gone gets nothing."""
        self.send_bytes(frame(message))

    def send_bytes(self, data: bytes) -> None:
        """Send messages that are bytes already."""
        if self._sending is None:
            try:
                data = data[self._sock.send(data) :]
            except BlockingIOError:
                pass
            except OSError:
                return
        self._unsent += data
        if self._unsent and self._sending is None:
            # Made without `create_task`: it is no part of the climb that sends.
            self._sending = asyncio.Task(self._send_rest())

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Yield what arrives until the other end is closed.

        Raises:
            FrameError: it is no message of ours.
        """
        loop, frames = asyncio.get_running_loop(), Frames()
        while True:
            try:
                data = await loop.sock_recv(self._sock, _CHUNK)
            except OSError:
                return
            if not data:
                return
            for message in frames.feed(data):
                yield message

    async def sent(self) -> None:
        """Wait until all is sent."""
        if self._sending is not None:
            await self._sending

    def close(self) -> None:
        """Close this end."""
        if self._sending is not None:
            self._sending.cancel()
        self._sock.close()

    async def _send_rest(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while self._unsent:
                part = bytes(self._unsent[:_CHUNK])
                await loop.sock_sendall(self._sock, part)
                del self._unsent[: len(part)]
        self._sending = None
