"""SMB 1 (CIFS) up to the login prompt, for servers that support nothing newer.

    agent   NEGOTIATE: only NT LM 0.12
    server  signing, capabilities, clock; mechanisms (SPNEGO), or a challenge and names
    agent   SESSION_SETUP_ANDX with a first security token, without a user name     (only if the server has SPNEGO)
    server  "more processing required" with the challenge, its system and its software

Only messages, as in :mod:`scanready.wire.smb2`. Source: [MS-CIFS] 2.2.4.52, 2.2.4.53; [MS-SMB] 2.2.4.5, 2.2.4.6.
All numbers are little endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from . import UnknownValue, WireError
from .fields import Field, Role, bits
from .printable import quoted

#: The dialect's name.
DIALECT = "SMB 1 (NT LM 0.12)"

MORE_PROCESSING = 0xC0000016
_MARK = b"\xffSMB"
_NEGOTIATE, _SESSION_SETUP = 0x72, 0x73
_HEADER = struct.Struct("<4sBIBHH8sHHHHH")
_ANSWER = 0x80  # of the flags
_OUR_FLAGS = 0x18  # path names are case-insensitive and canonical
_EXTENDED_SECURITY, _NT_STATUS, _UNICODE = 0x0800, 0x4000, 0x8000
_OUR_FLAGS2 = _UNICODE | _NT_STATUS | _EXTENDED_SECURITY | 0x0043  # long names, extended attributes
_USER_LEVEL, _SIGNING_ENABLED, _SIGNING_REQUIRED = 0x01, 0x04, 0x08
_CAP_UNICODE, _CAP_EXTENDED_SECURITY = 0x00000004, 0x80000000
_OUR_CAPABILITIES = 0x800000D4  # extended security, NT status, NT SMBs, large files, Unicode
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_LONGEST_TEXTS = 1024  # bytes of all names together
# Old clients send 0 after a crash, and a server may then end every session from the agent's address.
_CONNECTION_NUMBER = 1


@dataclass(frozen=True, slots=True)
class Negotiated:
    """Hold the server's answer to a NEGOTIATE.

    If ``extended`` is True, the server uses SPNEGO, ``token`` holds its mechanisms and ``guid`` identifies it.
    Otherwise the challenge is in this answer, and ``server_name`` and ``domain`` are its names, if it sends any.
    ``user_level`` is False if each share has its own password and there is no user login.
    """

    user_level: bool
    signing_enabled: bool
    signing_required: bool
    extended: bool
    clock: datetime | None
    guid: UUID | None
    token: bytes
    domain: str
    server_name: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Hold a refusal: no common dialect (status 0), or an NTSTATUS."""

    status: int


@dataclass(frozen=True, slots=True)
class Setup:
    """Hold the server's answer to a SESSION_SETUP_ANDX; ``os`` and ``software`` are its texts, like "Windows 5.1"."""

    status: int
    token: bytes
    os: str
    software: str


def negotiate() -> bytes:
    """Build a NEGOTIATE for NT LM 0.12, the default of Windows NT 4 to Server 2003 and of Samba before 4.11."""
    dialect = b"\x02NT LM 0.12\0"
    return _header(_NEGOTIATE) + struct.pack("<BH", 0, len(dialect)) + dialect


