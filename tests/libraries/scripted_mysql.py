"""A server that speaks MySQL in bytes written here: a greeting, an answer to the login, and answers to statements."""

from __future__ import annotations

from collections.abc import Callable

from fixtures.emulators import Behaviour, Reader, Record, Writer, mysql

#: Protocol 10 with ``mysql_native_password``, without TLS: MariaDB's own, captured.
GREETING = mysql.GREETING_10_11_PLAIN
#: OK: no rows, no insert, autocommit (MySQL internals manual, "OK_Packet").
OK = b"\0\0\0\2\0\0\0"
END = b"\xfe\0\0\2\0"
#: Closes the connection in place of an answer.
HANG_UP = b""
#: The capability PROTOCOL_41, in the lower two octets of the greeting's.
PROTOCOL_41 = 0x0200


def packet(payload: bytes, number: int) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number & 0xFF]) + payload


def error(number: int, text: str, state: str = "HY000") -> bytes:
    """ERR: 0xff, the number, #, SQLSTATE, the text."""
    return b"\xff" + number.to_bytes(2, "little") + b"#" + state.encode() + text.encode()


def row(value: str, number: int = 1) -> bytes:
    """A result of one column and one row: its count, its definition, EOF, the row, EOF."""
    name = b"\x03def\0\0\0\x01x\0\x0c\x21\0\xff\0\0\0\xfd\0\0\0\0\0"
    parts = (b"\x01", name, END, bytes([len(value)]) + value.encode(), END)
    return b"".join(packet(part, number + at) for at, part in enumerate(parts))


def ancient_greeting() -> bytes:
    """The same greeting of a server that is older than 4.1: its capabilities do not have PROTOCOL_41."""
    at = GREETING.index(b"\0", 5) + 1 + 4 + 8 + 1  # after the version, the thread's number and half of the salt
    flags = int.from_bytes(GREETING[at : at + 2], "little")
    return GREETING[:at] + (flags & ~PROTOCOL_41).to_bytes(2, "little") + GREETING[at + 2 :]


def server(
    login: bytes = OK,
    statements: Callable[[str], bytes] = lambda _: OK,
    *,
    greeting: bytes = GREETING,
    number: int | None = None,
) -> Behaviour:
    """Return a server that answers the login, and each statement, with these payloads; see :data:`HANG_UP`.

    ``number`` is that of the answer to the login, by default the right one. ``statements`` may return whole packets,
    as :func:`row` makes them, numbered from 1.
    """

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(greeting)
        head = await reader.readexactly(4)
        await reader.readexactly(int.from_bytes(head[:3], "little"))
        record.count("logins")
        if not login:
            return
        writer.write(packet(login, head[3] + 1 if number is None else number))
        while True:
            head = await reader.readexactly(4)
            asked = await reader.readexactly(int.from_bytes(head[:3], "little"))
            if asked[:1] == b"\x01":  # COM_QUIT
                return
            answer = statements(asked[1:].decode()) if asked[:1] == b"\x03" else OK
            if not answer:
                return
            writer.write(answer if answer[3:4] == b"\x01" and len(answer) > 30 else packet(answer, 1))

    return behaviour
