"""The processes of a run, as the first one sees them: each has lots of targets, and places for so many at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Protocol

from scanready.model import Report
from scanready.run.engine import Run

from .lots import Lot


class Board(Protocol):
    """Take the reports of hands."""

    def found(self, hand: Hand, lot: Lot, report: Report) -> None:
        """Take a report."""

    def done(self, hand: Hand, lot: Lot) -> None:
        """Take note that a hand has done with a lot."""

    def ready(self) -> None:
        """Take note that a hand can be given lots."""

    def failed(self, error: BaseException) -> None:
        """End the run with an error of ours."""

    def trusted(self, hand: Hand, addresses: list[str]) -> None:
        """Take note of hosts whose canary a hand has asked."""


class Hand:
    """Keep account of the places of one process."""

    def __init__(self, places: int) -> None:
        self._places, self._taken = places, 0

    def has_room(self, lot: Lot) -> bool:
        """Whether it can take a lot now."""
        return not self._taken or self._taken + lot.taken <= self._places

    def take(self, lot: Lot) -> None:
        """Note the places of a lot."""
        self._taken += lot.taken

    def free(self, places: int) -> None:
        """Note that places are free again."""
        self._taken -= places

    def give(self, lot: Lot) -> None:
        """Climb for the targets of a lot."""
        raise NotImplementedError

    def stop(self) -> None:
        """Start no new targets."""

    def renew(self) -> None:
        """Prepare another round."""

    def trust(self, addresses: Iterable[str]) -> None:
        """Ask no canary at these addresses."""

    async def close(self) -> None:
        """End."""


class OwnHand(Hand):
    """The run of the first process itself.

    Attributes:
        run: it.
        climbed: the number of targets that it was given.
    """

    def __init__(self, run: Run, places: int, board: Board) -> None:
        super().__init__(places)
        self.run, self._board = run, board
        self.climbed = 0
        self._climbing: set[asyncio.Task[None]] = set()
        run.canary.when_trusted = lambda address: board.trusted(self, [address])

    def give(self, lot: Lot) -> None:
        """See :class:`Hand`."""
        self.climbed += len(lot.targets)
        self._climbing.add(climb := asyncio.create_task(self._climb(lot)))
        climb.add_done_callback(self._climbed)

    def stop(self) -> None:
        """See :class:`Hand`."""
        self.run.stop()

    def renew(self) -> None:
        """See :class:`Hand`."""
        self.climbed = 0
        self.run.renew()

    def trust(self, addresses: Iterable[str]) -> None:
        """See :class:`Hand`."""
        self.run.canary.trust(addresses)

    async def close(self) -> None:
        """End what is under way, each open talk politely."""
        for climb in self._climbing:
            climb.cancel()
        await asyncio.gather(*self._climbing, return_exceptions=True)

    async def _climb(self, lot: Lot) -> None:
        async with contextlib.aclosing(self.run.results(lot.targets)) as reports:
            async for report in reports:
                self._board.found(self, lot, report)
        self._board.done(self, lot)

    def _climbed(self, climb: asyncio.Task[None]) -> None:
        self._climbing.discard(climb)
        if not climb.cancelled() and (error := climb.exception()) is not None:
            self._board.failed(error)
