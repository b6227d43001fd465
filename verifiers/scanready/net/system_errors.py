"""Translate what Windows calls a network error into the errno that the rest of this package compares.

Python gives a Winsock error (10000 to 11999) its errno, but not an error of a completion port: that is a Win32 number,
which ``winerror`` has, while ``errno`` is EINVAL (CPython, ``PC/errmap.h``). asyncio makes some of them a
:class:`ConnectionResetError` of the same arguments and loses ``winerror`` then (``windows_events.py``). The words are
the system's, in the language of its user; a report has the same words everywhere.

Sources: Microsoft, "Windows Sockets Error Codes" and "System Error Codes"; a completion port's number is made of an
NTSTATUS ([MS-ERREF] 2.3.1), whose meaning for a socket is that of the Winsock error for the same NTSTATUS.
"""

from __future__ import annotations

import errno
import os
import socket

#: Winsock's numbers. No other system has such high ones, so they are known wherever they stand.
_WINSOCK = {
    10004: errno.EINTR,
    10009: errno.EBADF,
    10013: errno.EACCES,  # a local firewall, or an address that another program has for itself
    10014: errno.EFAULT,
    10022: errno.EINVAL,
    10024: errno.EMFILE,
    10035: errno.EAGAIN,
    10036: errno.EINPROGRESS,
    10037: errno.EALREADY,
    10038: errno.ENOTSOCK,
    10039: errno.EDESTADDRREQ,
    10040: errno.EMSGSIZE,
    10041: errno.EPROTOTYPE,
    10042: errno.ENOPROTOOPT,
    10043: errno.EPROTONOSUPPORT,
    10044: errno.ESOCKTNOSUPPORT,
    10045: errno.EOPNOTSUPP,
    10046: errno.EPFNOSUPPORT,
    10047: errno.EAFNOSUPPORT,
    10048: errno.EADDRINUSE,  # of a connection: no free port is left
    10049: errno.EADDRNOTAVAIL,
    10050: errno.ENETDOWN,
    10051: errno.ENETUNREACH,
    10052: errno.ENETRESET,
    10053: errno.ECONNABORTED,
    10054: errno.ECONNRESET,
    10055: errno.ENOBUFS,
    10056: errno.EISCONN,
    10057: errno.ENOTCONN,
    10058: errno.ESHUTDOWN,
    10060: errno.ETIMEDOUT,
    10061: errno.ECONNREFUSED,
    10062: errno.ELOOP,
    10063: errno.ENAMETOOLONG,
    10064: errno.EHOSTDOWN,
    10065: errno.EHOSTUNREACH,
    10067: errno.EAGAIN,  # WSAEPROCLIM
    10091: errno.ENETDOWN,  # WSASYSNOTREADY
}
#: "Port unreachable", which is ICMP's word: over UDP the host's own, over TCP that of a filter.
_PORT_UNREACHABLE = 1234
#: Win32's numbers, which are others' errno too: they are known by ``winerror`` only.
_WIN32 = {
    4: errno.EMFILE,  # ERROR_TOO_MANY_OPEN_FILES
    5: errno.EACCES,  # ERROR_ACCESS_DENIED
    8: errno.ENOMEM,  # ERROR_NOT_ENOUGH_MEMORY
    14: errno.ENOMEM,  # ERROR_OUTOFMEMORY
    52: errno.EADDRINUSE,  # ERROR_DUP_NAME, of STATUS_ADDRESS_ALREADY_EXISTS
    53: errno.ENETUNREACH,  # ERROR_BAD_NETPATH
    59: errno.ENETDOWN,  # ERROR_UNEXP_NET_ERR
    64: errno.ECONNRESET,  # ERROR_NETNAME_DELETED, of STATUS_CONNECTION_RESET
    65: errno.EACCES,  # ERROR_NETWORK_ACCESS_DENIED
    68: errno.EADDRINUSE,  # ERROR_TOO_MANY_NAMES, of STATUS_TOO_MANY_ADDRESSES: no free port is left
    109: errno.EPIPE,  # ERROR_BROKEN_PIPE
    121: errno.ETIMEDOUT,  # ERROR_SEM_TIMEOUT, of STATUS_IO_TIMEOUT
    232: errno.EPIPE,  # ERROR_NO_DATA
    233: errno.EPIPE,  # ERROR_PIPE_NOT_CONNECTED
    258: errno.ETIMEDOUT,  # WAIT_TIMEOUT
    995: errno.ECANCELED,  # ERROR_OPERATION_ABORTED
    1214: errno.EADDRNOTAVAIL,  # ERROR_INVALID_NETNAME, of STATUS_INVALID_ADDRESS_COMPONENT
    1222: errno.ENETDOWN,  # ERROR_NO_NETWORK
    1225: errno.ECONNREFUSED,  # ERROR_CONNECTION_REFUSED
    1227: errno.EADDRINUSE,  # ERROR_ADDRESS_ALREADY_ASSOCIATED
    1228: errno.EADDRNOTAVAIL,  # ERROR_ADDRESS_NOT_ASSOCIATED
    1229: errno.ENOTCONN,  # ERROR_CONNECTION_INVALID
    1231: errno.ENETUNREACH,  # ERROR_NETWORK_UNREACHABLE
    1232: errno.EHOSTUNREACH,  # ERROR_HOST_UNREACHABLE
    1233: errno.ENOPROTOOPT,  # ERROR_PROTOCOL_UNREACHABLE; Linux reports the same errno
    _PORT_UNREACHABLE: errno.ECONNREFUSED,
    1235: errno.ECONNABORTED,  # ERROR_REQUEST_ABORTED
    1236: errno.ECONNABORTED,  # ERROR_CONNECTION_ABORTED, "by the local system"
    1256: errno.EHOSTDOWN,  # ERROR_HOST_DOWN
    1450: errno.ENOBUFS,  # ERROR_NO_SYSTEM_RESOURCES
    1453: errno.ENOBUFS,  # ERROR_WORKING_SET_QUOTA
    1816: errno.ENOBUFS,  # ERROR_NOT_ENOUGH_QUOTA
    2250: errno.ENOTCONN,  # ERROR_NOT_CONNECTED
}
_NO_DATA: int = getattr(socket, "EAI_NODATA", socket.EAI_NONAME)  # one number on Windows; FreeBSD and musl have none
#: The numbers of getaddrinfo on Windows, as the EAI of this platform, with words for each; Python has none there.
_OF_NAMES = {
    11001: (socket.EAI_NONAME, "Name or service not known"),  # WSAHOST_NOT_FOUND
    11002: (socket.EAI_AGAIN, "Temporary failure in name resolution"),  # WSATRY_AGAIN
    11003: (socket.EAI_FAIL, "Non-recoverable failure in name resolution"),  # WSANO_RECOVERY
    11004: (_NO_DATA, "No address associated with hostname"),  # WSANO_DATA
}
#: The resolver's numbers for a name that does not exist, or has no address.
NO_SUCH_NAME = frozenset({socket.EAI_NONAME, _NO_DATA})

