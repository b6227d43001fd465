"""Two coordinators ask the same agents at once, and one password is wrong: the servers count one refusal in all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.fleet.brokered import Brokered
from fixtures.fleet.counted import since_now
from fixtures.fleet.estate import Estate
from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.limits import HANG
from scanready.store import Store
from tests.fleet.lab.test_logins_by_broker import ACCOUNTS, BY_NAME, CREDENTIALS, OWN, WRONG
from tests.fleet.real.conftest import demand_broker

SERVERS = ("ssh1", "ssh2")
STORES = {"one store": ("runs.db", "runs.db"), "two stores": ("first.db", "second.db")}


@pytest.fixture(scope="module")
def fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokered]:
    demand_broker()
    estate = Estate(lab, tmp_path_factory.mktemp("two"), SERVERS)
    with Brokered(estate, tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(fleet: Brokered) -> Iterator[None]:
    fleet.fresh()
    yield
    fleet.fresh()


def both(fleet: Brokered, stores: tuple[str, str]) -> list[list[tuple[str, str, str]]]:
    """Run two coordinators at once; return target, agent and cause of each result, a list for each."""
    logs = [f"coordinator-{number}.log" for number in range(2)]
    words = ("fleet", "verify", *BY_NAME, *fleet.at("coordinator"))
    going = [fleet.coordinator(*words, "--store", store, log=log) for store, log in zip(stores, logs, strict=True)]
    told = [fleet.estate.disk / log for log in logs]
    assert [one.wait(HANG) in (0, 1, 3) for one in going] == [True, True], [path.read_text() for path in told]
    return [
        answers(fleet.estate.disk / store, run_in(path.read_text())) for store, path in zip(stores, told, strict=True)
    ]


def run_in(log: str) -> str:
    """Return the name of the run in the first line of a coordinator."""
    return log.partition("scanready: run ")[2].partition(" ")[0]


def answers(path: Path, run: str) -> list[tuple[str, str, str]]:
    with Store(path) as store:
        results = [json.loads(line) for line in store.results(store.find(run))]
    return [
        (one["target"]["tags"][0], one["agent"]["name"], one["cause"]["code"] if one["cause"] else "")
        for one in results
    ]


@pytest.mark.parametrize("stores", STORES.values(), ids=STORES)
def test_one_wrong_password_costs_one_refusal_in_all(fleet: Brokered, stores: tuple[str, str]) -> None:
    """The agent that logs in first keeps a journal of its own: coordinators that know nothing of each other ask it."""
    fleet.account(OWN, password=WRONG)
    fleet.estate.inventory(
        credentials=CREDENTIALS, accounts={name: ACCOUNTS[name] for name in SERVERS}, only=SERVERS, agents=False
    )
    fleet.start()
    counts = [since_now(fleet.estate.targets[name].server) for name in SERVERS]
    found = both(fleet, stores)
    assert wait_until(lambda: sum(count() for count in counts) >= 1)
    assert sum(count() for count in counts) == 1
    for one in found:
        places = [(tag, agent) for tag, agent, _ in one]
        assert len(places) == len(set(places)) == len(SERVERS) * len(fleet.estate.agents), one
    causes = sorted(cause for one in found for _, _, cause in one)
    assert causes == ["login.refused"] + ["login.withheld"] * (len(causes) - 1), found


@pytest.mark.parametrize("stores", STORES.values(), ids=STORES)
def test_a_right_password_serves_both(fleet: Brokered, stores: tuple[str, str]) -> None:
    fleet.account(OWN, password=PASSWORD)
    fleet.estate.inventory(
        credentials=CREDENTIALS, accounts={name: ACCOUNTS[name] for name in SERVERS}, only=SERVERS, agents=False
    )
    fleet.start()
    counts = [since_now(fleet.estate.targets[name].server) for name in SERVERS]
    for one in both(fleet, stores):
        assert len(one) == len(SERVERS) * len(fleet.estate.agents)
        assert {cause for _, _, cause in one} == {""}, one
    assert sum(count() for count in counts) == 0
