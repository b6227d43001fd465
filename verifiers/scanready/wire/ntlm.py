"""NTLMSSP up to the challenge: the facts that a Windows server reveals before any login.

The agent sends the NEGOTIATE message (type 1), which has no user name. The server answers with the CHALLENGE (type 2),
the login prompt, which has names, domain, build and clock. Other modules carry the two (SPNEGO, DCE/RPC, HTTP).

Source: [MS-NLMP] 2.2.1.1, 2.2.1.2, 2.2.2.1 and 2.2.2.10. All numbers are little endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from . import OurLimit, WireError
from .fields import Field, Role, bits
from .printable import quoted

SIGNATURE = b"NTLMSSP\0"

# Negotiate flags, named as in [MS-NLMP] 2.2.2.5 without their prefixes.
UNICODE = 0x00000001
OEM = 0x00000002
REQUEST_TARGET = 0x00000004
SIGN = 0x00000010
NTLM = 0x00000200
OEM_WORKSTATION_SUPPLIED = 0x00002000
ALWAYS_SIGN = 0x00008000
EXTENDED_SESSIONSECURITY = 0x00080000
TARGET_INFO = 0x00800000
VERSION = 0x02000000
KEY_128 = 0x20000000
KEY_EXCH = 0x40000000
KEY_56 = 0x80000000

_OURS = (
    UNICODE,
    OEM,
    REQUEST_TARGET,
    SIGN,
    NTLM,
    OEM_WORKSTATION_SUPPLIED,
    ALWAYS_SIGN,
    EXTENDED_SESSIONSECURITY,
    VERSION,
    KEY_128,
    KEY_EXCH,
    KEY_56,
)
#: All flags that have a meaning ([MS-NLMP] 2.2.2.5): bits 3, 8, 10, 14, 18 and 24, 26 to 28 are reserved.
_FLAGS = bits(0xE2FBBAF7)
_WORKSTATION = b"SCANREADY"
_HEADER = 40
# Version 10.0, build 0, NTLMSSP revision 15: servers send their version only if the client sends one.
_OUR_VERSION = bytes((10, 0, 0, 0, 0, 0, 0, 15))

#: The NEGOTIATE message: it requests a challenge, with a workstation name and without a domain.
NEGOTIATE = (
    SIGNATURE
    + struct.pack("<II", 1, sum(_OURS))
    + struct.pack("<HHI", 0, 0, 0)
    + struct.pack("<HHI", len(_WORKSTATION), len(_WORKSTATION), _HEADER)
    + _OUR_VERSION
    + _WORKSTATION
)

#: Bytes. A challenge is a few hundred; every carrier's length field ends at 64 KiB.
TOKEN_LIMIT = 0xFFFF
_MOST_PAIRS = 64
_LONGEST_NAME = 512  # bytes; a DNS name has 253 letters
_NB_COMPUTER, _NB_DOMAIN, _DNS_COMPUTER, _DNS_DOMAIN, _DNS_FOREST, _TIMESTAMP = 1, 2, 3, 4, 5, 7
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

#: The editions of each build; client and server editions of one release share a build.
_RELEASES: Mapping[tuple[int, int, int], str] = {
    (5, 0, 2195): "Windows 2000",
    (5, 1, 2600): "Windows XP",
    (5, 2, 3790): "Windows Server 2003",
    (6, 0, 6000): "Windows Vista",
    (6, 0, 6001): "Windows Server 2008 or Vista SP1",
    (6, 0, 6002): "Windows Server 2008 SP2 or Vista SP2",
    (6, 0, 6003): "Windows Server 2008 SP2",
    (6, 1, 7600): "Windows Server 2008 R2 or Windows 7",
    (6, 1, 7601): "Windows Server 2008 R2 SP1 or Windows 7 SP1",
    (6, 2, 9200): "Windows Server 2012 or Windows 8",
    (6, 3, 9600): "Windows Server 2012 R2 or Windows 8.1",
    (10, 0, 10240): "Windows 10 1507",
    (10, 0, 10586): "Windows 10 1511",
    (10, 0, 14393): "Windows Server 2016 or Windows 10 1607",
    (10, 0, 15063): "Windows 10 1703",
    (10, 0, 16299): "Windows Server 1709 or Windows 10 1709",
    (10, 0, 17134): "Windows Server 1803 or Windows 10 1803",
    (10, 0, 17763): "Windows Server 2019 or Windows 10 1809",
    (10, 0, 18362): "Windows Server 1903 or Windows 10 1903",
    (10, 0, 18363): "Windows Server 1909 or Windows 10 1909",
    (10, 0, 19041): "Windows Server 2004 or Windows 10 2004",
    (10, 0, 19042): "Windows Server 20H2 or Windows 10 20H2",
    (10, 0, 19043): "Windows 10 21H1",
    (10, 0, 19044): "Windows 10 21H2",
    (10, 0, 19045): "Windows 10 22H2",
    (10, 0, 20348): "Windows Server 2022",
    (10, 0, 22000): "Windows 11 21H2",
    (10, 0, 22621): "Windows 11 22H2",
    (10, 0, 22631): "Windows 11 23H2",
    (10, 0, 25398): "Windows Server 23H2",
    (10, 0, 26100): "Windows Server 2025 or Windows 11 24H2",
    (10, 0, 26200): "Windows 11 25H2",
}


#: Windows' major and minor versions; an unknown build of one of these is also Windows.
_LINES = frozenset(release[:2] for release in _RELEASES)


@dataclass(frozen=True, slots=True)
class Challenge:
    """Hold a CHALLENGE message; missing values are empty texts, or None.

    ``target`` is the domain that authenticates the account, or the server itself if it is in no domain. ``server_name``
    and ``domain`` are NetBIOS names; the ``dns_`` fields and ``forest`` are DNS names. ``version`` is (major, minor,
    build); every Samba sends 6, 1, 0. ``timestamp`` is the server's clock, in UTC.
    """

    target: str
    server_name: str
    domain: str
    dns_host: str
    dns_domain: str
    forest: str
    version: tuple[int, int, int] | None
    timestamp: datetime | None
    flags: int

    @property
    def os(self) -> str | None:
        """Return the Windows edition with its build; None if the version is not one of Windows.

        Other servers send none, or one that Windows never had: a library's server sends 255.255.65535.
        """
        if self.version is None or not self.version[2] or self.version[:2] not in _LINES:
            return None
        number = ".".join(map(str, self.version))
        release = _RELEASES.get(self.version)
        return f"{release} ({number})" if release else f"Windows {number}"


def read_challenge(token: bytes) -> Challenge:
    """Read a whole CHALLENGE message.

    Raises:
        WireError: it is another message, or a field lies outside of it.
    """
    if not token.startswith(SIGNATURE):
        raise WireError(f"no NTLM message: it starts with {quoted(token[:8])}")
    if len(token) < 32:
        raise WireError(f"an NTLM message of {len(token)} bytes")
    if len(token) > TOKEN_LIMIT:
        raise OurLimit(f"an NTLM message of {len(token)} bytes, of which {TOKEN_LIMIT} are read")
    kind, length, _, offset, flags = struct.unpack_from("<IHHII", token, 8)
    if kind != 2:
        raise WireError(f"an NTLM message of type {kind} where the challenge (2) belongs")
    target = _text(_part(token, offset, length), unicode=bool(flags & UNICODE))
    pairs: dict[int, bytes] = {}
    if flags & TARGET_INFO and len(token) >= 48:  # Windows NT ends before it
        length, _, offset = struct.unpack_from("<HHI", token, 40)
        pairs = _pairs(_part(token, offset, length))
    names = {number: _text(value, unicode=True) for number, value in pairs.items() if number != _TIMESTAMP}
    return Challenge(
        target=target,
        server_name=names.get(_NB_COMPUTER, ""),
        domain=names.get(_NB_DOMAIN, ""),
        dns_host=names.get(_DNS_COMPUTER, ""),
        dns_domain=names.get(_DNS_DOMAIN, ""),
        forest=names.get(_DNS_FOREST, ""),
        version=_version(token) if flags & VERSION and len(token) >= 56 else None,
        timestamp=_time(pairs.get(_TIMESTAMP, b"")),
        flags=flags,
    )


def _part(token: bytes, offset: int, length: int) -> bytes:
    if length and not 32 <= offset <= len(token) - length:
        raise WireError(f"a field of the NTLM challenge lies outside of it ({length} bytes at {offset})")
    return token[offset : offset + length]


def _text(raw: bytes, *, unicode: bool) -> str:
    """Decode a name in UTF-16, or in the server's unknown code page, where only ASCII is certain."""
    if len(raw) > _LONGEST_NAME:
        raise WireError(f"a name of {len(raw)} bytes in the NTLM challenge")
    return raw.decode("utf-16-le" if unicode else "ascii", "replace").rstrip("\0")


