"""Encode and decode the protocol of MySQL and MariaDB, from the greeting to the answer to one login.

The server sends first::

    server  greeting (or an error: host not allowed, host blocked, too many connections)
    agent   [SSLRequest, then TLS]  login with a zero-length answer to the challenge
    server  error 1045 or 1698: there is a login prompt | OK | request for another plugin
    agent   an empty packet to each request for another plugin, never an early close

A connection that ends before the server has refused a login counts towards ``max_connect_errors``, and finally the
server blocks the client's address (measured on MariaDB 10.11: every early close counts, a refused login does not).
Therefore a caller continues until it reads a :class:`ServerError` or :class:`Ok`.

A packet is a u24 length (little endian), a u8 sequence number and the payload.
Source: "MySQL Internals", client/server protocol, connection phase; MariaDB
knowledge base, "connecting". Before the greeting an error has no SQLSTATE.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from . import Buffer, Cursor, ForeignBytes, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role, bits
from .printable import quoted

#: Bytes. Real greetings and login answers stay under 1 KiB; nothing before a login is larger than this.
PACKET_LIMIT = 64 * 1024

# Capability bits, named as in the protocol documentation without their CLIENT_ prefix.
LONG_PASSWORD = 0x00000001  # MariaDB calls it CLIENT_MYSQL: if it is off, extended capabilities follow
LONG_FLAG = 0x00000004
PROTOCOL_41 = 0x00000200
SSL = 0x00000800
SECURE_CONNECTION = 0x00008000
PLUGIN_AUTH = 0x00080000
CONNECT_ATTRS = 0x00100000

_ALWAYS = LONG_PASSWORD | LONG_FLAG | PROTOCOL_41 | SECURE_CONNECTION
_IF_OFFERED = PLUGIN_AUTH | CONNECT_ATTRS
#: Protocol versions that do not exist yet. The X Protocol's first message has the type 11 there, and no version text.
_LATER_VERSIONS = range(11, 32)
#: The bytes of the shortest greeting of protocol 10, and the start of its version text ("8.0.36").
_LEAST_GREETING, _VERSION_TEXT = 20, re.compile(rb"\d{1,2}[.\d]")
#: The upper half of the capabilities: every bit has a meaning except the two highest, which only clients set.
_HIGH_CAPABILITIES = bits(0x3FFF)
_MAX_PACKET = 1 << 24
_UTF8 = 33  # utf8_general_ci: every server since 4.1 supports it; utf8mb4 exists only since 5.5.3

#: The attributes that a DBA finds in performance_schema.session_connect_attrs.
ATTRIBUTES: Mapping[str, str] = {"program_name": "scanready"}

_ERROR = b"\xff"
#: The most columns of a result, and the most bytes of a text whose length is one octet.
_MOST_COLUMNS, _SHORT = 16, 250
# Product names in version texts. MySQL and search engines send only a number, which names no product.
_PRODUCTS = (
    ("mariadb", "MariaDB"),
    ("percona", "Percona Server"),
    ("tidb", "TiDB"),
    ("vitess", "Vitess"),
    ("clickhouse", "ClickHouse"),
    ("oceanbase", "OceanBase"),
    ("mysql", "MySQL"),
)
# MariaDB 10 puts this before its version for old replicas that require a MySQL 5.5. "5.5.5-m3" was a real MySQL.
_REPLICATION_PREFIX = re.compile(r"5\.5\.5-(?=\d+\.\d)")
_HOST_SEEN = re.compile(r"^Host '([^']{1,255})' is |^Access denied for user '[^']{0,255}'@'([^']{1,255})'")


@dataclass(frozen=True, slots=True)
class Greeting:
    """Hold a greeting of protocol 10 (since MySQL 3.22); ``version`` is without MariaDB 10's prefix ``5.5.5-``."""

    protocol: int
    version: str
    thread_id: int
    salt: bytes
    capabilities: int
    charset: int
    auth_plugin: str
    mariadb: bool

    @property
    def tls(self) -> bool:
        """Return True if the server offers TLS."""
        return bool(self.capabilities & SSL)

    @property
    def product(self) -> str:
        """Return the product that the version names; empty if the version is only a number, as in MySQL."""
        if self.mariadb:
            return "MariaDB"
        return next((name for mark, name in _PRODUCTS if mark in self.version.lower()), "")


@dataclass(frozen=True, slots=True)
class AncientGreeting:
    """Hold a greeting of protocol 9: a server older than MySQL 3.22, which no current client supports."""

    version: str
    thread_id: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class ServerError:
    """Hold an ERR packet; ``sqlstate`` is empty if the server sent none (as always before the greeting)."""

    code: int
    sqlstate: str
    message: str


