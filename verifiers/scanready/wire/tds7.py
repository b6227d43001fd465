"""Encode and decode TDS 7 and 8 (Microsoft SQL Server): PRELOGIN, TLS inside it, and the answer to a login.

The client sends first::

    agent   PRELOGIN: version, encryption, instance
    server  PRELOGIN: version, encryption, whether the instance matches (or an error instead)
    both    the TLS handshake inside PRELOGIN packets; after the handshake plain TLS records
    agent   LOGIN7
    server  LOGINACK and DONE, or ERROR and DONE; an ENVCHANGE may redirect the client to another host

With TDS 8.0 ("strict") TLS comes first with ALPN ``tds/8.0``, and PRELOGIN is sent inside TLS.

A packet is a u8 type, a u8 status (1: the last packet of its message), a u16 length (including this header of 8
bytes), a u16 process, a u8 number and a u8 window. A message is the payload of one or more packets. Numbers are
big-endian in headers and PRELOGIN, and little-endian in tokens. Source: [MS-TDS] 2.2.1 to 2.2.7. SQL Server supports at
most TLS 1.2 in TDS 7. Other TDS servers (Babelfish) may send the session tickets of TLS 1.3 in packets after the
handshake.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role

#: The most bytes and packets of one message until the login; a real message has one packet of less than 1 KiB.
MESSAGE_LIMIT, _MOST_PACKETS = 64 * 1024, 128
#: The ALPN name of TDS 8.0.
ALPN = "tds/8.0"

# Packet types.
REPLY, LOGIN7, SSPI, PRELOGIN = 0x04, 0x10, 0x11, 0x12
_LAST = 0x01
_HEADER = struct.Struct(">BBHHBB")
#: Bytes of a packet before both sides agree on a size, and of the largest packet ([MS-TDS] 2.2.3.1.3, 2.2.6.4).
_PACKET, _LARGEST_PACKET = 4096, 0x7FFF

_TLS_RECORDS = range(0x14, 0x18)

# PRELOGIN options.
_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _END = 0, 1, 2, 3, 4, 0xFF
#: Whether the instance's name matches, by the server's INSTOPT ([MS-TDS] 2.2.6.5); other values mean nothing.
_MATCHES = {0: True, 1: False}

#: The widths of the parts of VERSION.
_VERSION_PARTS = (1, 1, 2, 2)

#: Version 1.0, as python-tds sends it; servers only record it.
_OUR_VERSION = b"\x01\0\0\0\0\0"

_PRODUCTS: Mapping[tuple[int, ...], str] = {
    (8, 0): "2000",
    (9, 0): "2005",
    (10, 0): "2008",
    (10, 50): "2008 R2",
    (11, 0): "2012",
    (12, 0): "2014",
    (13, 0): "2016",
    (14, 0): "2017",
    (15, 0): "2019",
    (16, 0): "2022",
    (17, 0): "2025",
}
#: The version that Azure SQL Database always reports; an unpatched SQL Server 2014 reports it too.
_AZURE_OR_2014 = (12, 0, 2000)


class Encryption(IntEnum):
    """Name the values of the encryption option in PRELOGIN."""

    OFF = 0  # only the login is encrypted
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Prelogin:
    """Hold the server's PRELOGIN; ``instance_matches`` is None if the server does not report it.

    ``version`` has the parts of the VERSION option (usually four). ``encryption`` is the raw byte, since a server may
    use values that :class:`Encryption` does not have; it is None if the answer lacks the option.
    """

    version: tuple[int, ...]
    encryption: int | None
    instance_matches: bool | None

    @property
    def product(self) -> str:
        """Return the product's name, such as "Microsoft SQL Server 2022"."""
        year = _PRODUCTS.get(self.version[:2], "")
        if self.version[:3] == _AZURE_OR_2014:
            year = "2014 or Azure SQL"
        return f"Microsoft SQL Server {year}".rstrip()

    @property
    def name(self) -> str:
        """Return the product's name with its version."""
        return f"{self.product} {self.version_text}".rstrip()

    @property
    def version_text(self) -> str:
        """Return the version such as "16.0.4135", empty if unknown; a sub-build other than 0 is the fourth number."""
        return ".".join(map(str, self.version if any(self.version[3:]) else self.version[:3]))


@dataclass(frozen=True, slots=True)
class ServerError:
    """Hold an ERROR token; ``severity`` 20 and above ends the connection, ``server`` is ``HOST\\INSTANCE``."""

    number: int
    state: int
    severity: int
    message: str
    server: str


