"""Turns: one first login, no waiting on an open connection, and no dead host that holds the others up."""

from __future__ import annotations

import asyncio

import pytest

from scanready.climb.turns import HEAD_START, Turns, TurnTaken
from tests import clock


async def climb(turns: Turns, seconds: float, begun: list[float]) -> None:
    """Climb for ``seconds`` without a login, as for a host that never answers."""
    async with turns.take():
        begun.append(asyncio.get_running_loop().time())
        await asyncio.sleep(seconds)


def test_dead_hosts_hold_the_others_up_for_a_few_seconds_however_many_they_are() -> None:
    async def run() -> list[float]:
        turns, begun = Turns(), list[float]()
        await asyncio.gather(*(climb(turns, 60.0, begun) for _ in range(1000)))
        return begun

    begun = clock.run(run())
    assert [sum(start < HEAD_START * (step + 0.5) for start in begun) for step in range(4)] == [1, 2, 4, 8]
    assert max(begun) <= 10 * HEAD_START + 0.1


def test_climbs_that_end_without_a_login_make_room_at_once() -> None:
    async def run() -> list[float]:
        turns, begun = Turns(), list[float]()
        await asyncio.gather(*(climb(turns, 0.0, begun) for _ in range(500)))
        return begun

    assert max(clock.run(run())) < HEAD_START


def test_no_climb_begins_while_a_login_decides_and_all_begin_after_it() -> None:
    async def run() -> list[float]:
        turns, begun = Turns(), list[float]()

        async def first() -> None:
            async with turns.take() as turn:
                with turns.log_in(turn, "password"):
                    await asyncio.sleep(7)
                    turns.decide()

        await asyncio.gather(first(), *(climb(turns, 1.0, begun) for _ in range(40)))
        return begun

    begun = clock.run(run())
    assert min(begun) == pytest.approx(7, abs=0.1) == max(begun)


def test_after_a_login_without_a_decision_the_next_one_climbs() -> None:
    async def run() -> list[float]:
        turns, begun = Turns(), list[float]()

        async def first() -> None:
            async with turns.take() as turn:
                with turns.log_in(turn, "password"):
                    await asyncio.sleep(7)

        await asyncio.gather(first(), *(climb(turns, 60.0, begun) for _ in range(4)))
        return begun

    begun = clock.run(run())
    assert begun == pytest.approx([7.0, 7.5, 8.0, 8.0], abs=0.1)


def test_a_reserved_turn_makes_the_next_login_and_no_other_climb_does() -> None:
    async def run() -> None:
        turns = Turns()
        async with turns.take() as early, turns.reserve() as turn:
            with pytest.raises(TurnTaken, match="password"), turns.log_in(early, "password"):
                pytest.fail("the login is reserved")
            with turns.log_in(turn, "password"):
                pass
            with pytest.raises(TurnTaken), turns.log_in(early, "password"):
                pytest.fail("the climb of the reserved turn goes on")
        with turns.log_in(early, "password"):
            pass

    clock.run(run())


def test_the_others_climb_as_soon_as_a_reserved_turn_ends_without_a_login() -> None:
    async def run() -> list[float]:
        turns, begun = Turns(), list[float]()
        async with turns.reserve():
            others = [asyncio.create_task(climb(turns, 0.0, begun)) for _ in range(5)]
            await asyncio.sleep(7)
            assert not begun
        await asyncio.gather(*others)
        return begun

    assert clock.run(run()) == pytest.approx([7.0] * 5, abs=0.1)


def test_one_climb_makes_one_login_at_a_time() -> None:
    async def run() -> None:
        turns = Turns()
        async with turns.reserve() as turn:
            with (
                turns.log_in(turn, "password"),
                pytest.raises(RuntimeError, match="second login"),
                turns.log_in(turn, "password"),
            ):
                pytest.fail("two logins of one account")

    clock.run(run())


@pytest.mark.parametrize("reserve", [False, True])
@pytest.mark.parametrize("ticks", range(4))
def test_a_target_given_up_while_waiting_leaves_no_place_taken(ticks: int, reserve: bool) -> None:
    async def run() -> None:
        turns = Turns()
        release = asyncio.Event()

        async def hold() -> None:
            async with turns.reserve():
                await release.wait()

        async def wait() -> None:
            async with turns.reserve() if reserve else turns.take():
                await asyncio.sleep(3600)

        holder = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiter = asyncio.create_task(wait())
        await asyncio.sleep(0)
        release.set()
        for _ in range(ticks):
            await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        async with asyncio.timeout(0.1), turns.take() as turn:
            with turns.log_in(turn, "password"):
                pass
        async with asyncio.timeout(0.1), turns.reserve():
            pass

    clock.run(run())
