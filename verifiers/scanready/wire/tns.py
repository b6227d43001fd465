"""Encode and decode TNS, the protocol of Oracle's listener, up to the hand-over of a session to the database.

A packet has a header of eight octets: u16 length, u16 0, u8 type, u8 flags, u16 0. After an ACCEPT between two peers of
version 315 or newer, the first four octets are a u32 length. Source: the layout in oracledb 26.1.

    agent                                   listener
    CONNECT (COMMAND=ping)               -> REFUSE with ERR=0: the listener works
    CONNECT (SERVICE_NAME or SID)        -> ACCEPT: the database takes over; REFUSE with ERR=; RESEND; REDIRECT
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from . import Cursor, ForeignBytes, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role
from .printable import words_of

CONNECT, ACCEPT, REFUSE, REDIRECT, DATA, RESEND = 1, 2, 4, 5, 6, 11
#: CONNECT follows a redirect.
AFTER_REDIRECT = 0x04
#: The oldest protocol version that thin drivers support: Oracle 12.1.
OLDEST_THIN = 315

_OUR_VERSION, _OLDEST = 319, 300
_HEADER, _BODY_AT = 8, 74
_MOST_BYTES = 16 * 1024
#: The most bytes of connect data inside the CONNECT packet.
_INLINE = 230
_ENCRYPTION_REQUIRED = 0x10
#: A name with its value, which may be in quotes. Oracle's clients ignore blanks and the letter case of names.
_PAIR = re.compile(r"""\(\s*(\w{1,32})\s*=\s*(?:"([^"]{0,256})"\s*|'([^']{0,256})'\s*|([^()"'\s][^()"']{0,255}))\)""")
#: The start of an address; its parts may be in any order.
_ADDRESS = re.compile(r"\(\s*ADDRESS\s*=", re.IGNORECASE)
#: The most characters of a host name.
_LONGEST_NAME = 253
#: The protocols of an address with host and port; without a protocol it is TCP.
_PROTOCOLS = ("", "TCP", "TCPS")
_DIGITS = re.compile(r"[0-9]{1,10}")
_ANSWERS = (ACCEPT, REFUSE, REDIRECT, RESEND)
#: Packet types that no listener is known to answer a CONNECT with: ACK, DATA, NULL, ABORT, MARKER, ATTENTION, CONTROL.
_OTHERS = (3, DATA, 7, 9, 12, 13, 14)


#: Messages of a client without a secret: the negotiation of protocol and data types, both combined with the first call
#: of the login, and connect data that is too long for CONNECT.
_BEFORE_THE_SECRET = (1, 2, 34, ord("("))
#: A call, and the first call of a login, which has the user's name and asks for the server's half of the key.
_CALL, _FIRST_OF_LOGIN = 3, 118


@dataclass(frozen=True, slots=True)
class Accepted:
    """Hold an ACCEPT; ``version`` is the protocol's, ``encryption_required`` is about native network encryption."""

    version: int
    encryption_required: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Hold a REFUSE, which also answers a ping; ``number`` is ERR (0: no error), None if it has none."""

    number: int | None
    version: str
    alias: str
    text: str


@dataclass(frozen=True, slots=True)
class Redirected:
    """Hold a REDIRECT: ``host`` and ``port``, and the connect data to send there.

    Dispatchers and listeners before 10g send only the address. Then ``connect_data`` is empty, and the client sends its
    first connect data again.
    """

    host: str
    port: int
    connect_data: str


@dataclass(frozen=True, slots=True)
class Resend:
    """Hold a RESEND: the listener asks for the same packet again."""


Answer = Accepted | Refused | Redirected | Resend


def connect(data: str, flags: int = 0) -> bytes:
    """Return a CONNECT packet with its connect data; long connect data follows in a separate DATA packet."""
    text = data.encode("utf-8", "replace")
    body = struct.pack(
        ">HHHHHHHHHHIBB",
        *(_OUR_VERSION, _OLDEST, 0x0C01, 0x2000, 0x2000, 0x4F98, 0, 1, len(text), _BODY_AT, 0, 0x84, 0x84),
    )
    body += bytes(24) + struct.pack(">IIII", 0x2000, 0x2000, 0, 0)
    inside = len(text) <= _INLINE
    packet = _packet(CONNECT, body + (text if inside else b""), flags)
    return packet if inside else packet + _packet(DATA, b"\x00\x00" + text)


def ping() -> str:
    """Return the connect data of a ping, which the listener answers without starting a server process."""
    return "(CONNECT_DATA=(COMMAND=ping))"


def service(host: str, port: int, *, name: str | None, sid: str | None, agent: str) -> str:
    """Return the connect data for a service or a SID, with the client's name for the listener's log."""
    what = f"(SERVICE_NAME={_safe(name)})" if name else f"(SID={_safe(sid or '')})"
    who = f"(CID=(PROGRAM=scanready)(HOST={_safe(agent)})(USER=scanready))"
    where = f"(ADDRESS=(PROTOCOL=tcp)(HOST={_safe(host)})(PORT={port}))"
    return f"(DESCRIPTION={where}(CONNECT_DATA={what}{who}))"


def goodbye(version: int) -> bytes:
    """Return the end of an accepted session: an empty DATA packet with the flag "end of file"."""
    body = b"\x00\x40"
    if version < OLDEST_THIN:
        return _packet(DATA, body)
    return struct.pack(">IBBH", _HEADER + len(body), DATA, 0, 0) + body


def may_have_secret(packet: bytes) -> bool:
    """Return True for a client's packet that may have the encrypted password.

    This is the second call of a login (function 115). A message that is not known to come before it also counts.
    """
    body_at = _HEADER + 2  # after the flags of DATA
    if len(packet) <= body_at or packet[4] != DATA:
        return False
    kind, function = packet[body_at], packet[body_at + 1 : body_at + 2]
    if kind == _CALL:
        return function != bytes([_FIRST_OF_LOGIN])
    return kind not in _BEFORE_THE_SECRET


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack(">HHBBH", len(body) + _HEADER, 0, kind, flags, 0) + body


def _safe(value: str) -> str:
    """Remove the characters that would end a value early."""
    return re.sub(r"[()=\s\"'\\]", "", value)


@stepwise
def read_answer(cursor: Cursor) -> Steps[Answer]:
    """Read the answer to a CONNECT.

    Raises:
        WireError: the answer is not TNS.
        UnknownValue: the ACCEPT has a version that the client did not offer, the packet a type that answers no CONNECT,
            or the redirect an address that is not one of TCP.
    """
    start = yield from cursor.peek(5)
    if start[2:4] != b"\x00\x00" or start[4] not in (*_ANSWERS, *_OTHERS):
        raise ForeignBytes("not an answer of an Oracle listener")
    header = yield from cursor.peek(_HEADER)
    length, kind = int.from_bytes(header[:2], "big"), header[4]
    if not _HEADER <= length <= _MOST_BYTES:
        raise WireError(f"a TNS packet of {length} bytes")
    if kind in _OTHERS and header[6:] != b"\x00\x00":
        raise ForeignBytes("not an answer of an Oracle listener")
    yield from cursor.skip(_HEADER)
    body = yield from cursor.take(length - _HEADER)
    if kind in _OTHERS:
        raise UnknownValue("the type of the packet that answers CONNECT", kind)
    match kind:
        case 2:
            return _accepted(body)
        case 4:
            return _refused(body)
        case 5:
            return (yield from _read_redirect(cursor, body))
        case _:
            return Resend()


def _accepted(body: bytes) -> Accepted:
    if len(body) < 2:
        raise WireError("an ACCEPT without a version")
    version = int.from_bytes(body[:2], "big")
    if not _OLDEST <= version <= _OUR_VERSION:
        raise UnknownValue("the version of an ACCEPT", version)
    flags = body[14] if len(body) > 14 else 0
    return Accepted(version, bool(flags & _ENCRYPTION_REQUIRED))


def _refused(body: bytes) -> Refused:
    """Parse u8 user's reason, u8 system's reason, u16 length and text."""
    text = _text(body[4:])
    values = _values(text)
    number = _number(values.get("ERR", ""))
    return Refused(
        number=_number(values.get("CODE", "")) if number is None else number,
        version=version_of(_number(values.get("VSNNUM", "")) or 0),
        alias=values.get("ALIAS", ""),
        text=text,
    )


def _values(text: str) -> dict[str, str]:
    """Return the values of a description by their names in upper case; the first value of a name counts."""
    found: dict[str, str] = {}
    for name, *values in _PAIR.findall(text):
        found.setdefault(name.upper(), "".join(values).strip())
    return found


def _number(text: str) -> int | None:
    return int(text) if _DIGITS.fullmatch(text) else None


def _read_redirect(cursor: Cursor, body: bytes) -> Steps[Redirected]:
    """Parse u16 length and the text, here or in the next packet (DATA with two octets of flags, or REDIRECT)."""
    size = int.from_bytes(body[:2], "big")
    if len(body) >= 2 + size and size:
        return _redirected(body[2 : 2 + size])
    second = yield from cursor.take(_HEADER)
    more, kind = int.from_bytes(second[:2], "big"), second[4]
    if not _HEADER <= more <= _MOST_BYTES or kind not in (DATA, REDIRECT):
        raise WireError("a redirect without its text")
    rest = yield from cursor.take(more - _HEADER)
    return _redirected(rest.removeprefix(b"\x00\x00") if kind == DATA else rest)


def _redirected(raw: bytes) -> Redirected:
    address, _, data = raw.partition(b"\x00")
    _, *addresses = _ADDRESS.split(_text(address))
    values = _values(addresses[0] if addresses else _text(address))
    host, port = values.get("HOST", ""), _number(values.get("PORT", "")) or 0
    if not host and values.get("PROTOCOL", "").upper() not in _PROTOCOLS:
        raise UnknownValue("the address of a redirect", _text(address))
    if not host or len(host) > _LONGEST_NAME or re.search(r"\s", host) or not 0 < port < 65536:
        raise WireError("a redirect to an address without host and port")
    return Redirected(host, port, _text(data))


def version_of(number: int) -> str:
    """Return the release from VSNNUM; empty if it is hidden. Since 18 the parts have other widths."""
    if not number:
        return ""
    major = number >> 24
    if major >= 18:
        parts = major, number >> 16 & 255, number >> 12 & 15, number >> 4 & 255, number & 15
    else:
        parts = major, number >> 20 & 15, number >> 12 & 255, number >> 8 & 15, number & 255
    return ".".join(map(str, parts))


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return words_of(text)


FIELDS = (
    Field(
        "the type of a packet",
        rb"^..\0\0([\x02\x04\x05\x0b])",
        (CONNECT, *_ANSWERS, *_OTHERS),
        Role.DISCRIMINATOR,
        why="only it and the two zeros before it distinguish TNS from other protocols",
    ),
    Field(
        "the flags of a packet",
        rb"^..\0\0[\x02\x04\x05\x0b](.)",
        (AFTER_REDIRECT, 0x08, 0x20),
        Role.VALUE,
        "",
        "big",
        True,
    ),
    Field("the version of an ACCEPT", rb"^..\0\0\x02...(..)", range(_OLDEST, _OUR_VERSION + 1), Role.VALUE),
    Field(
        "the flags of an ACCEPT",
        rb"^..\0\0\x02.{17}(.)",
        (0x01, 0x04, 0x08, _ENCRYPTION_REQUIRED),
        Role.VALUE,
        "",
        "big",
        True,
    ),
    Field("the user's reason of a REFUSE", rb"^..\0\0\x04...(.)", (0, 1, 2, 3, 4, 0x22), Role.VALUE),
    Field("the system's reason of a REFUSE", rb"^..\0\0\x04....(.)", (0, 1, 2, 3, 4), Role.VALUE),
    Field("the error of a REFUSE", rb"\(ERR=(\d+)\)", (b"0", b"12514", b"12505"), Role.VALUE),
    Field("the protocol of an address", rb"\(PROTOCOL=(\w+)\)", (b"TCP", b"TCPS"), Role.VALUE),
)
