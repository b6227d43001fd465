"""Limit this process to some networks: an agent that takes targets from others contacts no other address.

The address is judged as it is dialled, so a redirect, a dynamic port and a name that resolves to another address are
bound as well. The limit holds for the whole process, whichever thread or task dials.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
from collections.abc import Iterator, Sequence

from .errors import ConnectError
from .sockets import Address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_limit: tuple[Network, ...] | None = None


class NotAllowed(ConnectError):
    """Raised for an address that this process may not contact; no packet was sent."""

    def __init__(self, host: str) -> None:
        super().__init__(OSError(errno.EACCES, "not allowed"))
        self.host = host


@contextlib.contextmanager
def limited_to(networks: Sequence[Network]) -> Iterator[None]:
    """Allow connections to these networks only."""
    global _limit
    before, _limit = _limit, tuple(networks)
    try:
        yield
    finally:
        _limit = before


def is_limited() -> bool:
    """Return True if this process may contact some networks only: a library that dials by itself is not bound."""
    return _limit is not None


def demand_allowed(address: Address) -> None:
    """Judge an address before it is dialled.

    Raises:
        NotAllowed: it is in none of the networks.
    """
    if _limit is None:
        return
    host = str(address[1][0])
    plain = ipaddress.ip_address(host.partition("%")[0])
    mapped = plain.ipv4_mapped if isinstance(plain, ipaddress.IPv6Address) else None
    if not any((mapped or plain) in network for network in _limit):
        raise NotAllowed(host)
