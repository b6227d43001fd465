"""Define the errors that end a conversation early: of connections, streams and datagrams."""

from __future__ import annotations

import errno
import socket
import ssl
import sys

from scanready.model import is_address

from .system_errors import is_port_unreachable, number_of, words_of

#: Seconds of the shortest wait that shows silence. After a shorter one the peer may only be slow: the finding is then
#: "out of time", neither "filtered" nor "silent". A lost SYN, or a lost first segment, is sent again after 1 s
#: (RFC 6298, 2.1) and answered one round trip later: 0.6 s for a satellite. So one lost packet is no finding; two in a
#: row are one.
LEAST_SILENCE = 1.6


#: Error numbers that always mean a limit of this host.
_LOCAL_LIMITS = {
    errno.EMFILE: "this process is out of file descriptors" + ("" if sys.platform == "win32" else " (ulimit -n)"),
    errno.ENFILE: "this host is out of file descriptors (fs.file-max)",
    errno.EADDRNOTAVAIL: "this host has no free port or no source address for the target",
    errno.EADDRINUSE: "this host has no free port or no source address for the target",  # which is how Windows says so
    errno.EACCES: "this host's own policy forbids the connection",
    errno.EPERM: "this host's own firewall or policy forbids the connection",
    errno.ENOBUFS: "this host is out of buffer space",
    errno.ENOMEM: "this host is out of memory",
}
#: Error numbers that mean a limit of this host only before the connection exists.
_OF_A_NEW_CONNECTION = {
    errno.EAGAIN: "this host's own queue is full",
    errno.ECONNABORTED: "this host itself closed the connection: security software, or a network change",
}


def local_limit(error: OSError) -> str | None:
    """Return which limit of this host the error is, in words; None if it says something of the network or the peer."""
    if isinstance(error, ssl.SSLError | socket.gaierror):  # they count in numbers of their own
        return None
    number = number_of(error) or 0
    if isinstance(error, ConnectError):
        if error.icmp is not None:  # an ICMPv6 "prohibited" arrives as EACCES, too
            return None
        return _LOCAL_LIMITS.get(number) or _OF_A_NEW_CONNECTION.get(number)
    return _LOCAL_LIMITS.get(number)


class StreamError(Exception):
    """Base class: the conversation ended. ``heard`` holds at most the first 512 bytes that the peer sent.

    ``securing`` is true if that was within a TLS handshake, of which ``heard`` then is; ``spoke`` is true if the peer
    answered in clear text before it.
    """

    def __init__(self, message: str, heard: bytes = b"", *, securing: bool = False, spoke: bool = False) -> None:
        super().__init__(message)
        self.heard = heard
        self.securing, self.spoke = securing, spoke

    def in_handshake(self, name: str | None, *, spoke: bool) -> None:
        """Note that it ended a TLS handshake that asked for the server ``name``."""
        self.securing, self.spoke = True, spoke


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
    """Raised if no UDP answer arrives, which proves nothing: a filter, a lost packet, or a service that ignores it."""


class PeerClosed(StreamError):
    """The peer closed or reset the connection before its message was whole.

    ``between`` is true if it had sent whole messages before, and not a byte of this one. ``unread`` counts the bytes
    that came and are in no message; None where that is not known.
    """

    def __init__(
        self,
        message: str,
        heard: bytes = b"",
        *,
        securing: bool = False,
        spoke: bool = False,
        unread: int | None = None,
    ) -> None:
        super().__init__(message, heard, securing=securing, spoke=spoke)
        self.between = bool(heard) and unread == 0


#: OpenSSL's names of the alerts of servers of several sites, or of several tenants, to a client that names none.
_FOR_WANT_OF_A_NAME = ("HANDSHAKE_FAILURE", "UNRECOGNIZED_NAME", "INTERNAL_ERROR", "MISSING_EXTENSION")


class TlsError(StreamError):
    """TLS failed, in its handshake (``securing``) or after it; ``reason`` is OpenSSL's name of the alert or error."""

    def __init__(self, reason: str, heard: bytes, *, securing: bool = False, spoke: bool = False) -> None:
        super().__init__(reason.lower().replace("_", " "), heard, securing=securing, spoke=spoke)
        self.reason = reason

    def in_handshake(self, name: str | None, *, spoke: bool) -> None:
        """Add to an alert that may be for want of a name (RFC 6066, 3; RFC 8446, 9.2) that an address is none."""
        super().in_handshake(name, spoke=spoke)
        if name and is_address(name) and any(reason in self.reason for reason in _FOR_WANT_OF_A_NAME):
            self.args = (
                f"{self}; no server name (SNI) was sent, because the target is an IP address: name it by its host name",
            )


class TooCostly(StreamError):
    """The peer asks for more computing than a target is given."""


class ConnectError(OSError):
    """The connection failed; ``errno`` says how, and the ICMP message says who rejected it, if the kernel kept it.

    ``errno`` and ``strerror`` are the same on every platform. ``icmp`` is the (type, code) of that message and
    ``offender`` the address of its sender; both are None without one. ``port_unreachable`` is true where the system
    reports an ICMP message without its sender. ``datagram_to`` is the destination of the UDP datagram; None for a TCP
    connection.
    """

    def __init__(
        self,
        error: OSError,
        icmp: tuple[int, int] | None = None,
        offender: str | None = None,
        datagram_to: str | None = None,
    ) -> None:
        number = number_of(error)
        if datagram_to is not None and number == errno.ECONNRESET:  # Winsock's word for "port unreachable" over UDP
            number, error = errno.ECONNREFUSED, OSError(errno.ECONNREFUSED, "")
        super().__init__(number, words_of(error))
        self.port_unreachable = is_port_unreachable(error)
        self.icmp = icmp
        self.offender = offender
        self.datagram_to = datagram_to
