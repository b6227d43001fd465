"""The messages between this process and those of its logins: length and JSON, and sockets beside them. Bounded."""

from __future__ import annotations

import base64
import json
import socket
import struct
import sys
import threading
from collections.abc import Sequence
from typing import Any

from scanready.net.sockets import of_descriptor

#: Bytes of one message, and of all that a login may send: a page's beginning of 64 KiB, some thousand names.
MOST = 1 << 20
_LENGTH = struct.Struct("!I")
_CHUNK = 1 << 16
#: Sockets that go with one message.
MOST_SOCKETS = 4

Message = dict[str, Any]


class MessageError(Exception):
    """The bytes are no message."""


def pack(message: Message) -> bytes:
    """Return the bytes of a message."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


class Unpacker:
    """Take messages out of the bytes that come. Trusts neither their size nor their number."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = MOST

    def feed(self, data: bytes) -> None:
        """Add what was received.

        Raises:
            MessageError: it is more in all than any login sends.
        """
        self._left -= len(data)
        if self._left < 0:
            raise MessageError(f"more than {MOST} bytes")
        self._buffer += data

    def next(self) -> Message | None:
        """Return the next whole message, None if there is none yet.

        Raises:
            MessageError: it is none.
        """
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > MOST:
            raise MessageError(f"a message of {length} bytes")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise MessageError(f"not JSON: {error}") from error
        if not isinstance(message, dict):
            raise MessageError("not an object")
        return message


class Channel:
    """The blocking end of a channel, in the process of a login or where they are forked from."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sockets: list[socket.socket] = []
        self._unread = bytearray()
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Send a message; from any thread."""
        with self._sending:
            self._sock.sendall(pack(message))

    def receive(self) -> tuple[Message, list[socket.socket]] | None:
        """Wait for the next message and its sockets; None at the end of the channel.

        The other end is our own parent: what it sends is believed.
        """
        head = self._exactly(_LENGTH.size)
        body = self._exactly(_LENGTH.unpack(head)[0]) if head is not None else None
        if body is None:
            return None
        message: Message = json.loads(body)
        if "shared" in message:
            return message, [_from_share(share) for share in message["shared"]]
        count = message.get("sockets", 0)
        sockets, self._sockets = self._sockets[:count], self._sockets[count:]
        return message, sockets

    def settimeout(self, seconds: float | None) -> None:
        """Take silence of so many seconds for the end of the channel."""
        self._sock.settimeout(seconds)

    def close(self) -> None:
        """Close this end."""
        self._sock.close()

    def _exactly(self, count: int) -> bytes | None:
        while len(self._unread) < count:
            more = self._more()
            if not more:
                return None
            self._unread += more
        data = bytes(self._unread[:count])
        del self._unread[:count]
        return data

    def _more(self) -> bytes:
        try:
            return self._received()
        except (
            TimeoutError,
            ConnectionError,
        ):  # a channel over TCP ends so, as Windows has it, if its parent was killed
            return b""

    def _received(self) -> bytes:
        if sys.platform == "win32":
            return self._sock.recv(_CHUNK)
        data, descriptors, _, _ = socket.recv_fds(self._sock, _CHUNK, MOST_SOCKETS)
        self._sockets += [of_descriptor(number) for number in descriptors]
        return data


def send_now(channel: socket.socket, message: Message, sockets: Sequence[socket.socket] = (), pid: int = 0) -> bytes:
    """Send what the kernel takes at once, with the sockets; return the rest of the bytes.

    ``pid`` is the process that gets the sockets; only Windows wants to know.
    """
    if sys.platform == "win32":
        if sockets:
            message = message | {"shared": [base64.b64encode(sock.share(pid)).decode() for sock in sockets]}
        data = pack(message)
        return data[channel.send(data) :]
    data = pack(message | {"sockets": len(sockets)} if sockets else message)
    if not sockets:
        return data[channel.send(data) :]
    return data[socket.send_fds(channel, [data], [sock.fileno() for sock in sockets]) :]


def _from_share(share: str) -> socket.socket:
    if sys.platform != "win32":
        raise ValueError("sockets come as descriptors here")
    return socket.fromshare(base64.b64decode(share))
