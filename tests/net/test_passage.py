"""While a connection waits for its turn, the time of its climb stands still."""

from __future__ import annotations

import asyncio
from socket import AF_INET

import pytest

from scanready.net.dial_gate import Bounds, DialGate, NotBegun
from scanready.net.passage import ALWAYS_OPEN, Passage
from tests import clock

HERE = AF_INET, ("10.0.0.1", 22)


async def _held(gate: DialGate, seconds: float) -> None:
    """Take the only place for some seconds."""
    assert gate.enters(HERE, False)
    await asyncio.sleep(seconds)
    gate.leave(HERE)


def test_a_wait_is_told_and_moves_the_deadlines() -> None:
    async def run() -> tuple[float, float, list[float]]:
        gate, moved = DialGate(Bounds(1)), list[float]()
        holding = asyncio.create_task(_held(gate, 3))
        await asyncio.sleep(0)
        passage = Passage(gate, moved.append)
        waited = await passage.enter(HERE)
        passage.leave(HERE)
        assert passage.begun
        await holding
        return waited, passage.waited, moved

    waited, counted, moved = clock.run(run())
    assert [waited, counted, *moved] == [pytest.approx(3)] * 3


def test_connections_that_wait_side_by_side_count_once() -> None:
    async def run() -> float:
        gate = DialGate(Bounds(1))
        holding = asyncio.create_task(_held(gate, 2))
        await asyncio.sleep(0)
        passage = Passage(gate)

        async def dial() -> None:
            await passage.enter(HERE)
            await asyncio.sleep(1)
            passage.leave(HERE)

        await asyncio.gather(dial(), dial(), holding)
        return passage.waited

    assert clock.run(run()) == pytest.approx(3)  # two seconds both, and one more the second


def test_a_bounded_part_stands_still_too() -> None:
    async def run() -> float:
        loop = asyncio.get_running_loop()
        gate = DialGate(Bounds(1))
        holding = asyncio.create_task(_held(gate, 30))
        await asyncio.sleep(0)
        passage, began = Passage(gate), loop.time()

        async def short(waiting: asyncio.Task[float]) -> None:
            async with passage.within(0.25):  # begins while the time stands still
                await waiting
                await asyncio.sleep(9)

        async def long() -> None:
            async with passage.within(2):
                await asyncio.sleep(1.5)
                waiting = asyncio.create_task(passage.enter(HERE))
                await asyncio.sleep(0)
                with pytest.raises(TimeoutError):
                    await short(waiting)
                await asyncio.sleep(9)

        with pytest.raises(TimeoutError):
            await long()
        await holding
        return loop.time() - began

    assert clock.run(run()) == pytest.approx(30 + 0.5, abs=0.01)


def test_without_a_wait_a_bounded_part_is_a_time_out() -> None:
    async def bounded() -> None:
        async with ALWAYS_OPEN.within(2):
            await ALWAYS_OPEN.enter(HERE)
            ALWAYS_OPEN.leave(HERE)
            await asyncio.sleep(60)

    async def run() -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await bounded()
        return asyncio.get_running_loop().time() - began

    assert clock.run(run()) == pytest.approx(2, abs=0.01)


def test_a_stopped_run_lets_only_those_dial_that_have_begun() -> None:
    async def run() -> None:
        gate = DialGate(Bounds(2))
        begun, new = Passage(gate), Passage(gate)
        await begun.enter(HERE)
        begun.begun = False  # as for one whose first two addresses are dialled side by side
        assert gate.enters(HERE, False)
        second = asyncio.create_task(begun.enter(HERE))
        first = asyncio.create_task(new.enter(HERE))
        await asyncio.sleep(0)
        begun.begun = True
        gate.stop()
        with pytest.raises(NotBegun):
            await first
        begun.leave(HERE)
        await second

    clock.run(run())
