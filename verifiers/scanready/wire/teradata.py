"""Encode and decode Teradata's configuration exchange, which comes before any login.

A message has a LAN header of 52 octets (u8 3, u8 class, u8 kind, u32 length of the body at offset 6) and a body of
parcels: u16 flavor, u16 length including this header. Lengths are big-endian; published errors of the gateway also have
little-endian lengths. Source: the layout that the vendor's driver 20.0 reads.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Length, Role
from .printable import words_of

CONFIG = 10
#: Kinds of requests without a password: the configuration, a session (ASSIGN), the keys of the logon mechanism (SSO).
#: The next request (CONNECT, 3) has the password.
BEFORE_THE_SECRET = frozenset({CONFIG, 1, 12})
#: Octets of a header.
HEADER = 52
_REQUEST, _RESPONSE, _FORMAT = 1, 2, 3
_MOST_BODY = 256 * 1024
_MOST_PARCELS = 256
_CLIENT_CONFIG, _CONFIG, _GATEWAY, _MECHANISM, _ERROR, _FAILURE = 166, 43, 165, 167, 49, 9
_FLAVORS = (_CLIENT_CONFIG, _CONFIG, _GATEWAY, _MECHANISM, _ERROR, _FAILURE)
_OFFERED = {0: False, 1: True}
_LARGE = 0x8000  # an alternate parcel header, followed by a u32 length
# The names that the vendor's driver gives these mechanisms.
_OIDS = {
    bytes.fromhex("2b06010401813f018774010109"): "TD2",  # 1.3.6.1.4.1.191.1.1012.1.1.9
    bytes.fromhex("2b06010401813f0187740114"): "LDAP",  # 1.3.6.1.4.1.191.1.1012.1.20
    bytes.fromhex("2a864886f712010202"): "KRB5",  # 1.2.840.113554.1.2.2
}
_VERSIONS = b"\x00\x0d\x00\x3e"  # TLV 13 of 62 octets: 30 of PDE's version, 32 of the database's
_VERSION = re.compile(rb"\d{1,2}(?:\.\d{1,3}[a-z]?){1,4}")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Hold the server's configuration; ``legacy_port`` and ``https_port`` are None if it does not report them.

    ``mechanisms`` has the names of the logon mechanisms as in LOGMECH; the name of an unknown mechanism is empty.
    """

    database: str
    pde: str
    tdgss: str
    mechanisms: tuple[str, ...]
    legacy_port: bool | None
    https_port: bool | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold an error of the gateway or the database, sent instead of the configuration."""

    code: int
    text: str


def config_request() -> bytes:
    """Return the configuration request of the vendor's driver (UTF-8, version 20.0, its features); it names no user."""
    parcels = (
        (2, b"\x14\x00\x00\x00"),
        (1, b"TTU 20.00.00"),
        *((4, b""), (8, b"\x01"), (3, b""), (5, b""), (9, b"\x01"), (0x0B, b"\x01"), (0x0E, b""), (0x0F, b"")),
    )
    content = struct.pack(">I", 1) + b"".join(struct.pack(">HH", kind, len(value)) + value for kind, value in parcels)
    body = struct.pack(">HH", _CLIENT_CONFIG, len(content) + 4) + content
    header = bytearray(HEADER)
    header[0:3] = bytes((_FORMAT, _REQUEST, CONFIG))
    header[5] = 7
    header[6:10] = struct.pack(">I", len(body))
    header[31] = 1  # the first request of this connection
    header[37] = 0xBF
    return bytes(header) + body


@stepwise
def read_answer(cursor: Cursor) -> Steps[Configuration | Refusal]:
    """Read the answer to the configuration request.

    Raises:
        WireError: the bytes are not Teradata's protocol.
    """
    yield from cursor.lead(2, _recognise)
    header = yield from cursor.take(HEADER)
    length = int.from_bytes(header[6:10], "big")
    if length > _MOST_BODY:
        raise OurLimit(f"a Teradata message of {length} bytes; scanready reads at most {_MOST_BODY}")
    return _parse((yield from cursor.take(length)))


def header_of(header: bytes) -> tuple[int, int]:
    """Return the length of the message with this header (including the header) and its kind.

    Raises:
        WireError: the header is too short.
    """
    if len(header) < HEADER:
        raise WireError("a header that is cut short")
    return HEADER + int.from_bytes(header[6:10], "big"), header[2]


def _recognise(start: bytes) -> None:
    if not bytes((_FORMAT, _RESPONSE)).startswith(start):
        raise ForeignBytes("not an answer of a Teradata gateway")


