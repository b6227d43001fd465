"""Log in to MySQL or MariaDB with pymysql, once, on the connection whose greeting was read already; read one row.

A second connection would leave the first without a login, which counts towards ``max_connect_errors``. So pymysql is
given a :class:`Pipe`: it replays the greeting, keeps one deadline, bounds the answers, and does TLS our way (a client
that verifies and breaks off counts as an offence, too; measured). Read-only, with a statement time-out.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scanready.causes import common, talk_ended
from scanready.clients.imports import importing
from scanready.clients.login_process.lent import Lent
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import LoginTrace
from scanready.model import Credential, Facts
from scanready.net.stream import PeerClosed, TlsError
from scanready.net.tls import TlsSession, handshake_context, server_name, session_of
from scanready.remedies.quoting import backticked
from scanready.wire import mysql as wire
from scanready.wire.printable import printable

from . import causes, fixes
from .login_plugins import connection_type, is_from_server, objections
from .statements import WHO_ARE_WE

if TYPE_CHECKING:
    import pymysql

#: Bytes a server may send us in all: a greeting, a few answers, a list of databases, one row of one number.
MOST_RECEIVED = 4 << 20
#: Databases that are told; a scan of more is no question of permissions any more.
MOST_DATABASES = 100
#: Seconds one statement may take, where the server can be told so; the connection's deadline holds in any case.
STATEMENT_SECONDS = 5.0

_LINGER, _LEAST_LINGER = 0.25, 0.05  # seconds to wait for the server's own end, as in net/stream.py
_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
# A line of SHOW GRANTS that permits reading, and where.
_SELECTS = re.compile(r"GRANT (?:[A-Z, ]*\bSELECT\b[A-Z, ]*|ALL PRIVILEGES) ON (\S+) TO ")
_PRODUCTS = (("mariadb", "MariaDB"), ("percona", "Percona Server"), ("mysql", "MySQL"))
_NOT_MYSQL = frozenset({1064, 1128, 1305})  # syntax error, no such function
#: True of the account, or of the time, whatever was asked.
_OF_NO_QUESTION = (common.LOGIN_EXPIRED, common.OUT_OF_TIME)
# What pymysql raises on an answer that it takes apart without checking it.
_UNCHECKED = (struct.error, LookupError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError)


@dataclass(slots=True)
class Trace(LoginTrace):
    """How far a login came, however it ended.

    Attributes:
        tls: what the TLS handshake showed, once there was one.
        proofs: answers that have the password or a proof of it; a server that switches the plugin gets two.
        invented: logins as a user that was invented, in the place of one that was withheld.
    """

    parts: ClassVar[bool] = True  # a hang-up counts towards max_connect_errors
    tls: TlsSession | None = None
    proofs: int = 0
    invented: int = 0

    @property
    def secret_left(self) -> bool:
        """Whether the server may have a proof of the password."""
        return self.proofs > 0

    @property
    def times_left(self) -> int:
        """How often it got one."""
        return self.proofs


@dataclass(frozen=True, slots=True)
class Where:
    """The connection to log in over, and what to read: a table of a database, or of the first that shows one.

    ``greeting`` is what was read from the connection already, ``name`` is for SNI. ``encrypted`` is whether the server
    offers TLS, which then is used. ``trace`` records what the login did.
    """

    connection: Lent
    greeting: bytes
    name: str
    database: str | None = None
    table: str | None = None
    mariadb: bool = False
    encrypted: bool = False
    allow_cleartext: bool = False
    trace: Trace = field(default_factory=Trace, compare=False)


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """Adds ``account``: ours as the server calls it (CURRENT_USER), and its ``product``; empty if it did not say."""

    account: str = ""
    product: str = ""


class Pipe:
    """What pymysql takes for its socket and for its TLS context.

    Attributes:
        ended: the server ended the connection, or it broke. pymysql's numbers do not tell that: proxies send the same.

    Args:
        where: its connection is taken, and its trace notes the TLS handshake.
        seconds: until every wait ends.
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
        """Ignored: pymysql's time-outs are per packet, the deadline is for all of them."""

    def makefile(self, _: str) -> Pipe:
        """The reading half is this, too: unbuffered, so that no TLS record is read too early."""
        return self

    def read(self, count: int) -> bytes:
        """Return ``count`` bytes, fewer only at the end of the connection.

        Raises:
            TimeoutError: the deadline.
            Unfinished: more than :data:`MOST_RECEIVED` is announced; only a login, or what follows it, reads so much.
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
        """Send all of ``data``; TimeoutError at the deadline."""
        with self._noting_the_end():
            self._in_time().sendall(data)

    def wrap_socket(self, _: Pipe, server_hostname: str | None = None) -> Pipe:
        """Do the TLS handshake, whatever the certificate.

        Raises:
            TlsError, PeerClosed: as :meth:`Stream.start_tls`.
            TimeoutError: the deadline.
        """
        plain, self._sock = self._in_time(), None  # wrap_socket() takes it over, and closes it if it fails
        try:
            secured = handshake_context().wrap_socket(plain, server_hostname=server_name(self._name))
        except TimeoutError:
            raise
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError) as error:
            text = "the peer closed the connection"
            raise PeerClosed(text, securing=True, spoke=True) from error
        except ssl.SSLError as error:
            raise TlsError(error.reason or str(error), b"", securing=True, spoke=True) from error
        self._sock, self._trace.tls = secured, session_of(secured)
        return self

    def close(self) -> None:
        """End politely: close_notify, FIN, then read what still comes, so that no reset goes out. Never raises."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        now = time.monotonic()
        end = min(now + _LINGER, max(self._deadline, now + _LEAST_LINGER))  # of all reads: a server may drip
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
            raise TimeoutError("the time given to this target is over")
        if self._sock is None:
            raise BrokenPipeError("the connection is closed")
        self._sock.settimeout(left)
        return self._sock


