"""Divide targets among processes by host: the limits of a host hold only within one process."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from scanready.model import Target

#: The most hosts that a process is given at once.
_MOST = 16
#: The fewest times that each process is given some: it may end up with the slowest hosts.
_ROUNDS = 8


def by_host(targets: Iterable[Target]) -> list[list[Target]]:
    """Return the targets of each host together, in the order of the first of each.

    A host is known by its address however that is written, and by its name in any case and with a dot at its end. Two
    names of one address are two hosts, as within one process.
    """
    groups: dict[str, list[Target]] = {}
    for target in targets:
        groups.setdefault(_host(target.host), []).append(target)
    return list(groups.values())


def at_once(groups: int, processes: int) -> int:
    """Return how many of so many groups a process is given at once."""
    return max(1, min(_MOST, groups // (_ROUNDS * processes)))


def shares(total: int, processes: int) -> Sequence[int]:
    """Divide a limit of the run; the sum stays the same."""
    each, more = divmod(total, processes)
    return [each + (number < more) for number in range(processes)]


def _host(host: str) -> str:
    if ":" not in host and not host[-1:].isdigit():  # nearly every name
        return host.rstrip(".").casefold()
    address, percent, zone = host.partition("%")
    try:
        return str(ipaddress.ip_address(address)) + percent + zone
    except ValueError:
        return host.rstrip(".").casefold()
