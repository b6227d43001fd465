"""Log in to SQL Server once with pytds, on the connection that has finished PRELOGIN and TLS; read one row.

pytds sees a server without encryption; scanready's TLS is below it (or no TLS, if the target permits that). By default
pytds would announce that it cannot encrypt and send the password obfuscated only, or require TLS 1.2 and a verifiable
certificate. It would try up to four times, and it would follow a redirect in clear text. Here the password is sent
once, inside TLS, with any certificate. SQL Server's default certificate is self-signed and the usual clients accept it,
so rejecting it would not show what a scan can do. The result reports that the certificate was not verified.

scanready reads the answer to the login itself. If there are several errors, pytds reports the last one: for a database
that cannot be opened, that is "login failed".
"""

from __future__ import annotations

import logging
import re
from typing import Any

from scanready.causes import common
from scanready.clients.blocking_stream import BlockingStream
from scanready.clients.imports import importing
from scanready.climb.explain import Failure, Unfinished
from scanready.model import Cause, Credential, Facts
from scanready.net.stream import PeerClosed, ReadTimeout, TlsError
from scanready.wire import Cursor, Steps, stepwise, tds7
from scanready.wire.printable import printable

from . import causes, fixes
from .login_reading import UNCHECKED, Result, Where, grant, look_around

#: The most bytes that a server may send after the login: some lists of names and one number.
MOST_RECEIVED = 4 << 20
#: The most characters of a name or password in LOGIN7 ([MS-TDS] 2.2.6.4).
LONGEST = 128

#: The PRELOGIN answer that pytds receives: version 16.0.4135, ENCRYPT_NOT_SUP, no MARS.
_UNENCRYPTED = bytes.fromhex("0401002b0000010000001a00060100200001020021000103002200000400220001ff100010270000020000")
_LOG = "pytds"
_CLIENT_ADDRESS = re.compile(r"IP address '([0-9A-Fa-f.:]{2,45})'")
#: The meaning of 18452 for a Windows account. The directory may have counted it, so it counts as a refused password.
_UNTRUSTED = " (a wrong name or password, or a domain that the server does not trust: 17806 in its error log says more)"
#: The server sends state 1 to clients for every reason.
_HIDDEN = (
    " (the server hides the reason from clients: unknown login, wrong password, no access to this database, or only "
    "Windows logins accepted; its error log has the true state)"
)


