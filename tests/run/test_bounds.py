"""The bounds of a run's connections at real sockets: what a firewall on the way sees, and that no verdict changes."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.emulators import misbehave, serve
from scanready.climb.guard import LockoutGuard
from scanready.climb.probe import Probe
from scanready.model import Agent, Report, Step, Target
from scanready.run import registry
from scanready.run.engine import Run
from scanready.run.jobs.crew import Crew
from scanready.run.jobs.groups import divided
from scanready.run.settings import Settings, bounds_of
from tests import clock

#: After silence of less than 1.6 s a report says "too short": this leaves a busy machine a second to begin a climb.
LIFTED = Settings(timeout=3, half_open=None, connect_rate=None, per_net=None, canary=False)


@contextlib.contextmanager
def silence() -> Iterator[int]:
    """Yield a port that answers no connection request, at every address of 127/8: its queue is full."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("0.0.0.0", 0))
        listener.listen(0)
        for _ in range(8):
            filling = held.enter_context(socket.socket())
            filling.setblocking(False)
            filling.connect_ex(("127.0.0.1", listener.getsockname()[1]))
        time.sleep(0.05)
        yield listener.getsockname()[1]


def hosts(count: int, nets: int = 1) -> list[str]:
    return [f"127.88.{number % nets}.{1 + number // nets}" for number in range(count)]


def targets_at(port: int, count: int, nets: int = 1) -> list[Target]:
    return [Target(host, "ssh", port) for host in hosts(count, nets)]


async def collected(settings: Settings, targets: list[Target]) -> list[Report]:
    async with Run(settings) as run:
        return [report async for report in run.results(targets)]


def causes(reports: list[Report]) -> Counter[str]:
    return Counter(report.cause.code if report.cause else report.verdict.value for report in reports)


def seen_half_open(port: int) -> set[tuple[str, str]]:
    """Return the connection requests without an answer to a port, as the kernel lists them: its end and ours.

    The kernel writes the list in pieces. While other processes open and close connections it has some of ours several
    times (seen: 30 times), so each is counted once.
    """
    found = set[tuple[str, str]]()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, state, *_ = line.split()
        if state == "02" and int(there.partition(":")[2], 16) == port:
            found.add((there, here))
    return found


def half_open(port: int) -> Counter[str]:
    """Return how many connection requests to a port waited at one moment, by network.

    A list is not of one moment: it may have one that was given up and the one that took its place. An entry of both
    lists was there between them.
    """
    both = seen_half_open(port) & seen_half_open(port)
    return Counter(socket.inet_ntoa(bytes.fromhex(there[:8])[::-1]).rpartition(".")[0] for there, _ in both)


