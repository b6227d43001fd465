"""NetBIOS over TCP/IP: the frames that carry SMB, the session service (139), and the node status request (137/udp).

SMB on port 445 uses the same frame as a session's messages on 139. Port 139 requires a session request first::

    agent   session request: called *SMBSERVER, calling SCANREADY      (139 only)
    server  positive | negative, with a reason | retarget to another address
    either  message: 00, u24 length, an SMB message                    (445: from the start)

Source: RFC 1001 (14: names), RFC 1002 (4.2.18 node status, 4.3 session packets); [MS-SMB2] 2.1 (direct TCP).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from . import Cursor, ForeignBytes, Steps, UnknownValue, WireError, stepwise
from .fields import Field, Role, bits
from .printable import quoted

#: Bytes: the length field of a session message has 17 bits; messages before a login are much shorter.
MESSAGE_LIMIT = 0x1FFFF
#: The name that every file server since Windows NT 4 accepts as its own.
ANY_SERVER = "*SMBSERVER"
_CALLING = "SCANREADY"

FILE_SERVER, WORKSTATION = 0x20, 0x00
_MESSAGE, _REQUEST, _POSITIVE, _NEGATIVE, _RETARGET = 0x00, 0x81, 0x82, 0x83, 0x84
_LENGTHS = {_POSITIVE: 0, _NEGATIVE: 1, _RETARGET: 6}
_SMB = (b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB")  # 1; 2 and 3; encrypted; compressed

NOT_LISTENING_FOR_CALLED, NOT_LISTENING_FOR_CALLING, NOT_PRESENT, NO_RESOURCES = 0x80, 0x81, 0x82, 0x83
REASONS: Mapping[int, str] = {
    NOT_LISTENING_FOR_CALLED: "not listening on the called name",
    NOT_LISTENING_FOR_CALLING: "not listening for this caller",
    NOT_PRESENT: "called name not present",
    NO_RESOURCES: "called name present, but out of resources",
    0x8F: "unspecified error",
}

_NODE_STATUS, _INTERNET = 0x21, 0x01
#: RFC 1002, 4.2.14: none, format, server, name, not implemented, refused, active, conflict.
_RESULTS = range(8)
_ROW = 18
_GROUP = 0x8000


@dataclass(frozen=True, slots=True)
class Message:
    """Hold one SMB message."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Positive:
    """Mark an accepted session request."""


@dataclass(frozen=True, slots=True)
class Negative:
    """Hold the reason of a rejected session request; ``code`` is a key of :data:`REASONS`."""

    code: int

    @property
    def reason(self) -> str:
        """Return the reason in the words of RFC 1002."""
        return f"{REASONS.get(self.code, 'no known reason')} (0x{self.code:02x})"


@dataclass(frozen=True, slots=True)
class Retarget:
    """Hold the other address to which the server redirects the session."""

    address: str
    port: int


Frame = Message | Positive | Negative | Retarget


@dataclass(frozen=True, slots=True)
class Name:
    """Hold one row of a node's name table; ``suffix`` is the sixteenth octet of the name."""

    name: str
    suffix: int
    group: bool


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Hold a node's names; ``mac`` is all zeros from Samba."""

    names: tuple[Name, ...]
    mac: str

    @property
    def server(self) -> str | None:
        """Return the name of the file service."""
        return self._first(FILE_SERVER, group=False)

    @property
    def domain(self) -> str | None:
        """Return the domain or workgroup."""
        return self._first(WORKSTATION, group=True)

    def _first(self, suffix: int, *, group: bool) -> str | None:
        return next((name.name for name in self.names if name.suffix == suffix and name.group is group), None)


def message(payload: bytes) -> bytes:
    """Frame an SMB message.

    Raises:
        ValueError: it is longer than :data:`MESSAGE_LIMIT`.
    """
    if len(payload) > MESSAGE_LIMIT:
        raise ValueError(f"a message of {len(payload)} bytes")
    return len(payload).to_bytes(4, "big") + payload


def session_request(called: str = ANY_SERVER) -> bytes:
    """Build the request for a session with the file service of ``called``.

    Raises:
        ValueError: ``called`` is too long for a NetBIOS name, or has invalid characters.
    """
    names = _encoded(called, FILE_SERVER) + _encoded(_CALLING, WORKSTATION)
    return struct.pack(">BBH", _REQUEST, 0, len(names)) + names


