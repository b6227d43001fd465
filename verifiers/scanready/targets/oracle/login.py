"""Log in to Oracle with oracledb (thin mode) and read one row."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from scanready.causes import common, talk_ended
from scanready.clients.held_tls import held_context, withheld
from scanready.clients.imports import importing
from scanready.clients.seen_sockets import inspected
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import SecretTrace
from scanready.climb.login_trust import NO_CERTIFICATE, LoginTrust
from scanready.model import Credential
from scanready.wire import tns
from scanready.wire.printable import printable

from . import causes, fixes

_ORA = re.compile(r"\bORA-(\d{1,5})\b")  # the driver does not pad a listener's number with zeros
#: The password expires soon (28002), or has expired and is in its time of grace (28011); with the number of days.
_EXPIRES = re.compile(r"\bORA-280(?:02|11)\b")
_DPY = re.compile(r"DPY-(\d{4})")
#: The driver's own errors for features that it does not support.
_LIMITS = {3001, 3010, 3015, 6005}
#: The driver's error for a connection that was closed, also during the login.
_BROKEN_OFF = 4011
#: The driver's error for a refusal by the listener; it prints the number as ORA- even if it is a TNS number.
_REFUSED_BY_LISTENER = "DPY-6000"
_BY_DRIVER = {6001: 12514, 6003: 12505}


#: The name in V$SESSION and in the listener's log, the same as for the ping. By default the driver would send the user
#: who runs this process and the path of its interpreter.
_OURSELVES = {"program": "scanready", "osuser": "scanready"}

#: Exceptions that oracledb raises for an answer that it parses without checking.
_UNCHECKED = (ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError)

#: Causes after an accepted login: the account may not read, or the table does not exist.
_NOT_READ = (common.ACCESS_DENIED, common.ACCESS_NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Where:
    """Hold the server, its service or SID, and the table to read (None: the catalogue view ALL_TABLES).

    ``encrypted`` is True if the port uses TLS. ``trust`` has the certificates that the server may show. ``trace``
    records whether the secret was sent.
    """

    host: str
    port: int
    service: str | None
    sid: str | None
    table: str | None
    encrypted: bool
    trust: LoginTrust = NO_CERTIFICATE
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


@dataclass(slots=True, kw_only=True)
class Result(LoginResult):
    """Add ``warning``: the server's warning at the login (for example a password that expires soon), or empty."""

    warning: str = ""


def load() -> None:
    """Import the driver."""
    import oracledb  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once and read one row; the driver may wait longer than ``seconds``.

    Raises:
        Failure: the login was refused, or the driver is not installed (``agent.driver-missing``).
    """
    with importing("oracledb is not installed: pip install 'scanready[db]'"):
        import oracledb

    def see(packet: bytes) -> None:
        if not where.trace.sent and tns.may_have_secret(packet):
            where.trace.sent = True

    settings: dict[str, Any] = {"tcp_connect_timeout": seconds, "retry_count": 0} | _OURSELVES
    if where.encrypted:
        context = held_context(where.trust, see=see)
        settings |= {"protocol": "tcps", "ssl_context": context, "ssl_server_dn_match": False}
    settings |= {"service_name": where.service} if where.service else {"sid": where.sid}
    settings |= {"user": credential.username, "password": credential.password or ""}
    try:
        with inspected(see):
            session = oracledb.connect(host=where.host, port=where.port, **settings)
        with session, session.cursor() as cursor:
            result = Result(version=session.version, read=_read(cursor, where.table))
            if session.warning:  # for example: the password expires soon
                result.warning = printable(str(session.warning).splitlines()[0], 300)
                result.expires = result.warning if _EXPIRES.search(result.warning) else ""
            return result
    except _UNCHECKED as error:
        raise Unfinished(
            common.LIMIT, f"oracledb could not read the server's answer: {printable(repr(error), 300)}"
        ) from error
    except oracledb.Error as error:
        failure = withheld(error) or translate(str(error), credential.username)
        if failure.cause in _NOT_READ:
            return Result(denied=failure)
        raise failure from error


def _read(cursor: Any, table: str | None) -> str:
    what = ".".join('"' + part.replace('"', '""') + '"' for part in table.split(".")) if table else "all_tables"
    cursor.execute(f"SELECT 1 FROM {what} WHERE ROWNUM = 1")
    found = cursor.fetchone()
    return f"{'one row of ' if found else ''}{table or 'ALL_TABLES'}{'' if found else ', which returned no rows'}"


def translate(text: str, user: str) -> Failure:
    """Return the failure for the driver's error, by the database's error number in it or by the driver's own."""
    driver = _DPY.search(text)
    number = _ORA.search(text)
    code = int(number[1]) if number else _BY_DRIVER.get(int(driver[1]) if driver else 0, 0)
    # The driver puts its own line ("cannot connect") above the database's message, for every reason.
    lines = sorted(text.splitlines(), key=lambda line: number is not None and number[0] not in line)
    first = printable(lines[0], 300) if lines else "refused without a message"
    if number and _REFUSED_BY_LISTENER in text:
        first = first.replace(number[0], causes.named(code))
        return Failure(causes.LISTENER.get(code, causes.LISTENER_ERROR), first, error_code=code)
    if code in causes.DATABASE:
        cause = causes.DATABASE[code]
        fix = fixes.GRANT_SESSION(user=user.upper()) if cause is causes.NO_SESSION_PRIVILEGE else None
        return Failure(cause, first, fix, error_code=code)
    if driver and int(driver[1]) == _BROKEN_OFF:
        return Unfinished(talk_ended.LOGIN_BROKEN_OFF, f"scanready's driver got no answer: {first}")
    if driver and int(driver[1]) in _LIMITS:
        return Failure(common.LIMIT, f"scanready's driver does not support this: {first}")
    if code == 28040:
        return Failure(common.LIMIT, f"scanready's driver and the server have no common login protocol: {first}")
    if code:
        return Failure(causes.SERVER_ERROR, first, error_code=code)
    return Unfinished(common.LIMIT, f"scanready's driver failed: {first}")
