"""The gate and the guard that asks it, without processes: the rules are those of one lockout guard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from scanready.causes import common
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.guard import LockoutGuard, TurnTaken
from scanready.climb.journal import Effect
from scanready.model import Credential
from scanready.net.stream import ReadTimeout
from scanready.run.jobs.asking import AskingGuard, Permits
from scanready.run.jobs.frames import Frames, frame
from scanready.run.jobs.gate import Gate
from scanready.run.jobs.target_form import Accounts

SCAN = Credential("scan", "svc", "pw", authority="CORP")


class Noted:
    """A journal that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, ...]] = []

    async def intend(self, credential: Credential, host: str, where: str) -> None:
        self.heard.append(("intend", host))

    def conclude(self, credential: Credential, host: str, cause: str, effect: Effect) -> None:
        self.heard.append(("conclude", host, cause, effect.value))


class Process:
    """Another process of the run, as a guard whose messages reach a gate; all of them are JSON on their way."""

    def __init__(self, guard: LockoutGuard) -> None:
        ours, theirs = socket.socketpair()
        self._ours = ours
        self.gate = Gate(guard, [SCAN], lambda message: self._later(self.guard.answered, message))
        send = lambda message: self._later(self.gate.heed, message)  # noqa: E731
        self.guard = AskingGuard(Accounts([SCAN]), send, Permits(theirs))
        self._loop = asyncio.get_running_loop()

    def _later(self, take: Any, message: Any) -> None:
        self._loop.call_soon(take, json.loads(json.dumps(message)))

    async def permit(self, permit: Any) -> None:
        """Ask whether the secret may leave, as a climb does, while the gate answers."""
        answering = threading.Thread(target=self._answer)
        answering.start()
        try:
            await asyncio.to_thread(permit)
        finally:
            await asyncio.to_thread(answering.join)

    def _answer(self) -> None:
        for question in Frames().feed(self._ours.recv(4096)):
            self._ours.sendall(frame(self.gate.may_leave(question)))


@contextlib.asynccontextmanager
async def logging_in(process: Process, host: str) -> AsyncIterator[Any]:
    async with (
        process.guard.turn(SCAN, host) as turn,
        process.guard.attempt(SCAN, host, f"{host}:22", turn=turn, address=host) as going,
    ):
        yield going


async def login(process: Process, host: str, end: BaseException | None = None) -> str:
    try:
        async with logging_in(process, host):
            if end is not None:
                raise end
    except (Failure, TurnTaken) as error:
        return error.cause.code if isinstance(error, Failure) else "taken"
    return "accepted"


REFUSAL = Failure(common.LOGIN_REFUSED, "no")


def test_a_refusal_in_one_process_withholds_the_account_in_all() -> None:
    async def run() -> list[str]:
        guard = LockoutGuard()
        one, other = Process(guard), Process(guard)
        found = [await login(one, "h1", REFUSAL), await login(other, "h2"), await login(one, "h3")]
        return [*found, await login(other, "h1")]

    assert asyncio.run(run()) == ["login.refused", *["login.withheld"] * 3]


def test_only_one_login_decides_about_an_unproven_account() -> None:
    async def run() -> list[str]:
        guard = LockoutGuard()
        one, other = Process(guard), Process(guard)
        async with one.guard.attempt(SCAN, "h1", "h1:22"):
            found = await login_without_turn(other)
        return [found, await login_without_turn(other)]

    async def login_without_turn(process: Process) -> str:
        try:
            async with process.guard.attempt(SCAN, "h2", "h2:22"):
                return "accepted"
        except TurnTaken:
            return "taken"

    assert asyncio.run(run()) == ["taken", "accepted"]


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (None, ("", "proven")),
        (REFUSAL, ("login.refused", "refused")),
        (
            Failure(common.LOGIN_REFUSED, "no", refusal_ambiguous=True),
            ("login.refused", "refused, or this agent's address is"),
        ),
        (Unfinished(common.LIMIT, "killed"), (common.OUT_OF_TIME.code, "unknown")),
        (TimeoutError(), (common.OUT_OF_TIME.code, "unknown")),
        (ReadTimeout("silent", b"", 1.0), (common.OUT_OF_TIME.code, "unknown")),
        (KeyError(), ("login.withheld", "nothing")),
    ],
)
def test_the_journal_hears_of_each_end_as_in_one_process(end: BaseException | None, outcome: tuple[str, str]) -> None:
    async def run(several: bool) -> list[tuple[str, ...]]:
        journal = Noted()
        guard = LockoutGuard(journal)
        process: Any = Process(guard) if several else None
        source = process.guard if several else guard
        with contextlib.suppress(Failure, TimeoutError, ReadTimeout, KeyError):
            async with source.turn(SCAN, "h") as turn, source.attempt(SCAN, "h", "h:22", turn=turn):
                if end is not None:
                    raise end
        for _ in range(10):
            await asyncio.sleep(0)  # the last message is on its way
        return journal.heard

    assert asyncio.run(run(True)) == asyncio.run(run(False)) == [("intend", "h"), ("conclude", "h", *outcome)]


