"""Encode and decode TDS 5.0, the protocol of SAP ASE (Sybase).

The first message is the login record with user and password; the server answers with tokens. Messages are split into
packets of 512 bytes with a header of eight bytes: u8 type, u8 status (1: last), u16 length, u16 channel, u8 number, u8
window. Source: SAP, TDS 5.0 Functional Specification; layouts checked against FreeTDS 1.3.

    agent                                   server
    login record, capabilities           -> LOGINACK 5 or 6, EED (message 4002 ...), capabilities, DONE
    language: a statement                -> row format, rows, DONE; or EED
    LOGOUT                               -> DONE
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import Cursor, ForeignBytes, OurLimit, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role
from .printable import words_of

LOGIN, REPLY, QUERY = 0x02, 0x04, 0x0F
ACCEPTED, REFUSED, NEGOTIATE = 5, 6, 7
#: The status with which a TDS 4.2 server accepts; to refuse, it sends an error and no LOGINACK (FreeTDS, token.c).
_ACCEPTED_4_2 = 1
#: A bit of the status: the session's security was negotiated. FreeTDS treats 0x85 as success.
_SECURE = 0x80
#: The most bytes of a name or password in the login record.
ROOM = 30

_PACKET, _HEADER, _LAST = 512, 8, 0x01
_MOST_BYTES = 256 * 1024
_MOST_TEXT = 1024
_MOST_TOKENS = 512
_LOGINACK, _EED, _ERROR, _INFO, _ENVCHANGE, _MSG = 0xAD, 0xE5, 0xAA, 0xAB, 0xE3, 0x65
_ROW, _PARAMS = 0xD1, 0xD7
_DONES = (0xFD, 0xFE, 0xFF)
# The length of a token: a field of one, two or four octets before it, or a fixed length.
_LENGTH_1 = (_MSG,)
_LENGTH_2 = (_LOGINACK, _EED, _ERROR, _INFO, _ENVCHANGE, 0xE2, 0xEC, 0xEE, 0xA0, 0xA1, 0xA4, 0xA5, 0xA7, 0xA9, 0xAE)
_LENGTH_4 = (0x20, 0x22, 0x61)
_FIXED = {**dict.fromkeys(_DONES, 8), 0x79: 4, 0x71: 1, 0x7C: 8}
_KNOWN = frozenset((*_DONES, *_LENGTH_1, *_LENGTH_2, *_LENGTH_4, *_FIXED, _ROW, _PARAMS))
_DONE_ERROR = 0x02
#: Octets of LOGINACK without the program's name.
_LOGINACK_FIXED = 10
# Requests that the client supports, and responses that the server shall not send: the same as FreeTDS 1.3.
_CAPABILITIES = bytes.fromhex(
    "e22000 010e000060088181e80f6d7ffffffffe 020e0000000000000000000268000000".replace(" ", "")
)


#: ROWFMT2, COLNAME, COLFMT and ROWFMT: before the rows of every result (TDS 5.0 specification).
_ROW_FORMATS = frozenset((0x61, 0xA0, 0xA1, 0xEE))


@dataclass(frozen=True, slots=True)
class LoginAck:
    """Hold the result of a login and the server's program name.

    ``status`` is :data:`ACCEPTED`, :data:`REFUSED` or :data:`NEGOTIATE` for all encodings of them, or an unknown
    number.
    """

    status: int
    program: str
    version: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Message:
    """Hold an error or a notice of the server; a ``severity`` above 10 is an error."""

    number: int
    state: int
    severity: int
    text: str
    server: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold one whole reply; ``row`` is True if it has a row, ``failed`` if the last DONE reports an error.

    ``columns`` is True if the reply has a row format, as every reply to a SELECT does, even without a row.

    ``unknown`` has the tokens that were skipped, since only their length is known. ``unread`` is the error of a token
    that stopped the parser after messages of the server: the messages are valid, the rest is unknown.
    """

    acknowledged: LoginAck | None
    messages: tuple[Message, ...]
    row: bool
    failed: bool
    unknown: tuple[int, ...] = ()
    unread: UnknownValue | None = field(default=None, compare=False)
    columns: bool = False

    @property
    def errors(self) -> tuple[Message, ...]:
        """Return the messages that are errors."""
        return tuple(message for message in self.messages if message.severity > 10)


# --- requests -------------------------------------------------------------------------------------------------------


