"""``scanready credentials`` at a coordinator: the logins of its agents beside those of this host."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from scanready.run import timestamps
from scanready.store import Account, journal
from scanready.store.database import open_for_writing
from tests.cli.in_process import call

OWN = Account("ad", "er", "corp", "env:PW", "here")
AGENT = Account("ad", "er", "corp", "", "proxy-nyc", "proxy-nyc")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def log_in(store: Path, account: Account, effect: str, host: str) -> None:
    with contextlib.closing(open_for_writing(store)) as file:
        journal.begin(file, account, host, f"{host}:445", timestamps.now())
        journal.end(file, account, host, "login.refused", effect, 1, timestamps.now())


def test_the_table_names_the_agents(store: Path) -> None:
    log_in(store, OWN, "proven", "fs01")
    log_in(store, AGENT, "refused", "fs02")
    shown = call("credentials", "--store", str(store)).output
    rows = [line.split() for line in shown.splitlines() if line.startswith("ad")]
    assert [row[:3] for row in rows] == [["ad", "er", "corp"]] * 2, shown
    assert rows[0][3:6] == ["this", "host", "accepted"], shown
    assert rows[1][3:6] == ["proxy-nyc", "refused", "fs02:445"], shown


def test_the_table_of_one_host_has_no_agents(store: Path) -> None:
    log_in(store, OWN, "proven", "fs01")
    shown = call("credentials", "--store", str(store)).output
    assert "this host" not in shown
    assert " agent" not in shown


def test_a_file_for_guard_has_the_logins_of_this_host_only(store: Path) -> None:
    log_in(store, AGENT, "refused", "fs02")
    found = json.loads(call("credentials", "--json", "--store", str(store)).output)
    assert found["accounts"] == []
    (entry,) = found["fleet"]
    assert (entry["agent"], entry["where"], entry["withheld"]) == ("proxy-nyc", "fs02:445", True)


def test_an_entry_is_cleared_for_all_agents(store: Path) -> None:
    log_in(store, OWN, "refused", "fs01")
    log_in(store, AGENT, "refused", "fs02")
    done = call("credentials", "--forget", "ad", "--store", str(store))
    assert done.exit_code == 0, done.output
    assert json.loads(call("credentials", "--json", "--store", str(store)).output) == {"accounts": []}
