"""Read what the parent sends, in the process of a login, and end that process with the parent."""

from __future__ import annotations

import os
import socket
import threading
from queue import SimpleQueue

from .messages import Channel, Message

Received = tuple[Message, list[socket.socket]]


class Answers:
    """The answers of the parent, which a thread receives.

    The library has this process's first thread, and it may wait for its server for minutes. So no other thread than
    this one reads the channel, and it does so at all times: it ends the process at once when the channel ends, which is
    how a killed parent is seen on each platform.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._received: SimpleQueue[Received] = SimpleQueue()
        threading.Thread(target=self._receive, name="answers", daemon=True).start()

    def next(self) -> Received:
        """Wait for the next message and its sockets."""
        return self._received.get()

    def _receive(self) -> None:
        try:
            while (received := self._channel.receive()) is not None:
                self._received.put(received)
        finally:
            os._exit(1)
