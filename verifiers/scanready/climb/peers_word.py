"""Limit where a server may send the agent: to a host in a redirect, or to a port that a broker names.

A redirect, a referral or a broker's answer could make this agent connect to its own services, to a cloud's metadata
service, or to a printer that prints every byte. So the agent never follows it to such a host, nor to the well-known
port of another service.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

from scanready.causes import common

from .explain import Failure
from .other_services import SERVICES
from .other_services import other_services as services_of_others
from .probe import Probe

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Addresses where clouds give a machine its own secrets: Amazon over IPv6, Azure, Alibaba, Oracle, Google over IPv6.
#: The services at 169.254.169.254 are link-local.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "fd00:ec2::23", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd20:ce::254"),
    )
)
# Prefixes of IPv6 that carry an IPv4 address in their last octets: mapped, compatible, and translated (RFC 6052, 8215).
_CARRIERS = tuple(map(ipaddress.IPv6Network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48")))
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
_LOCAL_NAMES = re.compile(
    r"(^|\.)(localhost|localdomain|local-host)\.?$|^metadata(\.google\.internal)?\.?$", re.IGNORECASE
)


def special(address: str) -> str:
    """Return the kind of an address that no other host's word may lead to; empty for all others.

    Args:
        address: numeric, an IPv6 zone included.
    """
    plain = ipaddress.ip_address(address.partition("%")[0])
    for one in (plain, *_carried(plain)):
        if one in _METADATA:
            return "a cloud's metadata service"
        if one.is_loopback or one.is_unspecified or (one.version == 4 and one in _THIS_NETWORK):
            return "this agent itself (loopback)"
        if one.is_link_local:
            return "a link-local address"
        if one.is_multicast or one == ipaddress.IPv4Address("255.255.255.255"):
            return "a multicast or broadcast address"
    return ""


def _carried(address: _Address) -> Iterable[_Address]:
    """Yield the IPv4 addresses that an IPv6 address stands for."""
    if not isinstance(address, ipaddress.IPv6Address) or address.is_loopback:
        return
    if any(address in network for network in _CARRIERS) and not address.is_unspecified:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()


async def forbids_host(probe: Probe, host: str, port: int, *, by_proxy: bool = False) -> str:
    """Return why this agent does not follow a server to ``host``; empty if it does.

    Addresses of the target's own kind are permitted: a target on this host may lead to this host.

    Args:
        by_proxy: a proxy will resolve the name, so only what the name itself shows counts.

    Raises:
        Failure, socket.gaierror, TimeoutError: as :meth:`Probe.addresses`.
    """
    addresses = _numeric(host) if by_proxy else await probe.addresses(host, port)
    if not addresses and _LOCAL_NAMES.search(host):
        return "a name of this agent, or of a cloud's metadata service"
    kinds = {address: kind for address in addresses if (kind := special(address))}
    own = {special(address) for address in await _own_addresses(probe)} if kinds else set()
    found = next((f"{address}, {kind}" for address, kind in kinds.items() if kind not in own), "")
    return found if found.startswith(f"{host},") or not found else f"{host} is {found}"


async def _own_addresses(probe: Probe) -> list[str]:
    try:
        return [probe.address] if probe.address else await probe.addresses(probe.host, probe.target.port)
    except (socket.gaierror, TimeoutError):
        return []


def _numeric(host: str) -> list[str]:
    """Read an address in any form that resolvers take: decimal, hexadecimal, octal and short ones as well."""
    try:
        found = socket.getaddrinfo(host, 0, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(where[0]) for *_, where in found]


def other_service(probe: Probe, port: int, *own: str) -> str:
    """Return the name of another service that ``port`` is known for; empty if it is none that is known.

    Args:
        own: the protocols (``speaks`` of a row) that may be spoken there.
    """
    if port in probe.shared.catalogue.ports_of(*own):
        return ""
    return probe.shared.catalogue.foreign_services(*own).get(port) or SERVICES.get(port, "")


def other_services(probe: Probe, *own: str) -> dict[int, str]:
    """Return the names of all of them, by port; see :func:`other_service`."""
    return services_of_others(probe.shared.catalogue, *own)


async def demand_host(probe: Probe, who: str, host: str, port: int) -> None:
    """Require that the agent may follow ``who`` (which begins the error's sentence) to ``host``.

    Raises:
        Failure: ``scanready.not-followed``.
    """
    if why := await forbids_host(probe, host, port):
        raise Failure(common.NOT_FOLLOWED, f"{who} leads to {why}; nothing was sent there")


def demand_port(probe: Probe, who: str, port: int, *own: str) -> None:
    """Require that ``port``, which ``who`` names (it begins the error's sentence), is no other service's.

    Raises:
        Failure: ``scanready.not-followed``.
    """
    if name := other_service(probe, port, *own):
        raise Failure(common.NOT_FOLLOWED, f"{who} names port {port}, the port of {name}; nothing was sent there")
