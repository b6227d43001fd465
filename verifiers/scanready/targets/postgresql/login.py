"""Log in to PostgreSQL with psycopg, once, and read one row.

psycopg's defaults would try again without TLS after a refusal, and one wrong
password would count twice (measured): TLS is used where the
handshake had it, and done before libpq begins. What the agent's own account has for libpq (environment, ~/.pgpass,
~/.postgresql) is kept out of it.

All is asked in one read-only transaction, its time-outs local to it: behind a
pooler a session's settings would stay with the next client (seen with PgBouncer).
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scanready.causes import common, talk_ended
from scanready.clients.imports import importing
from scanready.clients.login_process.lent import Lent
from scanready.clients.watchdog import Watchdog
from scanready.climb.explain import Failure, Unfinished, unfinished
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import SecretTrace
from scanready.model import Cause, Credential, Facts
from scanready.wire.printable import printable

from . import causes, fixes, product
from .encoding import for_people, for_server, keep_every_byte
from .login_relay import ADDRESS, Relay

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

#: Exceptions of psycopg on a value that it takes apart without checking it.
UNCHECKED = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
_NO_FILE = os.path.join(os.devnull, "none")  # a path that cannot exist: libpq then does without the file
_LIBPQ_WITH_REQUIRE_AUTH = 160000

# A server's message in libpq's words: severity, colon, two spaces. The severity may be translated, libpq's own
# complaints have no such form.
_SERVER_SAID = re.compile(r"(?:^|: )([^:\n\"]{1,40}):  (.+)", re.DOTALL)
# What follows it in an untranslated server's words, where libpq tells no SQLSTATE. What is after the password comes
# with the right to say that the login held.
_AFTER_THE_PASSWORD: tuple[tuple[str, Cause], ...] = (
    (r'database ".*" does not exist', common.ACCESS_NOT_FOUND),
    (r"permission denied for database ", common.ACCESS_DENIED),
    (r'database ".*" is not currently accepting connections', common.ACCESS_DENIED),
)
_REFUSED = r"password authentication failed|SASL authentication failed"

# Set for this transaction alone, and only what this server knows: lock_timeout came with 9.3.
_TIMEOUTS = """
SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN %s ELSE %s END, true)
FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')
"""
# Views only where there are no tables: some extensions bring one that everybody may read.
_TABLES = """
SELECT n.nspname, c.relname, has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.relkind IN ('v', 'f'), 3 DESC, 1, 2 LIMIT 1000
"""
_DATABASES = """
SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate
AND has_database_privilege(datname, 'CONNECT') ORDER BY 1 LIMIT 1000
"""
_PART = r'(?:"(?:[^"]|"")+"|[^".]+)'


@dataclass(frozen=True, slots=True)
class Where:
    """Where to log in, and how the handshake said: ``encrypted`` is whether the server takes TLS.

    ``connection`` is in TLS then. ``cleartext`` permits a password that everybody can read. ``trace`` records whether
    the secret left.
    """

    name: str
    connection: Lent
    database: str
    table: str | None
    encrypted: bool
    cleartext: bool = False
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """Adds ``product``: what the server says it is, empty if it names none that is known."""

    product: str = ""


def load() -> None:
    """Load the library, and libpq with it."""
    import psycopg  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once and read one row of the table named, or of the first that may be read, within ``seconds``.

    Raises:
        Failure: the credential or the session was refused; psycopg is not installed.
    """
    deadline = time.monotonic() + seconds
    with importing("psycopg is not installed: pip install 'scanready[db]'"):
        import psycopg
    assert credential.password is not None, "nobody logs in with a name alone"
    with Relay(where.connection.take(), where.trace) as relay:
        try:
            session = _connected(where, credential, seconds, relay.port)
        except psycopg.OperationalError as error:
            if relay.asked_again:
                detail = "the server asks for the password again, which it has been sent; it was not sent twice"
                raise Unfinished(common.LIMIT, detail) from error
            asked, ended = relay.answered, relay.ended
            denied = _after_the_password(error, where.database, credential.username, asked=asked, ended=ended)
            return Result(denied=denied, passwordless=not where.trace.sent)
        with contextlib.closing(session), Watchdog(deadline) as watchdog:
            watchdog.guard(session.fileno())  # statement_timeout is a server's promise, and not every peer keeps one
            return _look_around(session, where, credential.username, deadline, relay)