def login(user: bytes, password: bytes, *, host: str, server: str, application: str = "scanready") -> bytes:
    """Return the login record; ``user`` and ``password`` are in clear text, at most :data:`ROOM` bytes each.

    Raises:
        ValueError: one of them is longer.
    """
    if len(user) > ROOM or len(password) > ROOM:
        raise ValueError(f"more than {ROOM} bytes")
    record = b"".join(
        (
            _field(host.encode("ascii", "replace")),
            _field(user),
            _field(password),
            _field(b"0"),  # process id
            bytes((3, 1, 6, 10, 9, 1)),  # integers little-endian, ASCII, IEEE floats
            bytes(10),  # no bulk copy
            _field(application.encode()),
            _field(server.encode("ascii", "replace")),
            (b"\x00" + bytes([len(password)]) + password).ljust(255, b"\x00"),  # for remote servers
            bytes([len(password) + 2]),
            bytes((5, 0, 0, 0)),
            _field(b"scanready", 10),
            bytes((5, 0, 0, 0)),
            bytes((0, 13, 17)),
            _field(b"us_english"),
            bytes((0, 0, 0)),
            bytes(11),  # seclogin 0: the password is not encrypted; no high availability
            _field(b"utf8"),
            b"\x01",
            _field(b"512", 6),
            bytes(4),
            _CAPABILITIES,
        )
    )
    return _packets(LOGIN, record)


def language(statement: str) -> bytes:
    """Return the request that runs an SQL statement."""
    text = statement.encode()
    return _packets(QUERY, struct.pack("<BIB", 0x21, len(text) + 1, 0) + text)


#: The end of a session, also after a refused login.
LOGOUT = bytes.fromhex("0f01000a000000007100")


def _field(value: bytes, room: int = ROOM) -> bytes:
    value = value[:room]
    return value.ljust(room, b"\x00") + bytes([len(value)])


def _packets(kind: int, payload: bytes) -> bytes:
    room = _PACKET - _HEADER
    pieces = [payload[at : at + room] for at in range(0, len(payload), room)]
    return b"".join(
        struct.pack(">BBHI", kind, _LAST if at == len(pieces) - 1 else 0, len(piece) + _HEADER, 0) + piece
        for at, piece in enumerate(pieces)
    )


# --- replies --------------------------------------------------------------------------------------------------------


@stepwise
def read_answer(cursor: Cursor) -> Steps[Answer]:
    """Read one reply of one or more packets.

    Raises:
        WireError: the bytes are not a TDS reply.
        OurLimit: the reply is longer than scanready reads.
    """
    payload = bytearray()
    while True:
        if (yield from cursor.peek(1))[0] != REPLY:
            raise ForeignBytes("not a TDS reply")
        header = yield from cursor.peek(_HEADER)
        length = int.from_bytes(header[2:4], "big")
        if length < _HEADER:
            raise WireError(f"a TDS packet of {length} bytes after {cursor.at}")
        if cursor.at + length > _MOST_BYTES:
            raise OurLimit(f"a TDS reply of more than {_MOST_BYTES} bytes, the most that scanready reads")
        yield from cursor.skip(_HEADER)
        payload += yield from cursor.take(length - _HEADER)
        if header[1] & _LAST:
            return _answer(bytes(payload))


def _answer(payload: bytes) -> Answer:
    acknowledged: LoginAck | None = None
    messages: list[Message] = []
    row = failed = columns = False
    unknown: list[int] = []
    unread: UnknownValue | None = None
    try:
        for token, content in _tokens(payload):
            columns = columns or token in _ROW_FORMATS
            match token:
                case 0xAD:
                    acknowledged = _login_ack(content)
                case 0xE5:
                    messages.append(_extended(content))
                case 0xAA | 0xAB:
                    messages.append(_plain(content))
                case 0xD1:
                    row = True
                case 0xFD | 0xFE | 0xFF:
                    failed = bool(content[0] & _DONE_ERROR)
                case _ if token not in _KNOWN:
                    unknown.append(token)
    except UnknownValue as error:
        if acknowledged is None and not messages:
            raise
        unread = error
    return Answer(acknowledged, tuple(messages), row, failed, tuple(unknown), unread, columns or row)


