"""Agents, broker and coordinator are killed at random points: no result is lost, and none is there twice.

A point is a number of stored results, so the points are spread over the run however fast the machine is. The servers
answer only as many connections as :class:`Gated` lets through, so a run does not overtake its points.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.prober import addresses
from fixtures.fleet.gated import Gated
from fixtures.fleet.rabbitmq import RabbitMq
from fixtures.fleet.site import AGENTS, Site, stop_politely
from fixtures.limits import HANG, PATIENCE
from scanready.fleet.names import tasks_of

#: Kills of each kind: one of each agent in each run, and as many of the broker and the coordinator.
RUNS = 4
KILLS = len(AGENTS)
TARGETS = 500
#: Each target is checked by so many agents.
VIEWS = 2
#: Connections that are answered before the next look at the store. It is more than a message of results has.
ROOM = 60
#: Seconds without a result after which those connections count as used up.
_UNUSED = 2.0
#: The seed of the points; set it to repeat a run.
SEED = int(os.environ.get("SCANREADY_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
#: Long enough for a target that waits for its turn while the broker is away.
TIMEOUT = "600"
#: The exit code of an agent or a coordinator that cannot use the broker at its start.
NO_BROKER = 2

Results = Mapping[tuple[str, str], Any]


@pytest.fixture(scope="module")
def gate() -> Iterator[Gated]:
    with Gated() as running:
        yield running


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, gate: Gated) -> Path:
    """Five hundred targets; each is checked by two agents."""
    targets = [
        {
            "host": address,
            "type": "ssh",
            "port": gate.port,
            "agents": [AGENTS[(number + shift) % len(AGENTS)] for shift in range(VIEWS)],
        }
        for number, address in enumerate(addresses(TARGETS))
    ]
    agents = [{"name": name, "sites": ["all"]} for name in AGENTS]
    file = tmp_path_factory.mktemp("estate") / "estate.yaml"
    file.write_text(json.dumps({"agents": agents, "targets": targets}))
    return file


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, broker: RabbitMq, gate: Gated, estate: Path) -> Results:
    with Site(tmp_path_factory.mktemp("undisturbed"), broker) as site:
        start_all(site)
        gate.let_through(VIEWS * TARGETS)
        told = site.verify(str(estate), "--timeout", TIMEOUT)
        results = without_times(site)
    assert len(results) == VIEWS * TARGETS, told.stderr
    assert len({one["verdict"] for one in results.values()}) > 1, "the results differ, or their order would not matter"
    return results


def start_all(site: Site) -> None:
    for name in AGENTS:
        site.start(name)


def without_times(site: Site) -> Results:
    """Return the results of the last run by target and agent, without the fields that measure time."""
    found = [_timeless(one) for one in site.results()]
    by_place = {(one["target"]["name"], one["agent"]["name"]): one for one in found}
    assert len(by_place) == len(found), "a result is there twice"
    return by_place


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(held) for name, held in value.items() if name not in ("started", "seconds")}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def differences(found: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """Yield where two results differ, so that a failure shows it among a thousand of them."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in {**found, **wanted}:
            yield from differences(found.get(name), wanted.get(name), f"{path}/{name}")
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        for place, (one, other) in enumerate(zip(found, wanted, strict=True)):
            yield from differences(one, other, f"{path}/{place}")
    elif found != wanted:
        yield f"{path}: {found!r} is not {wanted!r}"


