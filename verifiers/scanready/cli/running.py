"""One run, as ``check`` and ``verify`` do it: outputs opened first, results written as they come, an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .. import __version__
from ..engine import Run, Settings
from ..model import Target
from ..report.document import RunInfo, Totals
from .interrupt import INTERRUPTED, interruptible
from .judging import Judge
from .outputs import Outputs
from .progress import Progress
from .rounds import rounds


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done. ``tried`` is as in RunInfo; ``wait`` is seconds, 0 for one look."""

    targets: Sequence[Target]
    settings: Settings
    outputs: Outputs
    require: str | None = None
    tried: Mapping[int, str] = field(default_factory=dict)
    wait: float = 0.0
    quiet: bool = False


# What a finished climb leaves behind goes at once, by reference counts: none of its objects are in cycles (a test holds
# that). The collector only looks, again and again, at a thousand climbs in flight, which are all alive: a quarter of
# the CPU time at Python's own threshold of 700 (measured). At this one it still finds, every few megabytes, what a
# client library may leave in cycles after a login.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def carry_out(job: Job) -> int:
    """Verify the targets and return the exit code. Nothing is raised for what targets, outputs or Ctrl-C do."""
    gc.freeze()  # modules and targets: they stay to the end, so no collection needs to go through them
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    return asyncio.run(_carry_out(job))


async def _carry_out(job: Job) -> int:
    judge, totals = Judge(job.require, job.tried), Totals()
    progress = Progress(len(job.targets), job.quiet)
    job.outputs.before_terminal = progress.clear
    began = time.perf_counter()
    async with Run(job.settings) as run:
        job.outputs.begin(_info(job, run))
        await _pump(job, run, judge, totals, progress)
    totals.seconds = time.perf_counter() - began
    totals.unchecked = len(job.targets) - totals.targets
    progress.clear()
    job.outputs.end(totals)
    if totals.interrupted:
        progress.say(f"interrupted: {totals.targets} of {len(job.targets)} targets were finished, and are kept")
        return job.outputs.exit_code(INTERRUPTED)
    return job.outputs.exit_code(judge.code)


async def _pump(job: Job, run: Run, judge: Judge, totals: Totals, progress: Progress) -> None:
    """Move results from the run to the outputs until there are no more, or nobody wants them."""
    stopped = asyncio.Event()

    def stop() -> None:
        totals.interrupted = True
        progress.say("interrupted: finishing what is in flight; again to leave at once")
        run.stop()
        stopped.set()

    def last_words() -> None:
        progress.clear()
        job.outputs.hurry()

    async def move() -> None:
        coming = rounds(run, job.targets, job.wait, judge, stopped, progress.say)
        async with contextlib.aclosing(coming) as reports:
            async for report in reports:
                judge.add(report)
                totals.verdicts[report.verdict] += 1
                progress.count(report.verdict)
                await job.outputs.add(report)

    loop = asyncio.get_running_loop()
    moving = asyncio.create_task(move())
    drawing = asyncio.create_task(progress.keep_drawing())

    def nobody_reads() -> None:
        loop.call_soon_threadsafe(moving.cancel)

    job.outputs.when_dry = nobody_reads
    try:
        with interruptible(stop, last_words):
            await moving
    except asyncio.CancelledError:
        if job.outputs.code is None:  # not for want of a reader: somebody cancelled us
            raise
    finally:
        job.outputs.when_dry = lambda: None
        drawing.cancel()


def _info(job: Job, run: Run) -> RunInfo:
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    settings = job.settings
    return RunInfo(
        __version__, run.agent, started, settings.timeout, settings.depth, job.targets, job.tried, job.require
    )