def _parse(body: bytes) -> Configuration | Refusal:
    found: dict[int, list[bytes]] = {}
    for flavor, content in _parcels(body):
        found.setdefault(flavor, []).append(content)
    for flavor in (_ERROR, _FAILURE):
        if flavor in found:
            return _refusal(found[flavor][0])
    if _CONFIG not in found:
        unknown = [flavor for flavor in found if flavor not in _FLAVORS]
        if unknown:
            raise UnknownValue("the flavor of a parcel instead of the configuration", unknown[0])
        raise WireError("an answer without a configuration")
    pde, database = _versions(found[_CONFIG][0])
    gateway = dict(_offers(found[_GATEWAY][0])) if _GATEWAY in found else {}
    ports = gateway.get(16, b"")
    return Configuration(
        database=database,
        pde=pde,
        tdgss=".".join(str(octet) for octet in gateway.get(2, b"")),
        mechanisms=tuple(map(_mechanism, found.get(_MECHANISM, ()))),
        legacy_port=_OFFERED.get(ports[0]) if len(ports) > 1 else None,
        https_port=_OFFERED.get(ports[1]) if len(ports) > 1 else None,
    )


def _parcels(body: bytes) -> Iterator[tuple[int, bytes]]:
    offset = count = 0
    while offset + 4 <= len(body):
        count += 1
        flavor, length = struct.unpack_from(">HH", body, offset)
        start = 4
        if flavor & _LARGE and offset + 8 <= len(body):
            flavor, length, start = flavor & ~_LARGE, int.from_bytes(body[offset + 4 : offset + 8], "big"), 8
        elif offset + length > len(body):
            flavor, length = struct.unpack_from("<HH", body, offset)
        if length < start or offset + length > len(body) or count > _MOST_PARCELS:
            raise WireError(f"a parcel of {length} bytes with {len(body) - offset} bytes left")
        yield flavor, body[offset + start : offset + length]
        offset += length


def _refusal(content: bytes) -> Refusal:
    """Parse u16 statement, u16 information, u16 code, u16 length, text, in either byte order."""
    if len(content) < 8:
        raise WireError("an error of a few bytes")
    text = content[8:]
    order = ">" if struct.unpack_from(">H", content, 6)[0] <= len(text) else "<"
    code, length = struct.unpack_from(f"{order}HH", content, 4)
    return Refusal(code, _text(text[:length]))


def _versions(content: bytes) -> tuple[str, str]:
    """Return the versions of PDE and of the database; empty if the configuration does not have them."""
    at = content.find(_VERSIONS)
    if at < 0 or at + 66 > len(content):
        return "", ""
    pde, database = content[at + 4 : at + 34], content[at + 34 : at + 66]
    return _version(pde), _version(database)


def _version(raw: bytes) -> str:
    found = _VERSION.search(raw)
    return found[0].decode("ascii") if found else ""


def _offers(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Parse u32 1, then items of u16 id, u16 length (including this header) and value."""
    offset = 4
    while offset + 4 <= len(content):
        kind, length = struct.unpack_from(">HH", content, offset)
        if length < 4 or offset + length > len(content):
            raise WireError(f"an offer of {length} bytes with {len(content) - offset} bytes left")
        yield kind, content[offset + 4 : offset + length]
        offset += length


def _mechanism(content: bytes) -> str:
    """Parse u32 0, u32 length and the OID without its tag; return the mechanism's name."""
    length = int.from_bytes(content[4:8], "big")
    return _OIDS.get(content[8 : 8 + length], "")


def _text(raw: bytes) -> str:
    text = raw[:1024].decode("utf-8", "replace")
    return words_of(text)


FIELDS = (
    Field(
        "the format of a message",
        rb"^(\x03)\x02\x0a",
        (_FORMAT,),
        Role.DISCRIMINATOR,
        why="it is the first octet of every message; only it and the class show the protocol",
    ),
    Field(
        "the class of a message",
        rb"^\x03(\x02)\x0a",
        (_REQUEST, _RESPONSE),
        Role.DISCRIMINATOR,
        why="a server sends only responses; only the format and the class show the protocol",
    ),
    Field("the kind of a message", rb"^\x03\x02(.)", (*range(1, 9), 9, CONFIG, 11, 12), Role.VALUE),
    Field(
        "the flavor of a parcel",
        rb"^\x03\x02.{50}(..)",
        _FLAVORS,
        Role.VALUE,
        unknown=(b"\x00\xa8", b"\x00\x10", b"\x7f\xff"),
    ),
    Field(
        "the flavor of the gateway's parcel",
        rb"(\x00\xa5)\x00.\x00\x00\x00\x01",
        _FLAVORS,
        Role.VALUE,
        unknown=(b"\x00\xa8", b"\x7f\xff"),
    ),
    Field("a port of the gateway", rb"\x00\x10\x00\x06([\x00\x01])", _OFFERED, Role.VALUE),
    Field("the HTTPS port of the gateway", rb"\x00\x10\x00\x06.([\x00\x01])", _OFFERED, Role.VALUE),
    Field("an offer of the gateway", rb"\xa5\x00.\x00\x00\x00\x01(\x00.)", (*range(1, 8), *range(10, 17)), Role.VALUE),
    Field(
        "a logon mechanism",
        rb"^\x03\x02.*(\x00\xa7\x00\x14.{16})",
        tuple(_OIDS),
        Role.OFFER,
        member=b"\x00\xa7\x00\x0f\0\0\0\0\x00\x00\x00\x03\x2a\x03\x04",
        lengths=(Length(rb"^\x03\x02\x0a...(....)"),),
    ),
)
