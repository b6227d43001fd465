"""A verifier that does what none should ends its own check, and nothing else: not the run, nor the process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
from asyncio import all_tasks
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fixtures.emulators import misbehave, serve
from scanready import Report, Settings, Step, Target, Verdict
from scanready.catalogue import Verifier
from scanready.causes import common
from scanready.climb.confinement import Overran, confined
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.net.stream import Stream
from scanready.run import registry
from scanready.run.engine import Run
from tests import clock
from tests.ladder import expect, story

Use = Callable[[Any], None]


@pytest.fixture
def verifier(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Make ssh climb with a verifier of the test's; every other type with one that is refused."""

    async def refused(probe: Probe) -> None:
        async with probe.step(Step.CONNECT) as rung:
            rung.stop(common.REFUSED, "nothing listens")

    def use(verify: Any) -> None:
        monkeypatch.setattr(registry, "verifier", lambda name: verify if name == "ssh" else refused)

    return use


async def run(*types: str, port: int = 9, timeout: float = 10.0) -> dict[str, Report]:
    """Check a target of each type in one run, with the reports by type."""
    targets = [Target(f"127.0.0.{number}", name, port) for number, name in enumerate(types, 1)]
    async with Run(Settings(timeout=timeout, canary=False)) as one:
        return {report.target.type: report async for report in one.results(targets)}


async def waits_for_ever(probe: Probe) -> None:
    async with probe.step(Step.HANDSHAKE):
        await asyncio.Event().wait()


async def swallows_its_cancellation(probe: Probe) -> None:
    async with probe.step(Step.HANDSHAKE):
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)


async def refuses_to_end() -> NoReturn:
    while True:
        with contextlib.suppress(BaseException):
            await asyncio.sleep(3600)


async def refuses(probe: Probe) -> None:
    async with probe.step(Step.HANDSHAKE):
        await refuses_to_end()


async def refuses_in_tasks(probe: Probe) -> None:
    await asyncio.gather(refuses_to_end(), refuses_to_end())


async def refuses_in_a_task_of_a_task(probe: Probe) -> None:
    async def further() -> None:
        await asyncio.create_task(refuses_to_end())

    await asyncio.create_task(further())


def test_a_thread_that_never_ends_does_not_keep_the_program() -> None:
    """Else :func:`asyncio.run` waits at its end until the thread does."""
    release, ended = threading.Event(), list[bool]()

    async def climb() -> None:
        with pytest.raises(Overran):
            await confined(waits_in_a_thread(), asyncio.get_running_loop().time() + 0.05)

    async def waits_in_a_thread() -> None:
        await asyncio.to_thread(lambda: ended.append(release.wait(20.0)))

    asyncio.run(climb())
    assert not ended
    (thread,) = (thread for thread in threading.enumerate() if thread.name.startswith("verifier"))
    assert thread.daemon
    release.set()
    thread.join()


async def forks(probe: Probe) -> None:
    if (child := os.fork()) == 0:
        raise SystemExit
    os.waitpid(child, 0)
    async with probe.step(Step.CONNECT) as rung:
        rung.stop(common.REFUSED, "nothing listens")


def test_a_process_that_a_verifier_forks_ends_with_its_step(verifier: Use, tmp_path: Path) -> None:
    """Else it does the rest of the run once more, and reports it."""
    verifier(forks)
    ours, twice = os.getpid(), tmp_path / "twice"
    report = asyncio.run(run("ssh"))["ssh"]
    if os.getpid() != ours:
        twice.touch()
        os._exit(0)
    expect(report, Verdict.BLOCKED, "connect.refused")
    assert not twice.exists()


async def never_rests(probe: Probe) -> None:
    while True:
        with contextlib.suppress(BaseException):
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "stubborn", [swallows_its_cancellation, refuses, refuses_in_tasks, refuses_in_a_task_of_a_task]
)
def test_one_that_ignores_its_end_is_abandoned(verifier: Use, stubborn: Verifier) -> None:
    verifier(stubborn)
    reports = clock.run(run("ssh", "mysql"))
    report = expect(reports["ssh"], Verdict.UNDECIDED, "scanready.bug")
    assert "the verifier of ssh ignored the end of its time and was abandoned" in story(report)
    assert 10.0 < report.seconds <= 12.0
    expect(reports["mysql"], Verdict.BLOCKED, "connect.refused")


def test_one_that_never_rests_is_abandoned(verifier: Use) -> None:
    verifier(never_rests)
    report = asyncio.run(run("ssh", timeout=0.05))["ssh"]
    expect(report, Verdict.UNDECIDED, "scanready.bug")


def test_one_that_waits_for_ever_ends_with_its_time(verifier: Use) -> None:
    verifier(waits_for_ever)
    report = expect(clock.run(run("ssh"))["ssh"], Verdict.UNDECIDED, "scanready.out-of-time", step=Step.HANDSHAKE)
    assert "was still waiting at the step handshake when this target's time limit ended" in story(report)
    assert 10.0 < report.seconds <= 11.0


