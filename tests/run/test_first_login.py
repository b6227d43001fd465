"""The first login with an account: it decides for the others, and costs none of them time, place or verdict."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, serve
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.model import Credential, Report, Step, Target, Verdict
from scanready.net.stream import Stream
from scanready.run import registry
from scanready.run.engine import Run
from scanready.run.settings import Settings
from scanready.wire import Buffer
from tests import clock
from tests.clients.login_process import logins as libraries
from tests.ladder import target

SCAN = Credential("scan", "svc", "pw")


def line(buffer: Buffer) -> bytes | None:
    return buffer.line(64)


async def says_goodbye(stream: Stream) -> None:
    await stream.send(b"bye\n")


async def logs_in(probe: Probe) -> None:
    """A verifier of a protocol whose server greets, takes one word as the login, and says yes or no."""
    stream = await probe.connect(farewell=says_goodbye)
    async with probe.step(Step.HANDSHAKE) as rung:
        rung.ok((await stream.receive(line)).decode())
    async with probe.step(Step.AUTH) as rung:
        rung.ok("asks for a password")
    async with probe.step(Step.LOGIN) as rung:
        async with probe.attempt() as going:
            going.pending = True
            await stream.send(b"login\n")
            answer = await stream.receive(line)
            going.pending = False
            if answer.strip() != b"yes":
                raise Failure(common.LOGIN_REFUSED, "no")
        rung.ok("logged in")
    async with probe.step(Step.ACCESS) as rung:
        rung.ok("read")


def answers(word: bytes | None, after: float = 0.0, *, at_greeting: float = 0.0) -> Behaviour:
    """Greet, and answer a login with ``word``, or never."""

    async def talk(reader: Reader, writer: Writer, record: Record) -> None:
        await asyncio.sleep(at_greeting)
        writer.write(b"hello\n")
        while asked := await reader.readline():
            if asked == b"bye\n":
                return
            if word is None:
                await asyncio.sleep(3600)
            await asyncio.sleep(after)
            writer.write((word or b"") + b"\n")

    return talk


@pytest.fixture
def estate(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[Report], list[Server]]]:
    """Run over servers that behave as said, with one account, on a clock that jumps; in the order of the servers."""
    monkeypatch.setattr(registry, "verifier", lambda name: logs_in)

    def run_over(
        *talks: Behaviour, credential: Credential = SCAN, timeout: float = 10.0
    ) -> tuple[list[Report], list[Server]]:
        async def run() -> tuple[list[Report], list[Server]]:
            async with AsyncExitStack() as stack:
                servers = [
                    await stack.enter_async_context(serve(talk, host=f"127.0.1.{number}"))
                    for number, talk in enumerate(talks, 1)
                ]
                targets = [
                    target("ssh", f"127.0.1.{number}", server.port, credential=credential)
                    for number, server in enumerate(servers, 1)
                ]
                async with Run(Settings(canary=False, timeout=timeout)) as run_:
                    reports = {id(report.target): report async for report in run_.results(targets)}
                return [reports[id(one)] for one in targets], servers

        return clock.run(run())

    return run_over


def verdicts(reports: list[Report]) -> Counter[str]:
    return Counter(report.cause.code if report.cause else report.verdict.value for report in reports)


def logins(servers: list[Server]) -> int:
    return sum(bytes(connection.received).count(b"login\n") for server in servers for connection in server.connections)


Estate = Callable[..., tuple[list[Report], list[Server]]]


@pytest.mark.parametrize("place", [0, 20, 40])
def test_one_server_that_never_answers_a_login_costs_the_others_nothing(estate: Estate, place: int) -> None:
    talks = [answers(b"yes", 0.05) for _ in range(40)]
    talks.insert(place, answers(None))
    reports, servers = estate(*talks, timeout=10.0)
    silent = reports.pop(place)
    assert silent.verdict is Verdict.UNDECIDED
    assert verdicts(reports) == {"scannable": 40}
    assert all(report.seconds < 2 for report in reports), "waiting for a turn is not on a target's time"
    assert logins(servers) == 41


def test_servers_that_never_answer_a_login_end_the_tries_before_an_account_is_locked(estate: Estate) -> None:
    reports, servers = estate(*(answers(None) for _ in range(12)), timeout=5.0)
    assert logins(servers) == 3
    assert verdicts(reports)["login.withheld"] == 9


def test_a_wrong_password_leaves_once_and_the_others_climb_to_the_prompt(estate: Estate) -> None:
    reports, servers = estate(*(answers(b"no", 0.3) for _ in range(30)), timeout=10.0)
    assert logins(servers) == 1
    assert verdicts(reports) == {"login.refused": 1, "login.withheld": 29}
    assert {report.reached for report in reports} == {Step.AUTH}


def test_no_greeted_connection_waits_for_another_servers_answer(estate: Estate) -> None:
    """Servers that greet late all reach their login at the same moment; those that may not log in leave politely."""
    reports, servers = estate(*(answers(b"yes", 4.0, at_greeting=2.0) for _ in range(8)), timeout=10.0)
    assert verdicts(reports) == {"scannable": 8}
    assert logins(servers) == 8
    received = [bytes(connection.received) for server in servers for connection in server.connections]
    assert len(received) > 8, "some were turned back, and climbed again"
    assert set(received) == {b"bye\n", b"login\nbye\n"}
    assert sum(report.footprint.connections for report in reports) == len(received)
    assert sum(report.footprint.login_attempts for report in reports) == 8


def test_a_host_that_is_down_or_silent_holds_nobody_up(estate: Estate) -> None:
    talks = [answers(b"yes", at_greeting=3600) for _ in range(20)] + [answers(b"yes") for _ in range(5)]
    reports, _ = estate(*talks, timeout=8.0)
    assert verdicts(reports[20:]) == {"scannable": 5}


def test_stopping_ends_those_that_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "verifier", lambda name: logs_in)

    async def run() -> tuple[int, float]:
        async with serve(answers(b"yes", 1.0)) as server, Run(Settings(timeout=5.0, canary=False)) as run_:
            targets: list[Target] = [target("ssh", "127.0.0.1", server.port, credential=SCAN) for _ in range(30)]
            asyncio.get_running_loop().call_later(0.5, run_.stop)
            count = 0
            async for _ in run_.results(targets):
                count += 1
            return count, asyncio.get_running_loop().time()

    count, seconds = clock.run(run())
    assert count < 30
    assert seconds < 5


def test_a_climb_may_be_turned_back_at_each_of_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first climb proves one secret and goes on to the next, which the second climb then wants to try, too."""

    async def tries_two(probe: Probe) -> None:
        async with probe.step(Step.LOGIN) as rung:
            await asyncio.sleep(0.6)
            try:
                for secret, seconds in (("key", 1.0), ("password", 4.0)):
                    async with probe.attempt(secret):
                        await asyncio.sleep(seconds)
            finally:
                await asyncio.sleep(0.6)  # it leaves politely, and the key is proven meanwhile
            rung.ok("logged in")

    async def run() -> list[Report]:
        targets = [Target(f"127.0.0.{number}", "ssh", 22, credential=SCAN) for number in (1, 2)]
        async with Run(Settings(canary=False)) as one:
            return [report async for report in one.results(targets)]

    monkeypatch.setattr(registry, "verifier", lambda name: tries_two)
    reports = clock.run(run())
    assert [report.checks[1].summary for report in reports] == ["logged in"] * 2
    assert [report.footprint.login_attempts for report in reports] == [2, 3]


