"""Read the answer to IObjectExporter::ServerAlive2 (operation 5, empty stub), which needs no login.

The answer has the version of DCOM and a DUALSTRINGARRAY: the *string bindings* (a protocol, and a name or address of
the host), then the *security bindings* (the ways to log in). A client that received an object connects to the
addresses of the string bindings. Behind address translation they differ from the address that the client used first.

Source: [MS-DCOM] 2.2.11 (COMVERSION), 2.2.19 (DUALSTRINGARRAY), 3.1.2.5.1.6 (ServerAlive2); authentication services:
[MS-RPCE] 2.2.1.1.7.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from . import OurLimit, WireError
from .fields import Field, Role

#: UUID, major and minor version.
Syntax = tuple[uuid.UUID, int, int]

OBJECT_EXPORTER: Syntax = (uuid.UUID("99fcfec4-5260-101b-bbcb-00aa0021347a"), 0, 0)
ACTIVATOR: Syntax = (uuid.UUID("000001a0-0000-0000-c000-000000000046"), 0, 0)
SERVER_ALIVE_2 = 5
#: The protocol of a string binding: TCP.
TCP = 0x07
#: Ways to log in, as administrators call them.
AUTHENTICATION: dict[int, str] = {
    0x09: "negotiate",
    0x0A: "ntlm",
    0x0E: "schannel",
    0x10: "kerberos",
    0x16: "negoextender",
    0x1F: "pku2u",
}
_MOST_BINDINGS = 512
_MOST_TEXT = 512  # UTF-16 units


@dataclass(frozen=True, slots=True)
class Binding:
    """One string binding: a protocol (such as :data:`TCP`), and a name or address, which ``[port]`` may follow."""

    protocol: int
    address: str

    @property
    def host(self) -> str:
        """The name or address, without the port."""
        return self.address.partition("[")[0]


@dataclass(frozen=True, slots=True)
class Alive:
    """The answer to ServerAlive2. ``logins`` are the authentication services, by number; ``status`` 0 is success."""

    version: tuple[int, int]
    bindings: tuple[Binding, ...]
    logins: tuple[int, ...]
    status: int

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names and addresses over TCP, each once, in the host's order."""
        return tuple(dict.fromkeys(b.host for b in self.bindings if b.protocol == TCP and b.host))


def read_server_alive2(stub: bytes) -> Alive:
    """Read the whole stub of the answer.

    Raises:
        WireError: broken.
        OurLimit: the bindings exceed the number or length that this module reads.
    """
    major, minor, pointer = _unpack("<HHI", stub, 0)
    at = 8
    strings: tuple[Binding, ...] = ()
    logins: tuple[int, ...] = ()
    if pointer:
        room, count, security = _unpack("<IHH", stub, at)
        at += 8
        if room != count or security > count:
            raise WireError(f"{count} units of bindings in room for {room}, security bindings at {security}")
        units = _unpack(f"<{count}H", stub, at)
        at += 2 * count
        at += -at % 4
        strings, logins = _strings(units[:security]), _logins(units[security:])
    _, status = _unpack("<II", stub, at)  # reserved, error_status_t
    return Alive((major, minor), strings, logins, status)


def _unpack(layout: str, stub: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, stub, at)
    except struct.error:
        raise WireError(f"an answer to ServerAlive2 that ends after {len(stub)} bytes") from None


def _strings(units: tuple[int, ...]) -> tuple[Binding, ...]:
    """Read the string bindings: each is protocol, text, 0; the protocol 0 ends the list."""
    found = []
    at = 0
    while at < len(units) and units[at]:
        text, after = _text(units, at + 1)
        found.append(Binding(units[at], text))
        at = after
        if len(found) > _MOST_BINDINGS:
            raise OurLimit(f"more than {_MOST_BINDINGS} string bindings, which are all that is read")
    return tuple(found)


def _logins(units: tuple[int, ...]) -> tuple[int, ...]:
    """Read the security bindings: each is service, reserved number, principal name, 0; the service 0 ends the list."""
    found = []
    at = 0
    while at < len(units) and units[at]:
        found.append(units[at])
        _, at = _text(units, at + 2)
        if len(found) > _MOST_BINDINGS:
            raise OurLimit(f"more than {_MOST_BINDINGS} security bindings, which are all that is read")
    return tuple(dict.fromkeys(found))


def _text(units: tuple[int, ...], start: int) -> tuple[str, int]:
    """Return the text at ``start`` and the index behind its terminator."""
    for end in range(start, min(len(units), start + _MOST_TEXT)):
        if not units[end]:
            raw = struct.pack(f"<{end - start}H", *units[start:end])
            return raw.decode("utf-16-le", "replace"), end + 1
    if 0 in units[start:]:
        raise OurLimit(f"a binding of more than {_MOST_TEXT} characters, which are all that is read")
    raise WireError("a binding whose text has no end")


FIELDS = (
    Field("the minor version of DCOM", rb"\x05\0(\x07\0)\0\0\x02\0", range(1, 8), Role.VALUE, order="little"),
    Field(
        "the protocol of a binding",
        rb"\x07\0\x57\0.*?\0\0(\x07\0)",
        (TCP, 0x08, 0x0F, 0x10, 0x1F),
        Role.VALUE,
        order="little",
    ),
    Field("a way to log in", rb"\0\0(.\0)\xff\xff\0\0", AUTHENTICATION, Role.VALUE, order="little"),
    Field("the status of ServerAlive2", rb"\xff\xff\0\0\0\0(?:\0\0)?\0{4}(\0{4})$", (0, 5), Role.VALUE, order="little"),
)
