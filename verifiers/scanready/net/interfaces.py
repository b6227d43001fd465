"""List this host's addresses and their subnets, from the C library or on Windows from psutil; nothing is sent.

The standard library has no list of addresses with their masks, so `getifaddrs` is called, which all current Unixes
have. Its two structures are the same there but for the first two bytes of a socket address. Elsewhere (Solaris, AIX)
the list is unknown, and the functions return None. psutil tells no mask of an IPv6 address on Windows: each has 128
bits then.

Sources: getifaddrs(3), ip(7), ipv6(7); sys/socket.h of FreeBSD and macOS for ``sa_len``.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

#: IFF_UP, the same everywhere.
_UP = 0x1
#: The platforms whose C library has these structures.
_KNOWN = ("linux", "darwin", "freebsd", "openbsd", "netbsd")


class Placed(NamedTuple):
    """Hold one address: the interface's name, the address and its subnet."""

    name: str
    where: Interface

    def __str__(self) -> str:
        return f"{self.name} {self.where}"


class _IfAddrs(ctypes.Structure):
    pass


_IfAddrs._fields_ = [
    ("next", ctypes.POINTER(_IfAddrs)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
    ("mask", ctypes.c_void_p),
    ("other", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
]


def placed() -> list[Placed] | None:
    """Return the addresses of the interfaces that are up, loopback and link-local ones too; None where unknown."""
    if sys.platform == "win32":
        return _of_adapters()
    if not sys.platform.startswith(_KNOWN):
        return None
    return _of_the_c_library()


def _of_the_c_library() -> list[Placed] | None:
    library = ctypes.CDLL(None)
    head = ctypes.POINTER(_IfAddrs)()
    if library.getifaddrs(ctypes.byref(head)) != 0:
        return None
    try:
        found = [entry for entry in map(_entry, _each(head)) if entry is not None]
    finally:
        library.freeifaddrs(head)
    return found


def _of_adapters() -> list[Placed] | None:
    try:
        import psutil  # loaded late: only an install on Windows has it
    except ImportError:
        return None
    running = {name for name, state in psutil.net_if_stats().items() if state.isup}
    return [
        Placed(name, _with_mask(ipaddress.ip_address(one.address.partition("%")[0]), one.netmask))
        for name, listed in psutil.net_if_addrs().items()
        for one in listed
        if name in running and one.family in (socket.AF_INET, socket.AF_INET6)
    ]


def _with_mask(address: IPAddress, mask: str | None) -> Interface:
    length = int(ipaddress.ip_address(mask)).bit_count() if mask else address.max_prefixlen
    return ipaddress.ip_interface(f"{address}/{length}")


def _each(head: Any) -> Iterator[Any]:
    while head:
        yield head.contents
        head = head.contents.next


def _entry(raw: Any) -> Placed | None:
    address = _address(raw.address)
    if not raw.flags & _UP or address is None:
        return None
    mask = _address(raw.mask, type(address))
    length = int(mask).bit_count() if mask is not None else address.max_prefixlen
    return Placed((raw.name or b"").decode(errors="replace"), ipaddress.ip_interface(f"{address}/{length}"))


def _address(pointer: int | None, kind: type[IPAddress] | None = None) -> IPAddress | None:
    """The address in a ``sockaddr``; ``kind`` is what it must be, for masks, whose family BSD leaves out."""
    if not pointer:
        return None
    head = ctypes.string_at(pointer, 2)
    family = int.from_bytes(head, sys.byteorder) if sys.platform.startswith("linux") else head[1]
    if kind is ipaddress.IPv4Address or (kind is None and family == socket.AF_INET):
        return ipaddress.IPv4Address(ctypes.string_at(pointer + 4, 4))
    if kind is ipaddress.IPv6Address or (kind is None and family == socket.AF_INET6):
        return ipaddress.IPv6Address(ctypes.string_at(pointer + 8, 16))
    return None
