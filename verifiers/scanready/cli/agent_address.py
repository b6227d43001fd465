"""Judge an address that describes an agent: it must be one by which targets know a host, perhaps with its subnet."""

from __future__ import annotations

import ipaddress

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_WRITE = "write the one that targets see, such as 10.8.0.5/24"
_NONE = "write one, such as 10.8.0.5/24"


def wrong_with(text: str) -> str:
    """Return what is wrong with the value of ``--address``, with what to write instead; empty if nothing is."""
    try:
        where = ipaddress.ip_interface(text)
    except ValueError:
        return f"is not an IP address: {_NONE}"
    if where.ip.is_loopback or where.ip.is_link_local:
        kind = "a loopback" if where.ip.is_loopback else "a link-local"
        return f"is {kind} address, which is valid on one host or link only: {_WRITE}"
    mapped = where.ip.ipv4_mapped if isinstance(where, ipaddress.IPv6Interface) else None
    if mapped is not None:
        return f"is an IPv4 address in IPv6 notation: write {mapped}"
    if "%" in text:
        return f"has a zone, which only link-local addresses have: {_WRITE}"
    if where.network.prefixlen == 0:
        return f"has a subnet of all addresses (/0): {_WRITE}"
    return "" if is_of_one_host(where) else f"is not the address of one host: {_WRITE}"


def is_of_one_host(where: Interface) -> bool:
    """Return False for a multicast, broadcast or unspecified address, and for the address of a whole subnet."""
    if where.ip.is_unspecified or where.ip.is_multicast or str(where.ip) == "255.255.255.255":
        return False
    if where.network.num_addresses <= 2:  # RFC 3021, RFC 6164
        return True
    broadcast = where.version == 4 and where.ip == where.network.broadcast_address
    return where.ip != where.network.network_address and not broadcast
