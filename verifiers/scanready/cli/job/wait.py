"""``--wait``: repeat the failed checks at polite intervals until they pass or the time is over."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from scanready.model import Report, Target

from .exit_code import Judge
from .job import EVERY

# Seconds that must remain for a last check; a shorter time since the check before would change little.
LEAST = 5.0

#: Waiting cannot fix these causes. A login in particular is not repeated, to protect the account.
_FINAL = ("login.", "scanready.not-built", "scanready.depth-limited", "agent.driver-missing", "agent.platform-mismatch")


class Running(Protocol):
    """A run, in one process or in several. ``under_way`` is set once its first connection is begun."""

    @property
    def under_way(self) -> asyncio.Event:
        """Set for good, at the latest when all targets have results."""

    def results(self, targets: Sequence[Target]) -> AsyncGenerator[Report, None]:
        """Yield a report for each target, as each ends."""

    def stop(self) -> None:
        """Start no new targets."""

    def renew(self) -> None:
        """Prepare another round."""


async def rounds(
    run: Running,
    targets: Sequence[Target],
    wait: float,
    judge: Judge,
    stopped: asyncio.Event,
    say: Callable[[str], None],
    every: float = EVERY,
) -> AsyncGenerator[Report, None]:
    """Yield one report per target: at once if it passes or waiting cannot help, else the last one.

    Args:
        wait: how long to try, in seconds; 0 means one round.
        stopped: set to give up waiting.
        every: seconds between two checks of the same target.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + wait
    pending = targets
    while True:
        held: list[Report] = []
        async with contextlib.aclosing(run.results(pending)) as reports:
            async for report in reports:
                judge.look_at(report)
                if not wait or judge.holds(report) or _is_final(report):
                    yield report
                else:
                    held.append(report)
        settled = [report for report in held if judge.holds(report)]
        held = [report for report in held if not judge.holds(report)]
        for report in settled:
            yield report
        left = end - loop.time()
        if not held or stopped.is_set() or left < min(LEAST, every, wait / 2):
            break
        pause = min(every, left)
        say(_still(held, pause, left))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), pause)
        if stopped.is_set():
            break
        run.renew()
        pending = [report.target for report in held]
    for report in held:
        yield report


def _is_final(report: Report) -> bool:
    return report.cause is not None and report.cause.code.startswith(_FINAL)


def _still(held: list[Report], pause: float, left: float) -> str:
    causes = Counter(report.cause.code if report.cause else report.verdict.value for report in held)
    words = ", ".join(f"{code} {count}" for code, count in causes.most_common(3))
    targets = "target fails" if len(held) == 1 else "targets fail"
    return f"{len(held)} {targets} so far ({words}); next check in {pause:.0f} s, {left:.0f} s left"
