"""A peer that sends back what it is sent: the echo service (RFC 862), a loop of cables or rules, a test program.

Our own message would pass for its answer in a protocol whose two sides begin alike, such as SSH (RFC 4253, 4.2).
"""

from __future__ import annotations

from scanready.wire import WireError

#: Bytes of a first message that are compared. A shorter message than the least proves nothing.
_MOST, _LEAST = 64, 8


class Echoed(WireError):
    """The peer's first bytes are our own first message."""


class EchoWatch:
    """Compares what a peer says after our first message with that message."""

    __slots__ = ("_came", "_said")

    def __init__(self) -> None:
        self._said = self._came = b""

    @property
    def has_begun(self) -> bool:
        """True once a message was sent."""
        return bool(self._said)

    def sent(self, data: bytes) -> None:
        """Note a message to the peer."""
        self._said = self._said or bytes(data[:_MOST])

    def hear(self, data: bytes) -> None:
        """Judge the peer's next bytes.

        Raises:
            Echoed: what came since our first message begins with all of it, or with as much as is compared.
        """
        if len(self._said) < _LEAST or len(self._came) >= len(self._said):
            return
        self._came += data[: _MOST - len(self._came)]
        if self._came.startswith(self._said):
            raise self._echoed()

    def instead_of(self, error: WireError) -> WireError:
        """Return the better word for what a reader refuses: part of our own first message, or ``error`` as it is."""
        return self._echoed() if len(self._came) >= _LEAST and self._said.startswith(self._came) else error

    def _echoed(self) -> Echoed:
        error = Echoed("the port sends back what is sent to it: an echo service, or a loop")
        error.heard = self._came
        return error


def speaks_first(heard: bytes) -> WireError:
    """Return the error of a peer that speaks unasked; made here, for one that its own frame names would be a cycle."""
    error = WireError("speaks first, where clients do")
    error.heard = heard
    return error
