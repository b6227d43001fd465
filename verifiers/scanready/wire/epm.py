"""Build and read stubs of the RPC endpoint mapper, which maps each RPC service to its port on the host.

The stubs are NDR, little-endian; :mod:`scanready.wire.dcerpc` carries them:

    ept_lookup (2)              list all entries -> a handle for the next page, and entries: object, tower, annotation
    ept_map (3)                 find one interface -> towers
    ept_lookup_handle_free (4)  release the handle

A *tower* describes one path from the interface to the address, one floor for each layer: interface, transfer syntax,
RPC protocol, port, host.

Source: C706 (DCE 1.1 RPC), appendices L (towers) and O (the interface); [MS-RPCE] 2.2.1.2.
"""

from __future__ import annotations

import ipaddress
import struct
import uuid
from dataclasses import dataclass

from . import OurLimit, WireError
from .fields import Field, Role

#: UUID, major and minor version.
Syntax = tuple[uuid.UUID, int, int]

INTERFACE: Syntax = (uuid.UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa"), 3, 0)
LOOKUP, MAP, FREE = 2, 3, 4
#: The handle of the first call of a look-up, and of its last answer.
NO_HANDLE = bytes(20)
NOT_REGISTERED = 0x16C9A0D6
#: The meaning of each status.
STATUSES: dict[int, str] = {
    NOT_REGISTERED: "nothing (more) is registered",
    0x16C9A0CD: "the mapper cannot do that",
    0x16C9A0CF: "the handle is not its own",
    5: "access denied",
}
#: Entries requested in one call, and read from one answer.
PAGE = 100
_LEAST_FLOOR = 4  # octets: the lengths of its halves
_MOST_ENTRIES, _MOST_TOWER, _MOST_FLOORS, _MOST_ANNOTATION = 1024, 4096, 12, 256

_NDR: Syntax = (uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2, 0)
_UUID, _TCP, _HOST, _CONNECTION_ORIENTED = 0x0D, 0x07, 0x09, 0x0B


@dataclass(frozen=True, slots=True)
class Tower:
    """Hold the address of one interface.

    ``port`` is a TCP port of connection-oriented RPC (ncacn_ip_tcp), None for any other transport. ``address`` is the
    address that the mapper reports, often 0.0.0.0.
    """

    interface: Syntax
    port: int | None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the mapper's table; ``tower`` is None if the mapper sent none."""

    annotation: str
    tower: Tower | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A page of the table. ``handle`` requests the next page; :data:`NO_HANDLE` marks the last one."""

    handle: bytes
    entries: tuple[Entry, ...]
    status: int


@dataclass(frozen=True, slots=True)
class Mapped:
    """The towers of one interface; without a tower, ``status`` says why."""

    handle: bytes
    towers: tuple[Tower, ...]
    status: int


# Requests.


def lookup(handle: bytes = NO_HANDLE) -> bytes:
    """Build ept_lookup for all entries (inquiry type 0, no object, no interface, all versions)."""
    return struct.pack("<IIII20sI", 0, 0, 0, 1, handle, PAGE)


def map_interface(interface: Syntax) -> bytes:
    """Build ept_map for ``interface`` over TCP on any address; requests at most four towers."""
    floors = _floor(_identified(interface), struct.pack("<H", interface[2]))
    floors += _floor(_identified(_NDR), struct.pack("<H", _NDR[2]))
    floors += _floor(bytes([_CONNECTION_ORIENTED]), b"\0\0")
    floors += _floor(bytes([_TCP]), struct.pack(">H", 135))
    floors += _floor(bytes([_HOST]), bytes(4))
    tower = struct.pack("<H", 5) + floors
    stub = struct.pack("<I16xIII", 1, 2, len(tower), len(tower)) + tower
    return stub + bytes(-len(stub) % 4) + NO_HANDLE + struct.pack("<I", 4)


def free(handle: bytes) -> bytes:
    """Build ept_lookup_handle_free, which ends a look-up before its last page."""
    return handle


def _identified(syntax: Syntax) -> bytes:
    return bytes([_UUID]) + syntax[0].bytes_le + struct.pack("<H", syntax[1])


def _floor(left: bytes, right: bytes) -> bytes:
    return struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right


# Answers: whole stubs, reassembled from their fragments.


class _Stub:
    """Read a stub from its beginning to its end; a missing item raises WireError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise WireError(f"the mapper's answer ends after {len(self._data)} bytes, in the middle of something")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        self._at += -self._at % 4
        return int.from_bytes(self.take(4), "little")

    def bounded(self, most: int, what: str) -> int:
        """Return a count of items that have at least one octet each; raise OurLimit for more than ``most``."""
        number, left = self.number(), len(self._data) - self._at
        if number > most and number > left:
            raise WireError(f"the mapper announces {number} {what} in {left} bytes")
        if number > most:
            raise OurLimit(f"the mapper announces {number} {what}, of which {most} are read")
        return number


def read_lookup(stub: bytes) -> Lookup:
    """Read the answer to :func:`lookup`.

    Raises:
        WireError: the stub is broken.
        OurLimit: the stub exceeds a bound of this module.
    """
    reading = _Stub(stub)
    handle = reading.take(20)
    announced = reading.number()
    reading.number()  # room for as many as were asked for
    offset, count = reading.number(), reading.bounded(_MOST_ENTRIES, "entries")
    if offset or count != announced:
        raise WireError(f"the mapper announces {announced} entries and gives {count} from {offset} on")
    fixed = [_entry(reading) for _ in range(count)]
    entries = tuple(Entry(annotation, _tower(reading) if there else None) for annotation, there in fixed)
    return Lookup(handle, entries, reading.number())


def read_map(stub: bytes) -> Mapped:
    """Read the answer to :func:`map_interface`.

    Raises:
        WireError: the stub is broken.
        OurLimit: the stub exceeds a bound of this module.
    """
    reading = _Stub(stub)
    handle = reading.take(20)
    announced = reading.number()
    reading.number()
    offset, count = reading.number(), reading.bounded(_MOST_ENTRIES, "towers")
    if offset or count != announced:
        raise WireError(f"the mapper announces {announced} towers and gives {count} from {offset} on")
    there = [reading.number() != 0 for _ in range(count)]
    towers = tuple(tower for is_there in there if is_there and (tower := _tower(reading)) is not None)
    return Mapped(handle, towers, reading.number())


def _entry(reading: _Stub) -> tuple[str, bool]:
    """Read one entry: object, pointer to a tower, annotation. The towers themselves follow after all entries."""
    reading.number()
    reading.take(12)
    there = reading.number() != 0
    offset, length = reading.number(), reading.bounded(_MOST_ANNOTATION, "bytes of an annotation")
    if offset:
        raise WireError("an annotation that does not begin at its beginning")
    return reading.take(length).split(b"\0", 1)[0].decode("latin-1"), there


def _tower(reading: _Stub) -> Tower | None:
    """Read one tower: its length twice, then the floors. Return None if it does not describe an RPC interface."""
    room, length = reading.number(), reading.bounded(_MOST_TOWER, "bytes of a tower")
    if room != length:
        raise WireError(f"a tower of {length} bytes in room for {room}")
    floors = _floors(reading.take(length))
    if len(floors) < 3 or len(floors[0][0]) != 19 or floors[0][0][0] != _UUID:
        return None
    name, minor = floors[0]
    interface = (uuid.UUID(bytes_le=name[1:17]), int.from_bytes(name[17:], "little"), int.from_bytes(minor, "little"))
    if len(floors) < 5 or floors[2][0] != bytes([_CONNECTION_ORIENTED]) or floors[3][0] != bytes([_TCP]):
        return Tower(interface, None)
    port, host = floors[3][1], floors[4][1]
    if len(port) != 2:
        raise WireError(f"a TCP port of {len(port)} bytes")
    address = str(ipaddress.IPv4Address(host)) if floors[4][0] == bytes([_HOST]) and len(host) == 4 else ""
    return Tower(interface, int.from_bytes(port, "big"), address)


def _floors(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the two halves of each floor: the protocol identifier and its data. All counts are little-endian."""
    count, at = int.from_bytes(data[:2], "little"), 2
    if len(data) < 2 or (count > _MOST_FLOORS and len(data) < 2 + count * _LEAST_FLOOR):
        raise WireError(f"a tower of {count} floors in {len(data)} bytes")
    if count > _MOST_FLOORS:
        raise OurLimit(f"a tower of {count} floors, of which {_MOST_FLOORS} are read")
    halves = []
    for _ in range(2 * count):
        length = int.from_bytes(data[at : at + 2], "little")
        if at + 2 + length > len(data):
            raise WireError("a tower that ends in the middle of a floor")
        halves.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return list(zip(halves[::2], halves[1::2], strict=True))


FIELDS = (
    Field("the status of a look-up", rb"\0(\xd6\xa0\xc9\x16)$", (0, *STATUSES), Role.VALUE, order="little"),
    Field(
        "the protocol of a floor",
        rb"\x01\0([\x07\x09\x0b])[\x02\x04]\0",
        (_UUID, _TCP, 8, _HOST, _CONNECTION_ORIENTED, 0x0F, 0x10, 0x11),
        Role.VALUE,
    ),
    Field("the kind of an identifier", rb"\x13\0(\x0d)", (_UUID,), Role.VALUE),
)