@pytest.mark.parametrize("stubborn", [waits_for_ever, swallows_its_cancellation, refuses, refuses_in_tasks])
def test_a_run_that_is_cancelled_ends(verifier: Use, stubborn: Verifier) -> None:
    """As Ctrl-C does it in a program that uses the library: nothing of the run is left, and nothing is printed."""
    verifier(stubborn)

    async def interrupted() -> tuple[float, set[asyncio.Task[Any]]]:
        running = asyncio.create_task(run("ssh", "mysql"))
        await asyncio.sleep(1)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return asyncio.get_running_loop().time(), asyncio.all_tasks() - {asyncio.current_task()}

    took, left = clock.run(interrupted())
    assert took < 3.0
    assert not left


def test_what_it_holds_is_closed(verifier: Use) -> None:
    held: list[Any] = []

    async def holds(probe: Probe) -> None:
        held.append(await probe.connect())
        held.append(await probe.dial("127.0.0.1", probe.target.port))
        with socket.socket() as own:
            held.append(own)
            await swallows_its_cancellation(probe)

    async def hold() -> Report:
        async with serve(misbehave.silent) as server:
            report = (await run("ssh", port=server.port))["ssh"]
            await server.ended()
            return report

    verifier(holds)
    report = clock.run(hold())
    assert (report.verdict, report.cause) == (Verdict.UNDECIDED, common.BUG)
    assert [(one.sock if isinstance(one, Stream) else one).fileno() for one in held] == [-1, -1, -1]


def test_a_farewell_that_ignores_its_end(verifier: Use) -> None:
    async def stays(stream: Stream) -> None:
        await refuses_to_end()

    async def climbs(probe: Probe) -> None:
        await probe.connect(farewell=stays)
        async with probe.step(Step.HANDSHAKE) as rung:
            rung.stop(common.MALFORMED, "nonsense")

    async def leave() -> Report:
        async with serve(misbehave.silent) as server:
            report = (await run("ssh", port=server.port))["ssh"]
            await server.ended()
            return report

    verifier(climbs)
    report = clock.run(leave())
    expect(report, Verdict.BLOCKED, "handshake.malformed")
    assert "was abandoned" in story(report)
    assert report.seconds < 3.0


async def cancels_itself(probe: Probe) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(1)


async def cancels_all_tasks(probe: Probe) -> None:
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(1)


async def cancels_all_tasks_by_another_name(probe: Probe) -> None:
    for task in all_tasks(asyncio.get_running_loop()):
        task.cancel()
    await asyncio.sleep(1)


async def cancels_all_tasks_in_a_task(probe: Probe) -> None:
    await asyncio.create_task(cancels_all_tasks(probe))


async def is_cancelled(probe: Probe) -> None:
    async with probe.step(Step.HANDSHAKE):
        raise asyncio.CancelledError


async def stops_the_loop(probe: Probe) -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.01)


async def closes_the_loop(probe: Probe) -> None:
    asyncio.get_running_loop().close()


async def recurses(probe: Probe) -> None:
    await recurses(probe)


async def leaves_a_task_that_failed(probe: Probe) -> None:
    async def fails() -> None:
        raise LookupError("in a task")

    probe.task = asyncio.create_task(fails())  # type: ignore[attr-defined]  # it outlives the climb there
    await asyncio.sleep(0.01)


def raises(error: BaseException) -> Verifier:
    async def climb(probe: Probe) -> None:
        async with probe.step(Step.HANDSHAKE):
            raise error

    climb.__name__ = f"raises_{type(error).__name__}"
    return climb


