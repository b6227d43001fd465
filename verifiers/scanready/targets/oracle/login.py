"""Log in to Oracle with oracledb (thin mode) and read one row, in a process of its own: it can wait for ever."""

from __future__ import annotations

import re
from typing import Any

from scanready.causes import by_code, common
from scanready.clients import subprocess_call
from scanready.climb.explain import Failure
from scanready.model import Credential

from . import causes

_ORA = re.compile(r"\bORA-(\d{1,5})\b")  # the driver does not fill up a listener's number with noughts
_DPY = re.compile(r"DPY-(\d{4})")
#: The driver's own errors that say what it cannot do.
_LIMITS = {3001, 3010, 3015, 4011, 6005}
_BY_DRIVER = {6001: 12514, 6003: 12505}


def visit(
    host: str,
    port: int,
    options: dict[str, Any],
    encrypted: bool,
    credential: Credential,
    seconds: float,
) -> dict[str, Any]:
    """Log in once and read one row; returns ``version`` and ``read``. Blocks at most ``seconds``.

    Raises:
        Failure: refused, and why; ``agent.driver-missing``.
        TimeoutError: the driver did not come back.
    """
    where = {
        "host": host,
        "port": port,
        "service": options.get("service"),
        "sid": options.get("sid"),
        "table": options.get("table"),
        "encrypted": encrypted,
        "user": credential.username,
        "password": credential.password or "",
        "seconds": seconds,
    }
    found: dict[str, Any] = subprocess_call.run(f"{__name__}:log_in", where, seconds, by_code(causes))
    return found


def log_in(
    host: str,
    port: int,
    service: str | None,
    sid: str | None,
    table: str | None,
    encrypted: bool,
    user: str,
    password: str,
    seconds: float,
) -> dict[str, str]:
    """The part that runs over there.

    Raises:
        Failure: see :func:`visit`.
    """
    try:
        import oracledb
    except ImportError as error:
        raise Failure(common.DRIVER_MISSING, "oracledb is not installed: pip install 'scanready[db]'") from error
    settings: dict[str, Any] = {"tcp_connect_timeout": seconds, "retry_count": 0}
    if encrypted:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the certificate was judged already, and told as a fact
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        settings |= {"protocol": "tcps", "ssl_context": context, "ssl_server_dn_match": False}
    settings |= {"service_name": service} if service else {"sid": sid}
    try:
        session = oracledb.connect(user=user, password=password, host=host, port=port, **settings)
        with session, session.cursor() as cursor:
            found = {"version": session.version, "read": _read(cursor, table)}
            if session.warning:  # the password expires soon, say
                found["warning"] = str(session.warning).splitlines()[0][:300]
            return found
    except oracledb.Error as error:
        raise translate(str(error), user) from error


def _read(cursor: Any, table: str | None) -> str:
    what = ".".join('"' + part.replace('"', '""') + '"' for part in table.split(".")) if table else "all_tables"
    cursor.execute(f"SELECT 1 FROM {what} WHERE ROWNUM = 1")
    found = cursor.fetchone()
    return f"{'one row of ' if found else ''}{table or 'ALL_TABLES'}{'' if found else ', which shows nothing'}"


def translate(said: str, user: str) -> Failure:
    """The cause of the driver's error, by the database's number in it, or by the driver's own."""
    driver = _DPY.search(said)
    number = _ORA.search(said)
    code = int(number[1]) if number else _BY_DRIVER.get(int(driver[1]) if driver else 0, 0)
    # The driver puts words of its own above the database's: "cannot connect", whatever the reason.
    lines = sorted(said.splitlines(), key=lambda line: number is not None and number[0] not in line)
    first = lines[0][:300] if lines else "refused without a word"
    if code in causes.DATABASE:
        cause = causes.DATABASE[code]
        fix = f'GRANT CREATE SESSION TO "{user.upper()}";' if cause is causes.NO_SESSION_PRIVILEGE else None
        return Failure(cause, first, fix, error_code=code)
    if driver and int(driver[1]) in _LIMITS:
        return Failure(common.LIMIT, f"our driver cannot: {first}")
    if code == 28040:
        return Failure(common.LIMIT, f"our driver has no login protocol in common with the server: {first}")
    if code:
        return Failure(causes.SERVER_ERROR, first, error_code=code)
    return Failure(common.LIMIT, f"the driver failed: {first}")
