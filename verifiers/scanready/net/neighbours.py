"""Ask this host's own kernel for the next hop to an address, and whether that answers at the link layer.

Nothing is sent to the network. Only Linux tells; elsewhere, and where the kernel is older than 5.0, nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from scanready.wire.buffer import WireError

from . import rtnetlink
from .rtnetlink import Neighbour, Route
from .sockets import routing_table

T = TypeVar("T")
_LONGEST = 4096
#: Seconds. The kernel answers at once.
_PATIENCE = 0.5


class NextHop(NamedTuple):
    """The host that the packets to an address go to first.

    Attributes:
        gateway: its address; empty if it is the address itself.
        neighbour: its entry in the neighbour table.
    """

    gateway: str
    neighbour: Neighbour


def next_hop(address: str) -> NextHop | None:
    """Return the next hop to an address; None if there is none, or nothing is known of it."""
    address = address.partition("%")[0]
    if (route := _route(address)) is None:
        return None
    asked = rtnetlink.neighbour_request(route.gateway or address, route.interface)
    entry = _asked(asked, rtnetlink.neighbour_answer)
    return None if entry is None else NextHop(route.gateway, entry)


def has_gateway(address: str) -> bool:
    """Return True if this host sends its packets to an address by a gateway; False if not, or if that is not known."""
    route = _route(address.partition("%")[0])
    return route is not None and bool(route.gateway)


def _route(address: str) -> Route | None:
    return _asked(rtnetlink.route_request(address), rtnetlink.route_answer)


def _asked(request: bytes, read: Callable[[bytes], T | None]) -> T | None:
    try:
        with routing_table() as sock:
            sock.settimeout(_PATIENCE)
            sock.send(request)
            return read(sock.recv(_LONGEST))
    except (OSError, WireError):
        return None
