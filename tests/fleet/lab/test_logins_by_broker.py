"""Four agents at one broker log in: a wrong password costs one refusal in sum, a right one makes targets scannable."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fixtures.fleet.brokered import Brokered
from fixtures.fleet.counted import since_now
from fixtures.fleet.estate import Estate
from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from tests.fleet.real.conftest import demand_broker

CREDENTIALS = """\
  shared: {username: scanuser, authority: corp}
  domain: {username: 'LAB\\scanuser', authority: corp}
  base: {username: er, authority: corp}"""
OWN = """\
shared: {username: scanuser, password: 'PASSWORD', authority: corp, hosts: ['*.lab', '10.0.0.0/8']}
domain: {username: 'LAB\\scanuser', password: 'PASSWORD', authority: corp, hosts: ['*.lab']}
base: {username: er, password: 'PASSWORD', authority: corp, hosts: ['*.lab']}
"""
ACCOUNTS = {"ssh1": "shared", "ssh2": "shared", "db1": "shared", "dc": "domain"}
WRONG = "not-this-one-canary"
BY_NAME = ("estate.yaml", "--agents", "proxy-nyc,proxy-lon,proxy-both,proxy-plant", "--agent-timeout", "60s")


@pytest.fixture(scope="module")
def fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokered]:
    demand_broker()
    estate = Estate(lab, tmp_path_factory.mktemp("joined"), tuple(ACCOUNTS))
    with Brokered(estate, tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(fleet: Brokered) -> Iterator[None]:
    fleet.fresh()
    yield
    fleet.fresh()


def holders(fleet: Brokered, text: str) -> set[str]:
    """Return the files of agents, coordinator and broker that hold a text, but for the file that is to have it."""
    folders = (fleet.estate.disk, fleet.broker.folder)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != "password"]
    return {str(path) for path in files if text.encode() in path.read_bytes()}


def inventory(fleet: Brokered, *only: str, db1: str = "shared") -> None:
    """``db1`` is the credential of the database, which knows the account ``er`` only."""
    accounts = {name: ACCOUNTS[name] for name in only} | {"db1": db1}
    fleet.estate.inventory(credentials=CREDENTIALS, accounts=accounts, only=only, agents=False)


@pytest.mark.parametrize("names", [("ssh1", "ssh2"), ("db1", "ssh1"), ("dc", "ssh1", "db1")], ids="-".join)
def test_one_wrong_password_costs_one_refusal(fleet: Brokered, names: tuple[str, ...]) -> None:
    fleet.account(OWN, password=WRONG)
    inventory(fleet, *names)
    fleet.start()
    counts = {name: since_now(fleet.estate.targets[name].server) for name in names}
    found = fleet.verify(*BY_NAME)
    assert wait_until(lambda: sum(count() for count in counts.values()) >= 1)
    assert sum(count() for count in counts.values()) == 1, {name: count() for name, count in counts.items()}
    assert len(found) == 4 * len(names)
    causes = sorted(cause for _, cause in found.values())
    assert causes == ["login.refused"] + ["login.withheld"] * (len(found) - 1), fleet.told()
    again = fleet.verify(*BY_NAME)
    assert {cause for _, cause in again.values()} == {"login.withheld"}, fleet.told()
    assert sum(count() for count in counts.values()) == 1, "the journal of the agent binds the next run"
    assert holders(fleet, WRONG) == set(), "stores, logs and queues hold no secret"


def test_a_right_password_makes_every_target_scannable(fleet: Brokered) -> None:
    fleet.account(OWN, password=PASSWORD)
    inventory(fleet, *ACCOUNTS, db1="base")
    fleet.start()
    found = fleet.verify(*BY_NAME)
    assert set(found.values()) == {("scannable", "")}, (found, fleet.told())
    assert len(found) == 16


def test_a_corrected_file_works_at_the_next_run_without_an_option(fleet: Brokered) -> None:
    fleet.account(OWN, password=WRONG)
    inventory(fleet, "ssh1", "ssh2")
    fleet.start()
    assert "login.refused" in {cause for _, cause in fleet.verify(*BY_NAME).values()}
    fleet.account(OWN, password=PASSWORD)
    found = fleet.verify(*BY_NAME)
    assert set(found.values()) == {("scannable", "")}, (found, fleet.told())


def test_the_estate_takes_the_refusal(fleet: Brokered) -> None:
    fleet.account(OWN, password=WRONG)
    inventory(fleet, "ssh1", "ssh2")
    fleet.start()
    fleet.verify(*BY_NAME)
    document = json.loads(fleet.estate.coordinator("report", "last", "--format", "json").stdout)
    rows = document["estate"]["targets"]
    assert {(one["verdict"], one["cause"]) for one in rows} == {("blocked", "login.refused")}
