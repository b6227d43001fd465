"""Check the batches of an agent in one event loop with one engine, whichever threads they come from.

Limits for a host, the rate and shared ports hold for the whole agent, and so does the number of targets at once.
Batches with other settings wait until the engine is idle, and a batch that may have ended this process before runs by
itself: see :mod:`.turns`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import threading
from collections.abc import AsyncIterator, Callable

from scanready.causes import common
from scanready.climb.guard import LockoutGuard
from scanready.model import Agent, Cause, Check, Finding, Footprint, Outcome, Report, Step, Target, Verdict, reached
from scanready.net.dial_gate import Bounds
from scanready.report.serialize import as_line
from scanready.run import timestamps
from scanready.run.engine import Run
from scanready.run.settings import BOUNDS, CONCURRENCY, Settings

from .messages import Batch
from .turns import Turns, Waiting

Take = Callable[[int, str], None]
#: Seconds that a batch waits for its turn; then it goes back to the broker, which delivers it again. This time and that
#: of a batch are less than the 30 minutes after which RabbitMQ ends the channel of a consumer without acknowledgements.
WAIT = 10 * 60.0


class NoTurn(Exception):
    """Raised if a batch had no turn in time. It was not begun."""


class Engine:
    """The loop of an agent, in a thread of its own, until the process ends.

    Args:
        ca_file: PEM file of further authorities that its targets' certificates may be of.
        bounds: of the connections of all its batches together.
        wait: seconds that a batch waits for its turn.
    """

    def __init__(
        self, agent: Agent, ca_file: str | None = None, bounds: Bounds = BOUNDS, wait: float | None = None
    ) -> None:
        self.agent, self._ca_file, self._bounds = agent, ca_file, bounds
        self._wait = WAIT if wait is None else wait
        self._loop = asyncio.new_event_loop()
        self._free = asyncio.Condition()
        self._run: Run | None = None
        self._guard: LockoutGuard | None = None
        self._turns = Turns(CONCURRENCY)
        self._unfinished, self._opening = False, True
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Check nothing more; return when the loop has ended, or after ``seconds``."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(seconds)

    def check(
        self,
        batch: Batch,
        skip: set[int],
        take: Take,
        stopped: Callable[[], bool],
        *,
        exclusive: bool,
        begin: Callable[[], object] = lambda: None,
        guard: LockoutGuard | None = None,
        enter: Callable[[], None] = lambda: None,
    ) -> None:
        """Check the targets of a batch; return when each has a result, or when it was stopped.

        Args:
            skip: the places that have a result already.
            take: gets each place with its result as a line of JSON, in the engine's thread.
            stopped: asked before each target is begun.
            exclusive: no other batch runs meanwhile.
            begin: called in the engine's thread when the batch has its turn, before the first target. If it raises, the
                batch is not checked.
            guard: that of the batch's logins; batches with another one wait.
            enter: called in the task that checks when the batch has its turn, before anything is contacted.

        Raises:
            NoTurn: others had the turn for too long.
        """
        todo = [(place, target) for place, target in batch.targets if place not in skip]
        coming = self._check(batch, todo, take, stopped, exclusive, guard, enter, begin)
        future: concurrent.futures.Future[None] = asyncio.run_coroutine_threadsafe(coming, self._loop)
        future.result()

    async def _check(
        self,
        batch: Batch,
        todo: list[tuple[int, Target]],
        take: Take,
        stopped: Callable[[], bool],
        exclusive: bool,
        guard: LockoutGuard | None,
        enter: Callable[[], None],
        begin: Callable[[], object],
    ) -> None:
        left = {id(target): (place, target) for place, target in todo}
        async with self._place(batch, sum(map(_climbs, left.values())), exclusive, guard) as (run, turn):
            enter()
            begin()
            try:
                async with asyncio.timeout(batch.seconds):
                    async with contextlib.aclosing(run.results([target for _, target in todo])) as reports:
                        async for report in reports:
                            one = left.pop(id(report.target))
                            take(one[0], as_line(report))
                            await self._climbed(turn, _climbs(one))
                            if stopped() and left:
                                self._unfinished = True  # it would remember the ports of the targets that are left
                                return
            except TimeoutError:
                self._unfinished = True
                detail = f"the batch of this target took more than {batch.seconds:.0f} s"
                for place, target in left.values():
                    take(place, as_line(not_checked(self.agent, target, common.OUT_OF_TIME, detail)))

    @contextlib.asynccontextmanager
    async def _place(
        self, batch: Batch, climbs: int, exclusive: bool, guard: LockoutGuard | None
    ) -> AsyncIterator[tuple[Run, Waiting]]:
        settings = self._settings(batch)
        async with self._free:
            turn = self._turns.join(batch.run, (settings, guard), exclusive, climbs)
            try:
                self._turns.call()
                await self._called(turn)
                run = await self._prepared(settings, guard)
            except BaseException:
                self._leave(turn)
                raise
        try:
            yield run, turn
        finally:
            async with self._free:
                self._leave(turn)

    async def _called(self, turn: Waiting) -> None:
        try:
            async with asyncio.timeout(self._wait):
                await self._free.wait_for(lambda: turn.has_begun)
        except TimeoutError:
            raise NoTurn(f"it had no turn within {self._wait:.0f} s") from None

    def _leave(self, turn: Waiting) -> None:
        self._opening = self._opening or (turn.has_begun and self._turns.going == 1)
        self._turns.leave(turn)
        self._free.notify_all()

    async def _prepared(self, settings: Settings, guard: LockoutGuard | None) -> Run:
        """Return the run of the batches that go now; those that go together find the same one."""
        fits = self._run is not None and self._run.settings == settings and self._guard is guard
        opening, self._opening = self._opening, False
        if self._run is None or not fits or (self._unfinished and opening):
            if self._run is not None:
                await self._run.__aexit__()
            self._run, self._unfinished = Run(settings, guard) if guard else Run(settings), False
            self._guard = guard
        elif opening:
            self._run.renew()  # names and hosts may have changed since the last batch
        return self._run

    async def _climbed(self, turn: Waiting, climbs: int) -> None:
        """Give the places of climbs that are over to batches that wait."""
        if self._turns.climbed(turn, climbs):
            async with self._free:
                self._free.notify_all()

    def _settings(self, batch: Batch) -> Settings:
        return Settings(
            timeout=batch.timeout,
            depth=batch.depth,
            agent=self.agent,
            day=datetime.datetime.now(datetime.UTC).date(),
            ca_file=self._ca_file,
            half_open=self._bounds.half_open,
            connect_rate=self._bounds.rate,
            per_net=self._bounds.per_net,
        )


def _climbs(placed: tuple[int, Target]) -> int:
    """Return how many climbs a target with its place makes at once: a host without a type, one for each type."""
    return max(1, len(placed[1].tries))


def not_checked(agent: Agent, target: Target, cause: Cause, detail: str) -> Report:
    """Return the report of a target that this agent did not check: ``undecided``, with the reason."""
    finding = Finding(cause, detail)
    checks = [Check(Step.AGENT, agent.name, Outcome.FAILED, detail, {}, finding)]
    began = timestamps.now()
    step = Step.AGENT
    return Report(agent, target, Verdict.UNDECIDED, reached(checks), finding, step, {}, checks, Footprint(), began, 0.0)
