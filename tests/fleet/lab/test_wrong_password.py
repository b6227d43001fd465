"""One wrong password and four agents: the servers and the domain controller count one refused login."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fixtures.fleet.counted import since_now
from fixtures.fleet.estate import Estate
from fixtures.lab.accounts import PASSWORD
from fixtures.lab.namespace import wait_until

CREDENTIALS = """\
  shared: {username: scanuser, password: 'file:password', authority: corp}
  domain: {username: 'LAB\\scanuser', password: 'file:password', authority: corp}"""
ACCOUNTS = {"ssh1": "shared", "ssh2": "shared", "db1": "shared", "dc": "domain"}
COUNTED = ("ssh1", "ssh2", "db1", "dc")


@pytest.fixture(autouse=True)
def _fresh(estate: Estate) -> Iterator[None]:
    """Every agent begins without a store, as on the day of its installation."""
    yield
    for agent in estate.agents.values():
        for path in agent.disk.glob("runs.db*"):
            path.unlink()


def write_password(estate: Estate, text: str) -> None:
    for agent in estate.agents.values():
        path = agent.disk / "password"
        path.write_text(text)
        path.chmod(0o600)


def verify_in_turn(estate: Estate) -> list[dict[str, str | None]]:
    """Check with one agent after another, each with the files of those before it; return the causes by target."""
    guards: list[str] = []
    found = []
    for name, agent in estate.agents.items():
        words = [word for path in guards for word in ("--guard", path)]
        export = agent.disk / f"{name}.scanready"
        done = agent.scanready(
            "verify", "estate.yaml", "--as", name, "--export", str(export), "--format", "jsonl", *words
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert results, done.stderr
        found.append({one["target"]["tags"][0]: one["cause"] and one["cause"]["code"] for one in results})
        guards.append(str(export))
    return found


@pytest.mark.parametrize("first", ["dc", "ssh1", "db1"])
def test_four_agents_and_one_wrong_password(estate: Estate, first: str) -> None:
    """Whichever server judges the account first: the sum of all refusals that the servers count is one."""
    write_password(estate, "not-this-one\n")
    only = [first, *(name for name in COUNTED if name != first)]
    accounts = {name: ACCOUNTS[name] for name in only}
    estate.inventory(credentials=CREDENTIALS, accounts=accounts, only=only)
    counts = {name: since_now(estate.targets[name].server) for name in COUNTED}
    found = verify_in_turn(estate)
    assert wait_until(lambda: sum(count() for count in counts.values()) >= 1)
    assert sum(count() for count in counts.values()) == 1, {name: count() for name, count in counts.items()}
    refused, *later = found
    assert set(refused.values()) == {"login.refused", "login.withheld"}
    assert all(set(codes.values()) == {"login.withheld"} for codes in later), found


def test_a_corrected_file_works_at_the_next_run_without_an_option(estate: Estate) -> None:
    write_password(estate, "not-this-one\n")
    estate.inventory(credentials=CREDENTIALS, accounts=ACCOUNTS, only=["ssh1", "ssh2"])
    name, agent = next(iter(estate.agents.items()))
    count = since_now(estate.targets["ssh1"].server), since_now(estate.targets["ssh2"].server)
    verify = ("verify", "estate.yaml", "--as", name, "--format", "jsonl")
    assert agent.scanready(*verify).returncode == 1
    again = [json.loads(line) for line in agent.scanready(*verify).stdout.splitlines()]
    assert {one["cause"]["code"] for one in again} == {"login.withheld"}
    assert sum(one() for one in count) == 1
    write_password(estate, f"{PASSWORD}\n")
    mended = [json.loads(line) for line in agent.scanready(*verify).stdout.splitlines()]
    assert [one["verdict"] for one in mended] == ["scannable", "scannable"], [one["cause"] for one in mended]
    assert sum(one() for one in count) == 1
