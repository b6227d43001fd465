"""How a conversation ends otherwise than by its last word: the errors of connections, streams and datagrams."""

from __future__ import annotations

#: Seconds of the shortest wait that shows silence. After a shorter one the peer may only be slow: the finding is then
#: "out of time", neither "filtered" nor "silent". A lost SYN, or a lost first segment, is sent again after 1 s
#: (RFC 6298, 2.1) and answered one round trip later: 0.6 s for a satellite. So one lost packet is no finding; two in a
#: row are one.
LEAST_SILENCE = 1.6


class StreamError(Exception):
    """Base class: the conversation ended. ``heard`` is the first 512 bytes at most that the peer sent.

    ``securing`` is true if that was within a TLS handshake, of which ``heard`` then is; ``spoke`` is true if the peer
    answered in clear text before it.
    """

    def __init__(self, message: str, heard: bytes = b"", *, securing: bool = False, spoke: bool = False) -> None:
        super().__init__(message)
        self.heard = heard
        self.securing, self.spoke = securing, spoke


class ReadTimeout(StreamError):
    """The peer did not answer before the deadline, after ``waited`` seconds.

    ``patience`` is the limit in seconds if it was shorter than the remaining time.
    """

    def __init__(
        self, message: str, heard: bytes, waited: float, patience: float | None = None, spoke: bool = False
    ) -> None:
        super().__init__(message, heard, spoke=spoke)
        self.waited, self.patience = waited, patience

    @property
    def hasty(self) -> bool:
        """True if the wait was too short to call it silence (under 1.6 s)."""
        return self.waited < LEAST_SILENCE


class UdpTimeout(ReadTimeout):
    """No answer over UDP. That proves nothing: dropped, lost, or a service that ignores strangers."""


class PeerClosed(StreamError):
    """The peer closed or reset the connection before its message was whole."""


class TlsError(StreamError):
    """The TLS handshake failed; ``reason`` is OpenSSL's name of the alert or error."""

    def __init__(self, reason: str, heard: bytes) -> None:
        super().__init__(reason.lower().replace("_", " "), heard)
        self.reason = reason


class TooCostly(StreamError):
    """The peer asks for more computing than a target is given."""


class ConnectError(OSError):
    """The connection failed; ``errno`` says how, and the ICMP message says who rejected it, if the kernel kept it.

    ``icmp`` is the (type, code) of that message and ``offender`` the address of its sender; both are None without
    one. ``datagram_to`` is the address that was asked over UDP; None for a TCP connection.
    """

    def __init__(
        self,
        error: OSError,
        icmp: tuple[int, int] | None = None,
        offender: str | None = None,
        datagram_to: str | None = None,
    ) -> None:
        super().__init__(error.errno, error.strerror or str(error))
        self.icmp = icmp
        self.offender = offender
        self.datagram_to = datagram_to
