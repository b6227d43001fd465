"""An agent is killed in the middle of a wrong login: whenever that is, the server counts at most one refusal."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time

import pytest

from fixtures.fleet.brokered import Brokered
from fixtures.fleet.counted import since_now
from fixtures.fleet.estate import SITES
from fixtures.lab.namespace import wait_until
from fixtures.limits import HANG
from tests.fleet.lab.test_logins_by_broker import BY_NAME, OWN, WRONG, inventory
from tests.fleet.lab.test_logins_by_broker import fleet as fleet  # a fixture

TIMES = 20
FIRST = min(SITES)


def intents(fleet: Brokered) -> int:
    """Return the number of logins that the first agent has noted in its own file."""
    with contextlib.closing(sqlite3.connect(fleet.estate.agents[FIRST].disk / "agent.db")) as file:
        return int(file.execute("SELECT count(*) FROM logins").fetchone()[0])


@pytest.mark.parametrize("number", range(TIMES))
def test_an_agent_that_is_killed_sends_a_wrong_password_once(fleet: Brokered, number: int) -> None:
    """The moment is random within the second visit; the other agents wait for the outcome."""
    fleet.fresh()
    fleet.account(OWN, password=WRONG)
    inventory(fleet, "ssh1")
    fleet.start(FIRST, "proxy-nyc")
    count = since_now(fleet.estate.targets["ssh1"].server)
    words = ("estate.yaml", "--agents", f"{FIRST},proxy-nyc", *BY_NAME[3:])
    going = fleet.coordinator("fleet", "verify", *words, *fleet.at("coordinator"))
    assert wait_until(lambda: "now the logins" in fleet.told()), fleet.told()
    if number % 2:  # in the middle of the login
        assert wait_until(lambda: intents(fleet) > 0, interval=0.002)
    delay = random.Random().uniform(0, 0.05 if number % 2 else 1)
    print(f"killed after {delay:.3f} s")
    time.sleep(delay)  # the random moment is what is tested
    fleet.kill(FIRST)
    fleet.start(FIRST)
    assert going.wait(HANG) in (1, 3), fleet.told()
    assert count() <= 1, fleet.told()
    causes = {cause for _, cause in fleet.answers().values()}
    print(f"the server counted {count()}; the results: {sorted(causes)}")
    assert causes <= {"login.refused", "login.withheld"}, (causes, number)
    assert "login.withheld" in causes