@stepwise
def read_frame(cursor: Cursor) -> Steps[Frame]:
    """Read the next frame; a keep-alive (0x85) is an error, since none is sent before a login.

    Raises:
        WireError: the data is no frame, or the frame carries no SMB message.
    """
    head = yield from cursor.take(4)
    kind, length = head[0], int.from_bytes(head[1:], "big")
    if kind != _MESSAGE and length != _LENGTHS.get(kind):
        raise ForeignBytes(
            f"neither an SMB message nor an answer to a NetBIOS session request (first bytes {quoted(head)})"
        )
    if length > MESSAGE_LIMIT or (kind == _MESSAGE and length < 4):
        raise WireError(f"a message of {length} bytes before any login: this is not SMB (first bytes {quoted(head)})")
    if kind == _MESSAGE and (protocol := (yield from cursor.peek(4))) not in _SMB:
        raise ForeignBytes(f"the message is not SMB's: it starts with {quoted(protocol)}")
    content = yield from cursor.take(length)
    if kind == _MESSAGE:
        return Message(content)
    if kind == _NEGATIVE:
        return Negative(content[0])
    if kind == _RETARGET:
        return Retarget(".".join(map(str, content[:4])), int.from_bytes(content[4:], "big"))
    return Positive()


def node_status_question(transaction: int) -> bytes:
    """Build the request for all names of a node: one datagram with the number ``transaction`` (16 bits)."""
    header = struct.pack(">HHHHHH", transaction & 0xFFFF, 0, 1, 0, 0, 0)
    return header + _encoded("*", padding="\0") + struct.pack(">HH", _NODE_STATUS, _INTERNET)


def read_node_status(datagram: bytes, transaction: int) -> NodeStatus | None:
    """Read the answer to a node status request; return None if the datagram answers another one.

    Raises:
        WireError: the answer is broken, an error, or empty.
        UnknownValue: the answer has a result that RFC 1002 does not define.
    """
    if len(datagram) < 12:
        return None
    number, flags, _, answers = struct.unpack_from(">HHHH", datagram)
    if number != transaction & 0xFFFF or not flags & 0x8000:
        return None
    if (code := flags & 0x000F) not in _RESULTS:
        raise UnknownValue("the result of a question to the name service", code)
    if code:
        raise WireError(f"the name service answers with error {code}")
    if not answers:
        raise WireError("the name service answers with nothing")
    at = 12
    while at < len(datagram) and datagram[at]:
        at += 1 + datagram[at]
    if len(datagram) < at + 12:
        raise WireError("the node status ends before its names")
    kind, _, _, length, count = struct.unpack_from(">HHIHB", datagram, at + 1)
    if kind != _NODE_STATUS:
        raise WireError(f"a node status of type 0x{kind:x}")
    table = datagram[at + 12 : at + 11 + length]
    if len(table) < count * _ROW:
        raise WireError(f"the node status ends within its {count} names")
    rows = [table[start : start + _ROW] for start in range(0, count * _ROW, _ROW)]
    mac = table[count * _ROW :][:6]
    return NodeStatus(tuple(map(_row, rows)), ":".join(f"{octet:02x}" for octet in mac))


def _row(raw: bytes) -> Name:
    name = raw[:15].decode("ascii", "replace").rstrip(" \0")
    return Name(name, raw[15], bool(int.from_bytes(raw[16:18], "big") & _GROUP))


def _encoded(name: str, suffix: int | None = None, padding: str = " ") -> bytes:
    """Encode a name (first-level encoding, RFC 1001, 14.1): 16 octets, each as two letters from A to P, no scope.

    ``suffix`` is None for the wildcard name, whose padding fills all 16 octets.
    """
    room = 15 if suffix is not None else 16
    try:
        raw = name.upper().encode("ascii")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name!r} is no NetBIOS name") from error
    if not 1 <= len(raw) <= room:
        raise ValueError(f"{name!r} is no NetBIOS name: it has {len(raw)} octets")
    raw = raw.ljust(room, padding.encode("ascii")) + (bytes((suffix,)) if suffix is not None else b"")
    letters = bytes(0x41 + half for octet in raw for half in (octet >> 4, octet & 0x0F))
    return bytes((len(letters),)) + letters + b"\0"


FIELDS = (
    Field(
        "the type of a frame",
        rb"^([\x82\x83\x84])\0\0[\0\x01\x06]",
        (_MESSAGE, _POSITIVE, _NEGATIVE, _RETARGET),
        Role.DISCRIMINATOR,
        why="only this octet and the length behind it distinguish the session service from other protocols",
    ),
    Field(
        "the mark of an SMB message",
        rb"^\0...([\xfe\xff]SMB)",
        _SMB,
        Role.DISCRIMINATOR,
        why="it says which protocol a frame carries",
    ),
    Field("the reason of a refusal", rb"^\x83\0\0\x01(.)", REASONS, Role.VALUE),
    Field("the result of a name query", rb"^\x12\x34\x84(.)", _RESULTS, Role.VALUE),
    Field(
        "the type of a resource record",
        rb"A\0(\0\x21)\0\x01",
        (_NODE_STATUS,),
        Role.DISCRIMINATOR,
        why=("it says which question this answers"),
    ),
    Field(
        "the suffix of a name",
        rb"SMBLABB {8}([\0\x03\x20])",
        (0, 1, 3, 6, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, FILE_SERVER),
        Role.VALUE,
    ),
    Field("the flags of a name", rb"LABB {11}[\0\x1e](\x84.)", bits(0xFE00), Role.VALUE, flags=True),
)
