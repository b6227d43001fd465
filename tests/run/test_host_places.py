"""The places at a host: never too many, in the order of arrival, and nothing is kept of a host without targets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scanready.run.host_places import HostPlaces
from tests import clock


class Watched:
    """Places, and how many were taken at once."""

    def __init__(self) -> None:
        self.places = HostPlaces()
        self.now = self.most = 0
        self.order = list[int]()

    @asynccontextmanager
    async def hold(self, number: int = 0, most: int = 2) -> AsyncIterator[None]:
        await self.places.enter("a", most)
        try:
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(number)
            yield
        finally:
            self.now -= 1
            self.places.leave("a")

    @property
    def is_empty(self) -> bool:
        return not (self.places._taken or self.places._waiting)


def test_places_go_to_those_who_wait_in_their_order() -> None:
    async def run() -> Watched:
        watched = Watched()

        async def visit(number: int) -> None:
            async with watched.hold(number):
                await asyncio.sleep(1)

        await asyncio.gather(*map(visit, range(9)))
        return watched

    watched = clock.run(run())
    assert watched.most == 2
    assert watched.order == list(range(9))
    assert watched.is_empty


def test_another_host_waits_for_none() -> None:
    async def run() -> None:
        places = HostPlaces()
        await places.enter("a", 1)
        async with asyncio.timeout(1):
            await places.enter("b", 1)
        places.leave("a")
        places.leave("b")
        assert not places._taken

    clock.run(run())


@pytest.mark.parametrize("moment", ["while it waits", "as it gets the place"])
def test_one_who_is_cancelled_leaves_its_place_to_the_next(moment: str) -> None:
    async def run() -> Watched:
        watched = Watched()

        async def visit(number: int) -> None:
            async with watched.hold(number, most=1):
                pass

        async with watched.hold(most=1):
            waiting = [asyncio.create_task(visit(number)) for number in (1, 2, 3)]
            await asyncio.sleep(0)
            if moment == "while it waits":
                waiting[0].cancel()
                await asyncio.sleep(0)
        if moment != "while it waits":
            waiting[0].cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(ended[0], asyncio.CancelledError)
        assert ended[1:] == [None, None]
        return watched

    watched = clock.run(run())
    assert watched.order == [0, 2, 3]
    assert watched.most == 1
    assert watched.is_empty