_WORDS = {
    errno.EACCES: "Permission denied",
    errno.EADDRINUSE: "Address already in use",
    errno.EADDRNOTAVAIL: "Cannot assign requested address",
    errno.EAFNOSUPPORT: "Address family not supported by protocol",
    errno.EAGAIN: "Resource temporarily unavailable",
    errno.EBADF: "Bad file descriptor",
    errno.ECANCELED: "Operation canceled",
    errno.ECONNABORTED: "Software caused connection abort",
    errno.ECONNREFUSED: "Connection refused",
    errno.ECONNRESET: "Connection reset by peer",
    errno.EHOSTDOWN: "Host is down",
    errno.EHOSTUNREACH: "No route to host",
    errno.EMFILE: "Too many open files",
    errno.EMSGSIZE: "Message too long",
    errno.ENETDOWN: "Network is down",
    errno.ENETRESET: "Network dropped connection on reset",
    errno.ENETUNREACH: "Network is unreachable",
    errno.ENOBUFS: "No buffer space available",
    errno.ENOMEM: "Cannot allocate memory",
    errno.ENOPROTOOPT: "Protocol not available",
    errno.ENOTCONN: "Transport endpoint is not connected",
    errno.EPIPE: "Broken pipe",
    errno.ESHUTDOWN: "Cannot send after transport endpoint shutdown",
    errno.ETIMEDOUT: "Connection timed out",
}
#: How asyncio hands on what it has recognised, where ``winerror`` is lost.
_BY_CLASS = (
    (ConnectionRefusedError, errno.ECONNREFUSED),
    (ConnectionResetError, errno.ECONNRESET),
    (ConnectionAbortedError, errno.ECONNABORTED),
)


class posix_errors:  # noqa: N801  # reads as a keyword does
    """Turn an error of the event loop in Windows' numbers into the same in POSIX's; leave others as they are."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError) or (number := number_of(error)) is None or number == error.errno:
            return
        made = OSError(number, words_of(error))  # of the class that belongs to its number
        made.from_icmp = is_port_unreachable(error)  # type: ignore[attr-defined]  # read by that function again
        error.__traceback__ = None  # the loop's frame in it holds the future, and that the error: a cycle
        try:
            raise made from None
        finally:
            del made  # its traceback has this frame: a cycle


def number_of(error: OSError) -> int | None:
    """Return the errno that the error stands for on any platform; None where it has none."""
    told = getattr(error, "winerror", None)
    known = None if told is None else _WINSOCK.get(told) or _WIN32.get(told)
    if known is not None or error.errno is None:
        return known
    if error.errno == errno.EINVAL:
        return next((number for kind, number in _BY_CLASS if isinstance(error, kind)), error.errno)
    return _WINSOCK.get(error.errno, error.errno)


def words_of(error: OSError) -> str:
    """Return what the error says: in the same English words on every platform where it is a known one."""
    if known := _WORDS.get(number_of(error) or 0):
        return known
    told, own = getattr(error, "winerror", None), error.strerror or str(error)
    return own if told is None else f"{own} (Windows error {told})"


def of_number(number: int) -> OSError:
    """Return the error for a number that the system reports for a socket (``SO_ERROR``)."""
    known = _WINSOCK.get(number, number)
    return OSError(known, _WORDS.get(known) or os.strerror(known))


def is_port_unreachable(error: OSError) -> bool:
    """Return True for an ICMP port unreachable, by Windows' error number or by the message itself (:mod:`.icmp`)."""
    return getattr(error, "winerror", None) == _PORT_UNREACHABLE or getattr(error, "from_icmp", False)


def of_name(error: socket.gaierror) -> socket.gaierror:
    """Return an error of the resolver: one in Windows' numbers as the same in this platform's, with words."""
    known = _OF_NAMES.get(error.errno or 0)
    return error if known is None else socket.gaierror(*known)
