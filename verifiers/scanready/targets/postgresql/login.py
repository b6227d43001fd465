"""Log in to PostgreSQL once with psycopg and read one row.

By default psycopg would try again without TLS after a refusal, and one wrong password would count twice (measured).
Here TLS is used if the handshake used it, and it is finished before libpq starts. libpq does not read the settings of
the agent's own account (environment, ~/.pgpass, ~/.postgresql).

All queries run in one read-only transaction, and the time-outs are local to it. Behind a pooler, the settings of a
session would stay for the next client (measured with PgBouncer).
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scanready.causes import common, talk_ended
from scanready.clients.imports import importing
from scanready.clients.login_process.lent import Lent
from scanready.clients.watchdog import Watchdog
from scanready.climb.expiry import expires
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

#: Exceptions that psycopg raises for a value that it parses without checking.
UNCHECKED = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
_NO_FILE = os.path.join(os.devnull, "none")  # a path that cannot exist, so that libpq uses no file
_LIBPQ_WITH_REQUIRE_AUTH = 160000

# A server's message in libpq's format: severity, colon, two spaces. The severity may be translated. libpq's own
# messages do not have this format.
_SERVER_MESSAGE = re.compile(r"(?:^|: )([^:\n\"]{1,40}):  (.+)", re.DOTALL)
# Untranslated messages that a server sends after it accepted the password. libpq reports no SQLSTATE here.
_AFTER_THE_PASSWORD: tuple[tuple[str, Cause], ...] = (
    (r'database ".*" does not exist', common.ACCESS_NOT_FOUND),
    (r"permission denied for database ", common.ACCESS_DENIED),
    (r'database ".*" is not currently accepting connections', common.ACCESS_DENIED),
)
_REFUSED = r"password authentication failed|SASL authentication failed"

# Set only for this transaction, and only settings that this server knows: lock_timeout exists since 9.3.
_TIMEOUTS = """
SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN %s ELSE %s END, true)
FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')
"""
# Views come last: some extensions add a view that every role may read.
_TABLES = """
SELECT n.nspname, c.relname, has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.relkind IN ('v', 'f'), 3 DESC, 1, 2 LIMIT 1000
"""
# Seconds until the end of the password. Servers that are only compatible may lack the role; their answer is no row.
_VALID_FOR = """
SELECT extract(epoch FROM rolvaliduntil - now()) FROM pg_roles
WHERE rolname = session_user AND isfinite(rolvaliduntil)
"""
_DATABASES = """
SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate
AND has_database_privilege(datname, 'CONNECT') ORDER BY 1 LIMIT 1000
"""
#: SQLSTATEs invalid_password, invalid_catalog_name, insufficient_privilege (PostgreSQL documentation, appendix A).
_WRONG_PASSWORD, _NO_SUCH_DATABASE, _NO_RIGHT = "28P01", "3D000", "42501"
#: Classes of SQLSTATEs that cannot be about the password: the server's resources, limits and state.
_NOT_OF_LOGIN = ("40", "53", "54", "55", "57")
#: Classes of SQLSTATEs that reject the form of a statement: unsupported, syntax or unknown names.
_OF_FORM = ("0A", "42")
#: The class of protocol violations, and the SQLSTATEs of the classes above that are about the table.
_OF_PROTOCOL = "08"
_OF_TABLE = ("42501", "42P01", "42809")
#: The class of SQLSTATEs for a transaction that shall be tried again, for example after a conflict with recovery.
_ROLLED_BACK = "40"
_PART = r'(?:"(?:[^"]|"")+"|[^".]+)'


@dataclass(frozen=True, slots=True)
class Where:
    """Hold the connection, the database and the table for a login.

    ``encrypted`` is True if the server uses TLS; ``connection`` is then inside TLS. ``cleartext`` permits a password in
    clear text. ``trace`` records whether the secret was sent.
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
    """Add ``product``: the product that the server names, empty if it is unknown."""

    product: str = ""


