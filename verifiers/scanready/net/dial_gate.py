"""Bound the connections that a run begins, so that the firewalls on the way can live with it.

A firewall keeps a state for each connection attempt, and takes many that get no answer for a flood. Three bounds hold
for all targets of a run: half-open connections (begun, and neither answered nor given up), new ones a second, and
half-open ones in one network, /24 (IPv6: /64). A question over UDP counts like a connection: the state is the same.

No climb keeps a place while it waits for another one, and a place is free at the latest when an attempt is given up, so
no wait lasts for ever. Those who wait go in the order in which they came, those of one full network apart. A climb that
has begun goes before one that has not, since a server waits for its next connection; a tenth of the places is reserved
for such climbs, as the others may be at targets that never answer.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from socket import AF_INET
from typing import NamedTuple

from .sockets import Address

#: Seconds of the rate that may be begun at once, and between two looks at those who wait for it.
_BURST, _LOOK = 0.02, 0.005
#: One connection of the rate, less what the rounding of a clock may take from it.
_ONE = 1 - 1e-6
#: An IPv4 address written as IPv6 begins with it.
_MAPPED = bytes(10) + b"\xff\xff"
#: The key of a network.
Net = str | bytes


class Bounds(NamedTuple):
    """The bounds of a run; None lifts one.

    Attributes:
        half_open: half-open connections at once.
        rate: new connections a second.
        per_net: half-open connections at once in one network, see :func:`network_of`.
    """

    half_open: int | None = None
    rate: float | None = None
    per_net: int | None = None


class NotBegun(BaseException):
    """The run was stopped before the first connection of a climb was begun; nothing was sent.

    It is no ``Exception``: a verifier that catches those must not take it for a fault of the target.
    """


class Ticket:
    """One that waits: ``placed`` once its network has room, ``going`` once it may begin."""

    __slots__ = ("going", "net", "placed", "turn", "urgent")

    def __init__(self, net: Net, urgent: bool) -> None:
        self.net, self.urgent = net, urgent
        self.placed = self.going = False
        self.turn: asyncio.Future[None] | None = None


#: Those who wait in the order in which they came, without and with a connection before.
_Lines = tuple[OrderedDict[Ticket, None], OrderedDict[Ticket, None]]


class DialQueue:
    """Decide who may begin a connection, and who waits. No I/O.

    Attributes:
        half_open: connections that are half-open now.

    Args:
        bounds: of the run.
        now: a clock, in seconds.
    """

    def __init__(self, bounds: Bounds, now: Callable[[], float] = time.monotonic) -> None:
        self.half_open = 0
        self._most, self._most_in_net = _places(bounds.half_open), _places(bounds.per_net)
        self._by_net = bounds.per_net is not None
        self._rate, self._now = bounds.rate, now
        self._burst = max(1.0, (bounds.rate or 0.0) * _BURST)
        self._left, self._filled = self._burst, now()
        self._taken: dict[Net, int] = {}  # places by network, of those who are half-open or ready
        self._before: dict[Net, _Lines] = {}  # those who wait until their network has room
        self._ready: _Lines = (OrderedDict(), OrderedDict())  # their networks have room
        self._waiting = 0

    def enters(self, address: Address, urgent: bool) -> bool:
        """Begin a connection at once, or return False if that would be too many, or before those who wait."""
        first, others = self._ready
        if others or self.half_open >= self._most[urgent] or (first and not urgent):
            return False
        net: Net = ""
        if self._by_net:
            net = address[1][0].rpartition(".")[0] if address[0] == AF_INET else network_of(address)
            lines = self._before.get(net)
            if self._taken.get(net, 0) >= self._most_in_net[urgent] or (lines is not None and lines[urgent]):
                return False
        if self._rate is not None:
            now = self._now()
            self._left, self._filled = min(self._burst, self._left + (now - self._filled) * self._rate), now
            if self._left < _ONE:
                return False
            self._left -= 1
        if self._by_net:
            self._taken[net] = self._taken.get(net, 0) + 1
        self.half_open += 1
        return True

    def leave(self, address: Address) -> None:
        """End a half-open connection: it was answered, or given up."""
        self.half_open -= 1
        if self._by_net:
            net = address[1][0].rpartition(".")[0] if address[0] == AF_INET else network_of(address)
            if (left := self._taken[net] - 1) == 0:
                del self._taken[net]
            else:
                self._taken[net] = left
        if self._waiting:
            if self._by_net and net in self._before:
                self._move_up(net)
            self.call_up()

    def join(self, address: Address, urgent: bool) -> Ticket:
        """Wait; :meth:`go` says when it is over."""
        ticket = Ticket(network_of(address) if self._by_net else "", urgent)
        self._waiting += 1
        if self._by_net:
            self._before.setdefault(ticket.net, (OrderedDict(), OrderedDict()))[urgent][ticket] = None
            self._move_up(ticket.net)
        else:
            self._place(ticket)
        return ticket

    def withdraw(self, ticket: Ticket) -> None:
        """Wait no longer; one who may begin already is half-open no longer."""
        if ticket.going:
            self.half_open -= 1
        else:
            self._waiting -= 1
        if not ticket.placed:
            del self._before[ticket.net][ticket.urgent][ticket]
        else:
            self._ready[ticket.urgent].pop(ticket, None)
            if self._by_net:
                self._taken[ticket.net] -= 1
        if ticket.net in self._before:
            self._move_up(ticket.net)
        if self._taken.get(ticket.net) == 0:
            del self._taken[ticket.net]

    def go(self) -> Ticket | None:
        """Return the next one of those who wait, who begins now; None if none may."""
        if not self._is_one_ready():
            return None
        if self._rate is not None:
            now = self._now()
            self._left, self._filled = min(self._burst, self._left + (now - self._filled) * self._rate), now
            if self._left < _ONE:
                return None
            self._left -= 1
        ticket, _ = self._ready[bool(self._ready[True])].popitem(last=False)
        ticket.going = True
        self._waiting -= 1
        self.half_open += 1
        return ticket

    def seconds(self) -> float | None:
        """Return after how many seconds :meth:`go` has the next one; None if somebody must leave before."""
        if self._rate is None or not self._is_one_ready():
            return None
        return max(0.0, (1 - self._left) / self._rate - (self._now() - self._filled))

    def not_urgent(self) -> list[Ticket]:
        """Return those who wait for their first connection."""
        return [*self._ready[False], *(ticket for lines in self._before.values() for ticket in lines[False])]

    def call_up(self) -> None:
        """Called as a place becomes free while somebody waits."""

    def _is_one_ready(self) -> bool:
        """Return whether the next one may begin as far as places go."""
        urgent = bool(self._ready[True])
        return bool(self._ready[urgent]) and self.half_open < self._most[urgent]

    def _place(self, ticket: Ticket) -> None:
        ticket.placed = True
        self._ready[ticket.urgent][ticket] = None

    def _move_up(self, net: Net) -> None:
        """Have those ready that find room in their network."""
        lines = self._before[net]
        for urgent in (True, False):
            while lines[urgent] and self._taken.get(net, 0) < self._most_in_net[urgent]:
                ticket, _ = lines[urgent].popitem(last=False)
                self._taken[net] = self._taken.get(net, 0) + 1
                self._place(ticket)
        if not (lines[False] or lines[True]):
            del self._before[net]


class DialGate(DialQueue):
    """The bounds of one run, in its event loop."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__(bounds, _clock())
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    async def wait(self, address: Address, urgent: bool) -> None:
        """Wait until a connection may begin; :meth:`leave` ends it.

        Raises:
            NotBegun: the run was stopped, and this is not ``urgent``.
        """
        if self._stopped and not urgent:
            raise NotBegun
        ticket = self.join(address, urgent)
        ticket.turn = turn = asyncio.get_running_loop().create_future()
        self.call_up()
        try:
            await turn
        except BaseException:
            self.withdraw(ticket)
            self.call_up()
            raise

    def stop(self) -> None:
        """Let only those climbs wait that have begun."""
        self._stopped = True
        for ticket in self.not_urgent():
            if ticket.turn is not None and not ticket.turn.done():
                ticket.turn.set_exception(NotBegun())

    def call_up(self) -> None:
        """Let those begin who may now; look again when the rate has the next one."""
        while (ticket := self.go()) is not None:
            assert ticket.turn is not None, "it waits"
            if not ticket.turn.done():  # else it is cancelled, and will withdraw
                ticket.turn.set_result(None)
        if self._timer is None and (seconds := self.seconds()) is not None:
            self._timer = asyncio.get_running_loop().call_later(max(_LOOK, seconds), self._look)

    def _look(self) -> None:
        self._timer = None
        self.call_up()


def _clock() -> Callable[[], float]:
    try:
        return asyncio.get_running_loop().time
    except RuntimeError:  # made outside of a loop: all of them have this clock
        return time.monotonic


def gate_of(bounds: Bounds) -> DialGate | None:
    """Return the gate of a run; None if all bounds are lifted."""
    return None if bounds == Bounds() else DialGate(bounds)


def network_of(address: Address) -> Net:
    """Return what stands for the /24 of an IPv4 address, or the /64 of an IPv6 address with its zone."""
    family, where = address
    host = str(where[0])
    if family != socket.AF_INET6:
        return host.rpartition(".")[0]
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    if packed.startswith(_MAPPED):
        return ".".join(map(str, packed[12:15]))
    return packed[:8] + str(where[3] if len(where) > 3 else 0).encode()


def open_at_once(most: int | None) -> float:
    """Return how many places of a bound climbs have that have not begun: a tenth is for those that have."""
    return math.inf if most is None else most - most // 10


def _places(most: int | None) -> tuple[float, float]:
    """Return the places for climbs that have not begun, and for those that have."""
    return open_at_once(most), math.inf if most is None else most