@dataclass(frozen=True, slots=True)
class Ok:
    """Report that the server accepted the login."""

    sequence: int


@dataclass(frozen=True, slots=True)
class AuthSwitch:
    """Hold a request for another plugin; answer with :func:`auth_switch_answer`, never close the connection here."""

    plugin: str
    salt: bytes
    sequence: int


@dataclass(frozen=True, slots=True)
class AuthMore:
    """Hold more data of the plugin (caching_sha2_password: 3 = accepted from its cache, 4 = asks for the password)."""

    data: bytes
    sequence: int


@stepwise
def read_greeting(cursor: Cursor) -> Steps[Greeting | AncientGreeting | ServerError]:
    """Read the server's first packet.

    Raises:
        WireError: the packet is not a valid greeting.
    """
    head = yield from cursor.peek(4)
    _recognise(cursor.shown(5))
    _demand_length(head)
    yield from cursor.lead(5, _recognise)
    if head[3] == 0 and cursor.shown(5)[4] in _LATER_VERSIONS and int.from_bytes(head[:3], "little") >= _LEAST_GREETING:
        start = yield from cursor.peek(8)
        if _VERSION_TEXT.match(start, 5):
            raise UnknownValue("the protocol version of the greeting", start[4])
    _demand_known(cursor.shown(5)[4])
    _, payload = yield from _packet(cursor)
    match payload[0]:
        case 0xFF:
            return _error(payload)
        case 10:
            return _greeting(payload)
        case _:
            return _ancient_greeting(payload)


@stepwise
def read_login_answer(cursor: Cursor, expected: int | None = None) -> Steps[Ok | ServerError | AuthSwitch | AuthMore]:
    """Read the server's answer to a login.

    Args:
        cursor: the received bytes.
        expected: the sequence number of the answer, one more than that of the sent packet. An error may have any
            number: a server that lost count reports error 1156.

    Raises:
        WireError: the packet is broken or out of order.
        UnknownValue: the answer has an unknown type.
    """
    sequence, payload = yield from _packet(cursor)
    if payload[0] == 0xFF:
        return _error(payload)
    if expected is not None and sequence != expected & 0xFF:
        raise WireError(f"the answer to the login is numbered {sequence}, not {expected & 0xFF}")
    match payload[0]:
        case 0x00:
            return Ok(sequence)
        case 0x01:
            return AuthMore(payload[1:], sequence)
        case 0xFE if len(payload) == 1:
            # Before 5.5 a server could ask for only one other method, so the packet does not name it.
            return AuthSwitch("mysql_old_password", b"", sequence)
        case 0xFE:
            plugin, after = _text(payload, 1)
            return AuthSwitch(plugin, payload[after:].removesuffix(b"\0"), sequence)
        case kind:
            raise UnknownValue("the first octet of the answer to the login", kind)


def error_instead_of_tls(heard: bytes) -> ServerError | None:
    """Return the error that a server sent in clear text after :func:`ssl_request`; None for any other bytes."""
    try:
        answer = read_login_answer(Buffer(heard))
    except WireError:
        return None
    return answer if isinstance(answer, ServerError) else None


@stepwise
def read_query_answer(cursor: Cursor) -> Steps[str | ServerError]:
    """Read the answer to :func:`query`: the first column of its first row; "" for NULL or if there is no row.

    Raises:
        WireError: the answer is not a result with a few columns (text protocol, without CLIENT_DEPRECATE_EOF).
        UnknownValue: the answer does not start with a number of columns.
    """
    _, payload = yield from _packet(cursor)
    if payload[0] == 0xFF:
        return _error(payload)
    if not 0 < payload[0] <= _MOST_COLUMNS:
        raise UnknownValue("the number of columns of a result", payload[0])
    for _ in range(payload[0]):
        yield from _packet(cursor)
    _, end = yield from _packet(cursor)
    if end[0] != 0xFE:
        raise WireError("the columns of a result have no end")
    _, row = yield from _packet(cursor)
    if row[0] == 0xFF:
        return _error(row)
    length = row[0] if row[0] <= _SHORT else 0
    return row[1 : 1 + length].decode("utf-8", "backslashreplace")


def ssl_request(capabilities: int) -> bytes:
    """Return the request for TLS, which is the login packet up to the user name; it is always packet 1.

    Args:
        capabilities: those of the server's greeting.
    """
    return _framed(1, _prefix(capabilities, tls=True))


