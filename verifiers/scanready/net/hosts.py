"""Parse host names, addresses, ports and networks, and bring them to one spelling.

One spelling matters: targets that share a host and port share one connection, so
``DB7`` and ``db7``, or two ways to write an IPv6 address, must not look like two hosts.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from scanready.catalogue.wrong import Wrong, shown

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: The largest networks expanded without being asked twice: 65,534 hosts either way.
LARGEST_IPV4_PREFIX, LARGEST_IPV6_PREFIX = 16, 112

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
LONGEST_NAME = 253
_SPAN = r"[0-9]{1,3}(?:-[0-9]{1,3})?"
#: The two notations of nmap: 10.0.0.1-10.0.0.5, and a range in any of the four numbers.
_RANGE = re.compile(rf"([0-9.]+)\s*-\s*([0-9]+(?:\.[0-9]+){{3}})|({_SPAN}(?:\.{_SPAN}){{3}})")
_NUMBER = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_TAIL = r"(?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_CLEAN_ADDRESS = rf"(?:[1-9]|[1-9][0-9]|1[0-9][0-9]|2[01][0-9]|22[0-3])(?:\.{_NUMBER}){{3}}"
#: Most hosts are written as they are kept: the address of one host, or a name in lower case that ends in no number.
CLEAN_HOST = rf"(?:{_CLEAN_ADDRESS}|(?:[a-z0-9_]{_TAIL}\.)*[a-z]{_TAIL}\.?)"
_CLEAN = re.compile(CLEAN_HOST)
_ZONE = re.compile(r"[A-Za-z0-9._~-]{1,64}")
# Python's codec follows IDNA 2003, which maps these four to something else than IDNA 2008 does (RFC 5894, 7.2):
# another host, possibly. Better to ask than to contact the wrong one.
_IDNA_DEVIATIONS = frozenset("\u00df\u03c2\u200c\u200d")


def clean_host(text: str) -> str:
    """Return a host name in lower case (A-labels for an IDN), or an address in its canonical form.

    A trailing dot is kept: it tells the resolver not to try its search list.

    Raises:
        Wrong: it is neither a name nor the address of one host.
    """
    if len(text) <= LONGEST_NAME and _CLEAN.fullmatch(text):
        return text
    text = text.strip(" ")
    if not text:
        raise Wrong("the host is empty")
    _no_user(text)
    if "://" in text or "/" in text:
        raise Wrong(f"{shown(text)} is not a host: write a name or an IP address")
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
        if ":" not in text:
            raise Wrong(f"only an IPv6 address goes in brackets, not {shown(text)}")
    if ":" in text:
        return _ipv6(text)
    refuse_range(text)
    if text.rstrip(".").rpartition(".")[2].isdigit():
        return _ipv4(text)
    return _name(text)


def refuse_range(text: str) -> None:
    """Refuse a range of IPv4 addresses, such as ``10.0.0.1-5``, and name a network that covers it.

    Raises:
        Wrong: it is a range.
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None or "-" not in text:
        return
    first, last = found[1], found[2]
    if found[3]:
        spans = [number.split("-") for number in found[3].split(".")]
        first, last = ".".join(span[0] for span in spans), ".".join(span[-1] for span in spans)
    try:
        low, high = int(ipaddress.IPv4Address(first)), int(ipaddress.IPv4Address(last))
        covering = ipaddress.IPv4Network((low, 32 - (low ^ high).bit_length()), strict=False)
        small = low <= high and covering.prefixlen >= LARGEST_IPV4_PREFIX
    except ValueError:
        small = False
    network_ = f"the network that covers it, `{covering}`," if small else "a network such as `10.0.0.0/29`"
    raise Wrong(
        f"{shown(text)} is a range of addresses: write one address per line, or {network_} in `hosts` of an inventory"
    )


def _no_user(text: str) -> None:
    if "@" in text:  # a password may stand before it
        raise Wrong("a host must not contain a user name (the value is not shown here): put the user into a credential")


def _ipv6(text: str) -> str:
    address, percent, zone = text.partition("%")
    if zone.startswith("25") and len(zone) > 2:  # "%25" is how a URL writes the "%" before a zone (RFC 6874, 2)
        zone = zone[2:]
    if percent and not _ZONE.fullmatch(zone):
        raise Wrong(
            f"{shown(text)}: the zone after `%` must be the name or number of an interface, as in `fe80::1%eth0`"
        )
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        if re.fullmatch(r"[^:]+:\d*", text):
            raise Wrong(f"{shown(text)} has a port; write only the host") from None
        raise Wrong(f"{shown(text)} is not an IPv6 address") from None
    _one_host(parsed)
    return parsed.compressed + percent + zone


