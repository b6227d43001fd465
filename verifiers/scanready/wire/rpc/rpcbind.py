"""Build and read messages of rpcbind and the older portmapper, which map RPC programs to ports (RFC 1833)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scanready.wire import OurLimit
from scanready.wire.fields import Field, Role

from .xdr import Items, text, u32

PROGRAM, PORT = 100000, 111
#: The same numbers in all versions: get the port of one program, and list all programs.
GETPORT, DUMP = 3, 4
#: The portmapper (version 2) lists ports of TCP and UDP; rpcbind (versions 3 and 4) lists addresses, also of IPv6.
PORTMAPPER, RPCBIND = 2, 4
_TRANSPORTS = {6: "tcp", 17: "udp"}
_NETIDS = ("tcp", "udp", "tcp6", "udp6")
_MOST_ENTRIES = 4096
_UADDR = re.compile(r".*\.(\d{1,3})\.(\d{1,3})\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Registration:
    """One line of the list. ``transport`` is tcp, udp, tcp6 or udp6; ``port`` is from 1 to 65535.

    The address of an entry is not kept, because a list must not send the check to another host.
    """

    program: int
    version: int
    transport: str
    port: int


def parse_dump(results: bytes, version: int) -> tuple[Registration, ...]:
    """Read the answer to DUMP of ``version``; omit entries with another transport or an impossible port.

    Raises:
        WireError: the answer is broken.
        OurLimit: the list has more entries than this module reads.
    """
    items, found, count = Items(results), [], 0
    while items.flag():
        count += 1
        if count > _MOST_ENTRIES:
            raise OurLimit(f"more than {_MOST_ENTRIES} registrations")
        entry = _mapping(items) if version == PORTMAPPER else _binding(items)
        if entry is not None:
            found.append(entry)
    items.end("the list of registrations")
    return tuple(dict.fromkeys(found))


def which(version: int, program: int, number: int, transport: str) -> bytes:
    """Build the arguments of GETPORT (GETADDR from version 3 on) for ``program`` of version ``number``."""
    wanted = u32(program) + u32(number)
    if version == PORTMAPPER:
        protocol = next(key for key, name in _TRANSPORTS.items() if name == transport)
        return wanted + u32(protocol) + u32(0)
    return wanted + text(transport) + text("") + text("")


def parse_port(results: bytes, version: int) -> int:
    """Read the answer to GETPORT or GETADDR: the port, 0 if there is none (or an impossible one).

    Raises:
        WireError: the answer is broken.
    """
    items = Items(results)
    if version != PORTMAPPER:
        return port_of(items.text())
    port = items.u32()
    return port if port < 65536 else 0


def _mapping(items: Items) -> Registration | None:
    program, version, protocol, port = (items.u32() for _ in range(4))
    transport = _TRANSPORTS.get(protocol)
    return Registration(program, version, transport, port) if transport and 0 < port < 65536 else None


def _binding(items: Items) -> Registration | None:
    program, version = items.u32(), items.u32()
    netid, address = items.text(), items.text()
    items.text()  # the owner
    port = port_of(address)
    return Registration(program, version, netid, port) if netid in _NETIDS and port else None


def port_of(address: str) -> int:
    """Return the port of a universal address, ``h1.h2.h3.h4.p1.p2``; 0 if it has none."""
    match = _UADDR.match(address)
    if match is None or int(match[1]) > 255 or int(match[2]) > 255:
        return 0
    return int(match[1]) * 256 + int(match[2])


FIELDS = (
    Field("the transport of a registration", rb"\0\x01\x86\xa0\0\0\0\x02(\0\0\0[\x06\x11])", _TRANSPORTS, Role.VALUE),
    Field("the network of a registration", rb"\0\0\0\x04(tcp6|udp6)", (b"TCP6", b"UDP6"), Role.VALUE),
)
