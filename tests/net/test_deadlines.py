"""One coarse timer for all waits: never early, late by one step at most, and none where nothing waits."""

from __future__ import annotations

import asyncio
import math

import pytest

from scanready.net.deadlines import EXPIRED, MOST_AT_ONCE, STEP, Deadlines, Wait
from tests import clock


@pytest.mark.posix("a clock that is finer than a step")
def test_a_wait_ends_at_most_one_step_late_and_never_early() -> None:
    async def run() -> dict[float, float]:
        loop = asyncio.get_running_loop()
        deadlines, ended = Deadlines(loop), dict[float, float]()
        waits = list[Wait]()
        for number in range(200):
            until = loop.time() + (number * 37 % 200) * 0.0137
            wait: Wait = loop.create_future()
            wait.add_done_callback(lambda _, until=until: ended.update({until: loop.time()}))  # type: ignore[misc]
            deadlines.add(wait, until)
            waits.append(wait)
        assert set(await asyncio.gather(*waits)) == {EXPIRED}
        return ended

    found = clock.run(run())
    assert len(found) == 200
    for until, ended in found.items():
        assert until <= ended <= until + STEP + 1e-6


def test_many_waits_with_one_deadline_end_in_several_turns() -> None:
    """The work after each end takes memory until it is done."""

    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        deadlines, turn, ended = Deadlines(loop), [0], list[int]()
        waits: list[Wait] = [loop.create_future() for _ in range(5 * MOST_AT_ONCE)]
        until = loop.time() + 1
        for wait in waits:
            wait.add_done_callback(lambda _: ended.append(turn[0]))
            deadlines.add(wait, until)
        while not all(wait.done() for wait in waits):
            await asyncio.sleep(0 if turn[0] else 1 + STEP)
            turn[0] += 1
        await asyncio.sleep(0)
        assert loop.time() <= until + STEP + 1e-6
        assert not deadlines._groups
        assert deadlines._timer is None
        return ended

    ended = clock.run(run())
    assert len(ended) == 5 * MOST_AT_ONCE
    assert max(ended.count(turn) for turn in ended) == MOST_AT_ONCE


def test_the_step_is_short_beside_every_wait() -> None:
    assert STEP <= 0.02


def test_an_earlier_deadline_comes_before_one_that_has_the_timer() -> None:
    async def run() -> list[str]:
        loop = asyncio.get_running_loop()
        deadlines, ended = Deadlines(loop), list[str]()
        late, early = loop.create_future(), loop.create_future()
        late.add_done_callback(lambda _: ended.append("late"))
        early.add_done_callback(lambda _: ended.append("early"))
        deadlines.add(late, loop.time() + 5)
        deadlines.add(early, loop.time() + 1)
        await asyncio.gather(late, early)
        return ended

    assert clock.run(run()) == ["early", "late"]


def test_without_a_wait_there_is_no_timer() -> None:
    """A timer that is left behind would wake an idle process, and keep its wait."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(loop)
        waits = [loop.create_future() for _ in range(3)]
        steps = [deadlines.add(wait, loop.time() + 1 + number) for number, wait in enumerate(waits)]
        for wait, step in zip(waits, steps, strict=True):
            assert deadlines._timer is not None
            deadlines.remove(wait, step)
            deadlines.remove(wait, step)  # it may be removed and expire in one turn
        assert deadlines._timer is None
        assert not deadlines._groups

    clock.run(run())


def test_a_wait_without_a_deadline_has_no_timer() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        deadlines, wait = Deadlines(loop), loop.create_future()
        step = deadlines.add(wait, math.inf)
        assert deadlines._timer is None
        deadlines.remove(wait, step)

    clock.run(run())


@pytest.mark.parametrize("past", [0.0, 1.0, 1e6])
def test_a_deadline_that_is_over_ends_the_wait_in_the_next_turns(past: float) -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        wait = loop.create_future()
        began = loop.time()
        Deadlines(loop).add(wait, began - past)
        assert not wait.done()
        await wait
        return loop.time() - began

    assert clock.run(run()) <= STEP + 1e-6