def session_setup(token: bytes) -> bytes:
    """Build a SESSION_SETUP_ANDX with a first security token."""
    names = "\0".join(("", "scanready", "")).encode("utf-16-le")  # no system name, then the client's name
    words = struct.pack("<BBHHHHIHII", 0xFF, 0, 0, 0xFFFF, 2, _CONNECTION_NUMBER, 0, len(token), 0, _OUR_CAPABILITIES)
    data = token + bytes(1 - len(token) % 2) + names  # at an even offset; the data begins at 59
    return _header(_SESSION_SETUP) + bytes((len(words) // 2,)) + words + struct.pack("<H", len(data)) + data


def read_negotiate(message: bytes) -> Negotiated | Refused:
    """Read the whole message that answers :func:`negotiate`.

    Raises:
        WireError: the message is another one, or broken.
    """
    status, flags2, words, data = _parts(message, _NEGOTIATE)
    if status or words[:2] == b"\xff\xff":
        return Refused(status)
    if words[:2] not in (b"\0\0", b""):
        raise UnknownValue(
            "the dialect that the server chose, by its number in our list,", int.from_bytes(words[:2], "little")
        )
    if len(words) != 34:
        raise WireError("the answer to the SMB 1 negotiate is not that of NT LM 0.12")
    mode = words[2]
    capabilities, ticks, _, challenge = struct.unpack_from("<IQHB", words, 19)
    extended = bool(capabilities & _CAP_EXTENDED_SECURITY)
    domain = name = ""
    if extended:
        if len(data) < 16:
            raise WireError("the answer to the SMB 1 negotiate ends within the server's GUID")
    elif capabilities & _CAP_UNICODE or flags2 & _UNICODE:  # not aligned here, whatever the specification says of it
        domain, name, *_ = [*_texts(data[challenge:]), "", ""]
    return Negotiated(
        user_level=bool(mode & _USER_LEVEL),
        signing_enabled=bool(mode & (_SIGNING_ENABLED | _SIGNING_REQUIRED)),
        signing_required=bool(mode & _SIGNING_REQUIRED),
        extended=extended,
        clock=_time(ticks),
        guid=UUID(bytes_le=data[:16]) if extended else None,
        token=data[16:] if extended else b"",
        domain=domain,
        server_name=name,
    )


def read_session_setup(message: bytes) -> Setup:
    """Read the message that answers :func:`session_setup`.

    Raises:
        WireError: the message is another one, or broken.
    """
    status, flags2, words, data = _parts(message, _SESSION_SETUP)
    if status not in (0, MORE_PROCESSING):
        return Setup(status, b"", "", "")
    if len(words) != 8:
        raise WireError("the answer to the SMB 1 session setup is not that of extended security")
    length = int.from_bytes(words[6:8], "little")
    if len(data) < length:
        raise WireError("the answer to the SMB 1 session setup ends within its token")
    texts = data[length:]
    if flags2 & _UNICODE:
        told = _texts(texts[1 - length % 2 :])  # at an even offset; the bytes begin at 43
    else:
        told = texts[:_LONGEST_TEXTS].decode("ascii", "replace").split("\0")
    system, software, *_ = [*told, "", ""]
    return Setup(status, data[:length], system, software)


def _header(command: int) -> bytes:
    # Tree and process have the values of Windows' first messages.
    return _HEADER.pack(_MARK, command, 0, _OUR_FLAGS, _OUR_FLAGS2, 0, bytes(8), 0, 0xFFFF, 0xFEFF, 0, 0)


def _parts(message: bytes, command: int) -> tuple[int, int, bytes, bytes]:
    """Return status, second flags, words and bytes of the answer to ``command``."""
    if len(message) < 35 or not message.startswith(_MARK):
        raise WireError(f"no SMB 1 message: it starts with {quoted(message[:8])}")
    _, answered, status, flags, flags2, *_ = _HEADER.unpack_from(message)
    if answered != command or not flags & _ANSWER:
        raise WireError(f"the server answers SMB 1 command 0x{answered:02x} where 0x{command:02x} was asked")
    end = 33 + 2 * message[32]
    if len(message) < end + 2:
        raise WireError("the SMB 1 message ends within its words")
    count = int.from_bytes(message[end : end + 2], "little")
    if len(message) < end + 2 + count:
        raise WireError("the SMB 1 message ends within its bytes")
    return status, flags2, message[33:end], message[end + 2 : end + 2 + count]


def _texts(data: bytes) -> list[str]:
    """Split UTF-16 texts at their NULs; the last NUL may be cut in half."""
    return data[:_LONGEST_TEXTS].decode("utf-16-le", "replace").split("\0")


def _time(ticks: int) -> datetime | None:
    """Convert a FILETIME (units of 100 ns since 1601); return None for zero or a date out of range."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


FIELDS = (
    Field(
        "the command that is answered",
        rb"\xffSMB([\x72\x73])",
        (_NEGOTIATE, _SESSION_SETUP),
        Role.DISCRIMINATOR,
        why="it says which of our two questions this answers",
    ),
    Field("the status", rb"\xffSMB.(.{4})", (0, MORE_PROCESSING), Role.VALUE, order="little"),
    Field("the flags", rb"\xffSMB.{5}(.)", bits(0xFB), Role.VALUE, flags=True),
    Field(
        "the second flags",
        rb"\xffSMB.{6}(..)",
        bits(0xFC57),
        Role.VALUE,
        order="little",
        flags=True,
    ),
    Field("the number of the dialect", rb"\xffSMB\x72.{27}\x11(..)", (0, 0xFFFF), Role.VALUE, order="little"),
    Field("the security mode", rb"\xffSMB\x72.{27}\x11..(.)", (1, 2, 4, 8), Role.VALUE, flags=True),
    Field(
        "the capabilities",
        rb"\xffSMB\x72.{27}\x11.{19}(.{4})",
        bits(0xE083F3FF),
        Role.VALUE,
        order="little",
        flags=True,
    ),
)
