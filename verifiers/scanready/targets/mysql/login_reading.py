"""List the databases of MySQL or MariaDB after the login and read one row: read-only, with limits on time and size.

Servers that are only compatible with MySQL may reject some of these queries; a scan needs only the row.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scanready.causes import common, talk_ended
from scanready.clients.login_process.lent import Lent
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import LoginTrace
from scanready.net.tls import TlsSession
from scanready.remedies.quoting import backticked
from scanready.wire.printable import printable

from . import causes, fixes
from .login_plugins import is_from_server
from .statements import WHO_ARE_WE

if TYPE_CHECKING:
    import pymysql

#: The most databases to list.
MOST_DATABASES = 100
#: Seconds for one statement, if the server supports a limit; the connection's deadline always applies.
STATEMENT_SECONDS = 5.0
#: Exceptions that pymysql raises for an answer that it parses without checking.
UNCHECKED = (struct.error, LookupError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError)

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
# A line of SHOW GRANTS that permits reading, and where.
_SELECTS = re.compile(r"GRANT (?:[A-Z, ]*\bSELECT\b[A-Z, ]*|ALL PRIVILEGES) ON (\S+) TO ")
#: An account in the form of Apache Doris and StarRocks.
_QUOTED = re.compile(r"'(.*)'@'(.*)'", re.DOTALL)
#: The users that MariaDB and MySQL name where they do not look at their accounts.
_NOBODY = ("", "skip-grants user")
_PRODUCTS = (("mariadb", "MariaDB"), ("percona", "Percona Server"), ("mysql", "MySQL"))
_NOT_MYSQL = frozenset({1064, 1128, 1305})  # syntax error, no such function
_NO_TABLE = 1146
#: Causes that are about the account or the time, not about the query.
_OF_NO_QUESTION = (common.LOGIN_EXPIRED, common.OUT_OF_TIME)


@dataclass(slots=True)
class Trace(LoginTrace):
    """Record the progress of a login.

    Attributes:
        tls: the result of the TLS handshake, None before it.
        proofs: the number of sent answers with the password or a proof of it; a server that switches the plugin gets
            two.
        invented: the number of logins as an invented user that replaced a withheld one.
    """

    parts: ClassVar[bool] = True  # an early disconnect counts towards max_connect_errors
    tls: TlsSession | None = None
    proofs: int = 0
    invented: int = 0

    @property
    def secret_left(self) -> bool:
        """Return True if the server may have a proof of the password."""
        return self.proofs > 0

    @property
    def times_left(self) -> int:
        """Return the number of proofs that were sent."""
        return self.proofs


@dataclass(frozen=True, slots=True)
class Where:
    """Hold the connection for the login, and the table to read (default: the first visible table).

    ``greeting`` has the bytes already read from the connection. ``name`` is for SNI. ``encrypted`` is True if the
    server offers TLS, which the login then uses. ``trace`` records the login's progress.
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
    """Add ``account`` (the server's CURRENT_USER) and ``product``; each is empty if the server does not report it."""

    account: str = ""
    product: str = ""


def code_and_text(error: pymysql.err.Error) -> tuple[int, str]:
    """Return the error number (0 if there is none) and the text; the driver reads the u16 number as signed."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    return code & 0xFFFF, printable(str(error.args[-1] if error.args else error))


def look_around(session: pymysql.Connection[Any], where: Where, result: Result) -> None:
    """Ask for the account and the databases, and read one row of one table.

    A scan needs only the row. Servers that are only compatible with MySQL may reject the other queries; that does not
    show whether the row can be read.
    """
    _bound(session, where.mariadb)
    result.account, words = _account(session)
    if words and result.account.rpartition("@")[0] in _NOBODY:
        result.passwordless = True  # the server has no accounts, or --skip-grant-tables is on: it judged none
    if not result.account and words and not (where.database and where.table):
        detail = f"the server accepts the login, but answers {WHO_ARE_WE} with: {words}"
        result.denied = Failure(causes.OTHER_PRODUCT, detail)
        return
    result.product = _product(session)
    if where.table and not where.database:
        result.denied = Failure(
            common.ACCESS_NOT_FOUND, f"the database of table {where.table} is missing: set `table: DATABASE.TABLE`"
        )
        return
    try:
        databases = _databases(session, result)
    except NotAnswered:
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
    place = f"database {where.database}" if where.database else "any user database"
    if _may_select(session, where.database):  # the account may see everything, so there is no table
        result.read = f"no table, because there is none in {place}"
        return
    result.denied = Failure(
        common.ACCESS_DENIED,
        f"logged in, but the account sees no table in {place}",
        fixes.grant(result.account, where.database, None) if result.account else None,
    )


def _may_select(session: pymysql.Connection[Any], database: str | None) -> bool:
    """Return True if the account's own grants (not its roles) cover every table of a database (None: of all)."""
    places = {"*.*", f"{backticked(database)}.*"} if database else {"*.*"}
    with _our_question("for the account's rights"):
        grants = [_SELECTS.match(str(row[0])) for row in _rows(session, "SHOW GRANTS")]
    return any(grant is not None and grant[1].replace("\\_", "_") in places for grant in grants)


