"""Recognise a MySQL or MariaDB server by its first bytes."""

from __future__ import annotations

import re

from scanready.climb.signature import Signature, says, shown


def _mysql(data: bytes) -> str | None:
    """u24 length (little endian), u8 sequence 0 or 1; then a version 10 greeting or an error packet.

    A second packet with the server's error about the foreign bytes may follow the greeting.
    """
    length = int.from_bytes(data[:3], "little")
    if len(data) < 8 or data[3] > 1 or not 7 <= length <= 2048:
        return None
    body, more = data[4:], data[4 + length :]
    if more and more[4:5] != b"\xff":
        return None
    if data[3] == 0 and (version := re.match(rb"\x0a([\x20-\x7e]{3,80})\x00.{12}\x00", body, re.DOTALL)):
        name = shown(version[1].removeprefix(b"5.5.5-"))
        return f"a {'MariaDB server' if 'mariadb' in name.lower() else 'server of the MySQL protocol'} ({name})"
    code = int.from_bytes(body[1:3], "little")
    if body[0] == 0xFF and 1000 <= code < 5000 and len(body) == length and b"\x00" not in body[3:]:
        return f"a MySQL or MariaDB server (error {code})"
    return None


SIGNATURES: tuple[Signature, ...] = (
    Signature("mysql", _mysql, 220),
    Signature("mysqlx", says(rb"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00", "a MySQL server's X Protocol port"), 230),
)
