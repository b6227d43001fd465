"""SMB 2 and 3 up to the login prompt: two requests, and the server's properties in the answers.

    agent   NEGOTIATE: dialects 2.0.2 to 3.1.1, ciphers, signing algorithms
    server  the highest common dialect, signing, capabilities, clock, mechanisms (SPNEGO)
    agent   SESSION_SETUP with a first security token, without a user name
    server  "more processing required" with the challenge (the login prompt), or an error

This module has only the messages; other modules have their frames (445, 139) and the security tokens. A client that
stops here leaves no session and no log entry on Windows or Samba (measured on Samba 4.17).

Source: [MS-SMB2] 2.2.1.2, 2.2.2 to 2.2.6. All numbers are little endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from . import OurLimit, UnknownValue, WireError
from .fields import Field, Role, bits
from .printable import quoted

#: The offered dialects and their names.
DIALECTS: Mapping[int, str] = {
    0x0202: "SMB 2.0.2",
    0x0210: "SMB 2.1",
    0x0300: "SMB 3.0",
    0x0302: "SMB 3.0.2",
    0x0311: "SMB 3.1.1",
}
#: Ciphers that are offered, in the order of Windows' own client: what a server chooses is what a scan will have.
CIPHERS: Mapping[int, str] = {2: "AES-128-GCM", 1: "AES-128-CCM", 4: "AES-256-GCM", 3: "AES-256-CCM"}
_SIGNING = (2, 1, 0)  # AES-GMAC, AES-CMAC, HMAC-SHA256

_NEGOTIATE, _SESSION_SETUP = 0, 1
_HEADER = struct.Struct("<4sHHIHHIIQIIQ16s")
MARK = b"\xfeSMB"
_RESPONSE = 0x00000001  # of the flags: from the server
_CREDITS = 31
_SIGNING_ENABLED, _SIGNING_REQUIRED = 0x0001, 0x0002
_DFS, _ENCRYPTION = 0x01, 0x40
_ALL_CAPABILITIES = 0x7F
_PREAUTH, _CIPHER, _SIGNATURE = 1, 2, 8  # negotiate contexts
_SHA_512 = 1
_MOST_CONTEXTS = 32
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

# NTSTATUS ([MS-ERREF] 2.3.1) of a talk that goes on.
PENDING = 0x00000103
MORE_PROCESSING = 0xC0000016
# Other statuses that may arrive before a user name is sent: access denied, not supported, NTLM blocked, no more
# connections, a logon failure, an invalid parameter, no resources.
_STATUSES = (
    0,
    PENDING,
    MORE_PROCESSING,
    0xC0000022,
    0xC00000BB,
    0xC0000418,
    0xC00000D0,
    0xC000006D,
    0xC000000D,
    0xC000009A,
)


@dataclass(frozen=True, slots=True)
class Negotiated:
    """Hold the server's answer to a NEGOTIATE.

    ``dialect`` is one of :data:`DIALECTS`. ``cipher`` is the name of the chosen cipher, empty without encryption
    (always before 3.0). ``clock`` is the server's time in UTC, None if it sends none. ``token`` is its SPNEGO token
    with the mechanisms, and may be empty.
    """

    dialect: int
    signing_enabled: bool
    signing_required: bool
    guid: UUID
    dfs: bool
    cipher: str
    clock: datetime | None
    token: bytes


@dataclass(frozen=True, slots=True)
class Setup:
    """Hold the server's answer to a SESSION_SETUP: an NTSTATUS, and a token if the login continues."""

    status: int
    token: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Hold the NTSTATUS with which the server rejects the NEGOTIATE."""

    status: int


@dataclass(frozen=True, slots=True)
class OldDialect:
    """Mark an answer in SMB 1 to a request in SMB 2."""


def negotiate(client: bytes, salt: bytes) -> bytes:
    """Build a NEGOTIATE with all dialects, ciphers and signing algorithms.

    Args:
        client: 16 octets that name this client; any.
        salt: 32 random octets.

    Raises:
        ValueError: lengths other than these.
    """
    if (len(client), len(salt)) != (16, 32):
        raise ValueError("a client GUID has 16 octets, the salt has 32")
    contexts = (
        (_PREAUTH, struct.pack("<HHH", 1, len(salt), _SHA_512) + salt),
        (_CIPHER, struct.pack(f"<{1 + len(CIPHERS)}H", len(CIPHERS), *CIPHERS)),
        (_SIGNATURE, struct.pack(f"<{1 + len(_SIGNING)}H", len(_SIGNING), *_SIGNING)),
    )
    dialects = struct.pack(f"<{len(DIALECTS)}H", *DIALECTS)
    offset = _aligned(64 + 36 + len(dialects))
    body = struct.pack("<HHHHI16s", 36, len(DIALECTS), _SIGNING_ENABLED, 0, _ALL_CAPABILITIES, client)
    body += struct.pack("<IHH", offset, len(contexts), 0) + dialects
    request = (_header(_NEGOTIATE, 0, charge=0) + body).ljust(offset, b"\0")
    for kind, data in contexts:
        request = request.ljust(_aligned(len(request)), b"\0") + struct.pack("<HHI", kind, len(data), 0) + data
    return request


def session_setup(token: bytes) -> bytes:
    """Build a SESSION_SETUP with a first security token, as the second message of a connection."""
    body = struct.pack("<HBBIIHHQ", 25, 0, _SIGNING_ENABLED, _DFS, 0, 64 + 24, len(token), 0)
    return _header(_SESSION_SETUP, 1, charge=1) + body + token


def read_negotiate(message: bytes) -> Negotiated | Refused | OldDialect:
    """Read the whole message that answers :func:`negotiate`.

    Raises:
        WireError: the message is another one, or broken.
        UnknownValue: the dialect was not offered.
    """
    if message.startswith(b"\xffSMB"):
        return OldDialect()
    status = _status(message, _NEGOTIATE)
    if status:
        return Refused(status)
    if len(message) < 64 + 64 or message[64:66] != b"\x41\0":
        raise WireError("the answer to the SMB negotiate is cut short")
    security, dialect, count, guid, capabilities = struct.unpack_from("<HHH16sI", message, 66)
    clock, _, offset, length, contexts = struct.unpack_from("<QQHHI", message, 64 + 40)
    if dialect not in DIALECTS:
        raise UnknownValue("the dialect that the server chose", dialect)
    token = _part(message, offset, length, "its mechanisms")
    if dialect == 0x0311:
        chosen = _contexts(message, contexts, count).get(_CIPHER, b"")
        number = int.from_bytes(chosen[2:4], "little")
        cipher = CIPHERS.get(number, f"a cipher that is not known here (0x{number:04x})" if number else "")
    else:
        cipher = CIPHERS[1] if dialect >= 0x0300 and capabilities & _ENCRYPTION else ""
    return Negotiated(
        dialect=dialect,
        signing_enabled=bool(security & (_SIGNING_ENABLED | _SIGNING_REQUIRED)),
        signing_required=bool(security & _SIGNING_REQUIRED),
        guid=UUID(bytes_le=guid),
        dfs=bool(capabilities & _DFS),
        cipher=cipher,
        clock=_time(clock),
        token=token,
    )


def read_session_setup(message: bytes) -> Setup:
    """Read the message that answers :func:`session_setup`; after :data:`PENDING` another answer follows.

    Raises:
        WireError: the message is another one, or broken.
    """
    status = _status(message, _SESSION_SETUP)
    if status not in (0, MORE_PROCESSING):
        return Setup(status, b"")
    if len(message) < 64 + 8 or message[64:66] != b"\x09\0":
        raise WireError("the answer to the SMB session setup is cut short")
    offset, length = struct.unpack_from("<HH", message, 68)
    return Setup(status, _part(message, offset, length, "its token"))


def _header(command: int, number: int, charge: int) -> bytes:
    # 0xFEFF is what Windows puts where process identifiers were.
    return _HEADER.pack(MARK, 64, charge, 0, command, _CREDITS, 0, 0, number, 0xFEFF, 0, 0, bytes(16))


def _status(message: bytes, command: int) -> int:
    """Return the status of the answer to ``command``, whose number is also the message's number."""
    if len(message) < 64 or not message.startswith(MARK):
        raise WireError(f"no SMB 2 message: it starts with {quoted(message[:8])}")
    _, size, _, status, answered, _, flags, following, number, *_ = _HEADER.unpack_from(message)
    if size != 64 or not flags & _RESPONSE or following:
        raise WireError("an SMB 2 message with a header that no answer has")
    if (answered, number) != (command, command):
        raise WireError(f"the server answers command {answered}, message {number}, where {command} was asked")
    return int(status)