@dataclass(frozen=True, slots=True)
class LoginAck:
    """Hold a LOGINACK token: the server accepted the login; ``tds`` is the protocol version, such as 0x74000004."""

    tds: int
    program: str


@dataclass(frozen=True, slots=True)
class Route:
    """Hold the server to which an accepted login is redirected (Azure's redirection, or read-only routing)."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """Hold the tokens that answer a login; the server accepted it if there is an ``ack``.

    ``challenge`` is True if the server needs another round first, as for a Windows account. ``unknown`` has the tokens
    that were skipped.
    """

    ack: LoginAck | None = None
    errors: tuple[ServerError, ...] = ()
    route: Route | None = None
    database: str = ""
    challenge: bool = False
    unknown: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherTds:
    """Hold an error of a TDS 5.0 server (Sybase, now SAP ASE), whose numbers are big-endian."""

    message: str


def prelogin(encryption: Encryption, instance: str = "") -> bytes:
    """Return the first message of a connection; it needs no account, and a client may stop after it.

    Args:
        encryption: the requested encryption.
        instance: the name that the server compares with its own; empty for any instance.

    Raises:
        ValueError: the name is not ASCII. The server's code page for other characters is unknown.
    """
    options = (
        (_VERSION, _OUR_VERSION),
        (_ENCRYPTION, bytes([encryption])),
        (_INSTANCE, instance.encode("ascii") + b"\0"),
        (_THREAD, bytes(4)),
        (_MARS, b"\0"),
    )
    table, values = b"", b""
    at = 5 * len(options) + 1
    for option, value in options:
        table += struct.pack(">BHH", option, at + len(values), len(value))
        values += value
    return _packets(PRELOGIN, table + bytes([_END]) + values)


@stepwise
def read_prelogin(cursor: Cursor) -> Steps[Prelogin | Tokens | OtherTds]:
    """Read the answer to PRELOGIN; a server that accepts no connection now sends :class:`Tokens`.

    Raises:
        WireError: the bytes are not an answer to PRELOGIN.
    """
    payload = yield from _message(cursor)
    if payload[:1] == b"\0":
        return _prelogin(payload)
    if (other := _big_endian_tokens(payload)) is not None:
        return other
    return _tokens(payload)


@stepwise
def read_login_answer(cursor: Cursor) -> Steps[Tokens]:
    """Read the answer to a LOGIN7.

    Raises:
        WireError: the bytes are not an answer to LOGIN7.
    """
    return _tokens((yield from _message(cursor)))


def wrap_tls(flight: bytes) -> bytes:
    """Put a flight of the client's TLS handshake into PRELOGIN packets."""
    return _packets(PRELOGIN, flight)


@stepwise
def unwrap_tls(cursor: Cursor) -> Steps[bytes]:
    """Return the TLS bytes of the next packet, or of the next bare TLS record.

    The first byte decides, because no TLS record starts with a byte that is a packet type.

    Raises:
        WireError: the next bytes are neither TLS nor a PRELOGIN packet.
    """
    (kind,) = yield from cursor.peek(1)
    if kind in _TLS_RECORDS:
        header = yield from cursor.peek(5)
        return (yield from cursor.take(5 + int.from_bytes(header[3:], "big")))
    if kind == REPLY:
        errors = "; ".join(error.message for error in _tokens((yield from _message(cursor))).errors)
        raise WireError(f"the server answers the TLS ClientHello with a TDS reply: {errors or 'without an error'}")
    if kind != PRELOGIN:
        raise WireError(
            f"the server answers the TLS ClientHello with 0x{kind:02x}, which is neither TLS nor a PRELOGIN packet"
        )
    length = _length((yield from cursor.take(_HEADER.size)))
    return (yield from cursor.take(length - _HEADER.size))


# Reading


def _packets(kind: int, payload: bytes) -> bytes:
    room = _PACKET - _HEADER.size
    pieces = [payload[at : at + room] for at in range(0, len(payload), room)] or [b""]
    last = len(pieces) - 1
    return b"".join(
        _HEADER.pack(kind, _LAST if number == last else 0, _HEADER.size + len(piece), 0, number + 1 & 0xFF, 0) + piece
        for number, piece in enumerate(pieces)
    )


