"""Read one row from Informix with informix-driver, after scanready's own login was accepted."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Any

from scanready.causes import common, talk_ended
from scanready.clients.held_tls import held_context
from scanready.clients.imports import importing
from scanready.clients.seen_sockets import inspected
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import SecretTrace
from scanready.climb.login_trust import NO_CERTIFICATE, LoginTrust
from scanready.model import Credential
from scanready.wire.printable import printable

from . import causes

#: An Informix error number inside a text, such as "(sqlcode -951)" or "[-951]". Names of hosts also contain numbers.
_NUMBER = re.compile(r"(?:^|[\s(\[=])-(\d{3,5})(?!\d)")
#: The driver's words for the end of a connection.
_ENDED = re.compile(r"server closed connection|[Cc]onnection reset|[Bb]roken pipe")
#: Exceptions that the driver raises for an answer that it parses without checking.
_UNCHECKED = (struct.error, LookupError, ValueError, TypeError, AttributeError, AssertionError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Where:
    """Hold the server, its INFORMIXSERVER name, and the table to read (None: systables).

    ``encrypted`` is True if the port uses TLS. ``trust`` has the certificates that the server may show. ``trace``
    records whether the password was sent.
    """

    host: str
    port: int
    server: str
    database: str
    table: str | None
    encrypted: bool
    trust: LoginTrust = NO_CERTIFICATE
    trace: SecretTrace = field(default_factory=SecretTrace, compare=False)


def load() -> None:
    """Import the driver."""
    import informix_db  # noqa: F401


def visit(where: Where, credential: Credential, seconds: float) -> LoginResult:
    """Log in once more and read one row; the driver may wait longer than ``seconds``.

    Raises:
        Failure: the login or the read was refused, or the driver is not installed (``agent.driver-missing``).
    """
    with importing("informix-driver is not installed: pip install 'scanready[informix]'"):
        import informix_db
        from informix_db._protocol import ProtocolError

    def see(_: bytes) -> None:
        if not where.trace.sent:  # the first packet is the login
            where.trace.sent = True

    tls = held_context(where.trust, see=see) if where.encrypted else False
    settings: dict[str, Any] = {"connect_timeout": seconds, "read_timeout": seconds, "tls": tls}
    settings |= {"user": credential.username, "password": credential.password or ""}
    table = where.table or "systables"
    try:
        with inspected(see):
            session = informix_db.connect(
                where.host, where.port, database=where.database, server=where.server, **settings
            )
        with session, session.cursor() as cursor:
            cursor.execute(f"SELECT FIRST 1 1 FROM {table}")
            found = cursor.fetchone()
    except (informix_db.Error, ProtocolError) as error:  # the second is not one of its public classes
        raise translate(str(error), getattr(error, "sqlcode", None)) from error
    except _UNCHECKED as error:
        detail = f"informix-driver could not read the server's answer: {printable(repr(error), 300)}"
        raise Unfinished(common.LIMIT, detail) from error
    read = f"{'one row of ' if found else ''}{table} in {where.database}{'' if found else ', which is empty'}"
    return LoginResult(read=read)


def translate(text: str, number: int | None = None) -> Failure:
    """Return the failure for the driver's error, by ``number`` or by the Informix numbers in its text."""
    numbers = [number] if number else [-int(found) for found in _NUMBER.findall(text)]
    for number in numbers:
        if number in causes.NUMBERS:
            cause, meaning = causes.NUMBERS[number]
            return Failure(cause, f"error {number}: {meaning}", error_code=number)
    if numbers:
        return Failure(causes.SERVER_ERROR, printable(text, 300), error_code=numbers[0])
    if "timed out" in text:
        return Failure(common.OUT_OF_TIME, f"the driver timed out: {printable(text, 300)}")
    if _ENDED.search(text):
        return Unfinished(talk_ended.ACCESS_BROKEN_OFF, f"the connection ended while reading: {printable(text, 300)}")
    return Unfinished(common.LIMIT, f"the driver failed: {printable(text, 300)}")
