"""Inspect the data that a Python client library sends, before it leaves; such libraries open their own sockets."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def inspected(see: Callable[[bytes], None]) -> Iterator[None]:
    """Enter this around a login: ``see`` gets each piece that a new Python socket sends, before it leaves.

    An exception of ``see`` keeps the piece back. TLS sends by itself, and a context of
    :func:`scanready.clients.held_tls.held_context` has its own. It holds for the whole process, which is one login's.
    """

    class Seen(socket.socket):
        """Shows what it sends."""

        def send(self, data: Any, flags: int = 0) -> int:
            see(bytes(data))
            return super().send(data, flags)

        def sendall(self, data: Any, flags: int = 0) -> None:
            see(bytes(data))
            super().sendall(data, flags)

    usual = socket.socket
    socket.socket = Seen  # type: ignore[misc]
    try:
        yield
    finally:
        socket.socket = usual  # type: ignore[misc]
