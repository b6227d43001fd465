"""TDS 7 and 8, Microsoft SQL Server: PRELOGIN, TLS within it, and what a login is answered with.

The client speaks first::

    we      PRELOGIN: version, encryption, instance
    server  PRELOGIN: version, encryption, whether that is its instance (or, in its place, an error)
    both    the TLS handshake, its flights in PRELOGIN packets; what follows it are bare TLS records
    we      LOGIN7
    server  LOGINACK and DONE, or ERROR and DONE; an ENVCHANGE may send us on to another host

With TDS 8.0 ("strict") TLS comes first, its ALPN name being ``tds/8.0``, and PRELOGIN travels inside.

A packet is a u8 type, a u8 status (1: the last one of its message), a u16 length (this header of 8 bytes included), a
u16 process, a u8 number, a u8 window; a message is the payload of one or more of them. Numbers in headers and PRELOGIN
are big-endian, in tokens little-endian. Source: [MS-TDS] 2.2.1 to 2.2.7. SQL Server speaks at most TLS 1.2 in
TDS 7; others that speak TDS (Babelfish) may send the session tickets of TLS 1.3 in packets, after their handshake.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role

#: Bytes of one message before and at a login, and the packets it comes in; real ones have less than 1 KiB, in one.
MESSAGE_LIMIT, _MOST_PACKETS = 64 * 1024, 128
#: The ALPN name of TDS 8.0.
ALPN = "tds/8.0"

# Packet types.
REPLY, LOGIN7, SSPI, PRELOGIN = 0x04, 0x10, 0x11, 0x12
_LAST = 0x01
_HEADER = struct.Struct(">BBHHBB")
#: Bytes of a packet before any other size is agreed on, and of the largest ([MS-TDS] 2.2.3.1.3, 2.2.6.4).
_PACKET, _LARGEST_PACKET = 4096, 0x7FFF

_TLS_RECORDS = range(0x14, 0x18)

# PRELOGIN options.
_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS, _END = 0, 1, 2, 3, 4, 0xFF
#: The server's answer to the instance's name ([MS-TDS] 2.2.6.5); other values say nothing.
_MATCHES = {0: True, 1: False}

#: The widths of the parts of VERSION.
_VERSION_PARTS = (1, 1, 2, 2)

#: 1.0, as python-tds says: servers only keep it.
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
#: What Azure SQL Database has said of itself for years, whatever it runs; a SQL Server 2014 has it as well, unpatched.
_AZURE_OR_2014 = (12, 0, 2000)


class Encryption(IntEnum):
    """What both sides say of encryption in PRELOGIN."""

    OFF = 0  # of the login alone
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Prelogin:
    """The server's PRELOGIN. ``instance_matches`` is None if it does not say.

    ``version`` has the parts that its option holds (four, as a rule). ``encryption`` is the byte as it came: a
    server may know more of them than :class:`Encryption`. None if the answer does not have the option.
    """

    version: tuple[int, ...]
    encryption: int | None
    instance_matches: bool | None

    @property
    def product(self) -> str:
        """Such as "Microsoft SQL Server 2022"."""
        year = _PRODUCTS.get(self.version[:2], "")
        if self.version[:3] == _AZURE_OR_2014:
            year = "2014 or Azure SQL"
        return f"Microsoft SQL Server {year}".rstrip()

    @property
    def name(self) -> str:
        """The product with its version."""
        return f"{self.product} {self.version_text}".rstrip()

    @property
    def version_text(self) -> str:
        """Such as "16.0.4135", empty if unknown; a sub-build that is not 0 comes as a fourth number."""
        return ".".join(map(str, self.version if any(self.version[3:]) else self.version[:3]))


@dataclass(frozen=True, slots=True)
class ServerError:
    """An ERROR token. ``severity`` 20 and above ends the connection; ``server`` is ``HOST\\INSTANCE``."""

    number: int
    state: int
    severity: int
    message: str
    server: str


@dataclass(frozen=True, slots=True)
class LoginAck:
    """The login was accepted. ``tds`` is the version of the protocol, such as 0x74000004."""

    tds: int
    program: str


@dataclass(frozen=True, slots=True)
class Route:
    """The login was accepted, and goes on at another server: Azure's redirection, or read-only routing."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the server says to a login: accepted if there is an ``ack``.

    ``challenge`` is true where it wants another round first, as for a Windows account; ``unknown`` are tokens that were
    stepped over.
    """

    ack: LoginAck | None = None
    errors: tuple[ServerError, ...] = ()
    route: Route | None = None
    database: str = ""
    challenge: bool = False
    unknown: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherTds:
    """Tokens of TDS 5.0 with their numbers big-endian: Sybase, or SAP ASE as it is called today."""

    message: str


def prelogin(encryption: Encryption, instance: str = "") -> bytes:
    """Open the talk; it needs no account, and the server does not mind if nothing follows.

    Args:
        encryption: what we ask for.
        instance: the server says whether it is the one of this name; empty for "any".

    Raises:
        ValueError: the name is not ASCII. Which code page the server takes others from is not ours to know.
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
    """Read the answer to our PRELOGIN.

    :class:`Tokens` come from a server that takes no connection now.

    Raises:
        WireError: it is none.
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
        WireError: it is none.
    """
    return _tokens((yield from _message(cursor)))


