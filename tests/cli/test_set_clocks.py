"""A wall clock may be set at any time: no jump lets a refused secret out again or withholds it for good."""

from __future__ import annotations

import datetime
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from scanready.cli.job.earlier import acceptance_of
from scanready.run import timestamps
from scanready.store import Account, Event, boot_clock, journal, read_accounts
from scanready.store.database import open_for_writing
from tests.cli.test_lockout_across_runs import CLOCKS, WITHHELD, Site, _accepted, _entry
from tests.cli.test_lockout_across_runs import site as site  # a fixture

YEAR = 365 * 24


def start_anew(site: Site) -> None:
    """Let the host start again: the time since its start says nothing of the notes before."""
    with sqlite3.connect(site.where / "runs.db") as connection:
        for table, column in CLOCKS:
            connection.execute(f"UPDATE {table} SET {column} = 'another-start 5.000' WHERE {column} != ''")
    connection.close()


@pytest.mark.parametrize(
    "hours", [-YEAR, -3, 30, YEAR], ids=["back-a-year", "back-3-h", "forward-30-h", "forward-a-year"]
)
def test_a_clock_that_is_set_between_two_runs_lets_nothing_out(site: Site, hours: float) -> None:
    site.causes()
    site.set_clock(hours)
    assert site.causes() == WITHHELD
    site.set_clock(-hours)
    assert site.causes() == WITHHELD
    assert site.refused == 1
    site.pass_time(25)
    assert "login.refused" in site.causes(), "a day has passed, whatever the clock was in it"
    assert site.refused == 2


def test_a_note_of_a_moment_to_come_binds_a_day_from_when_it_was_seen(site: Site) -> None:
    site.causes()
    site.set_clock(-YEAR)
    start_anew(site)
    assert site.causes() == WITHHELD
    site.pass_time(20)
    assert site.causes() == WITHHELD
    site.pass_time(5)
    assert "login.refused" in site.causes()
    assert site.refused == 2


def test_a_clock_that_is_set_back_and_right_again_binds_by_the_right_time(site: Site) -> None:
    site.causes()
    site.set_clock(-YEAR)
    start_anew(site)
    assert site.causes() == WITHHELD
    site.set_clock(YEAR)
    start_anew(site)
    assert site.causes() == WITHHELD
    assert site.refused == 1


def test_a_login_of_a_killed_run_binds_as_long_after_a_jump(site: Site) -> None:
    site.inventory = site.estate("slow-login")
    assert site.causes("--timeout", "1") != ["login.withheld"]
    site.set_clock(-YEAR)
    start_anew(site)
    site.inventory = site.estate("judges", "judges")
    assert site.causes() == ["login.withheld"] * 2
    site.pass_time(25)
    assert site.causes(PW="right") == ["scannable"] * 2


def test_a_corrected_secret_is_used_at_once_whatever_the_clock(site: Site) -> None:
    secret = site.where / "pw"
    secret.write_text("wrong")
    secret.chmod(0o600)
    site.inventory = site.estate("judges", password=f"file:{secret}")
    site.causes()
    site.set_clock(-YEAR)
    secret.write_text("right")
    assert site.causes() == ["scannable"]
    site.set_clock(-YEAR)
    assert site.causes() == ["scannable"]


AD = Account("ad", "er", None, "env:PW", "nyc")


def at(hour: int) -> str:
    return f"2020-11-27T{hour:02d}:00:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def log_in(path: Path, effect: str, begun: int, ended: int, *names: str) -> None:
    """Write down a login at the names of one host, in the notes of run 1."""
    connection = open_for_writing(path)
    for name in names:
        journal.begin(connection, AD, name, f"{names[0]}:445", at(begun))
    for name in names:
        journal.end(connection, AD, name, "login.refused", effect, 1, at(ended))
    connection.close()


