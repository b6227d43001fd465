"""Read one row from Informix with informix-driver, in a process of its own, after our own login was accepted."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from scanready.causes import by_code, common
from scanready.clients import subprocess_call
from scanready.clients.imports import importing
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult
from scanready.model import Credential

from . import causes

_NUMBER = re.compile(r"(?<!\d)-(\d{3,5})(?!\d)")


@dataclass(frozen=True, slots=True)
class Where:
    """The server, its INFORMIXSERVER name, and the table of which one row is read (None: the catalogue's first).

    ``encrypted`` is true where the port takes TLS.
    """

    host: str
    port: int
    server: str
    database: str
    table: str | None
    encrypted: bool


def visit(where: Where, credential: Credential, seconds: float) -> LoginResult:
    """Log in once more and read one row. Blocks at most ``seconds``.

    Raises:
        Failure: refused, and why; ``agent.driver-missing``.
        TimeoutError: the driver did not come back.
    """
    account = {"user": credential.username, "password": credential.password or ""}
    arguments = {**asdict(where), **account, "seconds": seconds}
    return LoginResult(read=subprocess_call.run(f"{__name__}:read", arguments, seconds, by_code(causes)))


def read(
    host: str,
    port: int,
    server: str,
    database: str,
    table: str | None,
    encrypted: bool,
    user: str,
    password: str,
    seconds: float,
) -> str:
    """The part that runs over there.

    Raises:
        Failure: see :func:`visit`.
    """
    with importing("informix-driver is not installed: pip install 'scanready[informix]'"):
        import informix_db
    limits: dict[str, Any] = {"connect_timeout": seconds, "read_timeout": seconds, "tls": encrypted}
    try:
        session = informix_db.connect(
            host, port, user=user, password=password, database=database, server=server, **limits
        )
        with session, session.cursor() as cursor:
            cursor.execute(f"SELECT FIRST 1 1 FROM {table or 'systables'}")
            found = cursor.fetchone()
    except informix_db.Error as error:
        raise translate(str(error), getattr(error, "sqlcode", None)) from error
    return f"{'one row of ' if found else ''}{table or 'systables'} in {database}{'' if found else ', which is empty'}"


def translate(text: str, number: int | None = None) -> Failure:
    """The cause of the driver's error, by Informix's number in it or beside it."""
    numbers = [number] if number else [-int(found) for found in _NUMBER.findall(text)]
    for number in numbers:
        if number in causes.NUMBERS:
            cause, meaning = causes.NUMBERS[number]
            return Failure(cause, f"error {number}: {meaning}", error_code=number)
    if numbers:
        return Failure(causes.SERVER_ERROR, text[:300], error_code=numbers[0])
    return Failure(common.LIMIT, f"the driver failed: {text[:300]}")