def login(
    user: str,
    plugin: str,
    sequence: int,
    *,
    capabilities: int,
    tls: bool = False,
    attributes: Mapping[str, str] = ATTRIBUTES,
) -> bytes:
    """Return the login of ``user`` with a zero-length answer to the challenge.

    An account without a password accepts it. For every other account the server refuses the login, which has no side
    effects.

    Args:
        user: the user name; empty for an anonymous account.
        plugin: the plugin of the (empty) answer, which the greeting names. It is sent if the server supports plugins.
        sequence: the number of this packet: 1, or 2 after an :func:`ssl_request`.
        capabilities: those of the server's greeting. Without PROTOCOL_41 (MySQL 4.0 and older) the packet has the old,
            short format (from the documentation; not tested with such a server).
        tls: whether TLS was agreed on.
        attributes: connection attributes, sent if the server supports them.

    Raises:
        ValueError: a NUL in a name, or attributes of more than 64 KiB.
    """
    name = _nul_terminated(user)
    if not capabilities & PROTOCOL_41:
        flags = LONG_PASSWORD | LONG_FLAG | (SSL if tls else 0)
        return _framed(sequence, struct.pack("<H", flags) + b"\xff\xff\xff" + name)
    payload = _prefix(capabilities, tls=tls) + name + b"\0"  # the NUL is the length of our answer
    if capabilities & PLUGIN_AUTH:
        payload += _nul_terminated(plugin)
    if capabilities & CONNECT_ATTRS:
        pairs = b"".join(_sized(text.encode()) for pair in attributes.items() for text in pair)
        payload += _sized(pairs)
    return _framed(sequence, payload)


def auth_switch_answer(sequence: int) -> bytes:
    """Answer :class:`AuthSwitch` or :class:`AuthMore` numbered ``sequence`` with an empty packet: no password."""
    return _framed(sequence + 1, b"")


def quit() -> bytes:
    """Return COM_QUIT; send it only after :class:`Ok`, since before the end of a login it counts as a connect error."""
    return _framed(0, b"\x01")


def query(statement: str) -> bytes:
    """Return COM_QUERY with a statement; send it only after :class:`Ok`."""
    return _framed(0, b"\x03" + statement.encode())


def host_seen(message: str) -> str | None:
    """Return the client's name or address as the server reports it in errors 1129, 1130, 1045 and 1698.

    Return None for messages in another language than English.
    """
    found = _HOST_SEEN.match(message)
    return (found[1] or found[2]) if found else None


# Reading


def _packet(cursor: Cursor) -> Steps[tuple[int, bytes]]:
    """Read one packet; return its sequence number and its payload, which is never empty."""
    head = yield from cursor.take(4)
    return head[3], (yield from cursor.take(_demand_length(head)))


def _demand_length(head: bytes) -> int:
    length = int.from_bytes(head[:3], "little")
    if not 0 < length <= PACKET_LIMIT:
        raise WireError(f"a packet of {length} bytes before any login: this is not MySQL (first bytes {quoted(head)})")
    return length


def _recognise(start: bytes) -> None:
    """Detect a peer that is not a MySQL server by its first five bytes, instead of waiting for a whole packet.

    Raises:
        WireError: the bytes start neither a greeting with number 0 nor an error. Since MariaDB 10.3.24 an error has
            number 1.
    """
    head, kind = start[:4], start[4:5]
    if kind and kind != _ERROR and head[3] != 0:
        broken = WireError if kind in b"\x09\x0a" else ForeignBytes
        raise broken(f"the first packet has number {head[3]}, not 0: this is not MySQL (first bytes {quoted(head)})")
    if kind and kind not in b"\x09\x0a\xff" and kind[0] not in _LATER_VERSIONS:
        _demand_known(kind[0])


def _demand_known(kind: int) -> None:
    """Raise ForeignBytes if ``kind`` starts neither a greeting nor an error."""
    if kind == 0x0B:
        raise ForeignBytes("this is the X Protocol of MySQL (usually port 33060), not the protocol of port 3306")
    if kind not in (9, 10, 0xFF):
        raise ForeignBytes(f"the first packet starts with 0x{kind:02x}: neither a MySQL greeting nor an error")


