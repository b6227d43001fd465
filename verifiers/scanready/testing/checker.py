"""Check each target once: in one process, or in several that share a directory (the workers of pytest-xdist).

One thread with one event loop holds one run, as ``verify`` does: targets that begin together are checked concurrently,
with the usual limits. Only one process checks at a time, holding a lock, while the others read its published results.
The promises of a run (each port contacted once, a refused password never repeated) therefore hold for all workers. The
outcomes of logins are passed on with the lock. A login is noted before it is sent, so that no other worker repeats the
password of a killed worker. No secret is ever written.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path

from scanready.model import Report, Target, Verdict
from scanready.report.parse import restored
from scanready.report.serialize import as_object
from scanready.run.engine import Run
from scanready.run.settings import Settings

from .filelock import FileLock
from .shared_guard import SharedGuard, read, write

#: Seconds between two looks at what another worker has found. It is on the local disk.
_EVERY = 0.05
#: Seconds that ending politely may take beyond the time of the targets in flight, and after it is cut short.
_PATIENCE = 3.0


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A requested check: a target and its settings.

    ``secret`` distinguishes accounts of one name: a reference, never the secret itself.
    """

    target: Target
    settings: Settings
    secret: str = ""

    @property
    def key(self) -> str:
        """The identity of the check: a hash of target, account and depth, but not of the time-out."""
        target = self.target
        who = [(one.name, one.username, one.authority, one.key_file) for one in target.credentials]
        options = sorted((name, repr(value)) for name, value in target.options.items())
        asked = [target.host, target.type, target.port, options, who, self.secret, self.settings.depth.value]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


@dataclasses.dataclass(slots=True)
class _Found:
    """A report, and the seconds that were granted for it."""

    report: Report
    timeout: float

    def answers(self, wanted: Wanted) -> bool:
        """Return False for an undecided report that had less time than is wanted now."""
        return self.report.verdict is not Verdict.UNDECIDED or wanted.settings.timeout <= self.timeout


class Checker:
    """Check targets and keep their reports; without a ``directory`` there are no other workers."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._lock = FileLock(directory / "lock") if directory else None
        self._shared = SharedGuard(directory)
        self._coming: dict[str, Future[_Found]] = {}
        self._runs: dict[Settings, Run] = {}
        self._tasks: list[Future[None]] = []
        self._turn = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scanready", daemon=True)

    def begin(self, wanted: Sequence[Wanted]) -> None:
        """Begin to check all of these concurrently, except those already begun."""
        self._submit(list({one.key: one for one in wanted if one.key not in self._coming}.values()))

    def report(self, wanted: Wanted, *, fresh: bool = False) -> Report:
        """Return the report, once it is there.

        Args:
            fresh: check again, even if there is a report. The lockout guard does not forget.
        """
        waiting = self._coming.get(wanted.key)
        if waiting is None or fresh or not _result(waiting).answers(wanted):
            self._coming.pop(wanted.key, None)
            self._submit([wanted], fresh=fresh)
        return _result(self._coming[wanted.key]).report

    def close(self) -> None:
        """Start no new targets, let those under way end as usual, and stop.

        Other workers may wait for a target under way: if it were cut short, they would check it again.
        """
        if not self._thread.is_alive():
            self._loop.close()
            return
        longest = max((settings.timeout for settings in self._runs), default=0.0)
        self._loop.call_soon_threadsafe(self._stop)
        try:
            wait(self._tasks, longest + _PATIENCE)
        finally:
            for task in self._tasks:
                task.cancel()  # each open connection is ended as its protocol wants it, all the same
            with contextlib.suppress(NotYet):
                asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result(_PATIENCE)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE)

    def _submit(self, wanted: Sequence[Wanted], *, fresh: bool = False) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        futures = [self._coming.setdefault(one.key, Future()) for one in wanted]
        task = asyncio.run_coroutine_threadsafe(self._check(list(wanted), fresh), self._loop)
        task.add_done_callback(lambda done: _settle(futures, done))
        self._tasks.append(task)

    async def _check(self, wanted: list[Wanted], fresh: bool) -> None:
        """Check what is still wanted when it is our turn."""
        async with self._turn:
            if not await self._our_turn(wanted, fresh):
                return
            try:
                await self._check_now([one for one in wanted if fresh or not self._published(one)], fresh)
            finally:
                self._shared.write()
                if self._lock:
                    self._lock.release()

    async def _our_turn(self, wanted: Sequence[Wanted], fresh: bool) -> bool:
        """Wait for the lock; false if meanwhile others have found all that is wanted."""
        while self._lock and not self._lock.acquire():
            known = [self._published(one) for one in wanted]  # each is looked for: its test may be waiting
            if not fresh and all(known):
                return False
            await asyncio.sleep(_EVERY)
        return True

    async def _check_now(self, wanted: Sequence[Wanted], fresh: bool) -> None:
        self._shared.recall()
        by_settings: dict[Settings, dict[int, Wanted]] = {}
        for one in wanted:
            by_settings.setdefault(one.settings, {})[id(one.target)] = one
        for settings, asked in by_settings.items():
            run = self._runs.setdefault(settings, Run(settings, self._shared.guard))
            if fresh:
                run.renew()
            async with contextlib.aclosing(run.results([one.target for one in asked.values()])) as reports:
                async for report in reports:
                    self._publish(asked[id(report.target)], report)

    # Shared between workers: one file for each result, and the outcomes of logins.

    def _publish(self, wanted: Wanted, report: Report) -> None:
        if self._directory:
            self._shared.write()
            content = {"timeout": wanted.settings.timeout, "result": as_object(report)}
            write(self._directory / wanted.key, content)
        self._found(wanted, _Found(report, wanted.settings.timeout))

    def _published(self, wanted: Wanted) -> bool:
        """Take the result of another worker; return True if it is sufficient."""
        future = self._coming[wanted.key]
        if future.done():
            return True
        content = read(self._directory / wanted.key) if self._directory else None
        if content is None:
            return False
        found = _Found(restored(content["result"], wanted.target), float(content["timeout"]))
        if not found.answers(wanted):
            return False
        self._found(wanted, found)
        return True

    def _found(self, wanted: Wanted, found: _Found) -> None:
        future = self._coming[wanted.key]
        if not future.done():
            future.set_result(found)

    def _stop(self) -> None:
        for run in self._runs.values():
            run.stop()

    async def _leave(self) -> None:
        """Wait until nothing is in flight."""
        while self._turn.locked():
            await asyncio.sleep(_EVERY)
        for run in self._runs.values():
            await run.__aexit__()


def _settle(futures: Sequence[Future[_Found]], done: Future[None]) -> None:
    """Set the error, or an error of its own, on unfinished futures so that no caller waits forever."""
    error = None if done.cancelled() else done.exception()
    for future in futures:
        if not future.done():
            future.set_exception(error or RuntimeError("the session ended before this target was checked"))


def _result(future: Future[_Found]) -> _Found:
    """Wait in slices, since some systems cannot interrupt an unlimited wait with Ctrl-C."""
    while True:
        with contextlib.suppress(NotYet):
            return future.result(0.5)