def _length(head: bytes) -> int:
    length = int(_HEADER.unpack(head)[2])
    if length < _HEADER.size:
        raise WireError(f"a TDS packet of {length} bytes, which is less than its header")
    if length > _LARGEST_PACKET:
        raise WireError(f"a TDS packet of {length} bytes, which is more than the protocol allows")
    return length


def _message(cursor: Cursor) -> Steps[bytes]:
    """Read a whole reply and return the payload of its packets."""
    (kind,) = yield from cursor.peek(1)
    if kind != REPLY:
        raise ForeignBytes(f"the answer starts with 0x{kind:02x}, which is not a TDS reply")
    start, parts = cursor.at, list[bytes]()
    while True:
        head = yield from cursor.take(_HEADER.size)
        if head[0] != REPLY:
            raise WireError(f"a TDS packet of type 0x{head[0]:02x} inside a reply")
        length = _length(head)
        size = cursor.at - start + length - _HEADER.size
        if size > MESSAGE_LIMIT or len(parts) >= _MOST_PACKETS:
            most = f"{MESSAGE_LIMIT} bytes or {_MOST_PACKETS} packets"
            raise OurLimit(f"a TDS reply of more than {most}, the most that scanready reads")
        parts.append((yield from cursor.take(length - _HEADER.size)))
        if head[1] & _LAST:
            return b"".join(parts)


def _prelogin(payload: bytes) -> Prelogin:
    found: dict[int, bytes] = {}
    at = 0
    while (option := payload[at : at + 1]) != bytes([_END]):
        if len(payload) < at + 5:
            raise WireError("the table of PRELOGIN has no end")
        since, length = struct.unpack_from(">HH", payload, at + 1)
        if since + length > len(payload):
            raise WireError(f"the PRELOGIN option {option[0]} is beyond the end of the packet")
        found.setdefault(option[0], payload[since : since + length])
        at += 5
    encryption, instance = found.get(_ENCRYPTION, b""), found.get(_INSTANCE, b"")
    return Prelogin(
        _version(found.get(_VERSION, b"")),
        encryption[0] if encryption else None,
        _MATCHES.get(instance[0]) if instance else None,
    )


def _version(value: bytes) -> tuple[int, ...]:
    """Read the VERSION option: u8 major, u8 minor, u16 build, u16 sub-build.

    A shorter option gives only its complete parts; octets after the sixth are ignored.
    """
    parts, at = list[int](), 0
    for size in _VERSION_PARTS:
        if at + size > len(value):
            break
        parts.append(int.from_bytes(value[at : at + size], "big"))
        at += size
    return tuple(parts)


class _Form(IntEnum):
    """Name the forms of a token ([MS-TDS] 2.2.4.2): u16 length, length in the token's bits (power of two), empty."""

    SIZED, FIXED, EMPTY = 0x20, 0x30, 0x10


class _Token(IntEnum):
    """Name the tokens in the answer to a login."""

    ERROR, INFO, LOGINACK, FEATURES = 0xAA, 0xAB, 0xAD, 0xAE
    ENVCHANGE, SESSION_STATE, SSPI, FED_AUTH = 0xE3, 0xE4, 0xED, 0xEE
    DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF


#: The bits of a token that show the form of its length.
_FORM = 0x30
_DONE = (_Token.DONE, _Token.DONE_PROCEDURE, _Token.DONE_IN_PROCEDURE)
_DONE_MORE = 0x0001
_LONG = (_Token.SESSION_STATE, _Token.FED_AUTH)  # their length is a u32
_CHANGED_DATABASE, _CHANGED_ROUTE = 1, 20
_NO_MORE_FEATURES = 0xFF


