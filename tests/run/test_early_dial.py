"""A target is dialled before its climb is set up: a silent one takes little memory, and nothing else changes."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
import tracemalloc
from typing import Any

import pytest

from scanready.climb import early_dial
from scanready.climb.probe import Probe
from scanready.model import Outcome, Report, Step, Target, Verdict
from scanready.net import dial as net_dial
from scanready.net import resolve
from scanready.net.sockets import Address, KeepingSocket
from scanready.run import engine
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests import clock
from tests.closed_ports import closed_port
from tests.ladder import BY_NAME, expect, target
from tests.run.test_bounds import LIFTED, collected, silence, targets_at

#: Bytes that a target takes which has not answered yet; 3,700 were measured, and 15,800 with the whole climb.
MOST_BYTES = 5000


@pytest.mark.posix("one epoll set; a wait of the loop's own socket calls takes 2 KB more")
def test_a_silent_target_takes_little_memory() -> None:
    """Five thousand of them at once must not take the memory of the agent's host."""

    async def held(port: int, count: int) -> int:
        """Return the bytes that so many targets hold while they wait."""
        async with Run(LIFTED) as run:
            targets = targets_at(port, count, nets=8)
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            checking = asyncio.create_task(_all(run, targets))
            await asyncio.sleep(1.0)
            gc.collect()
            now, _ = tracemalloc.get_traced_memory()
            assert len(await checking) == count
        return now - before

    with silence() as port:
        clock.run(held(port, 10))  # it loads the modules
        tracemalloc.start()
        try:
            few, many = clock.run(held(port, 100)), clock.run(held(port, 400))
        finally:
            tracemalloc.stop()
    assert (many - few) / 300 < MOST_BYTES


async def _all(run: Run, targets: list[Target]) -> list[Report]:
    return [report async for report in run.results(targets)]


class Climbs:
    """The probes of a test's climbs, and the types and addresses that were dialled before them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.probes = list[Probe]()
        self.early = list[str]()
        self.dialled = list[Address]()
        climb, dial, attempt = Probe.climb, early_dial.dial_early, net_dial.attempt

        async def climbs(probe: Probe, *arguments: Any) -> None:
            self.probes.append(probe)
            await climb(probe, *arguments)

        async def dials(of: Target, *arguments: Any) -> early_dial.Early:
            self.early.append(of.type)
            return await dial(of, *arguments)

        async def attempts(sock: KeepingSocket, address: Address, *arguments: Any) -> OSError | None:
            self.dialled.append(address)
            return await attempt(sock, address, *arguments)

        monkeypatch.setattr(Probe, "climb", climbs)
        monkeypatch.setattr(engine, "dial_early", dials)
        monkeypatch.setattr(early_dial, "attempt", attempts)


@pytest.mark.parametrize("type_", [row.name for row in BY_NAME.values() if not row.hostless])
def test_a_climb_uses_what_was_dialled_before_it(monkeypatch: pytest.MonkeyPatch, type_: str) -> None:
    """Else the target had a connection for nothing, and its climb would dial once more."""
    climbs = Climbs(monkeypatch)
    with closed_port() as port:
        where = Target("127.0.0.1", type_, port, explicit_port=True)
        (report,) = clock.run(collected(Settings(canary=False), [where]))
    assert bool(climbs.early) is not BY_NAME[type_].privileged, "a port of ours below 1024 is the verifier's to ask for"
    assert climbs.dialled == ([(socket.AF_INET, ("127.0.0.1", port))] if climbs.early else [])
    assert climbs.probes[0]._dialled is None
    assert sum(check.step is Step.CONNECT and check.outcome is Outcome.FAILED for check in report.checks) == 1


@pytest.mark.parametrize(
    ("type_", "options"),
    [
        ("https", {"proxy": "127.0.0.9:9"}),
        ("ews", {"autodiscover": True}),
        ("mssql", {"instance": "HR"}),
        ("nfs", {}),
    ],
    ids=["through a proxy", "where autodiscover leads", "at the port of an instance", "from a reserved port"],
)
def test_a_climb_that_begins_elsewhere_is_not_dialled_early(
    monkeypatch: pytest.MonkeyPatch, type_: str, options: dict[str, object]
) -> None:
    row = BY_NAME[type_]
    assert not row.begins_at_its_port(Target("127.0.0.1", type_, row.port, options))
    assert BY_NAME["https"].begins_at_its_port(Target("127.0.0.1", "https", 443, {"path": "/login"}))


def test_a_second_type_on_a_port_asks_what_the_first_one_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    climbs = Climbs(monkeypatch)
    with closed_port() as port:
        both = [target("ssh", "127.0.0.1", port), target("postgresql", "127.0.0.1", port)]
        reports = clock.run(collected(Settings(canary=False), both))
    assert len(climbs.early) == len(climbs.dialled) == 1
    assert [report.cause.code for report in reports if report.cause] == ["connect.refused"] * 2


def test_the_look_up_of_a_name_is_on_its_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes place before the climb, and once."""
    asked = list[str]()

    def look_up(host: str, port: int) -> list[Address]:
        asked.append(host)
        time.sleep(0.2)
        return [(socket.AF_INET, ("127.0.0.1", port))]

    monkeypatch.setattr(resolve, "_lookup", look_up)
    with closed_port() as port:
        # In real time: the thread sleeps, and a clock that jumps counts only a part of that.
        (report,) = asyncio.run(collected(Settings(canary=False), [target("ssh", "db7.corp", port)]))
    resolved, connected = (next(one for one in report.checks if one.step is s) for s in (Step.RESOLVE, Step.CONNECT))
    assert asked == ["db7.corp"]
    assert resolved.seconds >= 0.2
    assert connected.seconds < 0.2
    assert report.seconds >= 0.2


def test_a_name_that_does_not_resolve_is_judged_by_the_climb(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: str, port: int) -> list[Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(resolve, "_lookup", look_up)
    (report,) = clock.run(collected(Settings(canary=False), [target("ssh", "nowhere.corp", 22)]))
    expect(report, Verdict.BLOCKED, "resolve.not-found", step=Step.RESOLVE)
