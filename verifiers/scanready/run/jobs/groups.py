"""Divide targets among processes by host: the limits of a host hold only within one process."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import replace

from scanready.model import Target
from scanready.run.settings import Settings

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


def divided(settings: Settings, processes: int) -> list[Settings]:
    """Return the settings of each process, which keep the limits of the run together; none is below 1.

    The hosts of a network may be in several processes, so the bound of each network is divided, too.
    """
    rate, connect_rate = (each and each / processes for each in (settings.rate, settings.connect_rate))
    half_open, per_net = (
        [None] * processes if limit is None else shares(limit, processes)
        for limit in (settings.half_open, settings.per_net)
    )
    return [
        replace(
            settings,
            concurrency=places,
            rate=rate,
            half_open=half_open[number],
            connect_rate=connect_rate,
            per_net=per_net[number],
        )
        for number, places in enumerate(shares(settings.concurrency, processes))
    ]


def _host(host: str) -> str:
    if ":" not in host and not host[-1:].isdigit():  # nearly every name
        return host.rstrip(".").casefold()
    address, percent, zone = host.partition("%")
    try:
        return str(ipaddress.ip_address(address)) + percent + zone
    except ValueError:
        return host.rstrip(".").casefold()
