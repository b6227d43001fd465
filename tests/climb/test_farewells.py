"""How connections end: each politely, side by side, within a time of its own, also when we are cancelled."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import Any

import pytest

from fixtures.emulators import Server, misbehave, mysql, serve
from scanready.climb import farewells
from scanready.climb.probe import Probe
from scanready.model import Report, Step, Target, Verdict
from scanready.net.dial import dial
from scanready.net.resolve import Resolver
from scanready.net.stream import PeerClosed, Stream
from scanready.run import canary, registry
from scanready.run.engine import Run, verify
from scanready.run.settings import Settings
from scanready.wire import Buffer
from tests import clock
from tests.clock import WatchesNoDescriptor
from tests.ladder import expect, story, target

LOCAL = (socket.AF_INET, "127.0.0.1")


def addresses(count: int) -> list[str]:
    """So many addresses of this host."""
    return [f"127.0.0.{number}" for number in range(1, count + 1)]


def named(monkeypatch: pytest.MonkeyPatch, hosts: list[str]) -> None:
    """Let every name have these addresses."""

    async def look_up(self: Resolver, host: str, port: int, deadline: float | None = None) -> list[Any]:
        return [(socket.AF_INET, (address, port)) for address in hosts]

    monkeypatch.setattr(Resolver, "addresses", look_up)


def test_ten_addresses_are_left_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with ten addresses, all of them mute: the time is that of one."""
    named(monkeypatch, addresses(10))

    async def run() -> tuple[Report, int]:
        async with serve(misbehave.silent, host="0.0.0.0") as server:
            report = await verify(target("mysql", "ten.example", server.port), Settings(timeout=2, canary=False))
            return report, len(server.connections)

    report, connections = clock.run(run())
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE)
    assert (connections, report.footprint.connections) == (10, 10)
    assert report.seconds < 2 + farewells.FAREWELL + 0.1


def test_a_slow_server_is_left_politely_at_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """It greets late, after its reverse lookup; each address still gets the polite close."""
    named(monkeypatch, addresses(2))

    async def slowly(reader: Any, writer: Any, record: Any) -> None:
        await asyncio.sleep(1.0)
        await mysql.mariadb_10_11(reader, writer, record)

    async def run() -> tuple[Report, Server]:
        async with serve(slowly, host="0.0.0.0") as server:
            report = await verify(target("mysql", "dual.example", server.port), Settings(timeout=5, canary=False))
            await server.ended()
            return report, server

    report, server = clock.run(run())
    expect(report, Verdict.READY)
    assert server.offences == {}
    assert server.counts["logins"] == report.footprint.probe_logins == 2
    assert report.seconds < 1.9


@pytest.mark.parametrize("moment", ["as it is connected", "while another address is dialled"])
def test_a_connection_that_comes_into_being_as_we_are_cancelled(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    async def run() -> Server:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(serve(mysql.mariadb_10_11))
            loop = asyncio.get_running_loop()
            connect = loop.sock_connect

            async def connects(sock: socket.socket, where: Any) -> None:
                if where[0] == "127.0.0.2":  # no host answers there
                    await asyncio.sleep(60)
                await connect(sock, where)
                climbing.cancel()
                if moment == "as it is connected":
                    await asyncio.sleep(60)

            monkeypatch.setattr(loop, "sock_connect", connects)
            named(monkeypatch, addresses(1 if moment == "as it is connected" else 2))
            climbing = asyncio.create_task(verify(target("mysql", "x.example", server.port), Settings(canary=False)))
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(climbing, 5)
            await server.ended()
            return server

    with asyncio.Runner(loop_factory=WatchesNoDescriptor) as runner:
        server = runner.run(run())
    assert server.offences == {}
    assert server.counts["logins"] == 1


def test_who_resets_at_once_had_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reset may arrive before our own connect() ends; a refusal has another errno."""

    async def run() -> None:
        async with serve(misbehave.resets) as server:
            loop = asyncio.get_running_loop()
            connect = loop.sock_connect

            async def resets(sock: socket.socket, where: Any) -> None:
                await connect(sock, where)
                raise ConnectionResetError(104, "reset")

            monkeypatch.setattr(loop, "sock_connect", resets)
            stream = await dial((socket.AF_INET, ("127.0.0.1", server.port)), loop.time() + 5)
            with pytest.raises(PeerClosed):
                await stream.receive(lambda buffer: None)
            await stream.close()

    with asyncio.Runner(loop_factory=WatchesNoDescriptor) as runner:
        runner.run(run())


def test_the_canary_does_not_outlive_the_targets_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its port is dropped by a firewall, the climb was slow: what is left is its time."""
    left: list[float] = []

    async def slow(climber: Probe) -> None:
        await climber.connect()
        async with climber.step(Step.HANDSHAKE) as rung:
            await asyncio.sleep(1.0)
            rung.ok("speaks")
        async with climber.step(Step.AUTH) as rung:
            rung.ok("asks")

    async def drops(self: Probe) -> bool:
        left.append(self.remaining)
        await asyncio.sleep(0)
        return False

    monkeypatch.setattr(registry, "verifier", lambda name: slow)
    monkeypatch.setattr(canary, "literal", lambda *_: None)  # a name, of which the probe asks
    monkeypatch.setattr(Probe, "answers", drops)

    async def run(timeout: float) -> None:
        async with serve(misbehave.silent) as server, Run(Settings(timeout=timeout)) as run_:
            expect(await run_.verify(target("ssh", "127.0.0.1", server.port)), Verdict.READY)

    clock.run(run(1.5))
    clock.run(run(10))
    assert 0.2 < left[0] <= 0.5, "of 1.5 s, 1 was gone"
    assert 1.5 < left[1] <= 2 * 1.1 + canary._SILENCE


def test_a_bug_in_a_farewell_is_ours_and_the_other_connections_are_still_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named(monkeypatch, addresses(3))

    async def stumbles(stream: Stream) -> None:
        raise LookupError("oops")

    async def climbs(climber: Probe) -> None:
        stream = await climber.connect(farewell=stumbles)
        async with climber.step(Step.HANDSHAKE) as rung:
            await stream.receive(_line)
            rung.ok("speaks")

    monkeypatch.setattr(registry, "verifier", lambda name: climbs)

    async def run() -> Report:
        async with serve(misbehave.says(b"hello\r\n"), host="0.0.0.0") as server:
            where = Target("three.example", "ssh", server.port)
            report = await verify(where, Settings(canary=False))
            await server.ended()
            return report

    report = asyncio.run(run())
    expect(report, Verdict.UNDECIDED, "scanready.bug")
    assert "LookupError: oops" in story(report)


def _line(buffer: Buffer) -> bytes | None:
    return buffer.line(100)
