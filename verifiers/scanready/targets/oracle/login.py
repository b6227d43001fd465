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

_ORA = re.compile(r"\bORA-(\d{1,5})\b")  # the driver does not fill up a listener's number with noughts
_DPY = re.compile(r"DPY-(\d{4})")
#: The driver's own errors that say what it cannot do.
_LIMITS = {3001, 3010, 3015, 6005}
#: The connection was closed, be it in the middle of the login.
_BROKEN_OFF = 4011
#: A listener's ERR to the driver, which prints its number as ORA- whatever it is.
_REFUSED_BY_LISTENER = "DPY-6000"
_BY_DRIVER = {6001: 12514, 6003: 12505}


#: Our name in V$SESSION and in the listener's log, as in those of the ping. The driver would put the user who runs this
#: process and the path of its interpreter there.
_OURSELVES = {"program": "scanready", "osuser": "scanready"}

#: Exceptions of oracledb on an answer that it takes apart without checking it.
_UNCHECKED = (ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError)

#: The login was accepted, and the account may not read, or there is nothing of that name.
_NOT_READ = (common.ACCESS_DENIED, common.ACCESS_NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Where:
    """The server, its service or SID, and the table of which one row is read (None: of the catalogue).

    ``encrypted`` is true where the port takes TLS; ``trust`` has the certificates that it may show; ``trace`` records
    whether the secret left.
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
    """Adds ``warning``: what the server warned of at the login (a password that expires soon), or empty."""

    warning: str = ""


def load() -> None:
    """Load the driver."""
    import oracledb  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> Result:
    """Log in once and read one row. The driver may wait for longer than ``seconds``.

    Raises:
        Failure: refused, and why; ``agent.driver-missing``.
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
            if session.warning:  # the password expires soon, say
                result.warning = printable(str(session.warning).splitlines()[0], 300)
            return result
    except _UNCHECKED as error:
        raise Unfinished(
            common.LIMIT, f"oracledb does not understand the server: {printable(repr(error), 300)}"
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
    return f"{'one row of ' if found else ''}{table or 'ALL_TABLES'}{'' if found else ', which shows nothing'}"


def translate(text: str, user: str) -> Failure:
    """The cause of the driver's error, by the database's number in it, or by the driver's own."""
    driver = _DPY.search(text)
    number = _ORA.search(text)
    code = int(number[1]) if number else _BY_DRIVER.get(int(driver[1]) if driver else 0, 0)
    # The driver puts words of its own above the database's: "cannot connect", whatever the reason.
    lines = sorted(text.splitlines(), key=lambda line: number is not None and number[0] not in line)
    first = printable(lines[0], 300) if lines else "refused without a word"
    if number and _REFUSED_BY_LISTENER in text:
        first = first.replace(number[0], causes.named(code))
        return Failure(causes.LISTENER.get(code, causes.LISTENER_ERROR), first, error_code=code)
    if code in causes.DATABASE:
        cause = causes.DATABASE[code]
        fix = fixes.GRANT_SESSION(user=user.upper()) if cause is causes.NO_SESSION_PRIVILEGE else None
        return Failure(cause, first, fix, error_code=code)
    if driver and int(driver[1]) == _BROKEN_OFF:
        return Unfinished(talk_ended.LOGIN_BROKEN_OFF, f"our driver was left without an answer: {first}")
    if driver and int(driver[1]) in _LIMITS:
        return Failure(common.LIMIT, f"our driver cannot: {first}")
    if code == 28040:
        return Failure(common.LIMIT, f"our driver has no login protocol in common with the server: {first}")
    if code:
        return Failure(causes.SERVER_ERROR, first, error_code=code)
    return Unfinished(common.LIMIT, f"the driver failed: {first}")