def load() -> None:
    """Import the library, which loads libpq."""
    import psycopg  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once and read one row of the given table, or of the first readable one, within ``seconds``.

    Raises:
        Failure: the server refused the credential or the session, or psycopg is not installed.
    """
    deadline = time.monotonic() + seconds
    with importing("psycopg is not installed: pip install 'scanready[db]'"):
        import psycopg
    assert credential.password is not None, "a login needs a password"
    with Relay(where.connection.take(), where.trace) as relay:
        try:
            session = _connected(where, credential, seconds, relay.port)
        except psycopg.OperationalError as error:
            if relay.asked_again:
                detail = "the server asks for the password again after the answer; scanready sends it only once"
                raise Unfinished(common.LIMIT, detail) from error
            asked, ended = relay.answered, relay.ended
            refusal = Refusal(relay.sqlstate, asked, ended)
            denied = _after_the_password(error, where.database, credential.username, refusal)
            return Result(denied=denied, passwordless=not where.trace.sent)
        with contextlib.closing(session), Watchdog(deadline) as watchdog:
            watchdog.guard(session.fileno())  # not every server enforces statement_timeout
            return _look_around(session, where, credential.username, watchdog, relay)


def _connected(where: Where, credential: Credential, seconds: float, port: int) -> psycopg.Connection[Any]:
    """Log in; psycopg puts values into the statements, since some servers support only simple queries.

    Raises:
        psycopg.OperationalError: no session.
    """
    import psycopg

    parameters = _parameters(where, credential, seconds)
    return psycopg.connect(**parameters, hostaddr=ADDRESS, port=port, cursor_factory=psycopg.ClientCursor)


def _parameters(where: Where, credential: Credential, seconds: float) -> dict[str, Any]:
    """Return the parameters for psycopg; libpq would take missing ones from the agent's environment and home."""
    from psycopg import pq

    parameters: dict[str, Any] = {
        "host": where.name,
        "dbname": where.database,
        "user": credential.username,
        "password": credential.password,
        "sslmode": "disable",  # the server offers no TLS, or TLS is already done (see login_relay)
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
        "autocommit": True,  # the one transaction is opened explicitly
        "prepare_threshold": None,
    }
    if pq.version() >= _LIBPQ_WITH_REQUIRE_AUTH:
        # Whichever method the handshake named, the server may not ask for the password in clear text now.
        in_clear = "password," if where.encrypted or where.cleartext else ""
        parameters["require_auth"] = in_clear + "scram-sha-256,md5,none"
    return parameters


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold the relay's record of a login without a session; see :class:`Relay`."""

    sqlstate: str
    asked: bool
    ended: bool


def _after_the_password(error: psycopg.Error, database: str, user: str, refusal: Refusal) -> Failure:
    """Return the failure of a refusal after an accepted password; raise all other failures."""
    asked = refusal.asked
    message = _SERVER_MESSAGE.search(str(error))
    text = " ".join((message[2] if message else str(error)).split())
    if message is None:
        raise _unanswered(text, refusal) from error
    if refusal.sqlstate == _WRONG_PASSWORD:  # in every language
        raise Failure(common.LOGIN_REFUSED, printable(text)) from error
    if (cause := _of_data(text, refusal)) is not None:
        fix = _permit(text, database, user) if cause is common.ACCESS_DENIED else None
        return Failure(cause, printable(text), fix)
    if state := causes.whoever_asks(refusal.sqlstate, text):
        failure = Failure(state, printable(text))
        raise (unfinished(failure) if asked else failure) from error
    if asked and (state := causes.of_account(refusal.sqlstate, text)):
        raise Failure(state, printable(text)) from error
    if re.match(_REFUSED, text):
        raise Failure(common.LOGIN_REFUSED, printable(text)) from error
    # A translated message, or a pooler's. In every language, the message for a wrong password has the user's name in
    # quotes. Treating every message with that name as a wrong password protects the account from a lockout.
    judged = refusal.sqlstate[:2] not in _NOT_OF_LOGIN
    named = judged and re.search(rf"[^\w\s]{re.escape(user)}[^\w\s]", text)
    failure = Failure(common.LOGIN_REFUSED if named else causes.of_refusal(refusal.sqlstate, text), printable(text))
    raise (unfinished(failure) if asked else failure) from error


def _unanswered(text: str, refusal: Refusal) -> Failure:
    """Return the failure of a login that ended with libpq's own message, without one of the server."""
    asked = refusal.asked
    if asked and "timeout expired" in text:
        detail = "the server does not answer after the password was sent, like a pooler whose database is down"
        return Unfinished(talk_ended.LOGIN_TOO_SLOW, detail)
    if not text or "timeout expired" in text:
        return Failure(common.OUT_OF_TIME, printable(text) or "the login did not finish in time")
    if "authentication method requirement" in text and "cleartext password" in text:
        detail = f"the server now asks for the password in clear text: {printable(text)}"
        return Failure(common.LOGIN_WITHHELD, detail)
    # No answer arrived. If the password was sent, the server may have counted it.
    if asked and refusal.ended:
        return Unfinished(talk_ended.LOGIN_BROKEN_OFF, f"the connection ended: {printable(text)}")
    return (Unfinished if asked else Failure)(common.LIMIT, f"psycopg reports: {printable(text)}")