def _ipv4(text: str) -> str:
    """Parse an IPv4 address; a name whose last label is a number must be one (URL standard, "ends in a number")."""
    try:
        parsed = ipaddress.IPv4Address(text)
    except ValueError:
        raise Wrong(
            f"{shown(text)} is not an IPv4 address: four numbers from 0 to 255, without leading zeros"
        ) from None
    _one_host(parsed)
    return str(parsed)


def _one_host(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        raise Wrong(f"`{address}` is not the address of one host")


def _name(text: str) -> str:
    absolute = text.endswith(".")
    relative = text[:-1] if absolute else text
    name = (relative if relative.isascii() else _a_labels(relative)).lower()
    if name.rpartition(".")[2].isdigit():  # written with other digits, or with characters that IDNA drops
        return _ipv4(name)
    if len(name) > LONGEST_NAME:
        raise Wrong(f"{shown(text)} is too long for a host name: {len(name)} characters, {LONGEST_NAME} at most")
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise Wrong(
                f"{shown(text)} is not a host name: each part between dots has 1 to 63 letters, digits, `-` or `_`, "
                "and no `-` at either end"
            )
    return name + "." * absolute


def _a_labels(name: str) -> str:
    if _IDNA_DEVIATIONS.intersection(name):
        raise Wrong(f"{shown(name)} is read differently by different software; write its `xn--` form")
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise Wrong(f"{shown(name)} is not an international host name; write its `xn--` form") from None


def clean_port(text: str) -> int:
    """Read a port number, 1 to 65535.

    Raises:
        Wrong: it is none.
    """
    if not text:
        raise Wrong("the port is missing after `:`")
    if re.fullmatch(r"[0-9]{1,5}", text) is None:
        problem = "is out of range: 1 to 65535" if re.fullmatch(r"-?[0-9]+", text) else "is not a number"
        raise Wrong(f"the port {shown(text)} {problem}")
    return port_in_range(int(text))


def port_in_range(port: int) -> int:
    """Return ``port`` if it is one.

    Raises:
        Wrong: it is not within 1 to 65535.
    """
    if not 1 <= port <= 65535:
        raise Wrong(f"the port {shown(str(port)) if abs(port) < 10**9 else 'number'} is out of range: 1 to 65535")
    return port


def host_and_port(text: str) -> tuple[str, int | None]:
    """Split ``host``, ``host:port``, ``[v6]`` and ``[v6]:port``.

    Raises:
        Wrong: either part is wrong; the error names both.
    """
    _no_user(text)
    host, port = text, None
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host += bracket
        if not bracket or (rest and not rest.startswith(":")):
            raise Wrong(f"{shown(text)}: write an IPv6 address in brackets; only `:PORT` may follow")
        port = rest[1:] if rest else None
    elif text.count(":") > 1:
        raise Wrong(f"{shown(text)}: write an IPv6 address in brackets, as in `[2001:db8::7]:5432`")
    elif ":" in text:
        host, _, port = text.partition(":")
    messages: list[str] = []
    number = None
    try:
        host = clean_host(host)
    except Wrong as wrong:
        messages.extend(wrong.messages)
    try:
        number = None if port is None else clean_port(port)
    except Wrong as wrong:
        messages.extend(wrong.messages)
    if messages:
        raise Wrong(*messages)
    return host, number


def network(text: str, *, allow_large: bool) -> Network:
    """Read a network in CIDR notation.

    Raises:
        Wrong: not a network, host bits set, or larger than a /16 (IPv6: /112) without ``allow_large``.
    """
    _no_user(text)
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Wrong(f"{shown(text)} is not a network: write it as in `10.1.0.0/28`") from None
    address = text.partition("/")[0].strip()
    if ipaddress.ip_address(address) != found.network_address:
        raise Wrong(f"{shown(text)} has host bits set; did you mean `{found}` (the network) or `{address}` (one host)?")
    limit = LARGEST_IPV4_PREFIX if found.version == 4 else LARGEST_IPV6_PREFIX
    if found.prefixlen < limit and not allow_large:
        raise Wrong(f"`{found}` has {found.num_addresses:,} addresses, more than a /{limit}; use --yes to confirm")
    return found


def hosts_of(found: Network) -> Iterator[str]:
    """The addresses of the hosts in a network, without its own and the broadcast address."""
    return (str(address) for address in found.hosts())
