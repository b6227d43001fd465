"""The engine: shared ports, turns at a host, streaming, stopping, plug-ins and the canary, with scripted verifiers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from fixtures.emulators import Server, misbehave, serve
from scanready.causes import common
from scanready.climb.login_result import LoginResult
from scanready.climb.probe import Probe
from scanready.model import Agent, Credential, Outcome, Owner, Report, Step, Target, Verdict
from scanready.net.stream import Stream
from scanready.run import canary, engine, registry
from scanready.run.engine import Run, verify
from scanready.run.settings import CANARY_PORT, Settings
from scanready.wire import Buffer
from tests import clock
from tests.ladder import check_of, expect, story, target

GREETING = b"SSH-2.0-OpenSSH_9.2\r\n"


def line(buffer: Buffer) -> bytes | None:
    return buffer.line(1024)


async def goodbye(stream: Stream) -> None:
    await stream.send(b"bye\r\n")


async def greets(probe: Probe) -> None:
    """A verifier of a protocol whose server says one line."""

    async def handshake(probe: Probe) -> bytes:
        stream = await probe.connect(farewell=goodbye)
        async with probe.step(Step.HANDSHAKE) as rung:
            heard = await stream.receive(line)
            rung.ok(heard.decode())
        async with probe.step(Step.AUTH) as rung:
            rung.ok("asks for a password")
        return heard

    assert await probe.share("greets", handshake)


@pytest.fixture
def verifier(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Make every type climb with one scripted verifier."""

    def use(verify_: object) -> None:
        monkeypatch.setattr(registry, "verifier", lambda name: verify_)

    return use


@asynccontextmanager
async def greeting() -> AsyncIterator[Server]:
    async with serve(misbehave.says(GREETING)) as server:
        yield server


async def collect(targets: list[Target], settings: Settings | None = None) -> list[Report]:
    async with Run(settings) as run:
        return [report async for report in run.results(targets)]


def test_types_that_share_a_port_share_the_connection(verifier: Callable[[object], None]) -> None:
    verifier(greets)

    async def run() -> tuple[list[Report], int]:
        async with greeting() as server:
            targets = [target(type_, "127.0.0.1", server.port) for type_ in ("unix", "ssh")]
            reports = await collect(targets)
            return reports, len(server.connections)

    reports, connections = asyncio.run(run())
    assert connections == 1
    assert [report.verdict for report in reports] == [Verdict.READY] * 2, story(reports[0])
    assert sorted(report.footprint.connections for report in reports) == [0, 1]


def test_a_port_that_showed_what_it_speaks_is_not_asked_again(verifier: Callable[[object], None]) -> None:
    verifier(greets)

    async def run() -> tuple[list[Report], int]:
        async with greeting() as server:
            reports = await collect([target(type_, "127.0.0.1", server.port) for type_ in ("ssh", "mysql", "https")])
            return reports, len(server.connections)

    reports, connections = asyncio.run(run())
    assert connections == 1
    for report in reports:
        if report.target.type != "ssh":
            expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)
            assert "ssh" in check_of(report, Step.HANDSHAKE).summary


def test_a_dead_port_is_dialled_once_for_all_types(verifier: Callable[[object], None]) -> None:
    verifier(greets)
    reports = asyncio.run(collect([target(type_, "127.0.0.1", 1) for type_ in ("ssh", "mysql", "imap")]))
    assert {report.cause.code for report in reports if report.cause} == {"connect.refused"}


def test_the_farewell_is_said_at_every_depth(verifier: Callable[[object], None]) -> None:
    verifier(greets)

    async def run(depth: Step) -> bytes:
        async with greeting() as server:
            await verify(target("ssh", "127.0.0.1", server.port), Settings(depth=depth))
            await server.ended()
            return bytes(server.connections[0].received)

    assert all(asyncio.run(run(depth)) == b"bye\r\n" for depth in (Step.CONNECT, Step.HANDSHAKE, Step.AUTH))


def test_depth_below_the_prompt_is_undecided_and_says_so(verifier: Callable[[object], None]) -> None:
    verifier(greets)

    async def run() -> Report:
        async with greeting() as server:
            return await verify(target("ssh", "127.0.0.1", server.port), Settings(depth=Step.CONNECT))

    report = expect(asyncio.run(run()), Verdict.UNDECIDED, "scanready.depth-limited")
    assert check_of(report, Step.AUTH).outcome is Outcome.SKIPPED
    assert "depth" in check_of(report, Step.AUTH).summary


def test_a_cancelled_climb_still_says_goodbye(verifier: Callable[[object], None]) -> None:
    reached = asyncio.Event()

    async def hangs(probe: Probe) -> None:
        await probe.connect(farewell=goodbye)
        reached.set()
        await asyncio.sleep(60)

    verifier(hangs)

    async def run() -> bytes:
        async with greeting() as server:
            climbing = asyncio.create_task(verify(target("ssh", "127.0.0.1", server.port)))
            await asyncio.wait_for(reached.wait(), 5)
            climbing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await climbing
            await server.ended()
            return bytes(server.connections[0].received)

    assert asyncio.run(run()) == b"bye\r\n"


def test_at_most_so_many_at_one_host(verifier: Callable[[object], None]) -> None:
    now, most = 0, 0

    async def counts(probe: Probe) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    verifier(counts)
    targets = [target("ssh", "127.0.0.1", port) for port in range(1, 30)]
    asyncio.run(collect(targets, Settings(per_host=3, canary=False)))
    assert most == 3