def _connected(where: Where, credential: Credential, seconds: float, port: int) -> psycopg.Connection[Any]:
    """Log in. Values are put into the statements here, so each is a simple query: some servers know no other well.

    Raises:
        psycopg.OperationalError: no session.
    """
    import psycopg

    told = _parameters(where, credential, seconds)
    return psycopg.connect(**told, hostaddr=ADDRESS, port=port, cursor_factory=psycopg.ClientCursor)


def _parameters(where: Where, credential: Credential, seconds: float) -> dict[str, Any]:
    """All that psycopg is told; what is not told here libpq would take from the agent's environment and home."""
    from psycopg import pq

    told: dict[str, Any] = {
        "host": where.name,
        "dbname": where.database,
        "user": credential.username,
        "password": credential.password,
        "sslmode": "disable",  # the server has none, or it is done: see login_relay
        "gssencmode": "disable",
        "connect_timeout": max(2, int(seconds)),
        "application_name": "scanready",
        "options": "",
        "target_session_attrs": "any",
        "channel_binding": "prefer",
        "passfile": _NO_FILE,
        "sslrootcert": _NO_FILE,
        "sslcert": _NO_FILE,
        "sslkey": _NO_FILE,
        "autocommit": True,  # the one transaction is opened by hand
        "prepare_threshold": None,
    }
    if pq.version() >= _LIBPQ_WITH_REQUIRE_AUTH:
        # Whatever it asked for in the handshake: no server gets the password in clear for asking once more.
        in_clear = "password," if where.encrypted or where.cleartext else ""
        told["require_auth"] = in_clear + "scram-sha-256,md5,none"
    return told


def _after_the_password(error: psycopg.Error, database: str, user: str, *, asked: bool, ended: bool) -> Failure:
    """Tell a refusal that comes after the password was accepted; raise the others."""
    said = _SERVER_SAID.search(str(error))
    text = " ".join((said[2] if said else str(error)).split())
    if said is None:
        if asked and "timeout expired" in text:
            detail = (
                "it has the answer to its request for the password, and is silent; a pooler without its database is"
            )
            raise Unfinished(talk_ended.LOGIN_TOO_SLOW, detail) from error
        if not text or "timeout expired" in text:
            raise Failure(common.OUT_OF_TIME, printable(text) or "the login did not end in time") from error
        if "authentication method requirement" in text and "cleartext password" in text:
            raise Failure(
                common.LOGIN_WITHHELD, f"the server wants the password in clear text now: {printable(text)}"
            ) from error
        # Nothing that is an answer came: if the password had left, the server may have counted it.
        if asked and ended:
            raise Unfinished(talk_ended.LOGIN_BROKEN_OFF, f"the connection ended: {printable(text)}") from error
        raise (Unfinished if asked else Failure)(common.LIMIT, f"psycopg says: {printable(text)}") from error
    for words, cause in _AFTER_THE_PASSWORD:
        if re.match(words, text):
            return Failure(
                cause, printable(text), _permit(text, database, user) if cause is common.ACCESS_DENIED else None
            )
    if state := causes.whoever_asks("", text):
        failure = Failure(state, printable(text))
        raise (unfinished(failure) if asked else failure) from error
    if re.match(_REFUSED, text):
        raise Failure(common.LOGIN_REFUSED, printable(text)) from error
    # A translated message, or a pooler's. In every language a refused password is told with the user's name in quotes;
    # taking all that is told with it for a refused password protects the account.
    named = re.search(rf"[^\w\s]{re.escape(user)}[^\w\s]", text)
    failure = Failure(common.LOGIN_REFUSED if named else causes.SESSION_REFUSED, printable(text))
    raise (unfinished(failure) if asked else failure) from error


