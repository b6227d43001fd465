"""A server that speaks PostgreSQL in bytes written here: a password, the session, and answers to statements."""

from __future__ import annotations

import struct
from collections.abc import Callable

from fixtures.emulators import Behaviour, Reader, Record, Writer

SSL_REQUEST = 80877103
HANG_UP = b""


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


MD5 = message(b"R", struct.pack(">I", 5) + b"salt")
ACCEPTED = message(b"R", struct.pack(">I", 0))
READY = message(b"Z", b"I")


def parameter(name: str, value: str) -> bytes:
    return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


SESSION = ACCEPTED + parameter("client_encoding", "UTF8") + parameter("server_version", "15.0") + READY


def error(state: str, text: str, severity: str = "ERROR") -> bytes:
    fields = (b"S" + severity.encode(), b"V" + severity.encode(), b"C" + state.encode(), b"M" + text.encode())
    return message(b"E", b"\0".join(fields) + b"\0\0")


def row(value: str) -> bytes:
    """One column of type text, and one row."""
    column = b"x\0" + struct.pack(">IHIhiH", 0, 0, 25, -1, -1, 0)
    text = value.encode()
    return (
        message(b"T", struct.pack(">H", 1) + column)
        + message(b"D", struct.pack(">HI", 1, len(text)) + text)
        + message(b"C", b"SELECT 1\0")
    )


DONE = message(b"C", b"BEGIN\0")


def server(
    statements: Callable[[str], bytes] = lambda _: DONE, session: bytes = SESSION, login: bytes = MD5
) -> Behaviour:
    """Return a server that takes any password, then answers each statement; ReadyForQuery follows by itself."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        code = SSL_REQUEST
        while code == SSL_REQUEST:
            length, code = struct.unpack(">II", await reader.readexactly(8))
            await reader.readexactly(length - 8)
            if code == SSL_REQUEST:
                writer.write(b"N")
        writer.write(login)
        statement = ""
        while True:
            kind = await reader.readexactly(1)
            body = await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
            if kind == b"p":
                record.count("logins")
                if not session:
                    return
                writer.write(session)
            elif kind == b"P":  # Parse: a name, the statement
                statement = body.split(b"\0")[1].decode()
            elif kind in (b"Q", b"S"):
                answer = statements(body[:-1].decode() if kind == b"Q" else statement)
                if not answer:
                    return
                accepted = message(b"1") + message(b"2") if kind == b"S" and answer[:1] != b"E" else b""
                writer.write(accepted + answer + READY)
            elif kind == b"X":
                return

    return behaviour
