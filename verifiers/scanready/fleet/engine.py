"""Check the batches of an agent in one event loop with one engine, whichever threads they come from.

Limits for a host, the rate and shared ports hold for the whole agent. Batches with other settings wait until the engine
is idle, and a batch that may have ended this process before runs by itself. A batch that waits holds up those that come
later: else an agent with much work would never be idle.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import itertools
import threading
from collections.abc import AsyncIterator, Callable

from scanready.causes import common
from scanready.climb.guard import LockoutGuard
from scanready.model import Agent, Cause, Check, Finding, Footprint, Outcome, Report, Step, Target, Verdict, reached
from scanready.net.dial_gate import Bounds
from scanready.report.serialize import as_line
from scanready.run import timestamps
from scanready.run.engine import Run
from scanready.run.settings import BOUNDS, Settings

from .messages import Batch

Take = Callable[[int, str], None]


class Engine:
    """The loop of an agent, in a thread of its own, until the process ends.

    Args:
        ca_file: PEM file of further authorities that its targets' certificates may be of.
        bounds: of the connections of all its batches together.
    """

    def __init__(self, agent: Agent, ca_file: str | None = None, bounds: Bounds = BOUNDS) -> None:
        self.agent, self._ca_file, self._bounds = agent, ca_file, bounds
        self._loop = asyncio.new_event_loop()
        self._free = asyncio.Condition()
        self._run: Run | None = None
        self._guard: LockoutGuard | None = None
        self._busy = 0
        self._numbers = itertools.count()
        self._waiting: list[int] = []
        self._exclusive = self._unfinished = False
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
            begin: called in the engine's thread when the batch has its turn, before the first target.
            guard: that of the batch's logins; batches with another one wait.
            enter: called in the task that checks when the batch has its turn, before anything is contacted.
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
        async with self._place(batch, exclusive, guard) as run:
            enter()
            begin()
            try:
                async with asyncio.timeout(batch.seconds):
                    async with contextlib.aclosing(run.results([target for _, target in todo])) as reports:
                        async for report in reports:
                            place, _ = left.pop(id(report.target))
                            take(place, as_line(report))
                            if stopped() and left:
                                self._unfinished = True  # it would remember the ports of the targets that are left
                                return
            except TimeoutError:
                self._unfinished = True
                detail = f"the batch of this target took more than {batch.seconds:.0f} s"
                for place, target in left.values():
                    take(place, as_line(not_checked(self.agent, target, common.OUT_OF_TIME, detail)))

    @contextlib.asynccontextmanager
    async def _place(self, batch: Batch, exclusive: bool, guard: LockoutGuard | None) -> AsyncIterator[Run]:
        today = datetime.datetime.now(datetime.UTC).date()
        settings = Settings(
            timeout=batch.timeout,
            depth=batch.depth,
            agent=self.agent,
            day=today,
            ca_file=self._ca_file,
            half_open=self._bounds.half_open,
            connect_rate=self._bounds.rate,
            per_net=self._bounds.per_net,
        )
        async with self._free:
            number = next(self._numbers)
            self._waiting.append(number)
            try:
                await self._free.wait_for(
                    lambda: self._waiting[0] == number and self._has_room(settings, exclusive, guard)
                )
            finally:
                self._waiting.remove(number)
                self._free.notify_all()
            self._busy += 1
            self._exclusive = exclusive
            fits = self._run is not None and self._run.settings == settings and self._guard is guard
            if self._run is None or not fits or (self._unfinished and self._busy == 1):
                if self._run is not None:
                    await self._run.__aexit__()
                self._run, self._unfinished = Run(settings, guard) if guard else Run(settings), False
                self._guard = guard
            elif self._busy == 1:
                self._run.renew()  # names and hosts may have changed since the last batch
            run = self._run
        try:
            yield run
        finally:
            async with self._free:
                self._busy -= 1
                self._exclusive = False
                self._free.notify_all()

    def _has_room(self, settings: Settings, exclusive: bool, guard: LockoutGuard | None) -> bool:
        if not self._busy:
            return True
        fits = self._run is not None and self._run.settings == settings and self._guard is guard
        return fits and not (exclusive or self._exclusive)


def not_checked(agent: Agent, target: Target, cause: Cause, detail: str) -> Report:
    """Return the report of a target that this agent did not check: ``undecided``, with the reason."""
    finding = Finding(cause, detail)
    checks = [Check(Step.AGENT, agent.name, Outcome.FAILED, detail, {}, finding)]
    began = timestamps.now()
    step = Step.AGENT
    return Report(agent, target, Verdict.UNDECIDED, reached(checks), finding, step, {}, checks, Footprint(), began, 0.0)
