"""List the databases of SQL Server after the login and read one row: read-only, with limits on time and size.

Every statement is separate and simple, so that SQL Server 2005 and Azure SQL also accept it. The agent learns only
whether a row exists, never its content. The query selects all columns, as a scan does, so all must be permitted.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from scanready.causes import common, talk_ended
from scanready.clients.login_process.lent import Lent
from scanready.climb.expiry import expires
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import SecretTrace
from scanready.net.stream import PeerClosed, ReadTimeout, TlsError
from scanready.remedies.quoting import in_brackets
from scanready.wire import WireError, tds7
from scanready.wire.printable import printable

from . import causes, fixes

#: Exceptions that pytds raises for an answer that it parses without checking.
UNCHECKED = (
    struct.error,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
)
#: The most databases to list, and the most to search for a table.
MOST_DATABASES, MOST_SEARCHED = 1000, 20

# Wait at most this long for a lock (milliseconds), and take no locks on rows.
_SETTINGS = "SET LOCK_TIMEOUT 3000; SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"
# The first four databases belong to the system.
_DATABASES = (
    f"SELECT TOP {MOST_DATABASES} name, HAS_DBACCESS(name) AS reachable, state_desc AS state "
    "FROM sys.databases WHERE database_id > 4 ORDER BY name"
)
# The server lists only tables on which the account has some permission.
_TABLES = (
    "SELECT TOP 1 s.name AS [schema], t.name FROM {0}.sys.tables AS t JOIN {0}.sys.schemas AS s "
    "ON s.schema_id = t.schema_id WHERE t.is_ms_shipped = 0 ORDER BY s.name, t.name"
)
# Asks whether the account may read a whole database, which may have no table at all.
_MAY_READ = "SELECT HAS_PERMS_BY_NAME(N'{}', 'DATABASE', 'SELECT') AS allowed"
_ROW = "SELECT COUNT(*) AS found FROM (SELECT TOP 1 * FROM {0}) AS one"
# Whole days until the password of an SQL login expires; NULL if no policy makes it. Windows accounts have none here.
_DAYS_LEFT = "SELECT CAST(LOGINPROPERTY(SUSER_SNAME(), 'DaysUntilExpiration') AS int) AS days"
_DAY = 86_400
_NO_SUCH_OBJECT = 208
_PART = r"\[(?:[^\]]|\]\])+\]|[^.\[\]]+"
_TABLE = re.compile(rf"(?:(?:({_PART})\.)?({_PART})?\.)?({_PART})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Where:
    """Hold the connection for the login, and the table to read (default: the first visible table).

    ``encrypted`` is True if the connection is inside TLS. ``table`` is ``[[database.]schema.]name``. ``cleartext``
    permits a password in clear text. ``trace`` records whether the secret was sent.
    """

    connection: Lent
    host: str
    encrypted: bool
    database: str = ""
    table: str = ""
    cleartext: bool = False
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """Add ``route``: the server to which the login was redirected; if it is set, nothing was read."""

    route: tds7.Route | None = None


def named(table: str) -> tuple[str, str, str]:
    """Split the name of a table into database, schema (each empty if missing) and name; parts may have brackets.

    Raises:
        Failure: the text is not a table name.
    """
    found = _TABLE.fullmatch(table)
    if found is None:
        raise Failure(common.ACCESS_NOT_FOUND, f"{table!r} is not a table name")
    database, schema, name = (_unquoted(part or "") for part in found.groups())
    return database, schema, name


def _unquoted(part: str) -> str:
    return part[1:-1].replace("]]", "]") if part.startswith("[") else part


def grant(user: str, database: str) -> str:
    """Return the fix that lets a login read a database."""
    return fixes.READ_DATABASE(database=database, user=user)


def look_around(session: Any, user: str, where: Where) -> Result:
    """List the databases that the account may read and read one row of one table; server errors go to the result."""
    import pytds

    result = Result(facts={"databases": []})
    try:
        with contextlib.suppress(_NotAnswered), _our_question("to read without locks"):
            _rows(session, _SETTINGS)
        with contextlib.suppress(_NotAnswered), _our_question("for the end of the password"):
            result.expires = _expiry(_rows(session, _DAYS_LEFT))
        _look(session, user, where, result)
    except Failure as failure:
        result.denied = failure
    except pytds.DatabaseError as error:
        unknown = causes.SERVER_ERROR if error.number in causes.STATES else causes.READ_FAILED
        cause = causes.ACCESS_ERRORS.get(error.number, unknown)
        fix = grant(user, where.database) if cause is common.ACCESS_DENIED and where.database else None
        result.denied = Failure(cause, f"{printable(error.text)} (error {error.number})", fix, error_code=error.number)
    except ReadTimeout:
        result.denied = Failure(common.OUT_OF_TIME, "logged in, but reading did not finish in time")
    except (PeerClosed, TlsError) as error:
        detail = f"logged in, but the connection ended while reading: {error}"
        result.denied = Failure(talk_ended.ACCESS_BROKEN_OFF, detail)
    except (pytds.Error, WireError, *UNCHECKED) as error:
        result.denied = Failure(common.LIMIT, f"pytds could not read the server's answer: {printable(repr(error))}")
    return result


def _expiry(rows: list[Any]) -> str:
    days = rows[0][0] if rows and rows[0] else None
    return expires("the password", days * _DAY) if isinstance(days, int) else ""


def _look(session: Any, user: str, where: Where, result: Result) -> None:
    listed: list[Any] = []
    try:
        with _our_question("for its databases"):
            listed = _rows(session, _DATABASES)
    except _NotAnswered:
        if not where.table:
            raise
    databases = result.facts["databases"] = [str(name) for name, reachable, _ in listed if reachable]
    database, schema, name = named(where.table) if where.table else ("", "", "")
    database = database or where.database
    if name:
        _read(session, result, database, schema, name, user)
        return
    searched = [database] if database else databases[:MOST_SEARCHED]
    for candidate in searched:
        for schema, name in _tables(session, candidate):
            _read(session, result, candidate, str(schema), str(name), user)
            return
    if searched and all(_may_read(session, candidate) for candidate in searched):
        result.read = f"no table, because {', '.join(searched)} has none"
        return
    if database:
        raise Failure(common.ACCESS_DENIED, f"the account sees no table of {database}", grant(user, database))
    if databases:
        detail = f"the account sees no table in {', '.join(searched)}"
        raise Failure(common.ACCESS_DENIED, detail, grant(user, databases[0]))
    closed = [str(name) for name, _, _ in listed]
    shut = [f"{name} is {state}" for name, _, state in listed if state not in ("ONLINE", None)]
    if not closed:
        raise Failure(common.ACCESS_DENIED, "logged in, but the account sees only the system databases")
    if len(shut) == len(closed):
        raise Failure(causes.DATABASE_STATE, "; ".join(shut))
    detail = f"the login has no user in any of {len(closed)} databases: {', '.join(closed[:MOST_SEARCHED])}"
    raise Failure(common.ACCESS_DENIED, detail, grant(user, closed[0]))


def _may_read(session: Any, database: str) -> bool:
    """Return True if the account may read the whole database, so that no table is hidden from it."""
    import pytds

    try:
        found = _rows(session, _MAY_READ.format(database.replace("'", "''")))
    except pytds.DatabaseError:
        return False
    return bool(found and found[0][0] == 1)


class _NotAnswered(Failure):
    """Report that the server rejects a query that scanready needs but a scan does not."""


@contextlib.contextmanager
def _our_question(what: str) -> Iterator[None]:
    """Distinguish a server that does not support scanready's query from a server that denies access.

    Raises:
        _NotAnswered: the server rejects the query.
    """
    import pytds

    try:
        yield
    except pytds.DatabaseError as error:
        # These errors are about the database or the server. Error 208 is about the system view in the query.
        if error.number in {**causes.ACCESS_ERRORS, **causes.STATES} and error.number != _NO_SUCH_OBJECT:
            raise
        detail = f"logged in, but the server rejects scanready's query {what}: {printable(error.text)}"
        named = f"{detail} (error {error.number}). Name a table (`table:`) to read it directly"
        raise _NotAnswered(common.LIMIT, named, error_code=error.number) from error


def _tables(session: Any, database: str) -> list[Any]:
    with _our_question("for its tables"):
        return _rows(session, _TABLES.format(in_brackets(database)))
    return []


def _read(session: Any, result: Result, database: str, schema: str, name: str, user: str) -> None:
    """Count one row of a table, so that no content is transferred."""
    import pytds

    table = ".".join(in_brackets(part) if part else "" for part in (database, schema, name))
    table = table.lstrip(".")
    try:
        ((found,),) = _rows(session, _ROW.format(table))
    except pytds.DatabaseError as error:
        if causes.ACCESS_ERRORS.get(error.number) is not common.ACCESS_DENIED:
            raise
        fix = fixes.GRANT_TABLE(database=database, schema=schema or "dbo", table=name, user=user)
        detail = f"{printable(error.text)} (error {error.number})"
        raise Failure(common.ACCESS_DENIED, detail, fix if database else None, error_code=error.number) from error
    result.read = f"{'one row' if found else 'no rows'} of {table}"


def _rows(session: Any, statement: str) -> list[Any]:
    cursor = session.cursor()
    cursor.execute(statement)
    return list(cursor.fetchall()) if cursor.description else []