def _part(message: bytes, offset: int, length: int, what: str) -> bytes:
    if length and not 64 <= offset <= len(message) - length:
        raise WireError(f"{what} lie outside of the SMB message ({length} bytes at {offset})")
    return message[offset : offset + length]


def _contexts(message: bytes, at: int, count: int) -> dict[int, bytes]:
    """Read the negotiate contexts, by kind."""
    if count > _MOST_CONTEXTS:
        raise OurLimit(f"{count} negotiate contexts, of which {_MOST_CONTEXTS} are read")
    found = {}
    for _ in range(count):
        at = _aligned(at)
        if not 64 <= at <= len(message) - 8:
            raise WireError("the negotiate contexts lie outside of the SMB message")
        kind, length = struct.unpack_from("<HH", message, at)
        found[kind] = _part(message, at + 8, length, "the contents of a negotiate context")
        at += 8 + length
    return found


def _aligned(offset: int) -> int:
    return offset + -offset % 8


def _time(ticks: int) -> datetime | None:
    """Convert a FILETIME (units of 100 ns since 1601); return None for zero or a date out of range."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


FIELDS = (
    Field(
        "the command that is answered",
        rb"\xfeSMB\x40\0.{6}([\x00\x01]\0).{6}\0\0\0\0[\x00\x01]\0",
        (_NEGOTIATE, _SESSION_SETUP),
        Role.DISCRIMINATOR,
        why="it says which of our two questions this answers",
        order="little",
    ),
    Field("the status", rb"\xfeSMB\x40\0..(.{4})", _STATUSES, Role.VALUE, order="little"),
    Field(
        "the size of an answer's structure",
        rb"\xfeSMB.{60}([\x41\x09]\0)",
        (0x41, 0x09),
        Role.DISCRIMINATOR,
        why="[MS-SMB2] 2.2.4 and 2.2.6 require it, and it distinguishes an answer from an error",
        order="little",
    ),
    Field(
        "the flags of the header",
        rb"\xfeSMB\x40\0.{10}(.{4})",
        bits(0x3000000F),
        Role.VALUE,
        order="little",
        flags=True,
    ),
    Field("the security mode", rb"\xfeSMB.{60}\x41\0(..)", (1, 2), Role.VALUE, order="little", flags=True),
    Field("the dialect", rb"\xfeSMB.{60}\x41\0..(..)", (*DIALECTS, 0x02FF), Role.VALUE, order="little"),
    Field(
        "the capabilities",
        rb"\xfeSMB.{60}\x41\0.{22}(.{4})",
        bits(0xFF),
        Role.VALUE,
        order="little",
        flags=True,
    ),
    Field(
        "the kind of a negotiate context",
        rb"\xfeSMB.*\0(\x01\0)\x26\0",
        (1, 2, 3, 5, 6, 7, 8),
        Role.VALUE,
        order="little",
    ),
    Field("the cipher", rb"\x02\0\x04\0\0\0\0\0\x01\0(..)", (0, *CIPHERS), Role.VALUE, order="little"),
    Field("the signing algorithm", rb"\x08\0\x04\0\0\0\0\0\x01\0(..)", _SIGNING, Role.VALUE, order="little"),
    Field("the hash", rb"\x01\0\x26\0\0\0\0\0\x01\0\x20\0(..)", (_SHA_512,), Role.VALUE, order="little"),
    Field("the flags of the session", rb"\xfeSMB.{60}\x09\0(..)", (1, 2, 4), Role.VALUE, order="little", flags=True),
)