def _pairs(info: bytes) -> dict[int, bytes]:
    """Return the first AV pair of each kind; the list ends with kind 0 or with the field."""
    found: dict[int, bytes] = {}
    at = 0
    for _ in range(_MOST_PAIRS):
        if len(info) < at + 4:
            return found
        kind, length = struct.unpack_from("<HH", info, at)
        if kind == 0:
            return found
        at += 4
        if len(info) < at + length:
            raise WireError("a name in the NTLM challenge goes beyond its end")
        found.setdefault(kind, info[at : at + length])
        at += length
    raise OurLimit(f"more than {_MOST_PAIRS} names in the NTLM challenge")


def _version(token: bytes) -> tuple[int, int, int] | None:
    major, minor, build = struct.unpack_from("<BBH", token, 48)
    return (major, minor, build) if major else None


def _time(raw: bytes) -> datetime | None:
    """Convert a FILETIME (units of 100 ns since 1601); return None for zero or a date out of range."""
    ticks = int.from_bytes(raw, "little") if len(raw) == 8 else 0
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


FIELDS = (
    Field(
        "the type of the message",
        rb"NTLMSSP\0(.\0\0\0)",
        (1, 2, 3),
        Role.DISCRIMINATOR,
        why="the signature is that of all three messages; only a challenge answers ours",
        order="little",
    ),
    Field("the flags", rb"NTLMSSP\0\x02\0\0\0.{8}(.{4})", _FLAGS, Role.VALUE, order="little", flags=True),
    Field(
        "a name of the server",
        rb"NTLMSSP\0\x02.*?\0\x0f(?:(?!\x02\0).)*?(\x02\0)",
        range(11),
        Role.VALUE,
        order="little",
    ),
)
