"""Log in to MySQL or MariaDB once with pymysql, on the connection whose greeting was already read; read one row.

A second connection would leave the first without a login, which counts towards ``max_connect_errors``. Therefore
pymysql gets a :class:`Pipe`: it replays the greeting, keeps one deadline, limits the size of answers and does TLS
without verification, because a rejected certificate is also counted (measured). The session is read-only, with a
statement time-out.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

from scanready.causes import common
from scanready.clients.imports import importing
from scanready.climb.explain import Failure, Unfinished
from scanready.model import Credential, Facts
from scanready.net.stream import PeerClosed, TlsError
from scanready.net.tls import handshake_context, server_name, session_of
from scanready.wire import mysql as wire
from scanready.wire.printable import printable

from . import causes
from .login_plugins import connection_type, is_from_server, objections
from .login_reading import UNCHECKED, NotAnswered, Result, Where, code_and_text, look_around, unreadable

#: The most bytes that a server may send: a greeting, a few answers, a list of databases, one row with one number.
MOST_RECEIVED = 4 << 20

#: Octets of an error's number, and the most octets of its number and text ("MySQL Internals", ERR_Packet).
_NUMBER, _MOST_OF_ERROR = 2, 1024
_LINGER, _LEAST_LINGER = 0.25, 0.05  # seconds to wait until the server closes, as in net/stream.py


class Pipe:
    """Act as pymysql's socket and as its TLS context.

    Attributes:
        ended: the connection closed or broke. pymysql's error numbers do not show this: proxies send the same ones.

    Args:
        where: the connection to use, and the trace that records the TLS handshake.
        seconds: the time for the whole session.
    """

    def __init__(self, where: Where, seconds: float) -> None:
        self._replay = where.greeting
        self._name = where.name
        self._trace = where.trace
        self._deadline = time.monotonic() + seconds
        self._budget = MOST_RECEIVED
        self._sock: socket.socket | None = where.connection.take()
        self.ended = False

    def settimeout(self, _: float | None) -> None:
        """Do nothing: pymysql's time-outs are per packet, the deadline is for the whole session."""

    def makefile(self, _: str) -> Pipe:
        """Return this object as the unbuffered reader, so that no TLS record is read too early."""
        return self

    def read(self, count: int) -> bytes:
        """Return ``count`` bytes, fewer only at the end of the connection.

        Raises:
            TimeoutError: the deadline has passed.
            Unfinished: the server announces more than :data:`MOST_RECEIVED` bytes.
        """
        self._budget -= count
        if self._budget < 0:
            detail = f"the server announces more than {MOST_RECEIVED} bytes for simple answers"
            raise Unfinished(common.LIMIT, detail)
        data, self._replay = bytearray(self._replay[:count]), self._replay[count:]
        while len(data) < count:
            with self._noting_the_end():
                more = self._in_time().recv(min(count - len(data), 1 << 16))
            if not more:
                self.ended = True
                break
            data += more
        return bytes(data)

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``; raise TimeoutError at the deadline."""
        with self._noting_the_end():
            self._in_time().sendall(data)

    def wrap_socket(self, _: Pipe, server_hostname: str | None = None) -> Pipe:
        """Do the TLS handshake and accept every certificate.

        Raises:
            TlsError, PeerClosed: as :meth:`Stream.start_tls`.
            TimeoutError: the deadline has passed.
            Failure: the server sent an error in clear text instead of its part of the handshake.
        """
        plain, self._sock = self._in_time(), None  # wrap_socket() owns it from now on, and closes it if it fails
        with plain.dup() as spare:
            return self._secured(plain, spare)

    def _secured(self, plain: socket.socket, spare: socket.socket) -> Pipe:
        try:
            secured = handshake_context().wrap_socket(plain, server_hostname=server_name(self._name))
        except TimeoutError:
            raise
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError) as error:
            raise PeerClosed("the server closed the connection", securing=True, spoke=True) from error
        except ssl.SSLError as error:
            if error.reason == "WRONG_VERSION_NUMBER" and (answer := _error_in_clear(spare)) is not None:
                raise _refused(answer.code, printable(answer.message), encrypted=True) from error
            raise TlsError(error.reason or str(error), b"", securing=True, spoke=True) from error
        self._sock, self._trace.tls = secured, session_of(secured)
        return self

    def close(self) -> None:
        """Send close_notify and FIN, then read until the server closes, so that no RST is sent; never raise."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        now = time.monotonic()
        end = min(now + _LINGER, max(self._deadline, now + _LEAST_LINGER))  # for all reads: a server may send slowly
        with sock:
            sock.settimeout(end - now)
            if isinstance(sock, ssl.SSLSocket):
                with contextlib.suppress(OSError, ValueError):
                    sock.unwrap()
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
                while (left := end - time.monotonic()) > 0:
                    sock.settimeout(left)
                    if not sock.recv(1 << 16):
                        break

    @contextlib.contextmanager
    def _noting_the_end(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise
        except OSError:
            self.ended = True
            raise

    def _in_time(self) -> socket.socket:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this target is over")
        if self._sock is None:
            raise BrokenPipeError("the connection is closed")
        self._sock.settimeout(left)
        return self._sock


def _error_in_clear(spare: socket.socket) -> wire.ServerError | None:
    """Return the error that the server sent instead of TLS; None if it sent something else.

    OpenSSL has read the first five octets and does not show them: in an error, all but its number and text.
    """
    spare.settimeout(_LEAST_LINGER)
    try:
        rest = spare.recv(_MOST_OF_ERROR)
    except OSError:
        return None
    if rest[_NUMBER : _NUMBER + 1] != b"#":  # an error before the end of a login always has an SQLSTATE
        return None
    return wire.error_instead_of_tls((1 + len(rest)).to_bytes(3, "little") + b"\2\xff" + rest)


def load() -> None:
    """Import the library."""
    import pymysql  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once over ``where.connection`` and read one row, within ``seconds``.

    Raises:
        Failure: the server refused the credential, the credential was withheld, the connection ended during the login,
            or pymysql is not installed.
        TlsError, PeerClosed: the TLS handshake failed, which the server counts towards ``max_connect_errors``.
    """
    with importing("pymysql is not installed: pip install 'scanready[db]'"):
        import pymysql
    assert credential.password is not None, "a login needs a password"
    pipe = Pipe(where, seconds)
    session = connection_type(where.encrypted, where.trace)(
        user=credential.username,
        password=credential.password.encode(),  # pymysql would encode a str as Latin-1
        ssl=handshake_context() if where.encrypted else None,
        ssl_disabled=not where.encrypted,
        auth_plugin_map=objections(where.encrypted, where.allow_cleartext),
        autocommit=None,
        program_name="scanready",
        defer_connect=True,
    )
    session.ctx = pipe  # type: ignore[attr-defined]  # so that pymysql calls the pipe's wrap_socket()
    with contextlib.closing(pipe):
        with _translated(where.encrypted, pipe):
            session.connect(sock=pipe)  # type: ignore[arg-type]
        result = Result()
        try:
            with contextlib.closing(session):
                look_around(session, where, result)
        except pymysql.err.Error as error:
            result.denied = unreadable(error, result, where, ended=pipe.ended)
            if result.denied.cause is common.LOGIN_EXPIRED:  # MariaDB accepts the login, but no statement after it
                raise result.denied from error
        except NotAnswered as failure:
            result.denied = failure
        except UNCHECKED as error:
            detail = f"pymysql could not read the server's answer: {printable(repr(error))}"
            result.denied = Failure(common.LIMIT, detail)
        return result


@contextlib.contextmanager
def _translated(encrypted: bool, pipe: Pipe) -> Iterator[None]:
    """Turn pymysql's exceptions during a login into failures."""
    import pymysql

    try:
        yield
    except pymysql.err.Error as error:
        code, text = code_and_text(error)
        if is_from_server(error):
            raise _refused(code, text, encrypted) from error
        if isinstance(error.__context__, TimeoutError):
            raise _aborted(common.TOO_SLOW, "the server did not answer the login in time") from error
        if pipe.ended:
            raise Failure(causes.BROKEN_OFF, f"the server closed the connection during the login: {text}") from error
        raise _aborted(common.LIMIT, f"pymysql reports: {text}") from error
    except UNCHECKED as error:
        detail = f"pymysql could not read the server's answer to the login: {printable(repr(error))}"
        raise _aborted(common.LIMIT, detail) from error


def _refused(code: int, text: str, encrypted: bool) -> Failure:
    """Return the failure for the server's refusal of the credential."""
    if code == 1045 and not encrypted:
        text += " (the login had no TLS: for an account with REQUIRE SSL the server sends the same message)"
    cause = causes.LOGIN_ERRORS.get(code) or causes.of_state(code, text) or causes.SERVER_ERROR
    seen_as = wire.host_seen(text)
    facts: Facts = {"agent_seen_as": seen_as} if seen_as else {}
    if code in causes.AMBIGUOUS:
        facts["refusal_ambiguous"] = True
    return Failure(cause, f"{text} (error {code})", error_code=code, **facts)


def _aborted(cause: Any, detail: str) -> Failure:
    return Unfinished(cause, f"{detail}; the unfinished login counts once towards max_connect_errors", aborted=1)