def load() -> None:
    """Load the library."""
    import pymysql  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once over ``where.connection`` and read one row, within ``seconds``.

    Raises:
        Failure: the credential was refused or withheld; the login broke off; pymysql is not installed.
        TlsError, PeerClosed: the TLS handshake failed, which the server counts as an offence.
    """
    with importing("pymysql is not installed: pip install 'scanready[db]'"):
        import pymysql
    assert credential.password is not None, "nobody logs in with a name alone"
    pipe = Pipe(where, seconds)
    session = connection_type(where.encrypted, where.trace)(
        user=credential.username,
        password=credential.password.encode(),  # a str would be taken for Latin-1
        ssl=handshake_context() if where.encrypted else None,
        ssl_disabled=not where.encrypted,
        auth_plugin_map=objections(where.encrypted, where.allow_cleartext),
        autocommit=None,
        program_name="scanready",
        defer_connect=True,
    )
    session.ctx = pipe  # type: ignore[attr-defined]  # so that pymysql's wrap_socket() is the pipe's
    with contextlib.closing(pipe):
        with _translated(where.encrypted, pipe):
            session.connect(sock=pipe)  # type: ignore[arg-type]
        result = Result()
        try:
            with contextlib.closing(session):
                _look_around(session, where, result)
        except pymysql.err.Error as error:
            result.denied = _unreadable(error, result, where, pipe)
            if result.denied.cause is common.LOGIN_EXPIRED:  # MariaDB lets it in, and then takes no statement
                raise result.denied from error
        except _NotAnswered as failure:
            result.denied = failure
        except _UNCHECKED as error:
            result.denied = Failure(
                common.LIMIT, f"pymysql could not read the server's answer: {printable(repr(error))}"
            )
        return result


@contextlib.contextmanager
def _translated(encrypted: bool, pipe: Pipe) -> Iterator[None]:
    """Turn what pymysql raises in a login into a cause."""
    import pymysql

    try:
        yield
    except pymysql.err.Error as error:
        code, text = _said(error)
        if is_from_server(error):
            raise _refused(code, text, encrypted) from error
        if isinstance(error.__context__, TimeoutError):
            raise _aborted(common.TOO_SLOW, "the server did not answer the login within the time") from error
        if pipe.ended:
            raise Failure(
                causes.BROKEN_OFF, f"the server ended the connection in the middle of the login: {text}"
            ) from error
        raise _aborted(common.LIMIT, f"pymysql says: {text}") from error
    except _UNCHECKED as error:
        raise _aborted(
            common.LIMIT, f"pymysql could not read the server's answer to the login: {printable(repr(error))}"
        ) from error


def _refused(code: int, text: str, encrypted: bool) -> Failure:
    """What the server said to this credential."""
    if code == 1045 and not encrypted:
        text += " (without TLS: an account that REQUIREs SSL is refused in the same words)"
    cause = causes.LOGIN_ERRORS.get(code, causes.SERVER_ERROR)
    seen_as = wire.host_seen(text)
    facts: Facts = {"agent_seen_as": seen_as} if seen_as else {}
    return Failure(cause, f"{text} (error {code})", error_code=code, **facts)


def _aborted(cause: Any, detail: str) -> Failure:
    return Unfinished(cause, f"{detail}; hanging up here counts once towards max_connect_errors", aborted=1)


def _said(error: pymysql.err.Error) -> tuple[int, str]:
    """The error number, 0 if there is none, and the words. The driver reads the u16 of the packet as signed."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    return code & 0xFFFF, printable(str(error.args[-1] if error.args else error))


