"""Names in a database that converts no text (its encoding is SQL_ASCII).

Such a database stores the bytes that each client sent: usually UTF-8, sometimes what a program of 1998 wrote. psycopg
returns them as ``bytes`` and sends only ASCII. LATIN1 gives each byte a character, so every name survives the way from
the server and back. Only what people read is decoded as UTF-8, where it is that.

Source: PostgreSQL documentation, "Character Set Support"; psycopg 3, "Strings adaptation"; measured with PostgreSQL 15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def keep_every_byte(session: psycopg.Connection[Any]) -> None:
    """Exchange bytes one to one until the end of the transaction, if the database converts none.

    Raises:
        psycopg.Error: the server refuses the setting.
    """
    if session.info.encoding == "ascii":  # psycopg's name for SQL_ASCII
        session.execute("SET LOCAL client_encoding TO 'LATIN1'")


def for_people(session: psycopg.Connection[Any], name: str) -> str:
    """Return a name from the server as its author reads it."""
    if not _converts_nothing(session):
        return name
    try:
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def for_server(session: psycopg.Connection[Any], name: str) -> str:
    """Return a name of the inventory as :func:`keep_every_byte` sends it."""
    return name.encode("utf-8", "surrogateescape").decode("latin-1") if _converts_nothing(session) else name


def _converts_nothing(session: psycopg.Connection[Any]) -> bool:
    return session.info.parameter_status("server_encoding") == "SQL_ASCII"
