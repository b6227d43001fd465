"""Agent, broker and coordinator are killed at random points: no result is lost, and none is there twice."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable

import pytest

from fixtures.fleet.site import Servers, Site, stop_politely
from fixtures.limits import HANG
from tests.fleet.real.test_estate import until

Answers = set[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, broker: object, servers: Servers) -> Answers:
    from fixtures.fleet.rabbitmq import RabbitMq

    assert isinstance(broker, RabbitMq)
    with Site(tmp_path_factory.mktemp("undisturbed"), broker) as site:
        for name in "abc":
            site.start(name)
        site.verify(str(servers.inventory), *ESTATE)
        answers = site.answers()
    assert len(answers) > 120
    return answers


def kill_agent(site: Site) -> None:
    site.kill("b")
    site.start("b")


def kill_broker(site: Site) -> None:
    site.broker.kill()
    site.broker.start()


VICTIMS: dict[str, Callable[[Site], None]] = {"an agent": kill_agent, "the broker": kill_broker}
#: The time of a target is longer than by default, for a machine that runs three agents and their servers.
ESTATE = ("--agents", "a,b,c", "--timeout", "20")


def begun(site: Site, servers: Servers) -> subprocess.Popen[bytes]:
    """Start the agents and a coordinator; return it after a random number of results."""
    for name in "abc":
        site.start(name)
    until(lambda: all("waiting for targets" in site.log(name) for name in "abc"))
    going = site.coordinator(str(servers.inventory), *ESTATE)
    wanted = random.Random().randint(1, 120)
    print(f"killed after {wanted} results")
    until(lambda: site.stored() >= wanted)
    return going


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("round_", [1, 2], ids=["once", "again"])
def test_who_is_killed_costs_no_result(
    site: Site, servers: Servers, undisturbed: Answers, victim: str, round_: int
) -> None:
    going = begun(site, servers)
    VICTIMS[victim](site)
    assert going.wait(HANG) == 1
    assert site.answers() == undisturbed


@pytest.mark.parametrize("politely", [False, True], ids=["SIGKILL", "SIGINT"])
def test_a_coordinator_that_ends_is_continued(
    site: Site, servers: Servers, undisturbed: Answers, politely: bool
) -> None:
    going = begun(site, servers)
    if politely:
        assert stop_politely(going) == 130
    else:
        going.kill()
        going.wait(HANG)
    told = site.verify("--resume", "last")
    assert told.returncode == 1, told.stderr
    assert site.answers() == undisturbed