def load() -> None:
    """Import the libraries for SQL logins and for Windows accounts."""
    import pytds  # noqa: F401
    from pytds.login import SpnegoAuth  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once over ``where.connection`` and read one row within ``seconds``.

    Raises:
        Failure: the server refused the credential or the session, the credential was withheld, the connection ended
            during the login, or pytds is not installed.
        WireError: the answer to the login is not valid TDS.
    """
    with importing("pytds is not installed: pip install 'scanready[db]'"):
        import pytds
    _check(credential, where)
    _keep_quiet()
    pipe = _Pipe(where, credential, seconds)
    windows = _windows_account(credential)
    try:
        session = pytds.connect(
            dsn=where.host,
            database=where.database,
            user="" if windows else credential.username,
            password="" if windows else credential.password,
            auth=windows,
            appname="scanready",
            sock=pipe,
            login_timeout=0,  # pytds would sleep until it ends before it reports an error; the stream has a deadline
            disable_connect_retry=True,
            autocommit=True,
        )
    except _SentOn as sent_on:
        return Result(route=sent_on.route)
    except ReadTimeout as error:
        raise Failure(common.TOO_SLOW, "the server did not answer the login in time") from error
    except (PeerClosed, TlsError) as error:
        raise Failure(causes.BROKEN_OFF, f"during the login: {error}") from error
    except (pytds.Error, TimeoutError, *UNCHECKED) as error:
        why = error.__cause__ or error
        raise Unfinished(
            common.LIMIT, f"pytds could not read the server's answer to the login: {printable(repr(why))}"
        ) from error
    return look_around(session, credential.username, where)


def _check(credential: Credential, where: Where) -> None:
    """Reject values that LOGIN7 or pytds cannot carry.

    Raises:
        Failure: a value does not fit; no login was tried.
    """
    assert credential.password is not None, "a login needs a password"
    values = (("user name", credential.username), ("password", credential.password), ("database", where.database))
    for what, text in values:
        if len(text) > LONGEST:
            raise Failure(common.LIMIT, f"the {what} has more than {LONGEST} characters; no login was tried")
        if any(ord(character) > 0xFFFF for character in text):
            raise Failure(
                common.LIMIT, f"the {what} has characters above U+FFFF, which pytds cannot send; no login was tried"
            )


def is_windows_account(credential: Credential) -> bool:
    """Return True for ``DOMAIN\\user``, which logs in with NTLM, so that the password itself is never sent."""
    return "\\" in credential.username


def _windows_account(credential: Credential) -> Any:
    """Return pytds's NTLM for ``DOMAIN\\user``, None for an SQL login.

    Raises:
        Failure: pyspnego is not installed.
    """
    if not is_windows_account(credential):
        return None
    with importing("a Windows account logs in with NTLM, which needs pyspnego: pip install 'scanready[db]'"):
        from pytds.login import SpnegoAuth

        return SpnegoAuth(username=credential.username, password=credential.password, protocol="ntlm")


def _keep_quiet() -> None:
    """Suppress the library's log messages, which do not help scanready's users."""
    log = logging.getLogger(_LOG)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())


class _SentOn(Exception):
    """Report that the server accepted the login and redirects the session."""

    def __init__(self, route: tds7.Route) -> None:
        super().__init__(f"{route.host}:{route.port}")
        self.route = route


@stepwise
def read_login_answer(cursor: Cursor) -> Steps[tuple[tds7.Tokens, bytes]]:
    """Read the answer to the login; return it with its raw bytes, which pytds reads again.

    Raises:
        WireError: the bytes are not an answer to a login.
    """
    answer = yield from tds7.read_login_answer.steps(cursor)
    return answer, cursor.passed()


@stepwise
def read_part(cursor: Cursor) -> Steps[bytes]:
    """Read the bytes that have arrived, at least one."""
    part = yield from cursor.part(MOST_RECEIVED)
    return part or (yield from cursor.cut_short())


class _Pipe:
    """Act as pytds's socket: let one login through, and pass only an answer that accepts it."""

    def __init__(self, where: Where, credential: Credential, seconds: float) -> None:
        self._stream = BlockingStream(where.connection.take(), seconds)
        self._user = credential.username
        self._protected = where.encrypted or where.cleartext or is_windows_account(credential)
        self._database = where.database
        self._trace = where.trace
        self._by_challenge = is_windows_account(credential)
        self._replay = bytearray()
        self._begun = self._challenged = self._accepted = False
        self._budget = MOST_RECEIVED

    def sendall(self, data: bytes) -> None:
        """Send one packet; answer PRELOGIN locally."""
        match data[0]:
            case tds7.PRELOGIN:
                self._replay += _UNENCRYPTED
                return
            case tds7.LOGIN7 if self._challenged:  # pytds does not change the type ([MS-TDS] 2.2.3.1.1)
                data = bytes([tds7.SSPI]) + data[1:]
                self._trace.sent = True
            case tds7.LOGIN7:
                self._let_begin()
                self._trace.sent = not self._by_challenge  # LOGIN7 has the password, or NTLM's first message
        self._stream.send(bytes(data))

    def recv_into(self, buffer: memoryview, size: int) -> int:
        """Receive up to ``size`` bytes, at least one."""
        if not self._replay:
            self._replay += self._more() if self._accepted else self._judged()
        part = self._replay[: min(size, len(buffer))]
        del self._replay[: len(part)]
        buffer[: len(part)] = part
        return len(part)

    def setsockopt(self, *_: object) -> None:
        """Do nothing: the connection is already set up."""

    def settimeout(self, _: float | None) -> None:
        """Do nothing: the stream has its own deadline."""

    def close(self) -> None:
        """Do nothing: the check closes the connection."""

    def _let_begin(self) -> None:
        if self._begun:
            raise Failure(common.LIMIT, "pytds started a second login; scanready did not send it")
        if not self._protected:
            raise Failure(common.LOGIN_WITHHELD, "the password would be sent in clear text")
        self._begun = True

    def _judged(self) -> bytes:
        """Receive the answer to the login; return its bytes if the server accepted.

        Raises:
            Failure: the server refused the login.
            _SentOn: the server redirects the session.
        """
        answer, raw = self._stream.receive(read_login_answer)
        if answer.ack is None and not answer.challenge:
            raise refused(answer.errors, self._user, self._database)
        if answer.route is not None:
            raise _SentOn(answer.route)
        self._accepted, self._challenged = answer.ack is not None, answer.challenge
        return raw

    def _more(self) -> bytes:
        part = self._stream.receive(read_part)
        self._budget -= len(part)
        if self._budget < 0:
            raise Failure(common.LIMIT, f"the server sent more than {MOST_RECEIVED} bytes for simple answers")
        return part


def refused(errors: tuple[tds7.ServerError, ...], user: str, database: str) -> Failure:
    """Return the failure for the errors that answered a login; the most specific error decides."""
    if not errors:
        return Failure(causes.SERVER_ERROR, "the server refused the login without an error")
    error = min(errors, key=lambda error: causes.weight(error.number))
    cause = causes.LOGIN_ERRORS.get(error.number, causes.SERVER_ERROR)
    if error.number == causes.LOGIN_FAILED:
        cause = causes.of_login_failed(error.state, error.message)
    unknown = [other for other in errors if other is not error and other.number not in causes.LOGIN_ERRORS]
    if cause is causes.SERVER_ERROR:  # also report the refusal of the login
        unknown += [other for other in errors if other is not error and other.number == causes.LOGIN_FAILED][:1]
    detail = "; also: ".join(map(_words, (error, *unknown)))
    if cause is common.LOGIN_REFUSED and error.state == 1:
        detail += _HIDDEN
    elif cause is causes.WINDOWS_ONLY and "\\" in user:
        cause, detail = common.LOGIN_REFUSED, detail + _UNTRUSTED
    fix = _fix(cause, error, user, database)
    facts: Facts = {"server_name": error.server} if error.server else {}
    return Failure(cause, detail, fix, error_code=error.number, **facts)


def _words(error: tds7.ServerError) -> str:
    return f"{printable(error.message)} (error {error.number}, state {error.state})"


def _fix(cause: Cause, error: tds7.ServerError, user: str, database: str) -> str | None:
    if cause is causes.DATABASE_NOT_OPENED and database:
        return grant(user, database)
    if error.number == causes.ADDRESS_NOT_ALLOWED:  # no rule for an address would help against 40914 and 47073
        address = _CLIENT_ADDRESS.search(error.message)
        return fixes.FIREWALL(agent=address and address[1])
    return None
