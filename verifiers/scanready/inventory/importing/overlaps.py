"""Drop a host without a type that is listed again, with a type or in a network, since targets must be unique.

Every type is tried on a host without a type, so another entry for the host would repeat a target. The addresses are
sorted and searched by bisection, since a list may have a hundred thousand of each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from ipaddress import ip_address, ip_network

from scanready.run.registry import catalogue

from .found import Imported

_Address = tuple[int, int]  # the version, then the number: addresses of one kind lie together


def settle(found: Imported) -> None:
    """Drop entries that would repeat a target, with the reason: typed targets stay first, then networks, then hosts."""
    typed = {entry.name for entry in found.entries if entry.type}
    spans = _Spans(sorted(address for address in map(_number, typed) if address))
    dropped: set[int] = set()
    for entry in found.entries:
        if entry.network and not spans.take(entry.host):
            found.leave(entry.line, entry.host, "some of its hosts are listed separately: list the others")
            dropped.add(id(entry))
    ports = {(entry.name, entry.used_port) for entry in found.entries if entry.type}
    usual = {row.port for row in catalogue().guessed}
    anywhere: set[str] = set()
    for entry in sorted(found.entries, key=lambda entry: entry.port is not None):
        if entry.type or entry.network:
            continue
        there = entry.name in typed if entry.port is None else (entry.name, entry.port) in ports
        unusual = entry.port is not None and entry.port not in usual  # no other entry tries this port
        if there or (not unusual and (entry.name in anywhere or spans.hold(entry.host))):
            why = "the host is listed again: with a type, without a port or in a network"
            found.leave(entry.line, entry.host, why)
            dropped.add(id(entry))
        elif entry.port is None:
            anywhere.add(entry.name)
    found.entries = [entry for entry in found.entries if id(entry) not in dropped]


class _Spans:
    """Networks that neither overlap nor hold one of the ``barred`` addresses."""

    def __init__(self, barred: list[_Address]) -> None:
        self._barred = barred
        self._starts: list[_Address] = []
        self._ends: list[_Address] = []

    def take(self, network: str) -> bool:
        """Keep a network if it can be; tell whether it was."""
        parsed = ip_network(network)
        first = (parsed.version, int(parsed.network_address))
        last = (parsed.version, int(parsed.broadcast_address))
        place = bisect_left(self._starts, first)
        overlaps = place < len(self._starts) and self._starts[place] <= last
        overlaps = overlaps or (place > 0 and self._ends[place - 1] >= first)
        if overlaps or bisect_right(self._barred, last) > bisect_left(self._barred, first):
            return False
        self._starts.insert(place, first)
        self._ends.insert(place, last)
        return True

    def hold(self, host: str) -> bool:
        """True if the host is an address within one of them."""
        number = _number(host)
        if number is None:
            return False
        place = bisect_right(self._starts, number) - 1
        return place >= 0 and self._ends[place] >= number


def _number(host: str) -> _Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return address.version, int(address)
