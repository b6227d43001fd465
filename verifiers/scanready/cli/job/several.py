"""``verify --jobs N``: check with several processes, and say when that would be worth it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from scanready.cli import messages
from scanready.climb.guard import LockoutGuard
from scanready.run.settings import Settings

from .job import Job, Options

if TYPE_CHECKING:
    from scanready.cli.output.progress import Progress
    from scanready.run.jobs.crew import Crew

#: From so many targets on, a further process saves seconds.
_WORTH_SAYING = 5_000
#: The share of the wall time that two processes need on two cores that have other work, too (docs/performance.md).
_WITH_TWO = 0.65


def crew_of(job: Job, settings: Settings, guard: LockoutGuard, progress: Progress) -> Crew:
    """Return the run of several processes."""
    from scanready.run.jobs.crew import Crew

    def warn(message: str) -> None:
        progress.clear()
        messages.warn(message)

    left = job.resumed.left if job.resumed else job.targets
    return Crew(settings, guard, job.jobs, left, warn)


def jobs_of(options: Options, targets: int) -> int:
    """Return the number of processes; say what more of them would save, if it is much.

    Raises:
        click.UsageError: ``--jobs`` is combined with an option that needs a single process.
    """
    jobs = options.jobs or 1
    for name, given in (("--transcript", options.transcript), ("--bundle", options.bundle)):
        if jobs > 1 and given is not None:
            raise click.UsageError(
                f"--jobs {jobs} cannot be combined with {name}, which needs the bytes of all targets in one process: "
                f"omit --jobs, or select a few targets with --only"
            )
    if options.jobs is None and targets > _WORTH_SAYING and options.verbosity >= 0 and (cores := _cores()) > 1:
        saved = round(100 * (1 - _WITH_TWO))
        messages.warn(
            f"{targets} targets: --jobs 2 would use 2 of this host's {cores} cores and take about {saved} % less time"
        )
    return jobs


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
