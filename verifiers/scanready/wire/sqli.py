"""Encode and decode SQLI, the native protocol of IBM Informix.

The protocol starts with the login: the first packet asks for a connection with user, password and the server's name
(INFORMIXSERVER). A packet has a header of six octets: u16 length, u8 type, 3C, u16 options. A string is a u16 length
(including the terminating NUL) and the text. Source: packets of informix-driver 2026.9, and published signatures.

    agent                                   server
    CONREQ (user, password, server)      -> CONACC, CONREJ with an SQL code, or REDIRECT
    SQ_EXIT                              -> SQ_EXIT
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role
from .printable import words_of

CONREQ, CONACC, CONREJ, REDIRECT = 1, 2, 3, 13
#: The end of a session that was accepted.
EXIT = b"\x00\x38"

_HEADER = 6
_MOST_BYTES = 8192
#: The length of a packet is a signed number of two octets.
_MOST_SIGNED = 0x7FFF
_LONGEST = 255
_FIXED_AT_LEAST = 64
_MARK = 0x3C
_KINDS = (CONACC, CONREJ, REDIRECT)
_VERSION, _RESULT, _ELSEWHERE = 108, 102, 103
#: The blocks 100 and 101, and the format of numbers: the same in every packet of both sides.
_FIRST_BLOCK = b"\x00\x64\x00\x65\x00\x00\x00\x3d"
#: Separators in the text of a redirect: a label, then server, host, and port or service. The vendor's published
#: clients split it at the same characters.
_MARKS = re.compile(r"[:=|]")
_PART = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Destination:
    """Hold the destination of a redirect: INFORMIXSERVER, host, and a port or the name of a service."""

    server: str
    host: str
    service: str

    @property
    def port(self) -> int | None:
        """Return the port; None if the redirect has the name of a service instead."""
        return int(self.service) if self.service.isdecimal() and 0 < int(self.service) < 65536 else None


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold the answer to a connection request.

    ``code`` is Informix's error number (negative), 0 for none. ``os_error`` is the operating system's error. ``about``
    is the subject of the error (a server's name, user@client) or the text of a redirect. ``version`` is a dummy in a
    refusal. ``host`` is the server's own name.
    """

    kind: int
    version: str
    code: int
    os_error: int
    about: str
    host: str

    @property
    def destination(self) -> Destination | None:
        """Return the destination of a redirect; None if its format is unknown."""
        parts = _MARKS.split(self.about) if self.kind == REDIRECT else []
        if len(parts) != 4 or not all(_PART.fullmatch(part) for part in parts[1:]):
            return None
        return Destination(*parts[1:])


def connect(user: str, password: str, server: str, *, host: str) -> bytes:
    """Return a connection request, which has the password in clear text.

    Args:
        user: the account.
        password: may be empty; then the server refuses, which counts as a failed login.
        server: INFORMIXSERVER, one of the names in the server's DBSERVERNAME and DBSERVERALIASES.
        host: the client's name for the server's log.
    """
    body = b"".join(
        (
            struct.pack(">HHI", 100, 101, 61),
            _string("IEEEM"),
            struct.pack(">H", 108),
            b"sqlexec".ljust(12, b"\x00"),
            *map(_string, ("9.280", "RDS#R000000", "sqli")),
            struct.pack(">III", 0x13C, 0, 0),
            struct.pack(">H", 1),
            _string(user),
            _string(password) if password else b"\x00\x01\x00",
            b"ol".ljust(8, b"\x00"),
            struct.pack(">I", 61),
            b"tlitcp".ljust(8, b"\x00"),
            struct.pack(">I", 1),
            struct.pack(">HHI", 104, 11, 3),
            _string(server),
            bytes(10),  # no database, no options
            struct.pack(">HH", 106, 0),  # no environment
            struct.pack(">HIII", 107, 0, 1, 0),
            _string(host),
            b"\x00\x00",
            _string("."),
            struct.pack(">H", 127),
        )
    )
    return struct.pack(">HBBH", len(body) + _HEADER, CONREQ, 0x3C, 0) + body