class _Cursor:
    """Read fields from bytes that a peer sent; a field beyond their end is a WireError."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise WireError("a TDS token ends before its last field")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def text(self, size: int) -> str:
        """Read a UTF-16 text; ``size`` bytes before it hold the number of its characters."""
        return self.take(2 * self.number(size)).decode("utf-16-le", "replace")

    @property
    def more(self) -> bool:
        return self.at < len(self.data)


def _tokens(payload: bytes) -> Tokens:  # noqa: C901  # one case a token
    """Read tokens up to the last DONE; bytes after it do not belong to the login."""
    cursor = _Cursor(payload)
    ack: LoginAck | None = None
    errors: list[ServerError] = []
    route, database, challenge, unknown = None, "", False, list[int]()
    while cursor.more:
        kind = cursor.number(1)
        if kind in _DONE:
            if not cursor.number(2) & _DONE_MORE:
                break
            cursor.take(10)  # the command and a row count, which are not needed
            continue
        if kind == _Token.FEATURES:
            while cursor.number(1) != _NO_MORE_FEATURES:
                cursor.take(cursor.number(4))
            continue
        body = _Cursor(_body(cursor, kind))
        match kind:
            case _Token.ERROR:
                errors.append(_error(body))
            case _Token.LOGINACK:
                ack = _loginack(body)
            case _Token.ENVCHANGE:
                changed = body.number(1)
                if changed == _CHANGED_DATABASE:
                    database = body.text(1)
                elif changed == _CHANGED_ROUTE:
                    route = _route(body)
            case _Token.SSPI:
                challenge = True
            case _Token.INFO | _Token.SESSION_STATE | _Token.FED_AUTH:
                pass
            case _:
                unknown.append(kind)
    return Tokens(ack, tuple(errors), route, database, challenge, tuple(unknown))


def _body(cursor: _Cursor, kind: int) -> bytes:
    """Read the body of a token; the form of an unknown token shows its length.

    Raises:
        UnknownValue: the form of an unknown token does not show its length.
    """
    if kind in _LONG:
        return cursor.take(cursor.number(4))
    match kind & _FORM:
        case _Form.SIZED:
            return cursor.take(cursor.number(2))
        case _Form.FIXED:
            return cursor.take(1 << (kind >> 2 & 3))
        case _Form.EMPTY:
            return b""
        case _:
            raise UnknownValue("a token in the answer to the login", kind)


def _error(body: _Cursor) -> ServerError:
    number, state, severity = body.number(4), body.number(1), body.number(1)
    return ServerError(number, state, severity, body.text(2), body.text(1))


def _loginack(body: _Cursor) -> LoginAck:
    body.take(1)
    tds = int.from_bytes(body.take(4), "big")
    return LoginAck(tds, body.text(1).rstrip("\0"))


def _route(body: _Cursor) -> Route:
    inner = _Cursor(body.take(body.number(2)))
    inner.take(1)  # the protocol; 0 (TCP) is the only value
    port = inner.number(2)
    return Route(inner.text(2), port)


def _big_endian_tokens(payload: bytes) -> OtherTds | None:
    """Return the error of a TDS 5.0 server if the lengths fit only that; None for an error of TDS 7."""
    if payload[:1] not in (b"\xaa", b"\xe5") or len(payload) < 3:
        return None
    room, big, little = len(payload) - 3, int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[1:3], "little")
    if big > room or (payload[0] == _Token.ERROR and little <= room):
        return None
    texts = re.findall(rb"[ -~]{4,}", payload[3 : 3 + big])
    return OtherTds(max(texts, key=len, default=b"").decode("ascii"))


FIELDS = (
    Field(
        "the type of a packet",
        rb"^(.)[\x00\x01].{6}",
        (REPLY, PRELOGIN),
        Role.DISCRIMINATOR,
        why="only the first octet of an answer distinguishes TDS from other protocols and from TLS",
    ),
    Field("the status of a packet", rb"^\x04(.)", (_LAST,), Role.VALUE, flags=True),
    Field(
        "the first option of PRELOGIN",
        rb"^\x04.{7}(\x00)\x00.\x00\x06",
        (_VERSION,),
        Role.DISCRIMINATOR,
        why="VERSION comes first ([MS-TDS] 2.2.6.5), which distinguishes PRELOGIN from the tokens of an error",
    ),
    Field(
        "an option of PRELOGIN", rb"^\x04.{7}\0.{4}(.)", (_ENCRYPTION, _INSTANCE, _THREAD, _MARS, 5, 6, 7), Role.VALUE
    ),
    Field("the encryption in PRELOGIN", rb"\xff[^\xff]{6}(.)\x00", tuple(Encryption), Role.VALUE),
    Field("the instance in PRELOGIN", rb"\xff[^\xff]{6}.([\x00\x01])", _MATCHES, Role.VALUE),
    Field("a token", rb"^\x04.{7}([\xaa-\xff])", tuple(_Token), Role.VALUE, unknown=(b"\xa6", b"\xe7", b"\xef")),
    Field("what ENVCHANGE changes", rb"\xe3.\x00(.)", (_CHANGED_DATABASE, 2, 3, 4, 7, 18, _CHANGED_ROUTE), Role.VALUE),
    Field("the status of DONE", rb"\xfd(..).{10}$", (_DONE_MORE, 0x02, 0x10), Role.VALUE, order="little", flags=True),
)