def test_a_login_whose_process_ends_is_never_tried_again() -> None:
    """The note in the journal stays open, as that of a run that was killed."""

    async def run() -> tuple[list[str], list[tuple[str, ...]], Failure]:
        journal = Noted()
        guard = LockoutGuard(journal)
        one, other = Process(guard), Process(guard)
        entered = one.guard.attempt(SCAN, "h1", "h1:22", address="h1")
        await entered.__aenter__()
        await one.gate.lose()
        found = [await login(other, host) for host in ("h1", "h2")]
        with pytest.raises(Failure) as withheld:
            async with guard.attempt(SCAN, "h3", "h3:22"):
                pass
        return found, journal.heard, withheld.value

    found, heard, failure = asyncio.run(run())
    detail = failure.detail
    assert failure.facts == {"unanswered_at": "h1:22"}, "an export of this run needs it"
    assert found == ["login.withheld"] * 2
    assert heard == [("intend", "h1")]
    assert "the process that logged in at h1:22 with the credential 'scan' ended before it had an answer" in detail
    assert "pw" not in detail


def test_a_lost_login_of_a_proven_account_binds_its_host_only() -> None:
    async def run() -> list[str]:
        guard = LockoutGuard()
        one, other = Process(guard), Process(guard)
        assert await login(one, "h0") == "accepted"
        await one.guard.attempt(SCAN, "h1", "h1:22", address="h1").__aenter__()
        await one.gate.lose()
        return [await login(other, host) for host in ("h1", "h2")]

    assert asyncio.run(run()) == ["login.withheld", "accepted"]


def test_a_process_that_ends_while_it_waits_for_its_turn_holds_up_no_other() -> None:
    async def run() -> str:
        guard = LockoutGuard()
        one, other = Process(guard), Process(guard)
        async with guard.turn(SCAN, "h0"):
            waiting = asyncio.create_task(login(one, "h1"))
            await asyncio.sleep(0.05)
            await one.gate.lose()
            waiting.cancel()
        return await asyncio.wait_for(login(other, "h2"), 30)

    assert asyncio.run(run()) == "accepted"


def test_the_secret_may_leave_until_another_process_is_refused() -> None:
    async def run() -> str:
        guard = LockoutGuard()
        one, other = Process(guard), Process(guard)
        assert await login(one, "h0") == "accepted"
        async with logging_in(one, "h1") as going:
            await one.permit(going.permit)
            assert await login(other, "h2", Failure(common.LOGIN_LOCKED, "locked")) == "login.locked"
            await asyncio.sleep(0.05)  # the refusal is on its way
            with pytest.raises(Failure) as withheld:
                await one.permit(going.permit)
            return withheld.value.cause.code

    assert asyncio.run(run()) == "login.withheld"


def test_no_secret_leaves_without_an_answer() -> None:
    ours, theirs = socket.socketpair()
    permits = Permits(theirs)
    ours.close()
    for _ in range(2):
        with pytest.raises(Failure, match="did not answer; the secret was not sent"):
            permits.demand(1)


def test_a_late_answer_costs_one_login_and_is_not_taken_for_another() -> None:
    """The process that decides was suspended; the account may have been refused since it answered."""
    ours, theirs = socket.socketpair()
    permits = Permits(theirs, 0.5)
    with pytest.raises(Failure, match="did not answer; the secret was not sent"):
        permits.demand(1)
    late = frame({"yes": True, "question": 1})
    ours.sendall(late[:-1])  # cut in two, as a channel may
    with pytest.raises(Failure, match="did not answer; the secret was not sent"):
        permits.demand(1)
    ours.sendall(late[-1:] + frame({"yes": True, "question": 2}))
    ours.sendall(frame({"no": [common.LOGIN_WITHHELD.code, "refused since", {}], "question": 3}))
    with pytest.raises(Failure, match="refused since"):
        permits.demand(1)
    ours.sendall(frame({"yes": True, "question": 4}))
    permits.demand(2)


def test_a_login_that_is_over_may_send_nothing() -> None:
    assert "no" in Gate(LockoutGuard(), [SCAN], lambda _: None).may_leave({"leaves": 7})
    assert "no" in Gate(LockoutGuard(), [SCAN], lambda _: None).may_leave({})
    assert Gate(LockoutGuard(), [SCAN], lambda _: None).may_leave({"leaves": 7, "question": 3})["question"] == 3