def _tokens(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each token up to the first row; the rest depends on the row's format and is not needed."""
    offset = count = 0
    while offset < len(payload):
        token, offset, count = payload[offset], offset + 1, count + 1
        if count > _MOST_TOKENS:
            raise OurLimit(f"a TDS reply of more than {_MOST_TOKENS} tokens, the most that scanready reads")
        if token in (_ROW, _PARAMS):
            yield token, b""
            return
        size, fixed = _extent(token)
        length = int.from_bytes(payload[offset : offset + size], "little") if size else fixed
        offset += size
        if offset + length > len(payload):
            raise WireError(f"a token {token:02x} of {length} bytes with {len(payload) - offset} bytes left")
        yield token, payload[offset : offset + length]
        offset += length


def _extent(token: int) -> tuple[int, int]:
    """Return the size of a token's length field and, if the size is 0, the token's length.

    For a token that is not in the tables, its bits show both (TDS 5.0 specification, "Token streams").

    Raises:
        UnknownValue: the bits of this token do not show its length.
    """
    for size, those in ((1, _LENGTH_1), (2, _LENGTH_2), (4, _LENGTH_4)):
        if token in those:
            return size, 0
    if token in _FIXED:
        return 0, _FIXED[token]
    if token & 0xB0 == 0xA0:  # 0xA0 to 0xAF, 0xE0 to 0xEF
        return 2, 0
    if token & 0x30 == 0x30:
        return 0, 1 << (token >> 2 & 3)
    raise UnknownValue("a token in the answer", token)


def _login_ack(content: bytes) -> LoginAck:
    """Parse u8 status, 4 octets of TDS version, u8 length, program name, 4 octets of its version.

    In some servers the length does not match the name. As in FreeTDS, the rest of the token is the name.
    """
    fields = _Fields(content)
    status, _, _ = fields.take(1)[0], fields.take(4), fields.take(1)
    if len(content) < _LOGINACK_FIXED:
        raise WireError(f"a LOGINACK of {len(content)} bytes")
    program = _text(fields.take(len(content) - _LOGINACK_FIXED))
    major, minor, third, fourth = fields.take(4)
    return LoginAck(_plain_status(status), program, (major, minor, third, fourth))


def _plain_status(status: int) -> int:
    plain = status & ~_SECURE
    return ACCEPTED if status == _ACCEPTED_4_2 else plain if plain in (ACCEPTED, REFUSED, NEGOTIATE) else status


def _extended(content: bytes) -> Message:
    """Parse EED: u32 number, u8 state, u8 class, u8 n sqlstate, u8 status, u16 transaction, u16 n text, u8 n server."""
    fields = _Fields(content)
    number = int.from_bytes(fields.take(4), "little")
    state, severity = fields.take(2)
    fields.take(fields.take(1)[0])
    fields.take(3)
    text = fields.take(int.from_bytes(fields.take(2), "little"))
    return Message(number, state, severity, _text(text), _text(fields.take(fields.take(1)[0])))


def _plain(content: bytes) -> Message:
    """Parse ERROR and INFO: u32 number, u8 state, u8 class, u16 n text, u8 n server ..."""
    fields = _Fields(content)
    number = int.from_bytes(fields.take(4), "little")
    state, severity = fields.take(2)
    text = fields.take(int.from_bytes(fields.take(2), "little"))
    return Message(number, state, severity, _text(text), _text(fields.take(fields.take(1)[0])))


class _Fields:
    """Read fields from a token's content."""

    def __init__(self, content: bytes) -> None:
        self._content, self._offset = content, 0

    def take(self, count: int) -> bytes:
        end = self._offset + count
        if end > len(self._content):
            raise WireError(f"a token ends before a field of {count} bytes")
        taken, self._offset = self._content[self._offset : end], end
        return taken


def _text(raw: bytes) -> str:
    text = raw[:_MOST_TEXT].decode("utf-8", "replace")
    return words_of(text)


FIELDS = (
    Field(
        "the type of a packet",
        rb"^(.)[\x00\x01].{6}",
        {REPLY: "reply"},
        Role.DISCRIMINATOR,
        why="a server sends only replies, and this is the first octet that distinguishes TDS from other protocols",
    ),
    Field("the status of a packet", rb"^\x04(.)", {_LAST: "last"}, Role.VALUE, flags=True),
    Field("a token", rb"^\x04.{7}([\xaa-\xef])", _KNOWN, Role.VALUE, unknown=(b"\xa6", b"\xe7", b"\xef")),
    Field(
        "the status of LOGINACK",
        rb"\xad.\x00(.)\x05\x00\x00\x00",
        {
            _ACCEPTED_4_2: "accepted",
            ACCEPTED: "accepted",
            REFUSED: "refused",
            NEGOTIATE: "encrypt the password",
            ACCEPTED | _SECURE: "accepted",
            REFUSED | _SECURE: "refused",
            NEGOTIATE | _SECURE: "encrypt the password",
        },
        Role.VALUE,
    ),
    Field(
        "the status of DONE",
        rb"\xfd(..).{6}$",
        {0x01: "more", _DONE_ERROR: "error", 0x10: "count"},
        Role.VALUE,
        order="little",
        flags=True,
    ),
    Field("the severity of a message", rb"\xe5..(?:.{4}).(.)", range(11, 27), Role.VALUE),
)