def test_one_refusal_counts_once_though_the_clock_was_set_back_in_it(path: Path) -> None:
    log_in(path, "refused", 12, 6, "fs01", "10.0.0.4")
    assert read_accounts(path)[0].refusals == 1


def test_a_second_refusal_of_a_run_counts_though_the_clock_was_set_back_before_it(path: Path) -> None:
    log_in(path, "refused", 12, 13, "fs01", "10.0.0.4")
    log_in(path, "refused", 6, 7, "fs01", "10.0.0.4")
    assert read_accounts(path)[0].refusals == 2


def test_a_file_for_others_has_no_acceptance_that_seems_to_be_later_than_the_refusal(path: Path) -> None:
    log_in(path, "proven", 12, 13, "fs01")
    log_in(path, "refused", 6, 7, "fs02")
    (record,) = read_accounts(path)
    assert (record.refusals, acceptance_of(record)) == (1, [])
    log_in(path, "refused", 14, 15, "fs02")
    (record,) = read_accounts(path)
    assert acceptance_of(record) == [Event("", "fs01:445", at(13), "nyc")]


def later(hours: float) -> str:
    return timestamps.written(datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours))


GUARDS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "refused in a year": ([_entry(when=later(YEAR))], WITHHELD),
    "accepted in a year": (
        [_entry(where="127.0.0.2:99"), _accepted(where="127.0.0.2:99", when=later(YEAR))],
        WITHHELD,
    ),
    "accepted in an hour": ([_entry(), _accepted(when=later(1))], WITHHELD),
    "both in a year": ([_entry(when=later(YEAR)), _accepted(when=later(YEAR + 1))], WITHHELD),
    "ambiguous twice in a year": (
        [_entry(ambiguous=True, when=later(YEAR)), _entry(ambiguous=True, when=later(YEAR + 1))],
        WITHHELD,
    ),
}


@pytest.mark.parametrize("case", GUARDS)
def test_a_file_of_an_agent_whose_clock_is_ahead_lets_nothing_out(site: Site, case: str) -> None:
    entries, expected = GUARDS[case]
    path = site.where / "other.json"
    path.write_text(json.dumps({"accounts": entries}))
    assert site.causes("--guard", str(path), PW="right") == expected


def test_a_refusal_of_a_clock_that_is_ahead_is_passed_on_and_ends_when_a_server_accepts(site: Site) -> None:
    """From A, whose clock is a year ahead, to B to C. Then B has the right secret, and D gets its file."""
    site.inventory = site.estate("judges")
    a, b, c = (str(site.where / name) for name in ("a.json", "b.scanready", "c.scanready"))
    Path(a).write_text(json.dumps({"accounts": [_entry(where="127.0.0.1:99", when=later(YEAR), agent="a")]}))

    def verify(name: str, *options: str, password: str = "wrong") -> list[str]:
        return site.causes(*options, SCANREADY_STORE=str(site.where / f"{name}.db"), PW=password)

    assert verify("b", "--guard", a, "--export", b) == ["login.withheld"]
    assert verify("c", "--guard", b, "--export", c) == ["login.withheld"]
    assert verify("b", "--guard", a, "--retry-refused", "--export", b, password="right") == ["scannable"]
    assert verify("d", "--guard", b, password="right") == ["scannable"]


@pytest.mark.parametrize(
    ("then", "this", "expected"),
    [
        ("b 100.0", "b 160.0", "2020-11-27T11:59:00.000Z"),
        ("b 100.0", "c 160.0", at(9)),
        ("b 100.0", "b 60.0", at(9)),  # a virtual machine went back to an earlier state
        ("", "b 60.0", at(9)),
        ("b 1.0", "", at(9)),
        ("b nan", "b 60.0", at(9)),
        ("b 0", "b 1e300", at(12)),
    ],
)
def test_the_age_of_a_note(then: str, this: str, expected: str) -> None:
    assert boot_clock.counted_from(at(9), then, "", at(12), this) == expected
