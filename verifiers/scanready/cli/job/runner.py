"""Carry out one run of ``check`` or ``verify``: open the outputs, write results as they arrive, return an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import json
import time
from typing import TYPE_CHECKING

from scanready import __version__
from scanready.cli import messages
from scanready.cli.output.progress import Progress
from scanready.climb.confidential import secrets_in
from scanready.climb.guard import LockoutGuard
from scanready.model import Agent, Report
from scanready.net.this_agent import this_agent
from scanready.redaction import Redactor, redacting
from scanready.report.document import RunInfo, Totals
from scanready.report.known import Soon
from scanready.run import timestamps
from scanready.run.collector import tune_collector
from scanready.run.engine import Run
from scanready.run.registry import problems

from .earlier import bind_earlier, journal_of
from .elsewhere import bind_elsewhere
from .exit_code import Judge
from .interrupt import INTERRUPTED, interruptible
from .job import Job
from .plugin_problems import warn_of
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
    judge, totals = Judge(job.require, job.tried), Totals()
    progress = Progress(len(job.targets), job.quiet)
    job.outputs.before_terminal = progress.clear
    began = time.perf_counter()
    plugin_problems = problems()
    agent = job.settings.agent or this_agent()
    info = _info(job, agent)
    keeping = _keeping(job, info, progress) if job.record else None
    day = datetime.datetime.fromisoformat(info.started).date()
    soon = Soon(day)
    guard = LockoutGuard(keeping)
    for tried in job.resumed.tried if job.resumed else ():
        guard.note(tried.credential, tried.host, tried.place, tried.cause)
    _bind(guard, job, info.agent.name)
    settings = dataclasses.replace(job.settings, agent=agent, day=day)
    async with crew_of(job, settings, guard, progress) if job.jobs > 1 else Run(settings, guard) as run:
        job.outputs.begin(info)
        await _pump(job, run, judge, totals, progress, keeping, soon)
    totals.seconds = time.perf_counter() - began + (job.resumed.seconds if job.resumed else 0.0)
    totals.unchecked = len(job.targets) - totals.targets
    progress.clear()
    # Some faults of plug-ins, as of a signature, show only when a target answers.
    warn_of(dict.fromkeys([*problems(), *run.problems]), known=plugin_problems)
    if keeping:
        keeping.end(totals.seconds, totals.interrupted)
    job.outputs.end(totals)
    if job.outputs.bundle:
        job.outputs.bundle.finish(info, job.command)
    name = keeping.name if keeping else None
    if line := soon.line():
        messages.warn(line)  # even with --quiet, which omits progress: after that date the run fails
    if totals.interrupted:
        progress.say(_interrupted(job, totals, name))
        return job.outputs.exit_code(INTERRUPTED)
    if name:
        progress.hint(f"stored as {name}; to show it again: `scanready report {name}`")
    return job.outputs.exit_code(judge.code)


def _bind(guard: LockoutGuard, job: Job, agent: str) -> None:
    """Withhold what earlier runs and other agents found refused."""
    credentials = {target.credential for target in job.targets if target.credential is not None}
    if not credentials:
        return
    if job.record:
        bind_earlier(guard, credentials, journal_of(job.record.path), job.policy)
    bind_elsewhere(guard, credentials, job.elsewhere, job.policy, agent)


def _keeping(job: Job, info: RunInfo, progress: Progress) -> Keeping:
    from scanready.report.serialize import agent_object
    from scanready.store import NewRun

    from .recorder import Keeping, asked

    def warn(message: str) -> None:
        progress.clear()
        messages.warn(message)

    record = job.record
    assert record is not None, "it is asked for only then"
    if job.resumed:
        return Keeping(record.path, job.resumed.name, job.targets, warn, info.agent.name)
    new = NewRun(
        info.started,
        job.command,
        record.source,
        len(job.targets),
        info.version,
        json.dumps(agent_object(info.agent)),
        asked(record, job.targets, info.depth.value, info.timeout, job.tried.values()),
    )
    return Keeping(record.path, new, job.targets, warn, info.agent.name)


def _interrupted(job: Job, totals: Totals, name: str | None) -> str:
    finished = f"interrupted: {totals.targets} of {len(job.targets)} targets were finished"
    if name is None or job.record is None:
        return finished
    remedy = f"; to continue: `scanready verify --resume {name}`" if job.command == "verify" else ""
    return f"{finished} and stored as {name}{remedy}"


async def _pump(
    job: Job, run: Running, judge: Judge, totals: Totals, progress: Progress, keeping: Keeping | None, soon: Soon
) -> None:
    """Move results from the run to the outputs until there are no more, or no output can be written."""
    stopped = asyncio.Event()

    def stop() -> None:
        totals.interrupted = True
        progress.say("interrupted: finishing the targets under way; press Ctrl-C again to stop at once")
        run.stop()
        stopped.set()

    def last_words() -> None:
        progress.clear()
        job.outputs.hurry()
        progress.say(_interrupted(job, totals, keeping.name if keeping else None))

    async def take(report: Report) -> None:
        judge.add(report)
        totals.add(report)
        soon.add(report)
        progress.count(report.verdict)
        await job.outputs.add(report)

    async def move() -> None:
        for report in job.resumed.reports() if job.resumed else ():
            await take(report)
        left = job.resumed.left if job.resumed else job.targets
        coming = rounds(run, left, job.wait, judge, stopped, progress.say, job.every)
        async with contextlib.aclosing(keeping.kept(coming) if keeping else coming) as reports:
            async for report in reports:
                await take(report)

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
        if job.outputs.code is None:  # the task was cancelled from outside, not because an output failed
            raise
    finally:
        job.outputs.when_dry = lambda: None
        drawing.cancel()


def _info(job: Job, agent: Agent) -> RunInfo:
    started = job.resumed.started if job.resumed else timestamps.now()
    settings = job.settings
    of_run = __version__, agent, started, settings.timeout, settings.depth, job.targets, job.tried, job.require
    return RunInfo(*of_run, background=job.background)
