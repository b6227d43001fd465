"""The numbers by which Windows' completion-port loop tells errors; nothing of the product is loaded here."""

from __future__ import annotations

import errno
import os

#: errno -> the number of a completion port (CPython, ``PC/errmap.h`` has no errno for those below 10000).
COMPLETED = {
    errno.ECONNREFUSED: 1225,
    errno.ECONNRESET: 64,
    errno.ECONNABORTED: 1236,
    errno.ETIMEDOUT: 121,
    errno.ENETUNREACH: 1231,
    errno.EHOSTUNREACH: 1232,
    errno.EHOSTDOWN: 1256,
    errno.ENETDOWN: 1222,
    errno.EACCES: 10013,
    errno.EADDRINUSE: 10048,
    errno.EADDRNOTAVAIL: 10049,
    errno.ENOBUFS: 10055,
    errno.EMFILE: 10024,
    errno.ENOTCONN: 2250,
    errno.EPIPE: 10058,
}
#: errno -> Winsock's number.
WINSOCK = {
    errno.ECONNREFUSED: 10061,
    errno.ECONNRESET: 10054,
    errno.ECONNABORTED: 10053,
    errno.ETIMEDOUT: 10060,
    errno.ENOTCONN: 10057,
    errno.EPIPE: 10058,
}
_WORDS = "Eine Meldung von Windows"
#: Errors with a class of their own (CPython, ``Modules/overlapped.c``).
_CLASSES = {1225: ConnectionRefusedError, 1236: ConnectionAbortedError}


def winsock(kind: type[OSError], errno_: int, winerror: int) -> OSError:
    """Return an error that a call of Winsock's raises."""
    error = kind(errno_, _WORDS)
    error.winerror = winerror  # type: ignore[attr-defined]  # Windows' attribute
    return error


def completed(number: int) -> OSError:
    """Return the error that a completion port's operation raises for a number of Win32 or Winsock."""
    if number in (64, 995):
        return ConnectionResetError(errno.EINVAL, _WORDS)
    return winsock(_CLASSES.get(number, OSError), _errno_in_python(number), number)


def _errno_in_python(number: int) -> int:
    """The errno that CPython gives it on Windows (``PC/errmap.h``), with this platform's number for Winsock's."""
    if number == 10013:
        return errno.EACCES
    known = {winsock: errno_ for errno_, winsock in (COMPLETED | WINSOCK).items() if winsock >= 10000}
    return known.get(number, errno.EINVAL)


def completed_from(error: OSError) -> OSError:
    """Return the error of a completion port for one of this platform's; one that has Windows' number stays."""
    if error.errno is None or getattr(error, "winerror", None) is not None:
        return error
    return completed(COMPLETED.get(error.errno, error.errno))


def port_unreachable() -> object:
    """Return or raise what a Python has for a closed UDP port: each of two shapes in every other process.

    Raises:
        OSError: the one shape.
    """
    if os.getpid() % 2:
        return (b"", None)  # CPython, gh-91227
    raise completed(1234)
