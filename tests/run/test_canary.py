"""The canary at an address: one bare socket, and a climb only on a connection that something accepts."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import AsyncExitStack

import pytest

from fixtures.emulators import Server, misbehave, serve, ssh
from scanready.climb.probe import Probe
from scanready.model import Report, Target, Verdict
from scanready.net.dial import accepting
from scanready.run import canary
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests.clock import PortableLoop, WatchesNoDescriptor
from tests.closed_ports import closed_port
from tests.ladder import expect, target

LOOPS = pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, WatchesNoDescriptor], ids=["epoll", "socket-calls"])


@pytest.fixture
def climbs(monkeypatch: pytest.MonkeyPatch) -> list[Target]:
    """The targets of all climbs that were made ready."""
    made = list[Target]()
    init = Probe.__init__

    def noted(probe: Probe, where: Target, *arguments: object, **options: object) -> None:
        made.append(where)
        init(probe, where, *arguments, **options)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Probe, "__init__", noted)
    return made


@LOOPS
def test_a_closed_port_needs_no_climb(
    loop: type[asyncio.SelectorEventLoop], climbs: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> Report:
        async with serve(ssh.openssh_9_2) as server, Run(Settings()) as run_:
            return await run_.verify(target("ssh", "127.0.0.1", server.port))

    with closed_port() as closed, asyncio.Runner(loop_factory=loop) as runner:
        monkeypatch.setattr(canary, "CANARY_PORT", closed)
        report = expect(runner.run(run()), Verdict.READY)
    assert report.footprint.connections == 1
    assert [where.host for where in climbs] == ["127.0.0.1"], "the target's own climb only"


@LOOPS
def test_an_accepted_canary_climbs_on_the_very_connection(
    loop: type[asyncio.SelectorEventLoop], climbs: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> tuple[Report, Server]:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(serve(ssh.openssh_9_2))
            everywhere = await stack.enter_async_context(serve(ssh.openssh_9_2))
            monkeypatch.setattr(canary, "CANARY_PORT", everywhere.port)
            run_ = await stack.enter_async_context(Run(Settings()))
            report = await run_.verify(target("ssh", "127.0.0.1", server.port))
            await everywhere.ended()
            return report, everywhere

    with asyncio.Runner(loop_factory=loop) as runner:
        report, everywhere = runner.run(run())
    assert report.verdict is Verdict.UNDECIDED
    assert report.finding is not None
    assert report.finding.cause.code == "handshake.false-open"
    assert report.footprint.connections == 2
    assert len(everywhere.connections) == 1
    assert everywhere.offences == {}
    assert len(climbs) == 2


@LOOPS
def test_a_canary_that_connects_as_it_is_cancelled_ends_politely(loop: type[asyncio.SelectorEventLoop]) -> None:
    async def run() -> str:
        async with serve(misbehave.silent) as server:
            deadline = asyncio.get_running_loop().time() + 5
            asking = asyncio.create_task(accepting((socket.AF_INET, ("127.0.0.1", server.port)), deadline))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
            assert asking.cancelled()
            await server.ended()
            return str(server.connections[0].ended)

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(run()) == "fin"


@pytest.mark.parametrize("number", [errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL])
def test_only_a_reset_is_an_accepted_connection(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: object, sock: object, address: object) -> None:
        raise OSError(number, "played")

    monkeypatch.setattr(PortableLoop, "sock_connect", fails)
    with asyncio.Runner(loop_factory=PortableLoop) as runner:
        sock = runner.run(accepting((socket.AF_INET, ("127.0.0.1", 9)), 5.0))
    assert (sock is not None) == (number == errno.ECONNRESET)
    if sock is not None:
        sock.close()