class Run:
    """One run of ``fleet verify``, continued whenever its coordinator was killed."""

    def __init__(self, site: Site, gate: Gated, estate: Path) -> None:
        self._site, self._gate = site, gate
        self._coordinator = site.coordinator(str(estate), "--timeout", TIMEOUT)

    def reach(self, wanted: int) -> None:
        """Return when so many results are stored."""
        self._go_on(lambda: self._site.stored() >= wanted)

    def end(self) -> int:
        """Return the exit code of the coordinator that ends the run."""
        self._go_on(lambda: self._coordinator.poll() not in (None, NO_BROKER))
        return self._coordinator.wait(HANG)

    def kill(self, victim: str) -> None:
        """Kill it, and start it again."""
        if victim == "broker":
            self._site.broker.kill()
            self._site.broker.start()
        elif victim == "coordinator":
            self._coordinator.kill()
            self.resume()
        else:
            self._site.kill(victim)
            self._site.start(victim)

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        return stop_politely(self._coordinator)

    def resume(self) -> None:
        """Continue the run with another coordinator."""
        self._coordinator.wait(HANG)
        self._coordinator = self._site.coordinator("--resume", "last")

    def _start_again(self) -> None:
        """Start what ended because the broker was away at its start, as a service manager does."""
        words = "start RabbitMQ there, or correct the port"
        if self._coordinator.poll() == NO_BROKER:
            assert words in (self._site.folder / "coordinator.log").read_text()
            self.resume()
        for name in AGENTS:
            if not self._site.is_alive(name):
                assert words in self._site.log(name), self._site.exit_code(name)
                self._site.start(name)

    def _is_away(self, name: str) -> bool:
        log = self._site.log(name)
        return log.rfind("; trying again") > max(map(log.rfind, ("results are sent again", "waiting for targets")))

    def _go_on(self, done: Any) -> None:
        """Let connections through as results arrive, or if none does: a killed agent has used up some of them.

        An agent has all its targets in hand. While it cannot send results, it must not finish them all.
        """
        stored, since = -1, time.monotonic()
        let = since
        while not done():
            self._start_again()
            now = time.monotonic()
            assert now < since + PATIENCE, f"no result after {stored}"
            if (found := self._site.stored()) != stored:
                stored = found
                since = let = now
                self._gate.let_through(ROOM)
            elif now > let + _UNUSED and not any(map(self._is_away, AGENTS)):
                let = now
                self._gate.let_through(ROOM)
            time.sleep(0.05)


@pytest.mark.timeout(600)  # the broker starts five times in each run, with one core for it and the agents
@pytest.mark.parametrize("number", range(RUNS))
def test_what_is_killed_costs_no_result(
    site: Site, gate: Gated, estate: Path, undisturbed: Results, number: int
) -> None:
    drawn = random.Random(SEED + number)
    victims = [*AGENTS, *["broker"] * KILLS, *["coordinator"] * KILLS]
    drawn.shuffle(victims)
    # Agents have finished more than is stored while the broker is away: four messages of results of room for that.
    points = sorted(drawn.sample(range(1, VIEWS * TARGETS - 4 * ROOM), len(victims)))
    print(f"SCANREADY_SEED={SEED}, run {number}: {list(zip(points, victims, strict=True))}")
    start_all(site)
    run = Run(site, gate, estate)
    for point, victim in zip(points, victims, strict=True):
        run.reach(point)
        assert site.stored() < VIEWS * TARGETS, "the run was over before this point"
        run.kill(victim)
    assert run.end() == 1
    assert list(differences(without_times(site), undisturbed)) == []
    gate.let_through(VIEWS * TARGETS)  # batches that were delivered again are in an agent's hands yet
    demand_empty_queues(site)


def demand_empty_queues(site: Site) -> None:
    """Every batch is acknowledged in the end: none is delivered for ever."""
    deadline = time.monotonic() + PATIENCE
    while True:
        rows = site.broker.control(
            "list_queues", "--no-table-headers", "-p", "scanready", "name", "messages"
        ).splitlines()
        left = {name: int(count) for name, count in (row.split("\t") for row in rows if "\t" in row) if count != "0"}
        if not left.keys() & set(map(tasks_of, AGENTS)):
            return
        assert time.monotonic() < deadline, left


def test_an_interrupted_run_is_continued(site: Site, gate: Gated, estate: Path, undisturbed: Results) -> None:
    start_all(site)
    run = Run(site, gate, estate)
    run.reach(random.Random(SEED).randrange(1, VIEWS * TARGETS - ROOM))
    assert run.interrupt() == 130
    run.resume()
    assert run.end() == 1
    assert list(differences(without_times(site), undisturbed)) == []