def _greeting(payload: bytes) -> Greeting:
    raw_version, at = _text(payload, 1)
    if len(payload) < at + 15:
        raise WireError("the greeting ends before the capabilities of the server")
    thread_id, salt, capabilities = struct.unpack_from("<I8sxH", payload, at)
    charset, extended, plugin = 0, 0, ""
    at += 15
    if len(payload) >= at + 16:  # a server before 4.1 may stop here, or continue with zeros
        charset, high, salt_length, extended = struct.unpack_from("<BxxHB6xI", payload, at)
        capabilities |= high << 16
        at += 16
        if capabilities & SECURE_CONNECTION:
            rest = max(13, salt_length - 8)
            if len(payload) < at + rest - 1:
                raise WireError("the greeting ends within the salt")
            salt += payload[at : at + rest].removesuffix(b"\0")
            at += rest
        if capabilities & PLUGIN_AUTH:
            # MySQL 5.5.7 to 5.5.9 forgot the NUL (bug 59453).
            plugin = payload[at:].partition(b"\0")[0].decode("utf-8", "backslashreplace")
    version = _REPLICATION_PREFIX.sub("", raw_version, count=1)
    named = version != raw_version or "mariadb" in version.lower()
    return Greeting(
        protocol=10,
        version=version,
        thread_id=thread_id,
        salt=salt,
        capabilities=capabilities,
        charset=charset,
        auth_plugin=plugin,
        # An administrator may change the version text; the extended capabilities still show MariaDB.
        mariadb=named or bool(extended and not capabilities & LONG_PASSWORD),
    )


def _ancient_greeting(payload: bytes) -> AncientGreeting:
    version, at = _text(payload, 1)
    if len(payload) < at + 4:
        raise WireError("the protocol 9 greeting ends before its thread number")
    salt = payload[at + 4 :].removesuffix(b"\0")
    return AncientGreeting(version, int.from_bytes(payload[at : at + 4], "little"), salt)


def _error(payload: bytes) -> ServerError:
    if len(payload) < 3:
        raise WireError("an error packet without an error number")
    code = int.from_bytes(payload[1:3], "little")
    sqlstate, message = "", payload[3:]
    if message[:1] == b"#" and len(message) >= 6:
        sqlstate, message = message[1:6].decode("ascii", "backslashreplace"), message[6:]
    return ServerError(code, sqlstate, message.decode("utf-8", "backslashreplace"))


def _text(payload: bytes, start: int) -> tuple[str, int]:
    """Return the NUL-terminated text at ``start`` and the offset after it."""
    end = payload.find(b"\0", start)
    if end < 0:
        raise WireError("a text without its terminating NUL")
    return payload[start:end].decode("utf-8", "backslashreplace"), end + 1


# Writing


def _framed(sequence: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence & 0xFF]) + payload


def _prefix(capabilities: int, *, tls: bool) -> bytes:
    """Build the 32 bytes that SSLRequest and login have in common."""
    ours = _ALWAYS | (capabilities & _IF_OFFERED) | (SSL if tls else 0)
    return struct.pack("<IIB23x", ours, _MAX_PACKET, _UTF8)


def _nul_terminated(text: str) -> bytes:
    if "\0" in text:
        raise ValueError("a MySQL name cannot contain NUL")
    return text.encode() + b"\0"


def _sized(data: bytes) -> bytes:
    """Put the length-encoded length before ``data``."""
    if len(data) < 251:
        return bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return b"\xfc" + len(data).to_bytes(2, "little") + data
    raise ValueError("connection attributes of more than 64 KiB")


FIELDS = (
    Field(
        "the kind of the first packet",
        rb"^..\0[\0\x01](.)",
        (9, 10, 11, 0xFF),
        Role.DISCRIMINATOR,
        why="the protocol version is the fifth octet of a greeting; other protocols also have the octets before it",
    ),
    Field(
        "the number of the first packet",
        rb"^..\0([\0\x01])[\x0a\xff]",
        (0, 1),
        Role.DISCRIMINATOR,
        why="text greetings of other protocols have a letter there, which would be read as a packet's length",
    ),
    Field(
        "the kind of the answer to the login",
        rb"^..\0[\x02-\x05](.)",
        (0, 1, 0xFE, 0xFF),
        Role.DISCRIMINATOR,
        why="it is the type of the message; the protocol is already proven, so an unknown type is undecided",
    ),
    Field(
        "the plugin of the greeting",
        rb"\0([a-z_0-9]+password)\0$",
        (b"MYSQL_NATIVE_PASSWORD", b"CACHING_SHA2_PASSWORD"),
        Role.VALUE,
    ),
    Field("the plugin that is asked for", rb"^..\0.\xfe([a-z_0-9]+)\0", (b"MYSQL_NATIVE_PASSWORD",), Role.VALUE),
    Field(
        "the capabilities", rb"^..\0\0\x0a[^\0]+\0.{12}\0.{5}(..)", _HIGH_CAPABILITIES, Role.VALUE, "", "little", True
    ),
    Field(
        "the error", rb"^..\0.\xff(..)", (1040, 1045, 1129, 1130, 1156, 1203, 1698, 3159), Role.VALUE, order="little"
    ),
)
