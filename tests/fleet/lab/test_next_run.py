"""A wrong password of one run binds the next one, whichever agents that has, and even if its coordinator was killed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

from fixtures.fleet.brokered import Brokered
from fixtures.fleet.counted import since_now
from fixtures.fleet.estate import SITES, Estate
from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.limits import HANG
from tests.fleet.real.conftest import demand_broker

TARGETS = ("ssh1", "ssh2", "db2")
CREDENTIALS = """\
  shared: {username: scanuser, authority: corp}
  base: {username: scan, authority: databases}"""
OWN = """\
shared: {username: scanuser, password: 'PASSWORD', authority: corp, hosts: ['*.lab']}
base: {username: scan, password: 'PASSWORD', authority: databases, hosts: ['*.lab']}
"""
ACCOUNTS = {"ssh1": "shared", "ssh2": "shared", "db2": "base"}
WRONG = "not-this-one"
FIRST, *OTHERS = sorted(SITES)
TIMES = 4


@pytest.fixture(scope="module")
def fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokered]:
    demand_broker()
    estate = Estate(lab, tmp_path_factory.mktemp("joined"), TARGETS)
    with Brokered(estate, tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(fleet: Brokered) -> Iterator[None]:
    fleet.fresh()
    fleet.account(OWN, password=WRONG)
    yield
    fleet.fresh()


def refusals(fleet: Brokered, *names: str) -> Callable[[], int]:
    """Write the inventory of these targets; return what counts the logins that their servers refuse from now on."""
    fleet.estate.inventory(credentials=CREDENTIALS, accounts=ACCOUNTS, only=names, agents=False)
    counts = [since_now(fleet.estate.targets[name].server) for name in names]
    return lambda: sum(count() for count in counts)


def by(*agents: str) -> tuple[str, ...]:
    return "estate.yaml", "--agents", ",".join(agents), "--agent-timeout", "60s"


def causes(fleet: Brokered, *agents: str) -> list[str]:
    return sorted(cause for _, cause in fleet.verify(*by(*agents)).values())


def test_another_agent_does_not_repeat_a_refusal(fleet: Brokered) -> None:
    count = refusals(fleet, "ssh1", "ssh2")
    fleet.start()
    assert causes(fleet, FIRST) == ["login.refused", "login.withheld"], fleet.told()
    for agent in OTHERS:
        assert causes(fleet, agent) == ["login.withheld"] * 2, fleet.told()
    assert count() == 1
    shown = fleet.estate.coordinator("credentials").stdout
    assert FIRST in shown
    fleet.account(OWN, OTHERS[0], password=PASSWORD)
    found = fleet.verify(*by(FIRST, *OTHERS[:1]))
    assert {answer for (_, agent), answer in found.items() if agent == OTHERS[0]} == {("scannable", "")}, fleet.told()
    assert count() == 1, "a corrected file is used without an option, and the others are not"


@pytest.mark.parametrize("number", range(TIMES))
def test_a_coordinator_that_is_killed_before_its_logins_costs_one_refusal(fleet: Brokered, number: int) -> None:
    """The moment is random: before the login is sent, while it is made, or after it."""
    count = refusals(fleet, "ssh1", "ssh2")
    fleet.start(FIRST, OTHERS[0])
    going = fleet.coordinator("fleet", "verify", *by(FIRST), *fleet.at("coordinator"))
    assert wait_until(lambda: "now the logins" in fleet.told(), interval=0.002), fleet.told()
    delay = random.Random().uniform(0, 0.5) * (number % 2)
    time.sleep(delay)  # the random moment is what is tested
    going.kill()
    going.wait(HANG)
    first = causes(fleet, OTHERS[0])
    again = causes(fleet, FIRST, OTHERS[0])
    print(f"killed after {delay:.3f} s: {first}, {again}, {count()} refused")
    assert {*first, *again} <= {"login.refused", "login.withheld"}, fleet.told()
    assert count() <= 1, fleet.told()
    fleet.verify("--resume", "last~2", "--agent-timeout", "60s")
    assert count() == 1, "the run that goes on finds out what became of its login"


def test_an_ambiguous_refusal_is_repeated_once_by_another_agent_in_all_runs(fleet: Brokered) -> None:
    """Error 1045 may be about the address of the agent."""
    count = refusals(fleet, "db2")
    fleet.start()
    assert causes(fleet, FIRST) == ["login.refused"], fleet.told()
    assert wait_until(lambda: count() == 1)
    assert causes(fleet, FIRST) == ["login.withheld"], fleet.told()
    assert causes(fleet, FIRST, OTHERS[0]) == ["login.refused", "login.withheld"], fleet.told()
    assert wait_until(lambda: count() == 2)
    for agent in OTHERS:
        assert causes(fleet, agent) == ["login.withheld"], fleet.told()
    assert causes(fleet, *OTHERS) == ["login.withheld"] * len(OTHERS), fleet.told()
    assert count() == 2
