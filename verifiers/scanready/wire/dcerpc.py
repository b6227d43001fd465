"""DCE/RPC over TCP: bind, the start of an NTLM login, and calls without a login.

A conversation is a sequence of protocol data units (PDUs) with a header of 16 bytes and a body::

    agent   bind: the requested interfaces, numbered       server  bind_ack with a result for each | bind_nak
    agent   request: interface number, operation, stub     server  response, in one or more fragments | fault
    agent   alter_context: one more interface, or a login  server  alter_context_resp, the same body as bind_ack

A server accepts one new interface in each bind or alter_context. For the others, the result still shows whether it has
them: reason 1 means that it does not, reason 2 that it does but did not accept it this time (Samba's raw_protocol
tests, written against Windows). Stubs are read and written by the codecs of the interfaces.

Source: C706 (DCE 1.1 RPC), chapters 12 to 14; [MS-RPCE] 2.2.1, 2.2.2.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from . import Cursor, ForeignBytes, OurLimit, Steps, WireError, stepwise
from .fields import Field, Role
from .printable import quoted

#: An interface or a transfer syntax: UUID, major and minor version.
Syntax = tuple[uuid.UUID, int, int]

NDR: Syntax = (uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2, 0)
#: Asks in a bind for several security contexts on this connection ([MS-RPCE] 2.2.2.14): without it a connection that
#: began without a login stays without one.
SEVERAL_LOGINS: Syntax = (uuid.UUID("6cb71c2c-9812-4540-0100-000000000000"), 1, 0)

#: Bytes of one answer, all fragments together. A page of an endpoint mapper's table takes some 20 KiB.
MOST = 256 * 1024
_MOST_FRAGMENTS = 256
_MOST_RESULTS = 16

_REQUEST, _RESPONSE, _FAULT, _BIND, _BIND_ACK, _BIND_NAK, _ALTER, _ALTER_ACK = 0, 2, 3, 11, 12, 13, 14, 15
_ANSWERS = frozenset({_RESPONSE, _FAULT, _BIND_ACK, _BIND_NAK, _ALTER_ACK})
_FIRST, _LAST = 0x01, 0x02
_HEADER = 16
_FRAGMENT = 5840  # the size that Windows offers on Ethernet; every server accepts it
_NTLM, _CONNECT = 10, 2
_SECURITY_CONTEXT = int.from_bytes(b"SC", "little")  # any number: whose login it is, of those on one connection

ACCESS_DENIED, UNKNOWN_INTERFACE, PROTOCOL_ERROR, TOO_BUSY = 0x00000005, 0x1C010003, 0x1C01000B, 0x1C010014
#: Names for the statuses of a fault.
FAULTS: dict[int, str] = {
    ACCESS_DENIED: "access denied",
    0x000006D9: "no more endpoints",
    0x00000721: "the security package failed",
    UNKNOWN_INTERFACE: "unknown interface",
    0x1C010002: "no such operation",
    0x1C00001A: "a context that does not fit",
    PROTOCOL_ERROR: "protocol error",
    TOO_BUSY: "the server is too busy",
}
TEMPORARY_CONGESTION, LOCAL_LIMIT, NO_SUCH_LOGIN = 1, 2, 8
#: The reasons for a rejected interface: none given, unknown interface, no common transfer syntax, a limit.
_REASONS = range(4)
#: Names for the reasons of a bind_nak.
NAKS: dict[int, str] = {
    0: "no reason given",
    TEMPORARY_CONGESTION: "temporary congestion",
    LOCAL_LIMIT: "a local limit is exceeded",
    3: "the address is unknown",
    4: "this version of the protocol is not supported",
    NO_SUCH_LOGIN: "this kind of login is not recognised",
    9: "an invalid checksum",
}


@dataclass(frozen=True, slots=True)
class Context:
    """Hold one requested interface and its number, which later requests use."""

    number: int
    interface: Syntax
    transfer: Syntax = NDR


@dataclass(frozen=True, slots=True)
class Result:
    """Hold the result for one interface: 0 accepted, 2 rejected by the server for ``reason``."""

    result: int
    reason: int

    @property
    def accepted(self) -> bool:
        """Return True if requests may use the interface."""
        return self.result == 0

    @property
    def known(self) -> bool:
        """Return True if C706 and [MS-RPCE] define this result and reason."""
        return self.result in (0, 3) or (self.result in (1, 2) and self.reason in _REASONS)

    @property
    def absent(self) -> bool:
        """Return True if the server does not have the interface (or this version of it)."""
        return (self.result, self.reason) == (2, 1)


@dataclass(frozen=True, slots=True)
class BindAck:
    """Hold the answer to a bind or alter_context: a result for each interface, and the server's login token."""

    results: tuple[Result, ...]
    token: bytes


