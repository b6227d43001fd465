"""Log in to PostgreSQL with psycopg, once, and read one row.

psycopg's defaults would try again without TLS after a refusal, and one wrong
password would count twice (measured): ``sslmode`` is fixed by what the handshake
saw. Read-only, with a statement time-out.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..causes import common
from ..causes import postgresql as causes
from ..explain import Failure
from ..fixes import sql_name
from ..model import Credential

if TYPE_CHECKING:
    import psycopg

# What follows FATAL in an untranslated server's message, where libpq tells no SQLSTATE.
_AFTER_THE_PASSWORD = (
    ("does not exist", common.ACCESS_NOT_FOUND),
    ("permission denied for database", common.ACCESS_DENIED),
    ("not currently accepting connections", causes.NOT_ACCEPTING),
)
_TOO_MANY = ("too many clients", "remaining connection slots", "too many connections")

_TABLES = """
SELECT n.nspname, c.relname, has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 3 DESC, 1, 2 LIMIT 1000
"""


@dataclass(slots=True)
class Visit:
    """What a login saw: ``denied`` is what kept it from reading, after the password was accepted."""

    version: str = ""
    databases: list[str] = field(default_factory=list)
    read: str = ""
    denied: Failure | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Where to log in, and how the handshake said: ``encrypted`` decides the only ``sslmode`` that is tried."""

    host: str
    port: int
    database: str
    table: str | None
    encrypted: bool


def visit(where: Where, credential: Credential, seconds: float) -> Visit:
    """Log in once and read one row of the table named, or of the first that may be read, within ``seconds``.

    Raises:
        Failure: the credential or the session was refused; psycopg is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise Failure(common.DRIVER_MISSING, "psycopg is not installed: pip install 'scanready[db]'") from error
    if credential.password is None:
        raise Failure(common.LOGIN_WITHHELD, f"the credential {credential.name!r} has no password")
    try:
        session = psycopg.connect(
            host=where.host,
            port=where.port,
            dbname=where.database,
            user=credential.username,
            password=credential.password,
            sslmode="require" if where.encrypted else "disable",
            gssencmode="disable",
            connect_timeout=max(2, int(seconds)),
            application_name="scanready",
            autocommit=True,
        )
    except psycopg.OperationalError as error:
        return Visit(denied=_after_the_password(error, where.database, credential.username))
    with contextlib.closing(session):
        return _look_around(session, where, credential.username, seconds)


def _after_the_password(error: psycopg.OperationalError, database: str, user: str) -> Failure:
    """Tell a refusal that comes after the password was accepted; raise the others."""
    text = " ".join(str(error).split())
    if not text or "timeout expired" in text:
        raise Failure(common.OUT_OF_TIME, text or "the login did not end in time") from error
    if "FATAL" not in text:
        raise Failure(common.LIMIT, f"psycopg says: {text}") from error
    if any(words in text for words in _TOO_MANY):
        raise Failure(causes.TOO_MANY_CONNECTIONS, text) from error
    for words, cause in _AFTER_THE_PASSWORD:
        if words in text and "role" not in text:
            grant = f"GRANT CONNECT ON DATABASE {sql_name(database)} TO {sql_name(user)};"
            return Failure(cause, text, grant if cause is common.ACCESS_DENIED else None)
    # A translated message lands here too. Taking it for a refused password protects the account.
    raise Failure(common.LOGIN_REFUSED, text) from error


def _look_around(session: psycopg.Connection[Any], where: Where, user: str, seconds: float) -> Visit:
    import psycopg

    seen = Visit(version=session.info.parameter_status("server_version") or "")
    try:
        session.execute("SET default_transaction_read_only = on")
        session.execute(f"SET statement_timeout = {max(1, int(seconds * 1000))}")
        rows = session.execute(
            "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate "
            "AND has_database_privilege(datname, 'CONNECT') ORDER BY 1 LIMIT 1000"
        ).fetchall()
        seen.databases = [row[0] for row in rows]
        _read_one(session, seen, user, where.table)
    except psycopg.Error as error:
        seen.denied = Failure(causes.SESSION_REFUSED, f"{error.sqlstate or ''} {' '.join(str(error).split())}".strip())
    return seen


def _read_one(session: psycopg.Connection[Any], seen: Visit, user: str, table: str | None) -> None:
    """Read one row of the table named, or of the first that may be read."""
    from psycopg import errors, sql

    if table:
        schema, _, name = table.rpartition(".")
        chosen = sql.Identifier(*filter(None, (schema, name)))
    else:
        tables = session.execute(_TABLES).fetchall()
        if not tables:
            seen.read = "no user tables to read"
            return
        schema, name, readable = tables[0]
        if not readable:
            detail = f"none of {len(tables)} tables in {session.info.dbname} may be read"
            seen.denied = Failure(
                common.ACCESS_DENIED, detail, _grant(schema, "ALL TABLES IN SCHEMA " + sql_name(schema), user)
            )
            return
        chosen = sql.Identifier(schema, name)
    try:
        row = session.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(chosen)).fetchone()
    except errors.InsufficientPrivilege as error:
        fix = _grant(schema or "public", chosen.as_string(session), user)
        seen.denied = Failure(common.ACCESS_DENIED, str(error.diag.message_primary), fix)
        return
    except errors.UndefinedTable as error:
        seen.denied = Failure(common.ACCESS_NOT_FOUND, str(error.diag.message_primary))
        return
    seen.read = f"{'one row' if row else 'no rows'} of {chosen.as_string(session)}"


def _grant(schema: str, what: str, user: str) -> str:
    return f"GRANT USAGE ON SCHEMA {sql_name(schema)} TO {sql_name(user)}; GRANT SELECT ON {what} TO {sql_name(user)};"
