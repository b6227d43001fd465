"""Read messages from a blocking socket with our own readers, for a client library that we stand below."""

from __future__ import annotations

import socket
import time
from typing import TypeVar

from scanready.net.stream import HEARD, MOST_UNREAD, PeerClosed, ReadTimeout
from scanready.net.system_errors import words_of
from scanready.wire import Buffer, OurLimit, Reader, WireError

T = TypeVar("T")

_CHUNK = 1 << 16


class BlockingStream:
    """Hold one connection in the process of a login, with one deadline for all of it.

    Args:
        sock: connected and blocking.
        seconds: until every wait ends.
    """

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._sock = sock
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._buffer = Buffer()
        self._heard = b""

    def send(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises:
            PeerClosed, ReadTimeout: it was not taken.
        """
        self._in_time()
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise self._late("the server accepted no more data within the time left") from None
        except OSError as error:
            raise PeerClosed(
                f"the connection failed while the agent was sending: {words_of(error)}", self._heard
            ) from error

    def receive(self, reader: Reader[T]) -> T:
        """Return the next message.

        Raises:
            ReadTimeout: the deadline came first.
            PeerClosed: the peer closed or reset before it was whole.
            WireError: the peer broke its protocol, or sends more than any message has.
        """
        while True:
            try:
                answer = reader(self._buffer)
            except WireError as error:
                error.heard = self._heard
                raise
            if answer is not None:
                return answer
            if self._buffer.eof:
                when = f"after {len(self._heard)} bytes" if self._heard else "before it sent any data"
                raise PeerClosed(f"the server closed the connection {when}", self._heard)
            if len(self._buffer) > MOST_UNREAD:
                raise OurLimit(f"the server sent more than {MOST_UNREAD} bytes without completing a message")
            self._fill()

    def _fill(self) -> None:
        self._in_time()
        try:
            data = self._sock.recv(_CHUNK)
        except TimeoutError:
            raise self._late("no answer within the time left") from None
        except OSError as error:
            reset = isinstance(error, ConnectionResetError)
            text = "the server reset the connection" if reset else f"the connection failed: {words_of(error)}"
            raise PeerClosed(text, self._heard) from error
        if data:
            self._heard = (self._heard + data)[:HEARD]
            self._buffer.feed(data)
        else:
            self._buffer.eof = True

    def _in_time(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._late("no answer within the time left")
        self._sock.settimeout(left)

    def _late(self, text: str) -> ReadTimeout:
        return ReadTimeout(text, self._heard, self._seconds)