def _permit(text: str, database: str, user: str) -> str:
    if "not currently accepting" in text:
        return fixes.ALLOW_CONNECTIONS(database=database)
    return fixes.GRANT_CONNECT(database=database, user=user)


def _look_around(session: psycopg.Connection[Any], where: Where, user: str, deadline: float, relay: Relay) -> Result:
    import psycopg
    from psycopg import errors

    # Without a password: by trust, ident or a certificate.
    result = Result(passwordless=not session.pgconn.used_password)
    try:
        result.version = session.info.parameter_status("server_version") or ""
        _begin(session)
        _ask_beside(session, result, deadline)
        _read_one(session, result, user, where.table)
    except Failure as failure:
        result.denied = failure
    except errors.QueryCanceled as error:
        result.denied = Failure(common.OUT_OF_TIME, f"reading did not end in time: {_words(error)}")
    except psycopg.Error as error:
        result.denied = _unread(error, deadline, relay)
    except UNCHECKED as error:
        result.denied = Failure(common.LIMIT, f"psycopg does not understand the server: {printable(repr(error), 300)}")
    finally:
        with contextlib.suppress(psycopg.Error):
            session.execute("ROLLBACK")  # a pooler throws connections away that are left within a transaction
    return result


def _unread(error: psycopg.Error, deadline: float, relay: Relay) -> Failure:
    """Why nothing was read. An error without an SQLSTATE is libpq's or psycopg's own."""
    if time.monotonic() >= deadline:
        return Failure(common.OUT_OF_TIME, "reading did not end in time")
    if error.sqlstate:
        cause = causes.of_class(error.sqlstate, causes.READ_FAILED)
        return Failure(cause, f"{_words(error)} (SQLSTATE {error.sqlstate})")
    if relay.ended:
        return Failure(talk_ended.ACCESS_BROKEN_OFF, f"the connection ended while reading: {_words(error)}")
    return Failure(common.LIMIT, f"psycopg says: {_words(error)}")


def _begin(session: psycopg.Connection[Any]) -> None:
    from psycopg import errors

    try:
        session.execute("BEGIN READ ONLY")
        keep_every_byte(session)
    except errors.ProtocolViolation as error:  # PgBouncer: with pool_mode=statement, or without a free connection
        if cause := causes.whoever_asks("", _words(error)):
            raise Failure(cause, _words(error)) from error
        raise Failure(common.LIMIT, f"nothing was read, for want of a transaction: {_words(error)}") from error


