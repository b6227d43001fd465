"""Check every emulator on loopback, and compare the verdicts with the expected ones."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scanready.catalogue import TargetType
from scanready.model import Report, Step, Target, Verdict, judge
from scanready.net.sockets import closed_port
from scanready.run import engine
from scanready.run.registry import catalogue
from scanready.run.settings import Settings

from .certificate import certified
from .emulator import BadEmulator, Emulator, emulator_of
from .player import Player

LOOPBACK = "127.0.0.1"
#: Seconds for one emulator. Each answers within milliseconds; Windows repeats a refused connection for two seconds.
TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compare one check with what it must find.

    Attributes:
        type: the target type.
        server: the emulated server, in words.
        expected, got: the verdict, with the cause if there is one.
        detail: what the check says about its leading failure; empty if it is as expected.
        seconds: the time of the check.
    """

    type: str
    server: str
    expected: str
    got: str
    detail: str
    seconds: float

    @property
    def passed(self) -> bool:
        """True if the check found what it must."""
        return self.expected == self.got


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Hold the comparisons, the types that have no emulator, and the time of everything."""

    comparisons: tuple[Comparison, ...]
    without: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """True if every check found what it must, and there was one."""
        return bool(self.comparisons) and all(one.passed for one in self.comparisons)


@dataclass(frozen=True, slots=True)
class _Question:
    row: TargetType
    target: Target
    server: str
    expected: str


async def examine() -> SelfTest:
    """Start all emulators, check them as one run, and stop them."""
    began = time.monotonic()
    rows = [row for row in catalogue() if row.home and not row.broken]
    emulators, broken = _emulators(rows)
    async with contextlib.AsyncExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="scanready-selftest-")))
        context, trusted = certified(folder, LOOPBACK)
        questions = []
        for row, emulator in emulators.items():
            port = await held.enter_async_context(playing(emulator, context))
            what = _words(emulator.verdict, emulator.cause)
            questions.append(_Question(row, _target(row, emulator, port), emulator.what, what))
            closed = held.enter_context(closed_port(LOOPBACK))
            refused = _words(Verdict.BLOCKED, emulator.closed)
            questions.append(_Question(row, _target(row, emulator, closed), "nothing listens on the port", refused))
        settings = Settings(timeout=TIMEOUT, ca_file=str(trusted))
        reports = [one async for one in engine.verify_all([question.target for question in questions], settings)]
    compared = (*_comparisons(questions, reports), *broken)
    having = {one.type for one in compared}
    return SelfTest(compared, tuple(row.name for row in rows if row.name not in having), time.monotonic() - began)


def _emulators(rows: Iterable[TargetType]) -> tuple[dict[TargetType, Emulator], list[Comparison]]:
    """Return the emulators, and a failed comparison for each that is broken, as another package's may be."""
    found, broken = {}, []
    for row in rows:
        try:
            if emulator := emulator_of(row):
                found[row] = emulator
        except BadEmulator as error:
            broken.append(Comparison(row.name, "no server", "an emulator", "none", str(error), 0.0))
    return found, broken


@contextlib.asynccontextmanager
async def playing(emulator: Emulator, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Listen on a free port of loopback, and on a second one if an answer names it; yield the first."""
    async with contextlib.AsyncExitStack() as held:
        second = 0
        if emulator.has_second_port:
            second = await held.enter_async_context(_listening(lambda: Player(emulator, context)))
        yield await held.enter_async_context(_listening(lambda: Player(emulator, context, second)))


@contextlib.asynccontextmanager
async def _listening(player: Callable[[], Player]) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(player, LOOPBACK, 0)
    try:
        port: int = server.sockets[0].getsockname()[1]
        yield port
    finally:
        server.close()


def _target(row: TargetType, emulator: Emulator, port: int) -> Target:
    return Target(LOOPBACK, row.name, port, dict(emulator.options), explicit_port=True)


def _comparisons(questions: Iterable[_Question], reports: Iterable[Report]) -> Iterator[Comparison]:
    """Compare each report, without its agent step: what this host lacks is the subject of ``scanready agent``."""
    found = {(report.target.type, report.target.port): report for report in reports}
    for question in questions:
        report = found[question.target.type, question.target.port]
        checks = [check for check in report.checks if check.step is not Step.AGENT]
        verdict, decisive = judge(checks, question.row.proof)
        finding = decisive.finding if decisive else None
        got = _words(verdict, finding.cause.code if finding else None)
        detail = "" if got == question.expected or decisive is None else decisive.summary
        yield Comparison(question.row.name, question.server, question.expected, got, detail, report.seconds)


def _words(verdict: str, cause: str | None) -> str:
    return f"{verdict} {cause}" if cause else str(verdict)