@dataclass(frozen=True, slots=True)
class BindNak:
    """Hold the reason for which the server rejected the whole bind."""

    reason: int

    def __str__(self) -> str:
        return f"bind_nak: {NAKS.get(self.reason, 'reason')} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Fault:
    """Hold the error of a call; ``status`` is a Win32 error or a DCE status."""

    status: int

    def __str__(self) -> str:
        return f"fault 0x{self.status:x} ({FAULTS.get(self.status, 'no name known')})"


@dataclass(frozen=True, slots=True)
class Response:
    """Hold the answer to a request, with all fragments joined."""

    stub: bytes


Answer = BindAck | BindNak | Fault | Response


# Messages to the server.


def bind(contexts: Sequence[Context], token: bytes = b"", *, call: int = 1) -> bytes:
    """Build a bind; ``token`` starts an NTLM login, which need not be finished."""
    return _offer(_BIND, contexts, token, call)


def alter_context(contexts: Sequence[Context], token: bytes = b"", *, call: int) -> bytes:
    """Build an alter_context for another interface, or with ``token`` for an NTLM login."""
    return _offer(_ALTER, contexts, token, call)


def request(context: int, operation: int, stub: bytes = b"", *, call: int) -> bytes:
    """Build a call of an operation; ``context`` is the number of the accepted interface.

    Raises:
        ValueError: the stub does not fit into one fragment.
    """
    if len(stub) > _FRAGMENT - 24:
        raise ValueError("a request of more than one fragment")
    return _pdu(_REQUEST, struct.pack("<IHH", len(stub), context, operation) + stub, call)


def _offer(kind: int, contexts: Sequence[Context], token: bytes, call: int) -> bytes:
    body = struct.pack("<HHIBxxx", _FRAGMENT, _FRAGMENT, 0, len(contexts))
    for context in contexts:
        body += struct.pack("<HBx", context.number, 1) + _syntax(context.interface) + _syntax(context.transfer)
    if token:  # the body is a multiple of four bytes: no padding before the trailer
        body += struct.pack("<BBBxI", _NTLM, _CONNECT, 0, _SECURITY_CONTEXT) + token
    return _pdu(kind, body, call, len(token))


def _syntax(syntax: Syntax) -> bytes:
    identifier, major, minor = syntax
    return identifier.bytes_le + struct.pack("<HH", major, minor)


def _pdu(kind: int, body: bytes, call: int, token: int = 0) -> bytes:
    flags = _FIRST | _LAST
    header = struct.pack("<BBBB4sHHI", 5, 0, kind, flags, b"\x10\0\0\0", _HEADER + len(body), token, call)
    return header + body


# Messages from the server.


@dataclass(frozen=True, slots=True)
class _Pdu:
    kind: int
    flags: int
    order: str
    call: int
    body: bytes
    token: bytes

    def unpack(self, layout: str, at: int = 0) -> tuple[int, ...]:
        """Return the integers at ``at`` of the body."""
        try:
            return struct.unpack_from(self.order + layout, self.body, at)
        except struct.error:
            raise WireError(f"a PDU of type {self.kind} that ends after {_HEADER + len(self.body)} bytes") from None


@stepwise
def read_answer(cursor: Cursor, call: int | None = None) -> Steps[Answer]:
    """Read the answer to a bind, alter_context or request.

    Args:
        cursor: over what was received.
        call: the number of the request, which the answer must repeat.

    Raises:
        WireError: the answer is not DCE/RPC, or breaks its rules.
        OurLimit: the answer is longer than the size limit.
    """
    stub = bytearray()
    for count in range(_MOST_FRAGMENTS):
        pdu = yield from _next_pdu(cursor)
        if call is not None and pdu.call != call:
            raise WireError(f"an answer to call {pdu.call}, where call {call} was asked")
        if pdu.kind != _RESPONSE:
            return _single(pdu)
        stub += _stub(pdu, first=count == 0)
        if pdu.flags & _LAST:
            return Response(bytes(stub))
        if cursor.at > MOST:
            break
    raise OurLimit(f"an answer of more than {cursor.at} bytes, which are all that is read")