def _ask_beside(session: psycopg.Connection[Any], result: Result, deadline: float) -> None:
    """Ask for the product and the databases, and bound the statements: nothing a scan reads or all servers know."""
    left = max(100, int((deadline - time.monotonic()) * 900))  # milliseconds; a tenth is for the way back
    with _our_question(session):
        row = session.execute(product.QUESTION).fetchone()
        result.product = product.named(str(row[0])) if row else ""
    with _our_question(session):
        result.facts["databases"] = [for_people(session, row[0]) for row in session.execute(_DATABASES).fetchall()]
    with _our_question(session):  # the last, since they end with the transaction
        session.execute(_TIMEOUTS, (str(left * 3 // 4), str(left)))


@contextlib.contextmanager
def _our_question(session: psycopg.Connection[Any]) -> Iterator[None]:
    """Do without the answer where the server refuses a question; begin a new transaction, since that one has failed."""
    import psycopg
    from psycopg import errors

    try:
        yield
    except errors.QueryCanceled:
        raise
    except psycopg.Error as error:
        if not error.sqlstate or (error.diag.severity_nonlocalized or error.diag.severity) in ("FATAL", "PANIC"):
            raise
        session.execute("ROLLBACK")
        _begin(session)


def _read_one(session: psycopg.Connection[Any], result: LoginResult, user: str, table: str | None) -> None:
    """Read one row of the table named, or of the first that may be read."""
    from psycopg import errors, sql

    if table:
        schema, name = (for_server(session, part) for part in _named(table))
    else:
        tables = _tables(session)
        if not tables:
            result.read = f"the database {session.info.dbname} has no tables"
            return
        schema, name, readable = tables[0]
        result.facts |= {"tables": len(tables), "tables_readable": sum(row[2] for row in tables)}
        if not readable:
            detail = f"none of {len(tables)} tables in {session.info.dbname} may be read"
            result.denied = Failure(
                common.ACCESS_DENIED, detail, fixes.GRANT_SCHEMA(schema=for_people(session, schema), user=user)
            )
            return
    chosen = sql.Identifier(*filter(None, (schema, name)))
    shown = for_people(session, chosen.as_string(session))
    try:
        # The whole row, as a scan would, and of it only whether it is there: no content comes to this agent.
        row = session.execute(sql.SQL("SELECT t IS NULL FROM {} AS t LIMIT 1").format(chosen)).fetchone()
    except errors.InsufficientPrivilege as error:
        fix = fixes.GRANT_TABLE(
            schema=for_people(session, schema) or "public", table=for_people(session, name), user=user
        )
        result.denied = Failure(common.ACCESS_DENIED, _words(error), fix)
    except errors.LockNotAvailable:
        detail = f"{shown} is locked by another session, and was not released in time"
        result.denied = Failure(causes.TABLE_LOCKED, detail)
    except (errors.UndefinedTable, errors.InvalidSchemaName, errors.WrongObjectType) as error:
        result.denied = Failure(
            common.ACCESS_NOT_FOUND, f"{_words(error)} (written as here, upper and lower case count)"
        )
    else:
        result.read = f"read {'one row' if row else 'no rows'} of {shown}{_of(result.facts)}"
        if row is None and _rows_are_hidden(session, chosen):
            result.denied = Failure(common.ACCESS_DENIED, f"row-level security shows {user} no row of {shown}")


def _tables(session: psycopg.Connection[Any]) -> list[Any]:
    """Return schema, name and whether it may be read, of up to a thousand tables.

    Raises:
        Failure: ``scanready.limit``, the server does not know the question.
    """
    import psycopg
    from psycopg import errors

    try:
        return session.execute(_TABLES).fetchall()
    except errors.QueryCanceled:
        raise
    except psycopg.Error as error:
        if not error.sqlstate:
            raise
        said = f"{_words(error)} (SQLSTATE {error.sqlstate})"
        detail = f"the server does not answer our own question for its tables: {said}. Name a table to have it read"
        raise Failure(common.LIMIT, detail) from error


def _named(table: str) -> tuple[str, str]:
    """Schema (empty if none is named) and name, each with or without SQL's quotes.

    Raises:
        Failure: it is no name.
    """
    if found := re.fullmatch(rf"(?:({_PART})\.)?({_PART})", table, re.DOTALL):
        schema, name = (_unquoted(part) for part in (found[1] or "", found[2]))
    else:
        schema, _, name = table.rpartition(".")
    if not name or "\0" in table:
        raise Failure(common.ACCESS_NOT_FOUND, f"{table!r} is no name of a table")
    return schema, name


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _rows_are_hidden(session: psycopg.Connection[Any], chosen: sql.Identifier) -> bool:
    """Whether row-level security applies to us here (since 9.5)."""
    import psycopg

    try:
        row = session.execute("SELECT row_security_active(%s)", (chosen.as_string(session),)).fetchone()
    except psycopg.Error as error:
        if not error.sqlstate:
            raise
        return False  # before 9.5, and in servers that are only compatible
    return bool(row and row[0])


def _of(facts: Facts) -> str:
    if "tables" not in facts:
        return ""
    return f"; {facts['tables_readable']} of {facts['tables']} tables and views may be read"


def _words(error: psycopg.Error) -> str:
    """The server's own words, or libpq's."""
    return printable(error.diag.message_primary or str(error))