class Unprintable(Exception):
    """Its text raises."""

    def __str__(self) -> str:
        raise LookupError("no words")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (cancels_itself, "the verifier of ssh was cancelled from within"),
        (cancels_all_tasks, "the verifier of ssh was cancelled from within"),
        (cancels_all_tasks_by_another_name, "the verifier of ssh was cancelled from within"),
        (cancels_all_tasks_in_a_task, "the verifier of ssh was cancelled from within"),
        (is_cancelled, "the verifier of ssh was cancelled from within"),
        (stops_the_loop, "the verifier of ssh tried to stop the event loop"),
        (closes_the_loop, "RuntimeError: Cannot close a running event loop"),
        (recurses, "RecursionError: maximum recursion depth exceeded"),
        (leaves_a_task_that_failed, "LookupError: in a task"),
        (raises(SystemExit("\x1b[31m" * 99)), "the verifier of ssh asked the process to exit ('\\x1b[31m\\x1b[31m"),
        (raises(GeneratorExit()), "the verifier of ssh raised GeneratorExit"),
        (raises(BaseExceptionGroup("two", [SystemExit(), LookupError()])), "raised BaseExceptionGroup"),
        (raises(ExceptionGroup("two", [LookupError(), OSError()])), "ExceptionGroup: two (2 sub-exceptions)"),
        (raises(StopIteration()), "StopIteration: "),
        (raises(Unprintable()), "Unprintable: <exception str() failed>"),
        (raises(LookupError("x" * 1_000_000)), f"LookupError: {'x' * 900}"),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("_") if callable(value) else "",
)
def test_what_it_does_ends_its_own_check_only(
    verifier: Use, wrong: Verifier, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    verifier(wrong)
    reports = clock.run(run("ssh", "mysql"))
    report = expect(reports["ssh"], Verdict.UNDECIDED, "scanready.bug")
    assert report.finding is not None
    assert says in report.finding.detail
    assert len(report.finding.detail) <= 1000
    expect(reports["mysql"], Verdict.BLOCKED, "connect.refused")
    gc.collect()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("cancels", [cancels_all_tasks, cancels_all_tasks_by_another_name, cancels_all_tasks_in_a_task])
def test_who_cancels_all_tasks_cancels_its_own(monkeypatch: pytest.MonkeyPatch, cancels: Verifier) -> None:
    """The others of the run wait meanwhile: each ends as it does without that, and so does the program's own task."""
    went_on = asyncio.Event()

    async def waits(probe: Probe) -> None:
        async with probe.step(Step.CONNECT) as rung:
            await asyncio.wait_for(went_on.wait(), 2)
            rung.stop(common.REFUSED, "nothing listens")

    async def a_while() -> bool:
        await asyncio.sleep(0.1)
        went_on.set()
        return True

    async def program() -> tuple[dict[str, Report], bool]:
        own = asyncio.create_task(a_while())
        return await run("mysql", "ssh", "imap", "smb"), await asyncio.wait_for(own, 1)

    monkeypatch.setattr(registry, "verifier", lambda name: cancels if name == "ssh" else waits)
    reports, ended = clock.run(program())
    assert ended
    expect(reports.pop("ssh"), Verdict.UNDECIDED, "scanready.bug")
    assert [report.cause and report.cause.code for report in reports.values()] == ["connect.refused"] * 3


def test_it_sees_its_own_tasks_and_others_see_all(verifier: Use) -> None:
    others: list[set[asyncio.Task[Any]]] = []
    elsewhere: list[int] = []

    async def looks(probe: Probe) -> None:
        own = asyncio.create_task(asyncio.sleep(0.01))
        others.append(asyncio.all_tasks() - {own, asyncio.current_task()})
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=lambda: elsewhere.append(len(asyncio.all_tasks(loop))))
        thread.start()
        thread.join()
        await own

    async def program() -> int:
        await run("ssh", "mysql")
        return len(asyncio.all_tasks())

    verifier(looks)
    assert clock.run(program()) == 1
    assert others == [set()]
    assert elsewhere[0] > 3
    assert asyncio.all_tasks is all_tasks
    assert "OwnTasks" not in repr(vars(asyncio.tasks))


def test_a_verifiers_keyboard_interrupt_is_none(verifier: Use) -> None:
    """Under :func:`asyncio.run` a person's Ctrl-C cancels the main task; what is raised is the verifier's own."""
    verifier(raises(KeyboardInterrupt()))
    reports = asyncio.run(run("ssh", "mysql"))
    expect(reports["ssh"], Verdict.UNDECIDED, "scanready.bug")
    expect(reports["mysql"], Verdict.BLOCKED, "connect.refused")


def test_a_persons_keyboard_interrupt_ends_the_program(verifier: Use) -> None:
    """On a loop without a handler Python raises it wherever the program is."""

    async def interrupted(probe: Probe) -> None:
        signal.raise_signal(signal.SIGINT)

    verifier(interrupted)
    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(run("ssh"))
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
    finally:
        loop.close()


def test_a_group_of_one_is_that_one(verifier: Use) -> None:
    """A task group wraps the failure of its only task so."""
    verifier(
        raises(
            ExceptionGroup("one", [ExceptionGroup("one", [Failure(common.REFUSED, "reset", "# On h, in x:\na fix")])])
        )
    )
    report = expect(clock.run(run("ssh"))["ssh"], Verdict.BLOCKED, "connect.refused", fix="a fix")
    assert report.finding is not None
    assert report.finding.detail == "reset"


def test_a_task_that_is_forgotten_ends_with_the_climb(verifier: Use, capfd: pytest.CaptureFixture[str]) -> None:
    ended: list[str] = []

    async def fails_later() -> None:
        try:
            await asyncio.sleep(5)
        finally:
            ended.append("ended")
            raise LookupError("while it ends")

    async def forgets(probe: Probe) -> None:
        probe.tasks = [asyncio.create_task(fails_later()), asyncio.create_task(refuses_to_end())]  # type: ignore[attr-defined]  # as above
        async with probe.step(Step.HANDSHAKE) as rung:
            await asyncio.sleep(0.01)
            rung.stop(common.HUNG_UP, "hung up")

    async def and_later() -> tuple[Report, int]:
        report = (await run("ssh"))["ssh"]
        await asyncio.sleep(10)
        return report, len(asyncio.all_tasks())

    verifier(forgets)
    report, left = clock.run(and_later())
    expect(report, Verdict.BLOCKED, "handshake.hung-up")
    assert (ended, left) == (["ended"], 1)
    gc.collect()
    assert capfd.readouterr().err == ""