# After the login ------------------------------------------------------------------------------------------------------


def _look_around(session: pymysql.Connection[Any], where: Where, result: Result) -> None:
    """Find out who we are, which databases we see, and read one row of one table.

    The row is what a scan reads. Servers that are only compatible with MySQL may not know our other questions: such an
    answer says nothing of the row.
    """
    _bound(session, where.mariadb)
    result.account, words = _account(session)
    if not result.account and words:
        result.passwordless = True  # no account was asked for, so none was judged
    if not result.account and words and not (where.database and where.table):
        result.denied = Failure(causes.OTHER_PRODUCT, f"accepts the login, and answers {WHO_ARE_WE}: {words}")
        return
    result.product = _product(session)
    if where.table and not where.database:
        result.denied = Failure(
            common.ACCESS_NOT_FOUND, f"which database is table {where.table} in? `table: DATABASE.TABLE`"
        )
        return
    try:
        databases = _databases(session, result)
    except _NotAnswered:
        if not where.database:
            raise
        databases = []
    if where.database:
        session.select_db(where.database)
    for candidate in [where.database] if where.database else databases:
        if name := where.table or _first_table(session, candidate):
            row = _first(session, f"SELECT 1 FROM {backticked(candidate)}.{backticked(name)} LIMIT 1")
            result.read = f"{'one row' if row else 'no rows'} of {candidate}.{name}"
            return
    place = f"database {where.database}" if where.database else "any database but the system's own"
    if _may_select(session, where.database):  # nothing is hidden from it, so nothing is there
        result.read = f"no table: there is none in {place}"
        return
    result.denied = Failure(
        common.ACCESS_DENIED,
        f"logged in, but no table is to be seen in {place}",
        fixes.grant(result.account, where.database, None) if result.account else None,
    )


def _may_select(session: pymysql.Connection[Any], database: str | None) -> bool:
    """Whether the account's own grants let it read every table of a database (None: of all); roles are not followed."""
    places = {"*.*", f"{backticked(database)}.*"} if database else {"*.*"}
    with _our_question("for the account's rights"):
        grants = [_SELECTS.match(str(row[0])) for row in _rows(session, "SHOW GRANTS")]
    return any(grant is not None and grant[1].replace("\\_", "_") in places for grant in grants)


def _product(session: pymysql.Connection[Any]) -> str:
    """The product that the server names in its comment on its version; empty where it names none that is known."""
    comment = ""
    with contextlib.suppress(_NotAnswered), _our_question("for its product"):
        comment = str(_first(session, "SELECT @@version_comment")).lower()
    return next((product for word, product in _PRODUCTS if word in comment), "")


class _NotAnswered(Failure):
    """The server does not know a question that is ours, and no scan's."""


@contextlib.contextmanager
def _our_question(what: str, telling: frozenset[int] = frozenset()) -> Iterator[None]:
    """Tell an answer that refuses our question from one about the account, or one of the numbers ``telling``.

    Raises:
        _NotAnswered: the server refuses the question.
    """
    import pymysql

    try:
        yield
    except pymysql.err.Error as error:
        code, text = _said(error)
        if not is_from_server(error) or code in telling or causes.ACCESS_ERRORS.get(code) in _OF_NO_QUESTION:
            raise
        detail = f"logged in; the server does not answer our own question {what}: {text} (error {code}). Name a table"
        raise _NotAnswered(
            common.LIMIT, f"{detail} (`table: DATABASE.TABLE`) to have it read", error_code=code
        ) from error


