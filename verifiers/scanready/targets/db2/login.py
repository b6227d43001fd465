"""Log in to DB2 with IBM's driver and read one row, for servers that accept no plain password."""

from __future__ import annotations

import os
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
from scanready.wire import drda as wire
from scanready.wire.printable import printable

from . import causes

_CODE = re.compile(r"\bSQL(\d{4,5})N\b")
_REASON = re.compile(r'\breason\s+"?(\d+)"?(?:\s*\("?([^")]*))?')
#: Names of the reasons that the client itself gives (its plug-ins, its errors, and a server without SERVER_ENCRYPT).
#: The numbers below are for reasons without a name.
_OF_THE_CLIENT = re.compile(r"UNSUPPORTED|UNEXPECTED CLIENT|CLIENT CREDENTIAL|CLIENT REQUIRES|PLUG-?IN")
_NUMBERS_OF_THE_CLIENT = frozenset({17, *range(30, 37), 38, 39})
# Causes by the reason code of SQL30082N, the error of every failed login.
_REASONS = {
    1: common.LOGIN_EXPIRED,
    3: common.LOGIN_REFUSED,
    5: common.LOGIN_REFUSED,
    19: common.LOGIN_LOCKED,
    24: common.LOGIN_REFUSED,
    36: common.LOGIN_LOCKED,
}
#: Causes after a right password: the account may not read. They make a target limited, not blocked.
MAY_NOT_READ = (common.ACCESS_DENIED, causes.CANNOT_CONNECT, causes.NOT_BOUND)
_LOGIN_FAILED, _BROKEN_OFF = 30082, 30081
# End of the function's name in the driver's message about its own time-out, for example selectForRecvTimeout.
_UNANSWERED = 'Timeout"'
#: Characters that end a value in the driver's connection string; they cannot be escaped.
_UNSAYABLE = ";{}"
# If a server disconnects during a login, the driver logs in again, three times in all (measured with 12.1.4). No
# setting of the connection changes that, and one check could lock an account.
_LOG_IN_ONCE = {"DB2_MAX_CLIENT_CONNRETRIES": "0"}


@dataclass(frozen=True, slots=True)
class Where:
    """Hold the way to the server, the database to open, and the table to read.

    ``trace`` records whether the password was sent.
    """

    server: Lent
    database: str
    table: str
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


#: Finds SECCHK, the request with the password.
_FRAMING = Framing(wire.HEADER, wire.header_of, wire.BEFORE_THE_SECRET)


def where(host: str, port: int, database: str, table: str) -> Where:
    """Return the parameters of a login for the server at this address."""
    trace = SecretTrace()
    return Where(Relayed(host, port, _FRAMING, trace), database, table, trace)


def visit(where: Where, credential: Credential, seconds: float) -> LoginResult:
    """Log in once and read one row of ``where.table``; the driver may wait longer than ``seconds``.

    The password is sent encrypted (SERVER_ENCRYPT) or not at all.

    Raises:
        Failure: the login was refused, or the driver is not installed (``agent.driver-missing``).
        OSError: no connection.
    """
    user, password = credential.username, credential.password or ""
    if any(letter in word for word in (where.database, user, password) for letter in _UNSAYABLE):
        raise Failure(common.LIMIT, "IBM's driver accepts no name or password with ; { or }; no login was tried")
    os.environ.update(_LOG_IN_ONCE)  # before the driver is loaded
    with importing(
        "the server accepts only encrypted passwords; this needs IBM's driver: pip install 'scanready[db2]'"
    ):
        import ibm_db_dbi  # part of ibm_db, whose own functions raise only Exception
    settings: dict[str, Any] = {
        "DATABASE": where.database,
        "HOSTNAME": ADDRESS,
        "PORT": where.server.port(),
        "PROTOCOL": "TCPIP",
        "AUTHENTICATION": "SERVER_ENCRYPT",
        "CONNECTTIMEOUT": max(1, int(seconds)),
        "UID": user,
        "PWD": password,
    }
    try:
        session = ibm_db_dbi.connect("".join(f"{key}={value};" for key, value in settings.items()))
        cursor = session.cursor()
        cursor.execute(f"SELECT 1 FROM {where.table} FETCH FIRST 1 ROW ONLY")
        cursor.fetchone()
        session.close()
    except (ibm_db_dbi.Error, ibm_db_dbi.Warning) as error:
        failure = translate(str(error))
        if failure.cause in MAY_NOT_READ:
            return LoginResult(denied=failure)
        raise failure from error
    return LoginResult(read=f"one row of {where.table}")


def _security_failed(text: str, words: str) -> Failure:
    """Return the failure for SQL30082N by its reason, which is the server's or the driver's own."""
    reason = _REASON.search(text)
    number, name = (int(reason[1]), reason[2] or "") if reason else (0, "")
    if _OF_THE_CLIENT.search(name.upper()) or (not name and number in _NUMBERS_OF_THE_CLIENT):
        return Unfinished(common.LIMIT, f"ibm_db cannot log in here: {words}", error_code=-_LOGIN_FAILED)
    return Failure(_REASONS.get(number, causes.SECURITY_FAILED), words, error_code=-_LOGIN_FAILED)


def translate(text: str) -> Failure:
    """Return the failure for the driver's error by its SQL number, and for a login by the reason after it."""
    words = printable(text.rpartition("[CLI Driver]")[2], 300)
    number = _CODE.search(text)
    code = int(number[1]) if number else 0
    if code == _LOGIN_FAILED:
        return _security_failed(text, words)
    if code == _BROKEN_OFF and _UNANSWERED in text:
        return Failure(common.OUT_OF_TIME, f"the driver timed out: {words}", error_code=-code)
    if -code in causes.SQL_CODES:
        return Failure(causes.SQL_CODES[-code], words, error_code=-code)
    return Unfinished(common.LIMIT, f"the driver failed: {words}")
