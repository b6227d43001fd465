"""Messages without an end: for every reader what keeps it reading as long as it lets itself be kept.

Each is built of the smallest parts that the protocol has, for a reader that begins anew with each piece pays for all of
them each time. A flood is a function of a size in bytes: it returns about as many, or as many as the reader bears.
Every reader of the package has an entry, by its module and its name, here or in a ``FLOODS`` of its codec's test
module; tests/wire/test_readers_are_linear.py fails for one that has none.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from scanready.climb.identify import Signatures
from scanready.wire import http, imap, tds7

Flood = Callable[[int], bytes]

#: The further arguments of the readers that need some.
ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "wire.http.answer.read_response": {"method": "GET"},
    "wire.imap.read_answer": {"tag": "c1"},
    "targets.smb.dialect.read_answer": {"understand": lambda message: message},
    "targets.infrastructure.verify_master.read_speaker": {"signatures": Signatures()},
}

#: Readers whose message is over after a byte or two.
TINY = {"wire.sqli.read_goodbye", "targets.mssql.login.read_part", "clients.login_process.lent._part"}


def after(head: bytes, filler: bytes = b"x", most: int = 1 << 20) -> Flood:
    """Return a flood of ``head`` and then ``filler``, ``most`` bytes in all."""
    return lambda size: (head + filler * (min(size, most) // len(filler)))[: min(size, most)]


def many(part: bytes, most: int = 1 << 30, first: bytes = b"") -> Flood:
    """Return a flood of the whole message part ``part``, at most ``most`` times, after ``first``."""
    return lambda size: first + part * min(most, (size - len(first)) // len(part))


def _pdu(size: int, flags: int) -> bytes:
    """A fragment of a DCE/RPC response, not the last one."""
    return struct.pack("<BBBB4sHHI", 5, 0, 2, flags, b"\x10\0\0\0", size, 0, 1) + bytes(size - 16)


def _ssh_packet(size: int) -> bytes:
    """A packet with an IGNORE message, ``size`` bytes in all."""
    return struct.pack(">IBB", size - 4, 4, 2) + bytes(size - 6)


def _drda(size: int) -> bytes:
    return struct.pack(">HBBHHH", size, 0xD0, 0x42, 1, size - 6, 0x1443) + bytes(size - 10)


_TDS5 = {"empty packets": many(bytes.fromhex("0400000800000000")), "packets": many(b"\4\0\2\0" + bytes(508))}
_TDS7 = {"packets": many(bytes.fromhex("0400020000000100") + bytes(504), 127)}
_MYSQL = {"one packet": after(b"\xff\xff\0\0\n", b"8", 4 + 0xFFFF - 1)}
_SMB = {"one message": after(b"\0\1\xff\xf0\xffSMB", most=0x1FFF0)}
_NOTICES = many(b"N\0\0\0\4")
_CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

FLOODS: Mapping[str, Mapping[str, Flood]] = {
    "wire.dcerpc.read_answer": {
        "empty fragments": many(_pdu(24, 0), 254, first=_pdu(24, 1)),
        "fragments": many(_pdu(1024, 0), 254, first=_pdu(1024, 1)),
    },
    "wire.drda.read_replies": {"structures": many(_drda(2000), 31), "empty structures": many(_drda(10), 31)},
    "wire.http.answer.read_response": {
        "fields": many(b"a:b\r\n", most=http.MAX_LINES - 1, first=b"HTTP/1.1 200 OK\r\n"),
        "long fields": many(b"a:" + b"b" * 100 + b"\r\n", most=600, first=b"HTTP/1.1 200 OK\r\n"),
        "one field": after(b"HTTP/1.1 200 OK\r\na: ", most=http.MAX_HEAD - 1),
        "chunks of one byte": many(b"1\r\na\r\n", most=http.MAX_BODY, first=_CHUNKED),
        "a body": after(b"HTTP/1.1 200 OK\r\ncontent-length: 65535\r\n\r\n", most=65_535),
        "a body without a length": after(b"HTTP/1.1 200 OK\r\n\r\n", most=65_535),
        "provisional": many(b"HTTP/1.1 100 \r\n\r\n", most=8),
    },
    "wire.imap.read_answer": {
        "short lines": many(b"* x\r\n", imap.UNTAGGED_LIMIT),
        "lines": many(b"* " + b"x" * 61 + b"\r\n", imap.UNTAGGED_LIMIT - 1),
        "literals of one byte": many(b"{1}\r\na", first=b"* X "),
        "empty literals": many(b"{0}\r\n", first=b"* X "),
        "a literal": after(b"* X {60000}\r\n", most=60_000),
    },
    "wire.imap.read_greeting": {"a line": after(b"* OK ", most=imap.LINE_LIMIT - 1)},
    "wire.mysql.read_greeting": _MYSQL,
    "wire.mysql.read_login_answer": _MYSQL,
    "wire.mysql.read_query_answer": {"a column": after(b"\1\0\0\1\1\xff\xff\0\2", b"8", 9 + 0xFFFF - 1)},
    "wire.nbt.read_frame": _SMB,
    "wire.nrpc.read_opened": {"a message": after(struct.pack("<II6s", 4000, 0, b"\3\0\0\x40\2\x0f"), most=4000)},
    "wire.postgresql.read_query_answer": {"notices": _NOTICES},
    "wire.postgresql.read_session": {
        "parameters": many(b"S\0\0\0\6\0\0"),
        "notices": _NOTICES,
        "a notice": after(b"N\0\0\x75\x2f", most=0x752F),
    },
    "wire.postgresql.read_ssl_answer": {"a text": after(b"Esorry", most=29_999)},
    "wire.postgresql.read_startup_answer": {"notices": _NOTICES, "a text": after(b"Esorry", most=29_999)},
    "wire.postgresql.read_login_step": {"notices": _NOTICES, "a notice": after(b"N\0\0\x75\x2f", most=0x752F)},
    "wire.rpc.message.read_reply": {
        "fragments": many(struct.pack(">III", 1024, 9, 1) + bytes(1016), 63),
        "empty fragments": many(bytes(4), 63),
        "a fragment": after(struct.pack(">III", 0x8008_0000, 9, 1), most=0x8_0000),
    },
    "wire.sqli.read_answer": {"a packet": after(b"\x1f\xff\2\x3c", most=0x1FFE)},
    "wire.ssh.read_identification": {
        "lines": many(b"x" * 150 + b"\r\n", 400),
        "short lines": many(b"\n", 1023),
        "a line": after(b"", most=8191),
    },
    "wire.ssh.read_kexinit": {
        "packets to ignore": many(_ssh_packet(32_768), 8),
        "short": many(_ssh_packet(16), 8),
        "a packet": after(_ssh_packet(34_000)[:6], b"\0", 33_999),
    },
    "wire.tds5.read_answer": _TDS5,
    "wire.tds7.read_login_answer": _TDS7,
    "wire.tds7.read_prelogin": _TDS7,
    "wire.tds7.unwrap_tls": {
        **_TDS7,
        "a packet": after(struct.pack(">BBHHBB", tds7.PRELOGIN, 1, 0x7FF0, 0, 1, 0), most=0x7FEF),
        "a record": after(b"\x16\3\3\xff\xf0", most=0xFFF0),
    },
    "wire.teradata.read_answer": {
        "a message": after(bytes((3, 2)) + bytes(4) + struct.pack(">I", 200_000) + bytes(42))
    },
    "wire.tibero.read_greeting": {"a message": after(struct.pack(">II", 0, 4000) + bytes(8) + b"\0\0\0\6", most=4000)},
    "wire.tns.read_answer": {
        "a refusal": after(b"\x3f\xff\0\0\4\0\0\0", most=0x3FFE),
        "a redirect": after(b"\0\x0a\0\0\5\0\0\0\0\0" + b"\x3f\xff\0\0\6\0\0\0", most=0x3FFE),
    },
    "targets.infrastructure.verify_master.read_speaker": {"nothing known": after(b"", b"\x01", 511)},
    "targets.mssql.login.read_login_answer": _TDS7,
    "targets.mysql.connection.read_greeting": _MYSQL,
    "targets.smb.dialect.read_answer": _SMB,
}


def all_floods() -> dict[str, Mapping[str, Flood]]:
    """Return these floods and those that the test modules of codecs declare."""
    found = dict(FLOODS)
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if "\nFLOODS = {" in path.read_text("utf-8"):
            found |= importlib.import_module(f"tests.wire.{path.stem}").FLOODS
    return found