def test_results_stream_and_stopping_begins_nothing_new(verifier: Callable[[object], None]) -> None:
    begun: list[int] = []

    async def notes(probe: Probe) -> None:
        begun.append(probe.target.port)

    verifier(notes)

    async def run() -> int:
        async with Run(Settings(concurrency=2)) as run_:
            got = 0
            async for _ in run_.results([target("ssh", f"127.0.0.{n}", 1) for n in range(1, 200)]):
                got += 1
                if got == 5:
                    run_.stop()
            return got

    got = asyncio.run(run())
    assert got == len(begun)
    assert 5 <= got < 20


def test_a_type_that_is_not_built_contacts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "verifier", lambda _: None)
    report = asyncio.run(verify(target("notes", "127.0.0.1")))
    expect(report, Verdict.UNDECIDED, "scanready.not-built", step=Step.AGENT)
    assert report.footprint.connections == 0


def test_an_exception_nobody_translated_is_our_bug(verifier: Callable[[object], None]) -> None:
    async def broken(probe: Probe) -> None:
        async with probe.step(Step.HANDSHAKE):
            raise LookupError("oops")

    verifier(broken)
    report = expect(asyncio.run(verify(target("ssh", "127.0.0.1"))), Verdict.UNDECIDED, "scanready.bug")
    assert "LookupError: oops" in check_of(report, Step.HANDSHAKE).summary


def test_an_exception_outside_a_step_is_our_bug_too(verifier: Callable[[object], None]) -> None:
    async def broken(probe: Probe) -> None:
        raise LookupError("oops")

    verifier(broken)
    expect(asyncio.run(verify(target("ssh", "127.0.0.1"))), Verdict.UNDECIDED, "scanready.bug")


def test_what_keeps_the_answer_from_us_is_never_blamed_on_the_target(verifier: Callable[[object], None]) -> None:
    async def limited(probe: Probe) -> None:
        async with probe.step(Step.HANDSHAKE) as rung:
            rung.stop(common.LIMIT, "the library cannot")

    verifier(limited)
    expect(asyncio.run(verify(target("ssh", "127.0.0.1"))), Verdict.UNDECIDED, "scanready.limit")


def test_the_rungs_above_say_why_they_were_not_climbed(verifier: Callable[[object], None]) -> None:
    verifier(greets)

    async def run() -> Report:
        async with greeting() as server:
            return await verify(target("ssh", "127.0.0.1", server.port))

    report = asyncio.run(run())
    for step in (Step.LOGIN, Step.ACCESS):
        assert check_of(report, step).outcome is Outcome.SKIPPED
        assert check_of(report, step).summary == "no credential was given"


def test_a_demanded_agent_platform_blocks_and_the_ladder_is_still_climbed(verifier: Callable[[object], None]) -> None:
    verifier(greets)

    async def run(platform: str) -> Report:
        async with greeting() as server:
            agent = Agent("proxy", platform, ("127.0.0.1",))
            return await verify(target("windows", "127.0.0.1", server.port), Settings(agent=agent))

    report = asyncio.run(run("Linux"))
    expect(report, Verdict.BLOCKED, "agent.platform-mismatch", step=Step.AGENT, owner=Owner.AGENT)
    assert report.reached is Step.AUTH
    expect(asyncio.run(run("Windows")), Verdict.READY)


def test_a_rate_is_kept(verifier: Callable[[object], None]) -> None:
    times: list[float] = []

    async def notes(probe: Probe) -> None:
        times.append(asyncio.get_running_loop().time())

    verifier(notes)
    asyncio.run(collect([target("ssh", f"127.0.0.{n}", 1) for n in range(1, 7)], Settings(rate=20)))
    _, second, *_, last = times  # the first may begin late, by what a loaded machine takes to begin with anything
    assert last - second >= 4 / 20 * 0.9


def test_waiting_for_a_login_thread_is_not_on_the_targets_time(
    verifier: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More logins than there are threads, each of a tenth of the target's time: none times out in our queue."""
    monkeypatch.setattr(engine, "DaemonThreads", clock.VirtualPool)
    monkeypatch.setattr(clock.VirtualPool, "seconds", 0.4)

    def login(where: str, credential: Credential, seconds: float) -> LoginResult:
        return LoginResult()

    async def logs_in(probe: Probe) -> None:
        async with probe.step(Step.LOGIN) as rung:
            await probe.login(login, probe.host)
            rung.ok("logged in")
        async with probe.step(Step.ACCESS) as rung:
            rung.ok("read")

    verifier(logs_in)
    scan = Credential("scan", "svc", "pw")
    targets = [target("ssh", f"127.0.{n // 250}.{n % 250 + 1}", 22, scan) for n in range(500)]
    reports = clock.run(collect(targets, Settings(timeout=4, canary=False)))
    assert {report.verdict for report in reports} == {Verdict.SCANNABLE}
    assert 0.4 <= max(report.seconds for report in reports) < 4.1


def test_the_canary_hides_what_its_host_heard_under_its_name(
    verifier: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It climbs to the address, and a server may repeat there what another talk told it."""
    hidden: dict[int, tuple[str, ...]] = {}

    async def answers(probe: Probe) -> bool:
        return True

    async def prompts(probe: Probe) -> None:
        hidden[probe.target.port] = probe.redactor.secrets
        probe.address = "127.0.0.1"
        async with probe.step(Step.AUTH) as rung:
            rung.ok("asks for a password")

    async def run() -> None:
        async with Run(Settings(depth=Step.AUTH)) as one:
            await one.verify(target("ssh", "localhost", 22, credential=Credential("c", "er", "a-secret-3")))
            await one.verify(target("http", "localhost", 80))

    monkeypatch.setattr(canary, "literal", lambda *_: None)  # a name, of which the probe asks
    monkeypatch.setattr(Probe, "answers", answers)
    verifier(prompts)
    asyncio.run(run())
    assert hidden == dict.fromkeys((22, 80, CANARY_PORT), ("a-secret-3",))