class Watch:
    """The most connections that were half-open at once, in all and in one network."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.most = self.most_in_net = 0

    async def look(self) -> None:
        while True:
            found = half_open(self._port)
            self.most = max(self.most, found.total())
            self.most_in_net = max([self.most_in_net, *found.values()])
            await asyncio.sleep(0.02)


async def watched(port: int, running: Callable[[], asyncio.Future[list[Report]]]) -> tuple[list[Report], Watch]:
    before = half_open(port)  # of the connections that fill the queue
    watch = Watch(port)
    looking = asyncio.create_task(watch.look())
    reports = await running()
    looking.cancel()
    watch.most -= before.total()
    return reports, watch


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127/8 is loopback only there, and /proc has the states")
@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_connection_requests_wait_than_the_bounds_say(jobs: int) -> None:
    settings = replace(LIFTED, agent=Agent("agent", "Linux"), day=datetime.date(2026, 1, 1))
    bounded = replace(settings, half_open=60, per_net=24, connect_rate=400)

    async def with_jobs(targets: list[Target]) -> list[Report]:
        async with Crew(bounded, LockoutGuard(), jobs, targets, lambda _: None) as crew:
            return [report async for report in crew.results(targets)]

    with silence() as port:
        targets = targets_at(port, 108, 4)
        checked = with_jobs if jobs > 1 else lambda them: collected(bounded, them)
        reports, watch = asyncio.run(watched(port, lambda: asyncio.ensure_future(checked(targets))))
    assert causes(reports) == {"connect.filtered": len(targets)}
    assert watch.most <= 60
    assert watch.most_in_net <= 24
    assert watch.most > 0  # they were seen; tests/net/test_dial_gate.py shows that no place stays empty


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127/8 is loopback only there")
def test_new_connections_are_no_faster_than_the_rate() -> None:
    async def run() -> tuple[list[Report], float]:
        async with serve(misbehave.silent, "0.0.0.0") as server:
            targets = targets_at(server.port, 60)
            began = time.monotonic()
            reports = await collected(replace(LIFTED, connect_rate=50, depth=Step.CONNECT), targets)
            return reports, time.monotonic() - began

    reports, seconds = asyncio.run(run())
    assert len(reports) == 60
    assert sum(report.footprint.connections for report in reports) == 60
    assert seconds >= (60 - 1) / 50 - 0.05


def test_a_wait_for_a_turn_uses_no_time_of_the_target() -> None:
    """The last of ten waits while nine others have their time, and has its own then."""

    async def run(settings: Settings) -> list[Report]:
        with silence() as port:
            return await collected(settings, targets_at(port, 10))

    free, held = clock.run(run(LIFTED)), clock.run(run(replace(LIFTED, half_open=1)))
    assert causes(free) == causes(held) == {"connect.filtered": 10}
    for report in held:
        assert report.seconds == pytest.approx(free[0].seconds, abs=0.1)


def test_a_look_at_the_agent_uses_no_time_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent takes two seconds of three to say which programs it has; the target is as silent as without that."""

    async def looking(probe: Probe) -> None:
        await probe.of_agent("slow programs", lambda: time.sleep(2))
        await probe.connect()

    monkeypatch.setattr(registry, "verifier", lambda _: looking)
    with silence() as port:
        reports = asyncio.run(collected(LIFTED, targets_at(port, 2)))
    assert causes(reports) == {"connect.filtered": 2}


def test_climbs_that_dial_several_ports_at_once_do_not_hold_each_other_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds a connection, and wants three more at the same time: no place is kept while waiting for another."""

    async def run() -> list[Report]:
        async with serve(misbehave.silent, "0.0.0.0") as server:

            async def several(probe: Probe) -> None:
                await probe.connect()
                async with probe.step(Step.HANDSHAKE) as rung:
                    await asyncio.gather(*(probe.dial(probe.host, server.port) for _ in range(3)))
                    rung.ok("connected three more times")

            monkeypatch.setattr(registry, "verifier", lambda _: several)
            targets = targets_at(server.port, 30)
            bounds = replace(LIFTED, half_open=1, per_net=1, connect_rate=1000, depth=Step.HANDSHAKE)
            return await collected(bounds, targets)

    reports = asyncio.run(asyncio.wait_for(run(), 60))
    assert causes(reports) == {"scanready.depth-limited": 30}
    assert {report.footprint.connections for report in reports} == {4}


def test_a_stopped_run_does_not_wait_for_turns() -> None:
    """A minute's worth of targets waits for its first connection; nothing was sent to them, so they are not begun."""

    async def run() -> int:
        async with Run(replace(LIFTED, connect_rate=1)) as run:
            number = 0
            async for _ in run.results(targets_at(1, 60)):
                number += 1
                run.stop()
            return number

    assert 1 <= clock.run(run()) <= 3


def test_several_processes_keep_the_bounds_together() -> None:
    for settings in (Settings(), Settings(half_open=7, connect_rate=10, per_net=3), LIFTED):
        for processes in (1, 2, 3):
            parts = divided(settings, processes)
            assert len(parts) == processes
            for name in ("concurrency", "half_open", "connect_rate", "per_net"):
                whole, each = getattr(settings, name), [getattr(part, name) for part in parts]
                if whole is None:
                    assert each == [None] * processes
                else:
                    assert sum(each) == pytest.approx(whole)
                    assert min(each) > 0


def test_an_option_of_0_lifts_a_bound_and_none_is_the_default() -> None:
    defaults = Settings()
    assert bounds_of(None, None, None) == defaults.bounds == (1000, 500, 100)
    assert bounds_of(0, 0, 0) == (None, None, None)
    assert bounds_of(5, 6, 7) == (5, 6, 7)