def _product(session: pymysql.Connection[Any]) -> str:
    """Return the product that the server's version comment names; empty if it is unknown."""
    comment = ""
    with contextlib.suppress(NotAnswered), _our_question("for its product"):
        comment = str(_first(session, "SELECT @@version_comment")).lower()
    return next((product for word, product in _PRODUCTS if word in comment), "")


class NotAnswered(Failure):
    """Report that the server rejects a query that scanready needs but a scan does not."""


@contextlib.contextmanager
def _our_question(what: str, telling: frozenset[int] = frozenset()) -> Iterator[None]:
    """Distinguish an error about scanready's query from one about the account or the server, or one in ``telling``.

    Raises:
        NotAnswered: the server rejects the query.
    """
    import pymysql

    try:
        yield
    except pymysql.err.Error as error:
        code, text = code_and_text(error)
        if not is_from_server(error) or code in telling or code in causes.OUT_OF_ORDER:
            raise
        if causes.ACCESS_ERRORS.get(code) in _OF_NO_QUESTION:
            raise
        detail = f"logged in, but the server rejects scanready's query {what}: {text} (error {code}). Name a table"
        raise NotAnswered(common.LIMIT, f"{detail} (`table: DATABASE.TABLE`) to read it", error_code=code) from error


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
    """Return the account that the server names and the text of its answer.

    The account is empty if the server does not support the functions. The text is also empty if the query fails for
    another reason.
    """
    import pymysql

    try:
        with contextlib.suppress(NotAnswered), _our_question("for the account's name", _NOT_MYSQL):
            found = _first(session, WHO_ARE_WE)
            account = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found or "")  # UNHEX does
            if quoted := _QUOTED.fullmatch(account):
                account = f"{quoted[1]}@{quoted[2]}"
            return (account if "@" in account else ""), printable(account) or "nothing"
    except pymysql.err.Error as error:
        code, text = code_and_text(error)
        if code not in _NOT_MYSQL:
            raise
        return "", f"{text} (error {code})"
    return "", ""


def _bound(session: pymysql.Connection[Any], mariadb: bool) -> None:
    """Set the character set, make the session read-only and limit each statement; the server may refuse all three.

    The deadline protects servers that support no limit.
    """
    limit = (
        f"max_statement_time={STATEMENT_SECONDS}" if mariadb else f"max_execution_time={int(STATEMENT_SECONDS * 1000)}"
    )
    for statement in (f"SET NAMES {session.charset}", "SET SESSION TRANSACTION READ ONLY", f"SET SESSION {limit}"):
        with contextlib.suppress(NotAnswered), _our_question("for its settings"):
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
    """Return the rows of a query's result, with names as text.

    Some relatives of MySQL declare their names as VARBINARY. A column with the character set binary is bytes, too.

    Raises:
        NotAnswered: the answer has no rows and no columns.
    """
    with session.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        if cursor.description is None:
            raise NotAnswered(
                causes.OTHER_PRODUCT, f"answers {statement} with OK instead of a result, which MySQL never does"
            )
        rows = cursor.fetchall()
    return [tuple(cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell for cell in row) for row in rows]


def _first(session: pymysql.Connection[Any], statement: str, *arguments: str) -> Any:
    rows = _rows(session, statement, *arguments)
    return rows[0][0] if rows else None


def unreadable(error: pymysql.err.Error, result: Result, where: Where, *, ended: bool) -> Failure:
    """Return the failure of an accepted account that could not read.

    ``ended`` is True if the server closed the connection. The server has one answer for a database that does not exist
    and one that the account may not see, so there is no grant as a fix. If the account sees other databases, the name
    is assumed to be wrong.
    """
    code, text = code_and_text(error)
    if not is_from_server(error):
        return _not_read(error, text, ended=ended)
    cause = causes.ACCESS_ERRORS.get(code, causes.SERVER_ERROR)
    named = where.table if code == _NO_TABLE else where.database
    if cause is common.ACCESS_NOT_FOUND and not named:  # the server itself listed it
        cause = causes.SERVER_ERROR
    unseen = code == 1044 and named and named not in result.facts.get("databases", ())
    if unseen:
        cause = common.ACCESS_NOT_FOUND if result.facts.get("databases") else cause
        text += " (the server sends the same error for a missing database and for one that the account may not see)"
    grants = cause is common.ACCESS_DENIED and not unseen and result.account
    fix = fixes.grant(result.account, where.database, where.table) if grants else None
    return Failure(cause, f"{text} (error {code})", fix, error_code=code)


def _not_read(error: pymysql.err.Error, text: str, *, ended: bool) -> Failure:
    """Return the failure of a read that pymysql itself ended."""
    if isinstance(error.__context__, TimeoutError):
        return Failure(common.OUT_OF_TIME, f"reading did not finish in time: {text}")
    if ended:
        return Failure(talk_ended.ACCESS_BROKEN_OFF, f"logged in, but the connection ended while reading: {text}")
    return Failure(common.LIMIT, f"logged in, but pymysql reports: {text}")
