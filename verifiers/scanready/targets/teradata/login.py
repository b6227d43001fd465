"""Log in to Teradata with teradatasql and read one row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from scanready.causes import common
from scanready.clients.imports import importing
from scanready.clients.login_process.lent import Lent
from scanready.clients.login_process.relayed import ADDRESS, Framing, Relayed
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import SecretTrace
from scanready.model import Credential
from scanready.wire import teradata as wire
from scanready.wire.printable import printable

from . import causes

_CODE = re.compile(r"\[Error (\d+)\]")
# The system does not report whether the user, the password, the account or the mechanism is wrong.
_INVALID, _AMBIGUOUS = 8017, "; an account that must use another mechanism, such as LDAP, gets the same error"
#: The driver's own errors have lower numbers.
_OF_THE_DATABASE = 2000
_UNANSWERED = ("timed out", "timeout", "i/o timeout")


#: Causes after an accepted logon: the account may not read, or the name does not exist.
_NOT_READ = (common.ACCESS_DENIED, common.ACCESS_NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Where:
    """Hold the way to the system, and the database whose list of tables is read (None: of all databases).

    ``trace`` records whether the password was sent.
    """

    system: Lent
    database: str | None
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


#: Finds the connect request, which has the password, after the key exchange.
_FRAMING = Framing(wire.HEADER, wire.header_of, wire.BEFORE_THE_SECRET)


def where(host: str, port: int, database: str | None) -> Where:
    """Return the parameters of a login for the system at this address."""
    trace = SecretTrace()
    return Where(Relayed(host, port, _FRAMING, trace), database, trace)


#: The driver's runtime starts threads when it is loaded, and threads do not survive a fork.
LOAD_AFTER_FORK = True


def load() -> None:
    """Import the driver."""
    import teradatasql  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> LoginResult:
    """Log in once and read one row; the driver may wait longer than ``seconds``.

    Raises:
        Failure: the logon was refused, or the driver is not installed (``agent.driver-missing``).
        OSError: no connection.
    """
    with importing("teradatasql is not installed: pip install 'scanready[teradata]'"):
        import teradatasql
    settings = {
        "host": ADDRESS,
        "dbs_port": str(where.system.port()),
        "user": credential.username,
        "password": credential.password or "",
        "cop": "false",  # use only the address that was checked
        "sslmode": "DISABLE",  # use only port 1025; otherwise the driver also tries 443, and tries again
        "logon_timeout": str(max(1, int(seconds))),
        "connect_timeout": str(max(1, int(seconds)) * 1000),
        "encryptdata": "true",
    }
    try:
        with teradatasql.connect(**settings) as session, session.cursor() as cursor:
            version = _version(cursor)
            if where.database:
                cursor.execute("SELECT TOP 1 TableName FROM DBC.TablesV WHERE DatabaseName = ?", [where.database])
            else:
                cursor.execute("SELECT TOP 1 TableName FROM DBC.TablesV")
            found = cursor.fetchone()
            within = f" of {where.database}" if where.database else ""
            return LoginResult(version=version, read=f"DBC.TablesV{within}{'' if found else ', which has no table'}")
    except teradatasql.Error as error:
        failure = translate(str(error))
        if failure.cause in _NOT_READ:
            return LoginResult(denied=failure)
        raise failure from error


def _version(cursor: Any) -> str:
    """Return the version; empty if the database refuses this query, which a scan does not need."""
    import teradatasql

    try:
        cursor.execute("SELECT InfoData FROM DBC.DBCInfoV WHERE InfoKey = 'VERSION'")
        return str(cursor.fetchone()[0])
    except teradatasql.Error as error:
        if not any(int(code) >= _OF_THE_DATABASE for code in _CODE.findall(str(error))):
            raise
        return ""


def translate(text: str) -> Failure:
    """Return the failure for the driver's error, by the database's error code in it."""
    codes = [int(code) for code in _CODE.findall(text)]
    lines = text.splitlines()
    first = printable(re.sub(r"^(\[[^\]]*\] ?)+", "", lines[0]), 300) if lines else "refused without a message"
    for code in codes:
        if code in causes.CODES:
            hint = _AMBIGUOUS if code == _INVALID else ""
            return Failure(causes.CODES[code], f"{first} (error {code}{hint})", error_code=code)
    if codes and codes[0] >= _OF_THE_DATABASE:
        return Failure(causes.SERVER_ERROR, f"{first} (error {codes[0]})", error_code=codes[0])
    if any(word in text.lower() for word in _UNANSWERED):
        return Failure(common.OUT_OF_TIME, f"the driver timed out: {first}")
    return Unfinished(common.LIMIT, f"the driver failed: {first}")