def _next_pdu(cursor: Cursor) -> Steps[_Pdu]:
    """Read the next PDU; the first byte already shows a peer with another protocol."""
    first = yield from cursor.peek(1)
    if first != b"\x05" and cursor.ready < _HEADER:
        raise ForeignBytes(f"not DCE/RPC version 5 (first byte 0x{first[0]:02x})")
    head = yield from cursor.peek(_HEADER)
    order = "<" if head[4] & 0xF0 == 0x10 else ">"
    major, minor, kind, flags, _, length, token, call = struct.unpack(order + "BBBB4sHHI", head)
    if major != 5 or minor > 1 or head[4] & 0xEF:
        raise ForeignBytes(f"not DCE/RPC version 5 (first bytes {quoted(head)})")
    if kind not in _ANSWERS:
        raise WireError(f"a PDU of type {kind}, which answers nothing")
    if length < _HEADER or (token and token + 8 > length - _HEADER):
        raise WireError(f"a PDU of {length} bytes with a login token of {token}")
    yield from cursor.skip(_HEADER)
    rest = yield from cursor.take(length - _HEADER)
    body = rest[: -(token + 8)] if token else rest
    return _Pdu(kind, flags, order, call, body, rest[-token:] if token else b"")


def _single(pdu: _Pdu) -> Answer:
    match pdu.kind:
        case 3:
            (status,) = pdu.unpack("I", 8)
            return Fault(status)
        case 13:
            (reason,) = pdu.unpack("H")
            return BindNak(reason)
        case _:
            return _bind_ack(pdu)


def _bind_ack(pdu: _Pdu) -> BindAck:
    """Read a bind_ack: sizes and association group, the secondary address, then 24 bytes for each interface."""
    (named,) = pdu.unpack("H", 8)
    at = 10 + named
    at += -(_HEADER + at) % 4
    (count,) = pdu.unpack("B", at)
    if count > _MOST_RESULTS and len(pdu.body) < at + 4 + 24 * count:
        raise WireError(f"results for {count} interfaces in {len(pdu.body)} bytes")
    if count > _MOST_RESULTS:
        raise OurLimit(f"results for {count} interfaces, of which {_MOST_RESULTS} are read")
    results = []
    for number in range(count):
        result, reason, *_ = pdu.unpack("HH20B", at + 4 + 24 * number)
        results.append(Result(result, reason))
    return BindAck(tuple(results), pdu.token)


def _stub(pdu: _Pdu, *, first: bool) -> bytes:
    pdu.unpack("IHBB")  # the four fields before the stub
    if pdu.token:
        raise WireError("a response with a login trailer although no login was made")
    if bool(pdu.flags & _FIRST) != first:
        raise WireError("the fragments of a response are out of order")
    if pdu.order == ">":
        raise WireError("a response in big-endian order, which Windows never sends")
    return pdu.body[8:]


FIELDS = (
    Field(
        "the version",
        rb"^(\x05)[\0\x01][\x02\x03\x0c\x0d\x0f]",
        (5,),
        Role.DISCRIMINATOR,
        why="it is the first octet of every unit, and distinguishes DCE/RPC over TCP from other protocols",
    ),
    Field(
        "the minor version",
        rb"^\x05([\0\x01])[\x02\x03\x0c\x0d\x0f]",
        (0, 1),
        Role.DISCRIMINATOR,
        why="with the version before it, it distinguishes DCE/RPC over TCP from other protocols",
    ),
    Field(
        "the type of a unit",
        rb"^\x05[\0\x01]([\x02\x03\x0c\x0d\x0f])",
        _ANSWERS,
        Role.DISCRIMINATOR,
        why=("it says which message this is, and most types are those of clients"),
    ),
    Field(
        "the byte order",
        rb"^\x05[\0\x01]..(\x10)\0\0\0",
        (0x00, 0x10),
        Role.DISCRIMINATOR,
        why="it is one bit (C706, 14.1); with others, this is no header of DCE/RPC",
    ),
    Field("the format of characters and floats", rb"^\x05[\0\x01]..\x10([\0-\x03])\0\0", range(4), Role.VALUE),
    Field(
        "the result of an interface",
        rb"^\x05[\0\x01][\x0c\x0f].{21}(?:\x04\x00135\0..|\0\0..).\0\0\0(..)",
        range(4),
        Role.VALUE,
        order="little",
    ),
    Field("the reason of a result", rb"\x02\0([\x01\x02]\0)\0{4}", _REASONS, Role.VALUE, order="little"),
    Field("the reason of a bind_nak", rb"^\x05[\0\x01]\x0d.{13}(..)", NAKS, Role.VALUE, order="little"),
    Field("the status of a fault", rb"^\x05[\0\x01]\x03.{21}(.{4})", FAULTS, Role.VALUE, order="little"),
)