def wrap_tls(flight: bytes) -> bytes:
    """Put a flight of our TLS handshake into PRELOGIN packets."""
    return _packets(PRELOGIN, flight)


@stepwise
def unwrap_tls(cursor: Cursor) -> Steps[bytes]:
    """Take TLS out of the next packet, or the next record that comes without one.

    No TLS record begins with a byte that is the type of a packet.

    Raises:
        WireError: it is something else.
    """
    (kind,) = yield from cursor.peek(1)
    if kind in _TLS_RECORDS:
        header = yield from cursor.peek(5)
        return (yield from cursor.take(5 + int.from_bytes(header[3:], "big")))
    if kind == REPLY:
        errors = "; ".join(error.message for error in _tokens((yield from _message(cursor))).errors)
        raise WireError(f"the TLS hello is answered with a TDS reply: {errors or 'without an error'}")
    if kind != PRELOGIN:
        raise WireError(f"the TLS hello is answered with 0x{kind:02x}: neither TLS nor a PRELOGIN packet")
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
        raise WireError(f"a TDS packet of {length} bytes, which is more than there can be")
    return length


def _message(cursor: Cursor) -> Steps[bytes]:
    """Take a whole reply, and return what its packets carry."""
    (kind,) = yield from cursor.peek(1)
    if kind != REPLY:
        raise ForeignBytes(f"the answer starts with 0x{kind:02x}, which is no TDS reply")
    start, parts = cursor.at, list[bytes]()
    while True:
        head = yield from cursor.take(_HEADER.size)
        if head[0] != REPLY:
            raise WireError(f"a TDS packet of type 0x{head[0]:02x} within a reply")
        length = _length(head)
        size = cursor.at - start + length - _HEADER.size
        if size > MESSAGE_LIMIT or len(parts) >= _MOST_PACKETS:
            most = f"{MESSAGE_LIMIT} bytes or {_MOST_PACKETS} packets"
            raise OurLimit(f"a TDS reply of more than {most}, which are all that is read")
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
            raise WireError(f"the PRELOGIN option {option[0]} lies beyond the end of the packet")
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

    An option that is shorter gives the parts that it holds whole; octets beyond the sixth are not read.
    """
    parts, at = list[int](), 0
    for size in _VERSION_PARTS:
        if at + size > len(value):
            break
        parts.append(int.from_bytes(value[at : at + size], "big"))
        at += size
    return tuple(parts)


class _Form(IntEnum):
    """The forms of a token ([MS-TDS] 2.2.4.2): a u16 of length, a length in its bits (a power of two), no content."""

    SIZED, FIXED, EMPTY = 0x20, 0x30, 0x10


class _Token(IntEnum):
    """What the answer to a login is made of."""

    ERROR, INFO, LOGINACK, FEATURES = 0xAA, 0xAB, 0xAD, 0xAE
    ENVCHANGE, SESSION_STATE, SSPI, FED_AUTH = 0xE3, 0xE4, 0xED, 0xEE
    DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF


#: The bits of a token that tell its length.
_FORM = 0x30
_DONE = (_Token.DONE, _Token.DONE_PROCEDURE, _Token.DONE_IN_PROCEDURE)
_DONE_MORE = 0x0001
_LONG = (_Token.SESSION_STATE, _Token.FED_AUTH)  # whose length is a u32
_CHANGED_DATABASE, _CHANGED_ROUTE = 1, 20
_NO_MORE_FEATURES = 0xFF


class _Cursor:
    """A place in bytes that a peer has sent; whatever lies beyond their end is its fault."""

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
        """A text of UTF-16, counted in characters by ``size`` bytes before it."""
        return self.take(2 * self.number(size)).decode("utf-16-le", "replace")

    @property
    def more(self) -> bool:
        return self.at < len(self.data)


def _tokens(payload: bytes) -> Tokens:  # noqa: C901  # one case a token
    """Read tokens up to the last DONE; what follows it belongs to no login."""
    cursor = _Cursor(payload)
    ack: LoginAck | None = None
    errors: list[ServerError] = []
    route, database, challenge, unknown = None, "", False, list[int]()
    while cursor.more:
        kind = cursor.number(1)
        if kind in _DONE:
            if not cursor.number(2) & _DONE_MORE:
                break
            cursor.take(10)  # the command, and a count of rows that nobody asked for
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
    """Take the body of a token; the form of one that is not known here tells its length.

    Raises:
        UnknownValue: it does not.
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
    inner.take(1)  # the protocol: 0, TCP, is the only one
    port = inner.number(2)
    return Route(inner.text(2), port)


def _big_endian_tokens(payload: bytes) -> OtherTds | None:
    """An error of TDS 5.0, if that is what the lengths fit, and no error of TDS 7."""
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
        why="the first octet of an answer is all that tells TDS from other protocols and from TLS",
    ),
    Field("the status of a packet", rb"^\x04(.)", (_LAST,), Role.VALUE, flags=True),
    Field(
        "the first option of PRELOGIN",
        rb"^\x04.{7}(\x00)\x00.\x00\x06",
        (_VERSION,),
        Role.DISCRIMINATOR,
        why="VERSION comes first ([MS-TDS] 2.2.6.5), which tells PRELOGIN from the tokens of an error",
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
