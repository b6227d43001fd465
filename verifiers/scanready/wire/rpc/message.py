"""Build calls and read replies of ONC RPC version 2, over TCP (with record marks) and UDP (without); RFC 5531."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

from scanready.wire import Cursor, OurLimit, Steps, UnknownValue, WireError, stepwise
from scanready.wire.fields import Field, Role

from .xdr import Items, opaque, u32

_CALL, _REPLY, _VERSION = 0, 1, 2
_LAST = 0x8000_0000
#: Bytes of one reply. The largest reply to our calls is rpcbind's list, about 100 bytes for each entry.
MOST_BYTES = 1 << 20
_MOST_FRAGMENTS = 64
_MOST_VERIFIER = 400  # RFC 5531, 8.2

AUTH_NONE = u32(0) + u32(0)
AUTH_SYS = 1
BAD_CREDENTIAL, TOO_WEAK = 1, 5
#: auth_stat of a refusal (RFC 5531, 9).
AUTH_REFUSALS = {
    1: "bad credential",
    2: "rejected credential",
    3: "bad verifier",
    4: "rejected verifier",
    5: "credential too weak",
    6: "invalid response verifier",
    7: "failed",
    13: "no Kerberos credential",
    14: "Kerberos context problem",
}


class State(StrEnum):
    """The outcome of a call."""

    SUCCESS = "success"
    PROGRAM_UNAVAILABLE = "program not available"
    VERSION_MISMATCH = "version not supported"
    PROCEDURE_UNAVAILABLE = "procedure not available"
    GARBAGE = "arguments not understood"
    SYSTEM_ERROR = "system error"
    RPC_MISMATCH = "RPC version not supported"
    AUTH_ERROR = "authentication refused"


_ACCEPTED = (
    State.SUCCESS,
    State.PROGRAM_UNAVAILABLE,
    State.VERSION_MISMATCH,
    State.PROCEDURE_UNAVAILABLE,
    State.GARBAGE,
    State.SYSTEM_ERROR,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to one call.

    ``low`` and ``high`` are the lowest and highest supported version (for a mismatch). ``auth`` is the auth_stat of a
    refusal. ``results`` are the bytes of the program's result.
    """

    xid: int
    state: State
    results: bytes = b""
    low: int = 0
    high: int = 0
    auth: int = 0

    def __str__(self) -> str:
        """Return the outcome in words."""
        if self.state is not State.AUTH_ERROR:
            return str(self.state)
        return f"{self.state} ({AUTH_REFUSALS.get(self.auth, f'auth_stat {self.auth}')})"


def auth_sys(machine: str, uid: int, gid: int) -> bytes:
    """Build the credential of a Unix user (AUTH_SYS) without further groups; cut ``machine`` to 255 octets."""
    body = u32(0) + opaque(machine.encode("utf-8", "replace")[:255]) + u32(uid) + u32(gid) + u32(0)
    return u32(AUTH_SYS) + opaque(body)


def call(
    xid: int, program: int, version: int, procedure: int, arguments: bytes = b"", credential: bytes = AUTH_NONE
) -> bytes:
    """Build one call as a datagram; :func:`record` turns it into a record for TCP."""
    return struct.pack(">6I", xid, _CALL, _VERSION, program, version, procedure) + credential + AUTH_NONE + arguments


def record(message: bytes) -> bytes:
    """Return the message with its record mark, as it is sent over TCP."""
    return u32(_LAST | len(message)) + message


@stepwise
def read_reply(cursor: Cursor) -> Steps[Reply]:
    """Read one reply of one or more fragments.

    Raises:
        WireError: the bytes are not an ONC RPC reply.
        OurLimit: the reply is longer, or has more fragments, than this module reads.
    """
    message = bytearray()
    for _ in range(_MOST_FRAGMENTS):
        mark = int.from_bytes((yield from cursor.peek(4)), "big")
        last, length = bool(mark & _LAST), mark & ~_LAST
        if cursor.at + length > MOST_BYTES:
            break
        yield from cursor.skip(4)
        if not message and length >= 8:
            _refuse_foreign((yield from cursor.peek(8)))
        message += yield from cursor.take(length)
        if last:
            return parse_reply(bytes(message))
    if message or cursor.shown(12)[8:] == u32(_REPLY):
        raise OurLimit(f"an RPC reply of more than {MOST_BYTES} bytes or {_MOST_FRAGMENTS} fragments")
    raise WireError(f"an RPC record with a fragment of {length} bytes after {cursor.at}")


def _refuse_foreign(start: bytes) -> None:
    """Raise WireError as early as possible for another protocol: the second word of a reply is REPLY."""
    if start[4:] != u32(_REPLY):
        raise WireError("not an RPC reply")


def parse_reply(message: bytes) -> Reply:
    """Read one reply.

    Raises:
        WireError: the message is not an ONC RPC reply.
        UnknownValue: the reply has a state that RFC 5531 does not define.
    """
    items = Items(message)
    xid = items.u32()
    if items.u32() != _REPLY:
        raise WireError("not an RPC reply")
    match items.u32():
        case 0:
            return _accepted(xid, items)
        case 1:
            return _denied(xid, items)
        case stat:
            raise UnknownValue("the state of an RPC reply", stat)


def _accepted(xid: int, items: Items) -> Reply:
    items.u32()
    items.opaque(_MOST_VERIFIER)
    number = items.u32()
    if number >= len(_ACCEPTED):
        raise UnknownValue("the state of an accepted RPC call", number)
    state = _ACCEPTED[number]
    if state is State.VERSION_MISMATCH:
        return Reply(xid, state, low=items.u32(), high=items.u32())
    return Reply(xid, state, items.rest() if state is State.SUCCESS else b"")


def _denied(xid: int, items: Items) -> Reply:
    match items.u32():
        case 0:
            return Reply(xid, State.RPC_MISMATCH, low=items.u32(), high=items.u32())
        case 1:
            return Reply(xid, State.AUTH_ERROR, auth=items.u32())
        case stat:
            raise UnknownValue("the state of a rejected RPC call", stat)


FIELDS = (
    Field(
        "the type of a message",
        rb"^(?:[\x80].{3})?.{4}(\0\0\0\x01)\0\0\0[\0\x01]",
        (_CALL, _REPLY),
        Role.DISCRIMINATOR,
        why="only this field and the number of the call distinguish ONC RPC from other protocols",
    ),
    Field("the state of a reply", rb"\0\0\0\x01(\0\0\0[\0\x01])\0", (0, 1), Role.VALUE),
    Field("the state of an accepted call", rb"\0\0\0\x01\0\0\0\0\0{8}(\0\0\0[\0-\x05])", range(6), Role.VALUE),
    Field("the state of a rejected call", rb"\0\0\0\x01\0\0\0\x01(\0\0\0[\0\x01])", (0, 1), Role.VALUE),
    Field("the reason of a rejected credential", rb"\0\0\0\x01\0\0\0\x01\0\0\0\x01(.{4})$", AUTH_REFUSALS, Role.VALUE),
    Field("the flavor of the verifier", rb"\0\0\0\x01\0\0\0\0(\0{4})\0{4}\0\0\0[\0-\x05]", range(8), Role.VALUE),
)
