"""The route to an address, and an entry of the neighbour table, as Linux tells them: requests and answers.

All integers are in the machine's byte order. Sources: rtnetlink(7), netlink(7); linux/neighbour.h, linux/rtnetlink.h
and linux/netlink.h for the numbers.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from typing import NamedTuple

from scanready.wire.buffer import WireError

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_NEIGHBOUR = struct.Struct("=BBHiHBB")  # family, padding, padding, interface, state, flags, type
_ROUTE = struct.Struct("=8BI")  # family, lengths of destination and source, TOS, table, protocol, scope, type, flags
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_ERROR, _NEW_ROUTE, _GET_ROUTE, _NEW_NEIGHBOUR, _GET_NEIGHBOUR = 2, 24, 26, 28, 30
_REQUEST = 1
_DESTINATION, _LINK_ADDRESS = 1, 2
_INTERFACE, _GATEWAY = 4, 5
#: NUD_REACHABLE: the host answered within the last half minute or so.
_REACHABLE = 0x02
#: NUD_INCOMPLETE and NUD_FAILED: it does not answer. All other states (stale, delay, probe) leave it open.
_SILENT = 0x01 | 0x20
#: No link-layer address is longer (that of InfiniBand).
_LONGEST = 32


class Neighbour(NamedTuple):
    """A host in a subnet of this one.

    Attributes:
        reachable: it has answered within the last half minute.
        silent: it does not answer. An entry that is neither is old: the host answered some time ago.
        link_address: as 02:00:5e:10:00:01; empty if unknown.
    """

    reachable: bool
    silent: bool
    link_address: str


class Route(NamedTuple):
    """The next hop to an address.

    Attributes:
        interface: the index of the interface that the packets leave by.
        gateway: its address; empty if the address is in a subnet of that interface.
    """

    interface: int
    gateway: str


def neighbour_request(address: str, interface: int) -> bytes:
    """Return the request for the entry of ``address`` at the interface with this index.

    Raises:
        ValueError: that is no IP address.
    """
    family, packed = _packed(address)
    return _request(_GET_NEIGHBOUR, _NEIGHBOUR.pack(family, 0, 0, interface, 0, 0, 0), packed)


def neighbour_answer(data: bytes) -> Neighbour | None:
    """Return the entry; None if the kernel has none.

    Raises:
        WireError: the message is of another kind, or is cut off.
    """
    if (body := _body(data, _NEW_NEIGHBOUR)) is None:
        return None
    _, _, _, _, state, _, _ = _fields(_NEIGHBOUR, body)
    link_address = _attributes(body[_NEIGHBOUR.size :]).get(_LINK_ADDRESS, b"")
    return Neighbour(bool(state & _REACHABLE), bool(state & _SILENT), link_address[:_LONGEST].hex(":"))


def route_request(address: str) -> bytes:
    """Return the request for the route to ``address``.

    Raises:
        ValueError: that is no IP address.
    """
    family, packed = _packed(address)
    return _request(_GET_ROUTE, _ROUTE.pack(family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0), packed)


def route_answer(data: bytes) -> Route | None:
    """Return the route; None if there is none.

    Raises:
        WireError: the message is of another kind, or is cut off.
    """
    if (body := _body(data, _NEW_ROUTE)) is None:
        return None
    _fields(_ROUTE, body)
    found = _attributes(body[_ROUTE.size :])
    interface, gateway = found.get(_INTERFACE, b""), found.get(_GATEWAY, b"")
    if len(interface) != 4:
        return None
    return Route(
        int.from_bytes(interface, sys.byteorder),
        str(ipaddress.ip_address(gateway)) if len(gateway) in (4, 16) else "",
    )


def _packed(address: str) -> tuple[int, bytes]:
    packed = ipaddress.ip_address(address).packed
    return int(socket.AF_INET if len(packed) == 4 else socket.AF_INET6), packed


def _request(kind: int, body: bytes, destination: bytes) -> bytes:
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(destination), _DESTINATION) + destination
    return _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST, 1, 0) + body


def _body(data: bytes, expected: int) -> bytes | None:
    """Return what follows the header; None if the message is the kernel's error."""
    length, kind, _, _, _ = _fields(_HEADER, data)
    if kind == _ERROR:
        return None
    if kind != expected or not _HEADER.size <= length <= len(data):
        raise WireError(f"a netlink message of the type {kind} and the length {length}")
    return data[_HEADER.size : length]


def _fields(form: struct.Struct, data: bytes) -> tuple[int, ...]:
    if len(data) < form.size:
        raise WireError(f"a netlink message with {len(data)} bytes where {form.size} belong")
    return form.unpack_from(data)


def _attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes by their types, up to the first one that is broken."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if not _ATTRIBUTE.size <= length <= len(data) - at:
            break
        found[kind] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found