def _string(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")[: _LONGEST * 4] + b"\x00"
    return struct.pack(">H", len(raw)) + raw


@stepwise
def read_answer(cursor: Cursor) -> Steps[Answer]:
    """Read the answer to a connection request.

    Raises:
        WireError: the answer is not SQLI.
        UnknownValue: the answer has an unknown type or an unknown block.
    """
    start = yield from cursor.peek(4)
    if start[3] != _MARK:
        raise ForeignBytes("not an answer in SQLI")
    if start[2] == CONREQ:
        raise WireError("not an answer in SQLI but a connection request")
    if start[2] not in _KINDS:
        first_block = (yield from cursor.peek(_HEADER + len(_FIRST_BLOCK)))[_HEADER:]
        if first_block != _FIRST_BLOCK:
            raise WireError("not an answer in SQLI")
        raise UnknownValue("the type of an SQLI packet", start[2])
    header = yield from cursor.take(_HEADER)
    length = int.from_bytes(header[:2], "big")
    if not _FIXED_AT_LEAST <= length <= _MOST_SIGNED:
        raise WireError(f"an SQLI packet of {length} bytes")
    if length > _MOST_BYTES:
        if (yield from cursor.take(len(_FIRST_BLOCK))) != _FIRST_BLOCK:
            raise WireError("an SQLI packet without its first block")
        raise OurLimit(f"an SQLI packet of {length} bytes, of which {_MOST_BYTES} are read")
    return _parse(header[2], (yield from cursor.take(length - _HEADER)))


@stepwise
def read_goodbye(cursor: Cursor) -> Steps[bytes]:
    """Read the answer to :data:`EXIT`; its content does not matter."""
    return (yield from cursor.take(2))


def _parse(kind: int, body: bytes) -> Answer:
    fields = _Fields(body)
    if fields.take(len(_FIRST_BLOCK)) != _FIRST_BLOCK:
        raise WireError("an SQLI packet without its first block")
    fields.string()
    if (block := fields.number(2)) != _VERSION:
        raise UnknownValue("the block where an SQLI packet has its version", block)
    fields.skip(12)
    version, _, _ = fields.string(), fields.string(), fields.string()
    fields.skip(12 + 6 + 8 + 4 + 8 + 4)
    block = fields.number(2)
    if kind == REDIRECT and block == _ELSEWHERE:
        fields.skip(2)
        return Answer(kind, version, 0, 0, fields.string(), "")
    if block != _RESULT:
        raise UnknownValue("the block where an SQLI packet has its result", block)
    fields.skip(6)
    code, os_error = fields.signed(), fields.signed()
    fields.skip(4)
    about, host = _subject_and_host(fields.rest())
    return Answer(kind, version, code, os_error, about, host)


def _subject_and_host(rest: bytes) -> tuple[str, str]:
    """Return the subject of the error and the server's host: the strings before and in block 107 (process data)."""
    at = rest.find(b"\x00\x6b\x00\x00\x00\x00")
    if at < 0:
        return _text(rest), ""
    fields = _Fields(rest[at + 2 :])
    fields.skip(12)
    return _text(rest[2:at]), fields.string()


class _Fields:
    """Read fields from a packet's body."""

    def __init__(self, body: bytes) -> None:
        self._body, self._offset = body, 0

    def take(self, count: int) -> bytes:
        end = self._offset + count
        if end > len(self._body):
            raise WireError(f"an SQLI packet ends before a field of {count} bytes")
        taken, self._offset = self._body[self._offset : end], end
        return taken

    skip = take

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def signed(self) -> int:
        return int.from_bytes(self.take(2), "big", signed=True)

    def string(self) -> str:
        return _text(self.take(self.number(2)))

    def rest(self) -> bytes:
        return self._body[self._offset :]


def _text(raw: bytes) -> str:
    text = raw[:_LONGEST].replace(b"\x00", b" ").decode("utf-8", "replace")
    return words_of(text)


FIELDS = (
    Field(
        "the mark of a packet",
        rb"^...(\x3c)..\x00\x64",
        (_MARK,),
        Role.DISCRIMINATOR,
        why="it is the same in every packet, and only it distinguishes SQLI from other protocols in the first octets",
    ),
    Field("the type of a packet", rb"^..([\x02\x03\x0d])\x3c..\x00\x64", (CONREQ, *_KINDS), Role.VALUE),
    Field(
        "the first block",
        rb"^.{6}(\x00\x64\x00\x65\x00\x00\x00\x3d)",
        (_FIRST_BLOCK,),
        Role.DISCRIMINATOR,
        why="every packet starts with it; a packet of unknown type counts as SQLI only if it follows",
    ),
    Field("the version block", rb"IEEEI\x00(\x00\x6c)", (_VERSION,), Role.VALUE),
    Field("the result block", rb"soctcp\x00\x00\x00\x00\x00\x01(\x00[\x66\x67])", (_RESULT, _ELSEWHERE), Role.VALUE),
    Field("the protocol of a connection", rb"\x00\x00\x00\x3d(soctcp)", (b"SOCTCP",), Role.VALUE),
)
