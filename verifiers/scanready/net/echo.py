"""Recognise a peer that sends back the agent's data: the echo service (RFC 862), a network loop, a test program.

A reader refuses our own message where the two sides of a protocol begin differently. Where they begin alike, as in SSH
(RFC 4253, 4.2), the verifier looks for its own words.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from scanready.wire import ForeignBytes, WireError

from .errors import StreamError

#: Bytes of our first message that are compared, and the least that prove an echo.
_MOST, _LEAST = 64, 8
#: How long a refused answer that begins as our own message does is waited for, in seconds: an echo may come in pieces.
_PIECES = 1.0


class Echoed(WireError):
    """Raised if the peer sends back the agent's own data: an echo service, or a loop."""

    def __init__(self, what: str = "the agent's own data") -> None:
        super().__init__(f"the port sends back {what}: an echo service, or a loop")


class EchoWatch:
    """Compares what a peer says after our first message with that message."""

    __slots__ = ("_came", "_message")

    def __init__(self) -> None:
        self._message = self._came = b""

    @property
    def has_begun(self) -> bool:
        """True once a message was sent."""
        return bool(self._message)

    def sent(self, data: bytes) -> None:
        """Note a message to the peer."""
        self._message = self._message or bytes(data[:_MOST])

    def hear(self, data: bytes) -> None:
        """Note the peer's next bytes."""
        if self._message and len(self._came) < _MOST:
            self._came += data[: _MOST - len(self._came)]

    async def wait_for_enough(self, more: Callable[[], Awaitable[None]], deadline: float) -> None:
        """Read more while an echo may have begun, for :meth:`instead_of`, which needs eight bytes to recognise one.

        Args:
            more: reads on, and has the next bytes heard.
            deadline: the stream's, in the loop's time; half of the rest is waited for at most.
        """
        left = deadline - asyncio.get_running_loop().time()
        heard = -1
        with contextlib.suppress(TimeoutError, StreamError):
            async with asyncio.timeout(min(_PIECES, left / 2)):
                while self._may_be_one and len(self._came) > heard:
                    heard = len(self._came)
                    await more()

    @property
    def _may_be_one(self) -> bool:
        """True while what came is ours word for word, and too short to prove anything."""
        return 0 < len(self._came) < min(_LEAST, len(self._message)) and self._message.startswith(self._came)

    def instead_of(self, error: Exception) -> Exception:
        """Return the better word for what a reader refuses: it is our own first message; else ``error`` as it is."""
        came, ours = self._came[: len(self._message)], self._message[: len(self._came)]
        if len(came) < _LEAST or came != ours:
            return error
        echoed = Echoed()
        echoed.heard = self._came
        return echoed


def speaks_first(heard: bytes) -> WireError:
    """Return the error of a peer that speaks unasked; made here, for one that its own frame names would be a cycle."""
    error = ForeignBytes("the server speaks first, but in the expected protocol the client does")
    error.heard, error.first = heard, True
    return error