@pytest.mark.parametrize(
    ("end", "next_"),
    [
        ("no process", "login.withheld"),
        ("no memory", "login.withheld"),
        ("another type", "login.withheld"),
        ("WireError", "login.withheld"),
        ("OSError", "login.withheld"),
        ("KeyError", "login.withheld"),
        ("TlsError", "login.withheld"),
        ("no TLS", "scanready.limit"),
        ("a limit", "scanready.limit"),
    ],
)
def test_a_library_that_ends_without_an_outcome_is_not_tried_again_at_that_host(
    monkeypatch: pytest.MonkeyPatch, end: str, next_: str
) -> None:
    async def logs_in_by_library(probe: Probe) -> None:
        async with probe.step(Step.LOGIN):
            await probe.login(libraries.ends_with, end if probe.target.port == 1 else "a limit")

    async def run() -> list[Report]:
        targets = [Target(host, "ssh", port, credential=SCAN) for host, port in (("h1", 1), ("h1", 2), ("h2", 3))]
        async with Run(Settings(canary=False)) as one:
            return [await one.verify(target) for target in targets]

    monkeypatch.setattr(registry, "verifier", lambda name: logs_in_by_library)
    _, *others = [report.checks[1].finding for report in asyncio.run(run())]
    assert [finding and finding.cause.code for finding in others] == [next_, "scanready.limit"]
