"""Carry out one run of ``check`` or ``verify``: open the outputs, write results as they arrive, return an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING

from scanready.cli import messages
from scanready.cli.output.progress import Progress
from scanready.climb.confidential import secrets_in
from scanready.climb.guard import LockoutGuard
from scanready.redaction import Redactor, redacting
from scanready.run import timestamps
from scanready.run.collector import tune_collector
from scanready.run.engine import Run
from scanready.run.registry import problems
from scanready.run.settings import own_agent

from .interrupt import INTERRUPTED, interruptible
from .job import Job
from .plugin_problems import warn_of
from .results import Results
from .several import crew_of
from .wait import Running, rounds

if TYPE_CHECKING:
    from .recorder import Keeping


def carry_out(job: Job) -> int:
    """Check the targets and return the exit code. Failures of targets or outputs, and Ctrl-C, raise nothing."""
    tune_collector()
    secrets = dict.fromkeys(secret for target in job.targets for secret in secrets_in(target))
    with redacting(Redactor(secrets)):  # for messages, and for the transcript
        return asyncio.run(_carry_out(job))


async def _carry_out(job: Job) -> int:
    progress = Progress(len(job.targets), job.quiet)
    job.outputs.before_terminal = progress.clear
    began = time.perf_counter()
    plugin_problems = problems()
    agent = job.settings.agent or own_agent()
    results = Results(job, agent, job.resumed.started if job.resumed else timestamps.now(), progress)
    guard = LockoutGuard(results.keeping)
    for tried in job.resumed.tried if job.resumed else ():
        guard.note(tried.credential, tried.host, tried.place, tried.cause)
    _bind(guard, job, agent.name, results.keeping)
    settings = dataclasses.replace(job.settings, agent=agent, day=results.day)
    async with crew_of(job, settings, guard, progress) if job.jobs > 1 else Run(settings, guard) as run:
        interrupted = await _pump(job, run, results, progress)
    seconds = time.perf_counter() - began + (job.resumed.seconds if job.resumed else 0.0)
    progress.clear()
    # Some faults of plug-ins, as of a signature, show only when a target answers.
    warn_of(dict.fromkeys([*problems(), *run.problems]), known=plugin_problems)
    if line := results.end(seconds, interrupted):
        messages.warn(line)  # even with --quiet, which omits progress: after that date the run fails
    if interrupted:
        progress.say(_interrupted(job, results))
        return job.outputs.exit_code(INTERRUPTED)
    if results.name:
        progress.hint(f"stored as {results.name}; to show it again: `scanready report {results.name}`")
    return job.outputs.exit_code(results.judge.code)


def _bind(guard: LockoutGuard, job: Job, agent: str, keeping: Keeping | None) -> None:
    """Withhold what earlier runs, runs beside this one and other agents found refused."""
    credentials = {account for target in job.targets for account in target.credentials}
    if not credentials:
        return
    from .beside import Beside
    from .earlier import bind_earlier, journal_of
    from .elsewhere import bind_elsewhere

    if job.record and keeping is not None:
        lock = job.resumed.lock if job.resumed else None
        records = journal_of(job.record.path, lock)
        bind_earlier(guard, credentials, records, job.policy)
        keeping.beside = Beside(credentials, records, job.policy)
    if job.elsewhere is not None:
        bind_elsewhere(guard, credentials, job.elsewhere, job.policy, agent)


def _interrupted(job: Job, results: Results) -> str:
    finished = f"interrupted: {results.count} of {len(job.targets)} targets were finished"
    if results.name is None:
        return finished
    remedy = f"; to continue: `scanready verify --resume {results.name}`" if job.command == "verify" else ""
    return f"{finished} and stored as {results.name}{remedy}"


async def _pump(job: Job, run: Running, results: Results, progress: Progress) -> bool:
    """Move results from the run to the outputs until there are no more, or no output can be written.

    Return whether the run was interrupted.
    """
    stopped = asyncio.Event()

    def stop() -> None:
        progress.say("interrupted: finishing the targets under way; press Ctrl-C again to stop at once")
        run.stop()
        stopped.set()

    def last_words() -> None:
        progress.clear()
        job.outputs.hurry()
        progress.say(_interrupted(job, results))

    async def move() -> None:
        for report in job.resumed.reports() if job.resumed else ():
            await results.take(report)
        left = job.resumed.left if job.resumed else job.targets
        coming = rounds(run, left, job.wait, results.judge, stopped, progress.say, job.every)
        async with contextlib.aclosing(results.stored(coming)) as reports:
            async for report in reports:
                await results.take(report)

    loop = asyncio.get_running_loop()
    moving = asyncio.create_task(move())
    meanwhile = [asyncio.create_task(results.begin_after(run.under_way)), asyncio.create_task(progress.keep_drawing())]

    def nobody_reads() -> None:
        loop.call_soon_threadsafe(moving.cancel)

    job.outputs.when_dry = nobody_reads
    try:
        with interruptible(stop, last_words):
            await moving
    except asyncio.CancelledError:
        if job.outputs.code is None:  # the task was cancelled from outside, not because an output failed
            raise
    finally:
        job.outputs.when_dry = lambda: None
        for task in meanwhile:
            task.cancel()
    return stopped.is_set()
