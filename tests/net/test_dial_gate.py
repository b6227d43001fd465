"""The bounds of a run's connections: never exceeded, always some progress, and none is overtaken without a reason."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from socket import AF_INET, AF_INET6
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanready.net.dial_gate import Bounds, DialGate, DialQueue, NotBegun, Ticket, gate_of, network_of
from scanready.net.sockets import Address
from tests import clock


def at(net: int, host: int = 1) -> Address:
    return AF_INET, (f"10.0.{net}.{host}", 22)


class Dial(NamedTuple):
    """One who comes at a time, asks for a network, is half-open for some seconds, and may lose patience before."""

    when: float
    net: int
    urgent: bool
    answered_after: float
    patience: float | None


@dataclass
class Played:
    """The events of a play: who began when, who gave up, and the most at once."""

    began: dict[int, float] = field(default_factory=dict)
    most: int = 0
    most_in_net: Counter[int] = field(default_factory=Counter)
    gave_up: set[int] = field(default_factory=set)


class Play:
    """Run a queue with a virtual clock."""

    def __init__(self, bounds: Bounds, dials: Sequence[Dial]) -> None:
        self.now = 0.0
        self.queue = DialQueue(bounds, lambda: self.now)
        self.dials, self.played = dials, Played()
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, str, int]] = []
        self._tickets: dict[int, Ticket] = {}
        self._of: dict[Ticket, int] = {}
        self._open: Counter[int] = Counter()

    def run(self) -> Played:
        for who, dial in enumerate(self.dials):
            self._at(dial.when, "comes", who)
        while self._events:
            self.now, _, what, who = heapq.heappop(self._events)
            getattr(self, f"_{what}")(who)
            while (ticket := self.queue.go()) is not None:
                self._begin(self._of[ticket])
            if (seconds := self.queue.seconds()) is not None:
                self._at(self.now + seconds + 1e-9, "looks", -1)
        assert self.queue.half_open == 0
        assert (vars(self.queue)["_taken"], vars(self.queue)["_before"]) == ({}, {})  # nothing of a network is kept
        return self.played

    def _at(self, when: float, what: str, who: int) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), what, who))

    def _comes(self, who: int) -> None:
        dial = self.dials[who]
        if self.queue.enters(at(dial.net), dial.urgent):
            self._begin(who)
            return
        ticket = self._tickets[who] = self.queue.join(at(dial.net), dial.urgent)
        self._of[ticket] = who
        if dial.patience is not None:
            self._at(self.now + dial.patience, "gives_up", who)

    def _begin(self, who: int) -> None:
        dial, played = self.dials[who], self.played
        played.began[who] = self.now
        self._open[dial.net] += 1
        played.most = max(played.most, self._open.total())
        played.most_in_net[dial.net] = max(played.most_in_net[dial.net], self._open[dial.net])
        assert self.queue.half_open == self._open.total()
        self._at(self.now + dial.answered_after, "is_answered", who)

    def _is_answered(self, who: int) -> None:
        self._open[self.dials[who].net] -= 1
        self.queue.leave(at(self.dials[who].net))

    def _gives_up(self, who: int) -> None:
        if who not in self.played.began:
            self.played.gave_up.add(who)
            self.queue.withdraw(self._tickets[who])

    def _looks(self, _: int) -> None:
        """The rate may have the next one."""


DIALS = st.lists(
    st.builds(
        Dial,
        st.floats(0, 3),
        st.integers(0, 3),
        st.booleans(),
        st.floats(0, 2),
        st.none() | st.floats(0, 2),
    ),
    max_size=60,
)
BOUNDS = st.builds(
    Bounds, st.none() | st.integers(1, 25), st.none() | st.floats(0.5, 200), st.none() | st.integers(1, 12)
)


@given(BOUNDS, DIALS)
@example(Bounds(1, 0.5, 1), [Dial(0, 0, False, 1, None)] * 20)
def test_no_bound_is_ever_exceeded_and_everyone_has_a_turn(bounds: Bounds, dials: list[Dial]) -> None:
    played = Play(bounds, dials).run()
    assert played.began.keys() | played.gave_up == set(range(len(dials)))
    assert not played.began.keys() & played.gave_up
    if bounds.half_open is not None:
        assert played.most <= bounds.half_open
    if bounds.per_net is not None:
        assert all(most <= bounds.per_net for most in played.most_in_net.values())
    if bounds.rate is not None:
        times = sorted(played.began.values())
        burst = max(1.0, bounds.rate * 0.02)
        for first, last in itertools.combinations(range(len(times)), 2):
            assert last - first + 1 <= burst + bounds.rate * (times[last] - times[first]) + 1e-3


@given(BOUNDS, DIALS)
def test_nobody_is_overtaken_in_a_line(bounds: Bounds, dials: list[Dial]) -> None:
    """In one network, the first who came begins first, among those that have begun and among those that have not."""
    played = Play(bounds, [dial._replace(patience=None) for dial in dials]).run()
    lines = defaultdict[tuple[int, bool], list[tuple[float, int]]](list)
    for who, dial in enumerate(dials):
        lines[dial.net, dial.urgent].append((dial.when, who))
    for line in lines.values():
        times = [played.began[who] for _, who in sorted(line)]
        assert times == sorted(times)


def test_a_full_network_does_not_hold_up_the_others() -> None:
    dead = [Dial(0.0, 0, False, 100.0, None)] * 50
    alive = [Dial(1.0, 1, False, 0.0, None)] * 50
    played = Play(Bounds(1000, 500, 10), [*dead, *alive]).run()
    assert max(played.began[who] for who in range(50, 100)) < 1.2
    assert played.most_in_net[0] <= 10


def test_a_climb_that_has_begun_goes_first() -> None:
    """Its server waits; those that have not begun let it by, also with all of their places taken."""
    bounds = Bounds(20, None, 10)
    silent = [Dial(0.0, 0, False, 4.5, None)] * 30
    played = Play(bounds, [*silent, Dial(1.0, 0, True, 0.1, None)]).run()
    assert played.began[30] == 1.0
    assert played.most_in_net[0] <= 10
    paced = [Dial(0.0, 1, False, 0.0, None)] * 100
    played = Play(Bounds(None, 10, None), [*paced, Dial(2.0, 1, True, 0.0, None)]).run()
    assert played.began[100] == pytest.approx(2.1, abs=0.11)
    full = [Dial(0.0, 0, True, 4.0, None), Dial(1.0, 0, False, 4.0, None), Dial(2.0, 0, True, 4.0, None)]
    played = Play(Bounds(None, None, 1), full).run()
    assert (played.began[2], played.began[1]) == (4.0, 8.0), "it also has the place that becomes free"


def test_all_dead_take_no_longer_than_the_bounds_say() -> None:
    """Nothing is left idle: 300 that never answer, 50 at once, take six times the time-out."""
    played = Play(Bounds(50, None, None), [Dial(0.0, net, True, 3.0, None) for net in range(4)] * 75).run()
    assert max(played.began.values()) == pytest.approx(5 * 3.0)
    played = Play(Bounds(None, 100, None), [Dial(0.0, 0, False, 0.0, None)] * 500).run()
    assert max(played.began.values()) == pytest.approx(4.98, abs=0.05)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((AF_INET, ("10.0.0.1", 22)), (AF_INET, ("10.0.0.254", 443)), True),
        ((AF_INET, ("10.0.0.1", 22)), (AF_INET, ("10.0.1.1", 22)), False),
        ((AF_INET, ("10.0.0.1", 22)), (AF_INET6, ("::ffff:10.0.0.9", 22, 0, 0)), True),
        ((AF_INET6, ("2001:db8::1", 22, 0, 0)), (AF_INET6, ("2001:db8:0:0:ffff::1", 22, 0, 0)), True),
        ((AF_INET6, ("2001:db8::1", 22, 0, 0)), (AF_INET6, ("2001:db8:0:1::1", 22, 0, 0)), False),
        ((AF_INET6, ("fe80::1", 22, 0, 2)), (AF_INET6, ("fe80::2%eth0", 22, 0, 2)), True),
        ((AF_INET6, ("fe80::1", 22, 0, 2)), (AF_INET6, ("fe80::1", 22, 0, 3)), False),
    ],
    ids=["/24", "another /24", "mapped", "/64", "another /64", "a link", "another link"],
)
def test_what_one_network_is(one: Address, other: Address, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_without_bounds_there_is_no_gate() -> None:
    assert gate_of(Bounds()) is None
    assert gate_of(Bounds(None, None, 1)) is not None


def test_the_rate_of_a_gate_is_smooth() -> None:
    async def run() -> list[float]:
        loop = asyncio.get_running_loop()
        gate, began = DialGate(Bounds(None, 100, None)), list[float]()

        async def dial() -> None:
            if not gate.enters(at(0), False):
                await gate.wait(at(0), False)
            began.append(loop.time())
            await asyncio.sleep(1)
            gate.leave(at(0))

        await asyncio.gather(*(dial() for _ in range(300)))
        assert gate.half_open == 0
        return [time - began[0] for time in began]

    times = clock.run(run())
    for first, last in itertools.combinations(range(0, 300, 7), 2):
        assert last - first <= 2 + 100 * (times[last] - times[first]) + 1e-3
    assert times[-1] == pytest.approx(2.98, abs=0.05)


def test_one_who_is_cancelled_keeps_no_place() -> None:
    """Also in the very turn of the loop in which it may begin."""

    async def run() -> None:
        gate = DialGate(Bounds(1, None, 1))
        assert gate.enters(at(0), False)
        waiting = [asyncio.create_task(gate.wait(at(0), False)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        gate.leave(at(0))  # the turn of the first, or of the second
        waiting[1].cancel()
        await asyncio.wait_for(waiting[2], 5)
        assert gate.half_open == 1
        gate.leave(at(0))
        assert gate.half_open == 0
        assert gate.enters(at(0), False)

    clock.run(run())


def test_in_a_run_that_is_stopped_only_those_wait_that_have_begun() -> None:
    async def run() -> None:
        gate = DialGate(Bounds(1, None, None))
        assert gate.enters(at(0), True)
        first, later = (asyncio.create_task(gate.wait(at(0), urgent)) for urgent in (False, True))
        await asyncio.sleep(0)
        gate.stop()
        with pytest.raises(NotBegun):
            await first
        with pytest.raises(NotBegun):
            await gate.wait(at(1), False)
        gate.leave(at(0))
        await later  # a climb that has begun goes on to its end

    clock.run(run())
