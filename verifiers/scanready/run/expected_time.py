"""Estimate how long a run takes within its bounds: between one in which every target answers at once, and none does."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scanready.climb.dial_all import PATIENCE
from scanready.climb.farewells import grace_of
from scanready.net.dial_gate import network_of, open_at_once
from scanready.net.resolve import literal

from .settings import Settings


@dataclass(frozen=True, slots=True)
class Expected:
    """The seconds of a run.

    Attributes:
        all_answer: if every target answers at once: only the rate counts. 0 without a rate.
        none_answers: if no target answers a connection request.
    """

    all_answer: float
    none_answers: float


def expected_time(endpoints: Iterable[tuple[str, int]], connections: int, settings: Settings) -> Expected:
    """Return the time of a run over some endpoints, each a host and how many of its ports are asked at once.

    A port that does not answer is dialled once, whatever types it is asked for. Plans look up no name, so each name
    counts as a network of its own.

    Args:
        endpoints: an entry for each host and port; the number is that of the ports asked at once at this host.
        connections: all of the run, if every target answers.
    """
    bounds = settings.bounds
    hosts, at_host, networks = Counter[str](), dict[str, int](), Counter[object]()
    for host, ports in endpoints:
        hosts[host] += 1
        at_host[host] = max(ports, at_host.get(host, 0))
    for host, ports in hosts.items():
        networks[_network(host)] += ports
    total = hosts.total()
    silence = min(PATIENCE, settings.timeout - grace_of(settings.timeout))
    at_once = min(settings.concurrency, open_at_once(bounds.half_open))
    rounds = [
        math.ceil(total / at_once),
        *(math.ceil(ports / at_host[host]) for host, ports in hosts.items()),
        *(math.ceil(ports / open_at_once(bounds.per_net)) for ports in networks.values()),
    ]
    paced = total / bounds.rate + silence if bounds.rate and total else 0.0
    return Expected(
        connections / bounds.rate if bounds.rate else 0.0, max(paced, silence * max(rounds) if total else 0.0)
    )


def _network(host: str) -> object:
    """Return what stands for the network of an address; a name is its own."""
    address = literal(host.partition("%")[0], 0)
    return host if address is None else network_of(address)
