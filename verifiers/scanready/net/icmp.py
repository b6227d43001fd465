"""Read from the kernel which device rejected a connection: Linux keeps the ICMP message for a TCP socket.

Linux reports it to an unprivileged process through the socket's error queue (ip(7),
``IP_RECVERR``; ipv6(7), ``IPV6_RECVERR``). Other systems keep only the errno.
"""

from __future__ import annotations

import socket
import struct
import sys

_RECVERR = {int(socket.AF_INET): (socket.IPPROTO_IP, 11), int(socket.AF_INET6): (socket.IPPROTO_IPV6, 25)}
_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err
_FROM_ICMP = {2: socket.AF_INET, 3: socket.AF_INET6}


def ask_for_it(sock: socket.socket) -> None:
    """Make the kernel keep ICMP errors for this socket. Call it before connecting."""
    family = sock.family
    if sys.platform == "linux" and family in _RECVERR:
        sock.setsockopt(*_RECVERR[family], 1)


def of(sock: socket.socket) -> tuple[tuple[int, int] | None, str | None]:
    """Return the ICMP (type, code) that ended the connection and who sent it, both None if none did."""
    if sys.platform != "linux":
        return None, None
    try:
        _, ancillary, _, _ = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        return None, None
    for _, _, data in ancillary:
        if len(data) < _ERROR.size + 4:
            continue
        _, origin, kind, code, _, _, _ = _ERROR.unpack_from(data)
        family = _FROM_ICMP.get(origin)
        if family is not None:
            return (kind, code), _offender(family, data[_ERROR.size :])
    return None, None


def _offender(family: int, sockaddr: bytes) -> str | None:
    start, size = (4, 4) if family == socket.AF_INET else (8, 16)
    raw = sockaddr[start : start + size]
    return socket.inet_ntop(family, raw) if len(raw) == size else None
