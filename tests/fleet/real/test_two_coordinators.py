"""Two coordinators at one broker ask the same agents about the same estate at once: each gets its own results."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.prober import addresses
from fixtures.fleet.gated import Gated
from fixtures.fleet.rabbitmq import RabbitMq
from fixtures.fleet.site import Site
from fixtures.limits import HANG
from scanready.fleet.names import results_of
from tests.fleet.real.test_estate import until

AGENTS = ("a", "b")
TARGETS = 120
ALL = TARGETS * len(AGENTS)
#: Connections that are answered at a time: fewer than one run has.
ROOM, A_FEW = 40, 4


@pytest.fixture
def gate() -> Iterator[Gated]:
    with Gated() as running:
        yield running


@pytest.fixture
def estate(tmp_path: Path, gate: Gated) -> str:
    targets = [{"host": address, "type": "ssh", "port": gate.port} for address in addresses(TARGETS)]
    file = tmp_path / "estate.yaml"
    file.write_text(json.dumps({"agents": [{"name": name} for name in AGENTS], "targets": targets}))
    return str(file)


@pytest.fixture
def other(site: Site, tmp_path: Path) -> Iterator[Site]:
    """The second coordinator, with a store of its own. It has no agents."""
    folder = tmp_path / "other"
    folder.mkdir()
    with Site(folder, site.broker) as running:
        yield running


def begun(site: Site, other: Site, gate: Gated, estate: str) -> None:
    """Start the agents and both coordinators; return when both runs are in hand at both agents."""
    for name in AGENTS:
        site.start(name)
    for one in (site, other):
        one.coordinator(estate, "--timeout", "300")
    gate.let_through(ROOM)
    until(lambda: site.run_key() and other.run_key() and listed(site) == {site.run_key(), other.run_key()})


def listed(site: Site) -> set[str]:
    """Return the keys of the runs whose results the broker keeps."""
    rows = site.broker.control("list_queues", "--no-table-headers", "-p", "scanready", "name").splitlines()
    return {row.removeprefix(results_of("")) for row in rows if row.startswith(results_of(""))}


def pause(gate: Gated) -> bool:
    """Let a few more connections through; nothing decides which of the two runs they are of. Return False."""
    gate.let_through(A_FEW)
    time.sleep(0.2)
    return False


def ended(site: Site) -> int:
    return site.last_coordinator().wait(HANG)


def demand_all(site: Site) -> None:
    """Each target has one result of each agent, and nothing was refused or told twice."""
    results = site.results()
    places = [(one["target"]["name"], one["agent"]["name"]) for one in results]
    assert len(places) == len(set(places)) == ALL
    assert {one["agent"]["name"] for one in results} == set(AGENTS)
    assert len({one["verdict"] for one in results}) > 1, "the servers differ"
    log = (site.folder / "coordinator.log").read_text()
    assert [line for line in log.splitlines() if "refused" in line and line.startswith("scanready:")] == []


def test_each_gets_its_own_results(site: Site, other: Site, gate: Gated, estate: str) -> None:
    begun(site, other, gate, estate)
    told = site.run("fleet", "status", *site.at_broker("coordinator"))
    runs = [line.split("  ") for line in told.stdout.splitlines()]
    assert sorted(runs) == sorted([one.run_name(), "a, b"] for one in (site, other)), told
    assert "2 runs are under way; 2 agents are there" in told.stderr
    gate.let_through(2 * ALL)
    assert [ended(one) for one in (site, other)] == [1, 1]
    for one in (site, other):
        demand_all(one)
    assert site.answers() == other.answers()
    assert listed(site) == set(), "each has deleted the queue of its run"


def test_one_that_is_killed_leaves_the_other_as_it_is(site: Site, other: Site, gate: Gated, estate: str) -> None:
    begun(site, other, gate, estate)
    until(lambda: other.stored() > 0 or pause(gate))
    other.last_coordinator().kill()
    other.last_coordinator().wait(HANG)
    assert other.stored() < ALL, "it was killed in the middle"
    gate.let_through(2 * ALL)
    assert ended(site) == 1
    demand_all(site)
    assert listed(site) == {other.run_key()}, "the results of the killed one wait"
    other.coordinator("--resume", "last")
    assert ended(other) == 1
    demand_all(other)
    assert site.answers() == other.answers()


def test_one_that_is_cancelled_leaves_the_other_as_it_is(site: Site, other: Site, gate: Gated, estate: str) -> None:
    begun(site, other, gate, estate)
    told = site.run("fleet", "cancel", "last", "--store", str(other.store), *site.at_broker("coordinator"))
    assert told.returncode == 0, told
    gate.let_through(2 * ALL)
    assert ended(site) == 1
    demand_all(site)
    ended(other)
    assert "cancelled" in (other.folder / "coordinator.log").read_text()


def test_one_whose_password_is_refused_leaves_the_other_as_it_is(
    site: Site, other: Site, gate: Gated, estate: str, broker: RabbitMq
) -> None:
    begun(site, other, gate, estate)
    wrong = broker.options("coordinator", "wrong")
    assert other.run("fleet", "verify", estate, "--store", str(other.store), *wrong).returncode == 2
    gate.let_through(2 * ALL)
    assert [ended(one) for one in (site, other)] == [1, 1]
    for one in (site, other):
        demand_all(one)