def _databases(session: pymysql.Connection[Any], result: Result) -> list[str]:
    hidden = ", ".join(f"'{name}'" for name in _SYSTEM)
    with _our_question("for its databases"):
        rows = _rows(
            session,
            f"SELECT schema_name FROM information_schema.schemata WHERE LOWER(schema_name) NOT IN ({hidden}) "
            f"ORDER BY 1 LIMIT {MOST_DATABASES}",
        )
    databases = result.facts["databases"] = [str(row[0]) for row in rows]
    return databases


def _account(session: pymysql.Connection[Any]) -> tuple[str, str]:
    """Return the account that the server names, and its words.

    The account is empty if it lacks the functions, and so are the words if it does not answer for another reason.
    """
    import pymysql

    try:
        with contextlib.suppress(_NotAnswered), _our_question("for the account's name", _NOT_MYSQL):
            found = _first(session, WHO_ARE_WE)
            account = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found or "")  # UNHEX does
            return (account if "@" in account else ""), printable(account) or "nothing"
    except pymysql.err.Error as error:
        code, text = _said(error)
        if code not in _NOT_MYSQL:
            raise
        return "", f"{text} (error {code})"
    return "", ""


def _bound(session: pymysql.Connection[Any], mariadb: bool) -> None:
    """Read only, and no statement longer than it may take. Servers that know neither still have the deadline."""
    limit = (
        f"max_statement_time={STATEMENT_SECONDS}" if mariadb else f"max_execution_time={int(STATEMENT_SECONDS * 1000)}"
    )
    for statement in ("SET SESSION TRANSACTION READ ONLY", f"SET SESSION {limit}"):
        with contextlib.suppress(_NotAnswered), _our_question("to read only"):
            session.cursor().execute(statement)


def _first_table(session: pymysql.Connection[Any], database: str) -> str | None:
    with _our_question("for its tables"):
        name = _first(
            session,
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = %s AND table_type = 'BASE TABLE' LIMIT 1",
            database,
        )
    return None if name is None else str(name)


def _rows(session: pymysql.Connection[Any], statement: str, *arguments: str) -> list[Any]:
    """Return the rows that answer a question, names in them as text.

    Some relatives of MySQL declare their names as VARBINARY, and a column with the character set binary comes as bytes.

    Raises:
        _NotAnswered: the answer has no rows and no columns.
    """
    with session.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        if cursor.description is None:
            raise _NotAnswered(
                causes.OTHER_PRODUCT, f"answers {statement} with OK in place of a result, as no MySQL does"
            )
        rows = cursor.fetchall()
    return [tuple(cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in row) for row in rows]


def _first(session: pymysql.Connection[Any], statement: str, *arguments: str) -> Any:
    rows = _rows(session, statement, *arguments)
    return rows[0][0] if rows else None


def _unreadable(error: pymysql.err.Error, result: Result, where: Where, pipe: Pipe) -> Failure:
    """Why an accepted account could not read.

    A database that the account does not see may not exist: the server has one answer for both, and no grant is
    proposed. An account that sees others has been given what it is to read, so the name is wrong.
    """
    code, text = _said(error)
    if not is_from_server(error):
        return _not_read(error, text, pipe)
    cause = causes.ACCESS_ERRORS.get(code, causes.SERVER_ERROR)
    unseen = code == 1044 and where.database not in result.facts.get("databases", ())
    if unseen:
        cause = common.ACCESS_NOT_FOUND if result.facts.get("databases") else cause
        text += " (the server says the same of a database that does not exist and of one that the account may not see)"
    grants = cause is common.ACCESS_DENIED and not unseen and result.account
    fix = fixes.grant(result.account, where.database, where.table) if grants else None
    return Failure(cause, f"{text} (error {code})", fix, error_code=code)


def _not_read(error: pymysql.err.Error, text: str, pipe: Pipe) -> Failure:
    """Why pymysql itself ended the reading."""
    if isinstance(error.__context__, TimeoutError):
        return Failure(common.OUT_OF_TIME, f"the read did not end: {text}")
    if pipe.ended:
        return Failure(talk_ended.ACCESS_BROKEN_OFF, f"logged in, and the connection ended while reading: {text}")
    return Failure(common.LIMIT, f"logged in, and pymysql says: {text}")
