"""Take the results of a run: to the exit code, the totals, the store and the outputs."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from scanready import __version__
from scanready.cli import messages
from scanready.cli.output.progress import Progress
from scanready.model import Agent, Report

from .exit_code import Judge
from .job import Job

if TYPE_CHECKING:
    from scanready.report.document import RunInfo, Totals
    from scanready.report.known import Soon
    from scanready.store import NewRun

    from .recorder import Keeping

#: Seconds without a connection, as of a slow resolver, after which the run appears in the store all the same.
_AT_LATEST = 0.5


class Results:
    """Take each result as it arrives. ``count`` is how many there were, ``keeping`` stores them (None: nothing does).

    The store and the outputs begin while the first target answers, so that no packet waits for them: see
    :meth:`begin_after`.

    Args:
        started: when the run began, in UTC as ISO 8601.
    """

    def __init__(self, job: Job, agent: Agent, started: str, progress: Progress) -> None:
        self.judge = Judge(job.require, job.tried)
        self.day = datetime.datetime.fromisoformat(started).date()
        self.count = 0
        self._job, self._agent, self._started, self._progress = job, agent, started, progress
        self._begun: tuple[RunInfo, Totals, Soon] | None = None
        self.keeping = self._keeping() if job.record else None

    async def begin_after(self, under_way: asyncio.Event) -> None:
        """Begin the store and the outputs once the first connection is begun; the first result does not wait for it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(under_way.wait(), _AT_LATEST)
            await asyncio.sleep(0)  # the connections to further addresses of the name begin in this turn
        self.begin()

    def begin(self) -> tuple[RunInfo, Totals, Soon]:
        """Return the run's properties, its totals, and what to say of known failures; the first call begins it all."""
        if self._begun is None:
            from scanready.report.document import Totals
            from scanready.report.known import Soon

            self._begun = self._info(), Totals(), Soon(self.day)
            if self.keeping is not None:
                self.keeping.open()
            self._job.outputs.begin(self._begun[0])
        return self._begun

    async def take(self, report: Report) -> None:
        """Count a result, and write it to the outputs."""
        _, totals, soon = self.begin()
        self.count += 1
        self.judge.add(report)
        totals.add(report)
        soon.add(report)
        self._progress.count(report.verdict)
        await self._job.outputs.add(report)

    def stored(self, coming: AsyncGenerator[Report, None]) -> AsyncGenerator[Report, None]:
        """Yield the reports, each after it is stored."""
        return self.keeping.kept(coming) if self.keeping is not None else coming

    def end(self, seconds: float, interrupted: bool) -> str | None:
        """Write the ends of the store and of the outputs; return the line to say of known failures, if there is one."""
        info, totals, soon = self.begin()
        totals.seconds, totals.interrupted = seconds, interrupted
        totals.unchecked = len(self._job.targets) - totals.targets
        if self.keeping is not None:
            self.keeping.end(seconds, interrupted)
        self._job.outputs.end(totals)
        if self._job.outputs.bundle:
            self._job.outputs.bundle.finish(info, self._job.command)
        return soon.line()

    @property
    def name(self) -> str | None:
        """The name of the stored run; None if it is not stored."""
        return self.keeping.name if self.keeping is not None else None

    def _info(self) -> RunInfo:
        from scanready.report.document import RunInfo

        job, settings = self._job, self._job.settings
        of_run = __version__, self._agent, self._started, settings.timeout, settings.depth
        return RunInfo(*of_run, job.targets, job.tried, job.require, background=job.background)

    def _keeping(self) -> Keeping:
        from .recorder import Keeping

        record, resumed = self._job.record, self._job.resumed
        assert record is not None, "it is asked for only then"

        def warn(message: str) -> None:
            self._progress.clear()
            messages.warn(message)

        run: Callable[[], NewRun | str] = self._new_run if resumed is None else lambda: resumed.name
        return Keeping(record.path, run, self._job.targets, warn, self._agent.name)

    def _new_run(self) -> NewRun:
        from scanready.report.serialize import agent_object
        from scanready.store import NewRun

        from .recorder import asked

        job, record = self._job, self._job.record
        assert record is not None, "a run that is stored has one"
        return NewRun(
            self._started,
            job.command,
            record.source,
            len(job.targets),
            __version__,
            json.dumps(agent_object(self._agent)),
            asked(record, job.targets, job.settings.depth.value, job.settings.timeout, job.tried.values()),
        )
