"""Store each result before showing it; a broken store never holds results back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.journal import Effect
from scanready.model import Credential, Report, Target

from .job import Record

if TYPE_CHECKING:
    from scanready.report.serialize import KeptReport
    from scanready.store import Account, AccountRecord, Event, NewRun, Writer

    from .beside import Beside, Found

# A commit takes milliseconds, and SQLite gives up on a locked file after 5 s. A disk that does not return from that,
# such as a network file system, must not hold results back.
_PATIENCE = 10.0
# A login waits at most this long for its note, and is not made without it. SQLite waits 5 s for another process.
_LOGIN_PATIENCE = 6.0
# A login of another run may be under way with the account for this long after it was met, and is looked at so often. A
# target has ten seconds by default; where that is over before the other login has ended, the login is not made.
_OTHER_PATIENCE, _LOOK = 9.0, 0.1
# The number of results that may wait to be stored before probing pauses.
_ROOM = 512


class Keeping:
    """Store one run while it is under way.

    The store loads and opens at :meth:`open`, at the latest with the first result or login: no packet waits for it.

    Args:
        path: the store's file.
        run: returns a new run, or the name of a run that is continued.
        targets: all targets of the run; their positions are stored.
        warn: called once with the reason if nothing can be stored; not in the event loop's thread.
        agent: the name of the agent that logs in.

    Attributes:
        beside: judges each login by what other runs did since this one read the journal; set before the first login.
    """

    def __init__(
        self,
        path: Path,
        run: Callable[[], NewRun | str],
        targets: Sequence[Target],
        warn: Callable[[str], None],
        agent: str = "",
    ) -> None:
        self._path, self._run, self._agent = path, run, agent
        self.beside: Beside | None = None
        self._writer: Writer | None = None
        self._places = {id(target): place for place, target in enumerate(targets)}
        self._warn = warn
        self._loop = asyncio.get_running_loop()
        self._committed, self._news = 0, asyncio.Event()
        self._awaited: dict[Event, float] = {}

    def open(self) -> Writer:
        """Return what writes into the store; the first call opens it."""
        if self._writer is None:
            from scanready.store import Writer

            self._writer = Writer(self._path, self._run(), self._wrote, self._failed, self._judged)
        return self._writer

    @property
    def name(self) -> str | None:
        """The run's name; None if it is not stored, or not yet."""
        return None if self._writer is None or self._writer.failed else self._writer.name

    async def kept(self, coming: AsyncGenerator[Report, None]) -> AsyncGenerator[Report, None]:
        """Yield the reports in their order, each after it is committed."""
        waiting: deque[KeptReport] = deque()
        room, ended = asyncio.Semaphore(_ROOM), False

        async def feed() -> None:
            nonlocal ended
            try:
                async with contextlib.aclosing(coming):
                    async for report in coming:
                        from scanready.report.serialize import KeptReport  # no first packet waits for it

                        await room.acquire()
                        waiting.append(KeptReport.of(report))
                        self._write(waiting[-1])
            finally:
                ended = True
                self._news.set()

        feeding = asyncio.create_task(feed())
        try:
            while not ended or waiting:
                self._news.clear()
                if not waiting:
                    if not ended:
                        await self._news.wait()
                elif self._committed > 0 or self.open().failed:
                    self._committed -= 1
                    room.release()
                    yield waiting[0]
                    waiting.popleft().drop()
                else:
                    await self._answer()
            await feeding
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)

    async def intend(self, credential: Credential, host: str, where: str) -> None:
        """See :class:`scanready.climb.journal.Journal`. A run that is not stored leaves no notes."""
        writer = self.open()
        while not writer.failed:
            found = await self._noted(writer, self._account(credential), host, where)
            if found is None:
                return
            until = self._awaited.setdefault(found.binding.event, self._loop.time() + _OTHER_PATIENCE)
            if not found.is_under_way or self._loop.time() >= until:
                raise found.failure(credential)
            await asyncio.sleep(_LOOK)

    def _judged(self, account: Account, host: str, records: Sequence[AccountRecord], run: int) -> Found | None:
        return self.beside.judged(account, host, records, run) if self.beside is not None else None

    async def _noted(self, writer: Writer, account: Account, host: str, where: str) -> Found | None:
        """Return None once a login is noted; or what another run does, or did, with the account."""
        written: asyncio.Future[Found | None] = self._loop.create_future()

        def done(found: object | None) -> None:
            self._in_loop(lambda: None if written.done() else written.set_result(cast("Found | None", found)))

        writer.attempt(account, host, where, done)
        try:
            async with asyncio.timeout(_LOGIN_PATIENCE):
                return await written
        except TimeoutError as error:
            raise Failure(
                common.LIMIT,
                f"no login was made: the run store did not record its note within {_LOGIN_PATIENCE:.0f} s",
            ) from error

    def conclude(self, credential: Credential, host: str, cause: str, effect: Effect) -> None:
        """See :class:`scanready.climb.journal.Journal`."""
        self.open().outcome(self._account(credential), host, cause, effect.value)

    def _account(self, credential: Credential) -> Account:
        from scanready.store import Account

        return Account(credential.name, credential.username, credential.authority, credential.source, self._agent)

    def end(self, seconds: float, interrupted: bool) -> None:
        """Store the end of the run."""
        self.open().end(seconds, interrupted, _PATIENCE)

    def _write(self, report: KeptReport) -> None:
        from scanready.report.serialize import identity

        place = self._places.get(id(report.target), len(self._places))
        self.open().result(place, identity(report.target), report.verdict.value, report.line)

    def _wrote(self, count: int) -> None:
        def note() -> None:
            self._committed += count
            self._news.set()

        self._in_loop(note)

    def _in_loop(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and its waiters are gone
            self._loop.call_soon_threadsafe(call)

    async def _answer(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):  # wait_for may swallow a cancellation at the same moment
                await self._news.wait()
        except TimeoutError:
            self.open().give_up(f"the store did not respond within {_PATIENCE:.0f} s")

    def _failed(self, why: str) -> None:
        self._warn(f"this run is not stored: {why}")


def asked(record: Record, targets: Iterable[Target], depth: str, timeout: float, tried: Iterable[str]) -> str:
    """Return the stored request of a run, as JSON text; ``--resume`` and reports read it.

    ``tried`` are the hosts that were given without a type, as the user wrote them.
    """
    from scanready.report.serialize import identity_of_all

    kept = {
        "only": record.only,
        "types": record.types,
        "failed_from": record.failed_from,
        "as": record.agent,
        "no_login": record.no_login,
        "guards": record.guards,
        "depth": depth,
        "timeout": timeout,
        "tried": list(dict.fromkeys(tried)),
        "estate": identity_of_all(targets),
        **({"export": record.export()} if record.export else {}),
    }
    return json.dumps(kept, separators=(",", ":"))