def _of_data(text: str, refusal: Refusal) -> Cause | None:
    """Return the cause of a refusal of the database, which comes after an accepted password; None for any other."""
    if refusal.sqlstate == _NO_SUCH_DATABASE:
        return common.ACCESS_NOT_FOUND
    if refusal.sqlstate == _NO_RIGHT and refusal.asked:  # in every language
        return common.ACCESS_DENIED
    return next((cause for words, cause in _AFTER_THE_PASSWORD if re.match(words, text)), None)


def _permit(text: str, database: str, user: str) -> str:
    if "not currently accepting" in text:
        return fixes.ALLOW_CONNECTIONS(database=database)
    return fixes.GRANT_CONNECT(database=database, user=user)


def _look_around(session: psycopg.Connection[Any], where: Where, user: str, watchdog: Watchdog, relay: Relay) -> Result:
    import psycopg
    from psycopg import errors

    # The method may be trust, ident or a certificate, which need no password.
    result = Result(passwordless=not session.pgconn.used_password)
    try:
        result.version = session.info.parameter_status("server_version") or ""
        _begin(session)
        _ask_beside(session, result, watchdog.deadline)
        _read_one(session, result, user, where.table)
    except Failure as failure:
        result.denied = failure
    except errors.QueryCanceled as error:
        result.denied = Failure(common.OUT_OF_TIME, f"reading did not finish in time: {_words(error)}")
    except psycopg.Error as error:
        result.denied = _unread(error, watchdog, relay)
    except UNCHECKED as error:
        detail = f"psycopg could not read the server's answer: {printable(repr(error), 300)}"
        result.denied = Failure(common.LIMIT, detail)
    finally:
        with contextlib.suppress(psycopg.Error):
            session.execute("ROLLBACK")  # a pooler discards connections that end inside a transaction
    return result


def _unread(error: psycopg.Error, watchdog: Watchdog, relay: Relay) -> Failure:
    """Return the failure of a read; an error without an SQLSTATE is libpq's or psycopg's own."""
    if watchdog.bitten:  # by the clock it may be earlier: that of Windows ticks every 15.6 ms
        return Failure(common.OUT_OF_TIME, "reading did not finish in time")
    if error.sqlstate:
        of_the_system = error.sqlstate[:2] in (*causes.OF_THE_SYSTEM, _ROLLED_BACK)
        cause = causes.SERVER_ERROR if of_the_system else causes.of_class(error.sqlstate, causes.READ_FAILED)
        return Failure(cause, f"{_words(error)} (SQLSTATE {error.sqlstate})")
    if relay.ended:
        return Failure(talk_ended.ACCESS_BROKEN_OFF, f"the connection ended while reading: {_words(error)}")
    return Failure(common.LIMIT, f"psycopg reports: {_words(error)}")


def _begin(session: psycopg.Connection[Any]) -> None:
    import psycopg

    try:
        session.execute("BEGIN READ ONLY")
        keep_every_byte(session)
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in (*_OF_FORM, _OF_PROTOCOL):
            raise
        # PgBouncer answers with a protocol violation with pool_mode=statement, or without a free connection.
        if cause := causes.whoever_asks("", _words(error)):
            raise Failure(cause, _words(error)) from error
        detail = f"nothing was read because no transaction could be started: {_words(error)}"
        raise Failure(common.LIMIT, detail) from error


def _ask_beside(session: psycopg.Connection[Any], result: Result, deadline: float) -> None:
    """Ask for the product and the databases and set time-outs; a scan does not need this, so refusals are ignored."""
    left = max(100, int((deadline - time.monotonic()) * 900))  # milliseconds; a tenth remains for the answer
    with _our_question(session):
        row = session.execute(product.QUESTION).fetchone()
        result.product = product.named(str(row[0])) if row else ""
    with _our_question(session):
        result.facts["databases"] = [for_people(session, row[0]) for row in session.execute(_DATABASES).fetchall()]
    with _our_question(session):
        row = session.execute(_VALID_FOR).fetchone()
        result.expires = _expiry(row)
    with _our_question(session):  # last, because the settings end with the transaction
        session.execute(_TIMEOUTS, (str(left * 3 // 4), str(left)))


def _expiry(row: Sequence[Any] | None) -> str:
    """Return the words for a row of :data:`_VALID_FOR`; empty for a server that answers something else."""
    try:
        return expires("the password", float(row[0])) if row else ""
    except (TypeError, ValueError, IndexError):
        return ""


@contextlib.contextmanager
def _our_question(session: psycopg.Connection[Any]) -> Iterator[None]:
    """Ignore a query that the server rejects, and start a new transaction, since the old one has failed."""
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
    """Read one row of the given table, or of the first readable one."""
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
            detail = f"the account may read none of {len(tables)} tables in {session.info.dbname}"
            result.denied = Failure(
                common.ACCESS_DENIED, detail, fixes.GRANT_SCHEMA(schema=for_people(session, schema), user=user)
            )
            return
    chosen = sql.Identifier(*filter(None, (schema, name)))
    shown = for_people(session, chosen.as_string(session))
    try:
        row = _one_row(session, chosen)
    except errors.InsufficientPrivilege as error:
        fix = fixes.GRANT_TABLE(
            schema=for_people(session, schema) or "public", table=for_people(session, name), user=user
        )
        result.denied = Failure(common.ACCESS_DENIED, _words(error), fix)
    except errors.LockNotAvailable:
        detail = f"another session locks {shown} and did not release it in time"
        result.denied = Failure(causes.TABLE_LOCKED, detail)
    except (errors.UndefinedTable, errors.InvalidSchemaName, errors.WrongObjectType) as error:
        if not table:  # the server listed it: a foreign table, for example, whose own server has no such table
            raise
        result.denied = Failure(common.ACCESS_NOT_FOUND, f"{_words(error)} (the name is case-sensitive)")
    else:
        result.read = f"read {'one row' if row else 'no rows'} of {shown}{_of(result.facts)}"
        if row is None and _rows_are_hidden(session, chosen):
            result.denied = Failure(common.ACCESS_DENIED, f"row-level security shows {user} no row of {shown}")


def _one_row(session: psycopg.Connection[Any], chosen: sql.Identifier) -> Any:
    """Read one row and return no content of it to this agent; None if the table has no row.

    The query covers the whole row, as a scan does. Servers that are only compatible with PostgreSQL may reject its
    form; then a plain query shows whether a row can be read.
    """
    import psycopg
    from psycopg import sql

    try:
        return session.execute(sql.SQL("SELECT t IS NULL FROM {} AS t LIMIT 1").format(chosen)).fetchone()
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in _OF_FORM or error.sqlstate in _OF_TABLE:
            raise
    session.execute("ROLLBACK")
    _begin(session)
    return session.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(chosen)).fetchone()


def _tables(session: psycopg.Connection[Any]) -> list[Any]:
    """Return up to a thousand tables as rows of schema, name and whether the account may read it.

    Raises:
        Failure: the server does not support the query (``scanready.limit``).
    """
    import psycopg
    from psycopg import errors

    try:
        return session.execute(_TABLES).fetchall()
    except errors.QueryCanceled:
        raise
    except psycopg.Error as error:
        if not error.sqlstate or error.sqlstate[:2] in causes.OF_THE_SYSTEM:
            raise
        answer = f"{_words(error)} (SQLSTATE {error.sqlstate})"
        detail = f"the server rejects scanready's query for its tables: {answer}. Name a table (`table:`) to read it"
        raise Failure(common.LIMIT, detail) from error


def _named(table: str) -> tuple[str, str]:
    """Split the name of a table into schema (empty if missing) and name; parts may have SQL's quotes.

    Raises:
        Failure: the text is not a table name.
    """
    if found := re.fullmatch(rf"(?:({_PART})\.)?({_PART})", table, re.DOTALL):
        schema, name = (_unquoted(part) for part in (found[1] or "", found[2]))
    else:
        schema, _, name = table.rpartition(".")
    if not name or "\0" in table:
        raise Failure(common.ACCESS_NOT_FOUND, f"{table!r} is not a table name")
    return schema, name


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _rows_are_hidden(session: psycopg.Connection[Any], chosen: sql.Identifier) -> bool:
    """Return True if row-level security applies to this account and table (since 9.5)."""
    import psycopg

    try:
        row = session.execute("SELECT row_security_active(%s)", (chosen.as_string(session),)).fetchone()
    except psycopg.Error as error:
        if not error.sqlstate:
            raise
        return False  # before 9.5, and in servers that are only compatible with PostgreSQL
    return bool(row and row[0])


def _of(facts: Facts) -> str:
    if "tables" not in facts:
        return ""
    return f"; the account may read {facts['tables_readable']} of {facts['tables']} tables and views"


def _words(error: psycopg.Error) -> str:
    """Return the server's message, or libpq's."""
    return printable(error.diag.message_primary or str(error))
