"""The journal of accounts: what it keeps of each login, and what it forgets."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanready.store import Account, AccountRecord, Event, HostLogin, forget, journal, read_accounts
from scanready.store.database import open_for_writing
from scanready.store.migrations import MIGRATIONS

AD = Account("ad", "er", None, "env:PW", "proxy-nyc")


class Book:
    """A store, and the logins that are written into it, one each second."""

    def __init__(self, path: Path) -> None:
        self.path, self.connection, self.second = path, open_for_writing(path), 0

    def now(self) -> str:
        self.second += 1
        return f"2026-11-27T09:12:{self.second:02d}.000Z"

    def log_in(self, effect: str | None, host: str = "fs01", *, run: int = 1, account: Account = AD) -> AccountRecord:
        """Begin a login at a host by its name and its address; end it, unless the run is killed (None)."""
        for name in (host, f"10.0.0.{len(host)}"):
            journal.begin(self.connection, account, name, f"{host}:445", self.now())
        for name in (host, f"10.0.0.{len(host)}"):
            if effect is not None:
                journal.end(self.connection, account, name, "login.refused", effect, run, self.now())
        return read_accounts(self.path, of_fleet=bool(account.holder))[0]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    opened = Book(tmp_path / "runs.db")
    yield opened
    opened.connection.close()


def test_one_refusal_under_two_names_of_a_host_counts_once(book: Book) -> None:
    record = book.log_in("refused")
    assert (record.refusals, record.logins) == (1, ())
    assert record.refused is not None
    assert (record.refused.cause, record.refused.place, record.refused.agent) == (
        "login.refused",
        "fs01:445",
        "proxy-nyc",
    )
    assert book.log_in("refused", run=2).refusals == 2


def test_the_row_of_a_pruned_run_does_not_hide_a_refusal(book: Book) -> None:
    """Once all runs are pruned, the next one has the row of the first, and is refused by the same server."""
    book.log_in("refused", run=1)
    assert book.log_in("refused", run=1).refusals == 2


def test_tries_without_an_outcome_count_once_their_server_refuses(book: Book) -> None:
    book.log_in(None)
    book.log_in("unknown")
    record = book.log_in("refused")
    assert (record.refusals, record.logins) == (3, ())
    book.log_in("refused here", "fs02-other")
    assert book.log_in("refused", "fs02-other").refusals == 4


def test_a_login_that_a_kill_left_open_stays_so_after_one_that_was_not_sent(book: Book) -> None:
    (before, _) = book.log_in(None).logins
    (login, _) = book.log_in("nothing").logins
    assert (login, login.killed) == (before, True)
    assert book.log_in("refused here").logins[0].killed is False


def test_the_notes_of_a_fleet_are_apart_and_of_each_agent(book: Book) -> None:
    for agent in ("a", "b"):
        book.log_in("refused", account=dataclasses.replace(AD, source="", holder=agent))
    book.log_in("proven")
    (own,) = read_accounts(book.path)
    assert (own.holder, own.refusals, own.proved) == ("", 0, "2026-11-27T09:12:11.000Z")
    found = read_accounts(book.path, of_fleet=True)
    assert [(one.holder, one.refusals) for one in found] == [("a", 1), ("b", 1)]
    assert forget(book.path, "ad") == 3


def test_the_first_acceptance_is_kept_until_a_refusal(book: Book) -> None:
    proved = book.log_in("proven").proved
    assert book.log_in("proven").proved == proved
    book.log_in("refused")
    assert book.log_in("proven").proved > proved


def test_a_new_secret_of_one_agent_begins_a_new_history_of_the_fleet(book: Book) -> None:
    a, b = (dataclasses.replace(AD, source="", holder=agent) for agent in ("a", "b"))
    for account in (AD, a, b):
        book.log_in("refused", account=account)
        book.log_in("refused here", "fs03", account=account)
    book.log_in(None, "fs02-other", account=b)
    journal.renew(book.connection, a)
    found = read_accounts(book.path, of_fleet=True)
    assert [(one.refusals, one.refused) for one in found] == [(0, None), (0, None)]
    assert [[login.killed for login in one.logins] for one in found] == [[], [True, True]]
    assert read_accounts(book.path)[0].refusals == 1


def test_a_host_that_accepts_one_agent_has_refused_none(book: Book) -> None:
    a, b = (dataclasses.replace(AD, source="", holder=agent) for agent in ("a", "b"))
    for account in (AD, a, b):
        book.log_in("refused here", "fs03", account=account)
    book.log_in("refused here", "fs04-far", account=b)
    journal.settle(book.connection, a, "FS03")
    hosts = [[login.host for login in one.logins] for one in read_accounts(book.path, of_fleet=True)]
    assert hosts == [["10.0.0.4"], ["10.0.0.4", "10.0.0.8", "fs04-far"]]
    assert len(read_accounts(book.path)[0].logins) == 2


def test_an_acceptance_ends_the_count(book: Book) -> None:
    book.log_in("refused")
    record = book.log_in("proven", "fs02-other")
    assert (record.refusals, record.accepted and record.accepted.place) == (0, "fs02-other:445")


def test_a_login_without_an_end_stays_unknown_and_counts_its_tries(book: Book) -> None:
    book.log_in(None)
    record = book.log_in(None)
    assert [(login.tries, login.event.cause, login.event.place) for login in record.logins] == [
        (2, None, "fs01:445"),
        (2, None, "fs01:445"),
    ]


def test_a_login_without_an_answer_differs_from_one_that_a_kill_left_open(book: Book) -> None:
    killed = [login.killed for login in book.log_in(None).logins]
    unanswered = [(login.killed, login.event.cause, login.event.when) for login in book.log_in("unknown").logins]
    assert killed == [True, True]
    assert [one[:2] for one in unanswered] == [(False, None)] * 2
    assert all(one[2] for one in unanswered)


def test_a_login_that_was_not_sent_leaves_what_was_there(book: Book) -> None:
    assert book.log_in("nothing").logins == ()
    book.log_in("refused here")
    (login, _) = book.log_in("nothing").logins
    assert (login.tries, login.event.cause) == (1, "login.refused")


def test_a_secret_from_another_source_begins_a_new_history(book: Book) -> None:
    book.log_in("proven")
    book.log_in("refused")
    book.log_in("refused here", "fs03")
    record = book.log_in("refused", account=Account("ad", "er", None, "env:OTHER", "proxy-nyc"))
    assert (record.source, record.refusals, record.accepted, record.logins) == ("env:OTHER", 1, None, ())


def test_a_refusal_that_may_be_of_the_address_says_so(book: Book) -> None:
    record = book.log_in("refused, or this agent's address is")
    assert record.refused is not None
    assert record.refused.ambiguous


def test_an_entry_is_forgotten_by_its_name_with_all_hosts(book: Book) -> None:
    book.log_in("refused here")
    assert forget(book.path, "no-such-name") == 0
    assert forget(book.path, "ad") == 1
    assert read_accounts(book.path) == []
    assert book.connection.execute("SELECT count(*) FROM account_logins").fetchone() == (0,)
    for effect in ("nothing", "proven"):
        journal.end(book.connection, AD, "fs01", "", effect, 1, book.now())
        assert read_accounts(book.path) == [], "a login that ends afterwards does not bring it back"


@pytest.mark.parametrize("effect", ["refused", "refused here", "unknown"])
def test_a_login_that_is_refused_after_its_entry_was_forgotten_binds(book: Book, effect: str) -> None:
    """It was under way. The server has judged the secret that the next run would send."""
    for name in ("fs01", "10.0.0.4"):
        journal.begin(book.connection, AD, name, "fs01:445", book.now())
    forget(book.path, "ad")
    for name in ("fs01", "10.0.0.4"):
        journal.end(book.connection, AD, name, "login.refused", effect, 1, book.now(), place="fs01:445")
    (record,) = read_accounts(book.path)
    if effect == "refused":
        assert (record.refusals, record.refused and record.refused.place) == (1, "fs01:445")
        assert record.logins == ()
    else:
        assert [(one.host, one.tries, one.killed) for one in record.logins] == [
            ("10.0.0.4", 1, False),
            ("fs01", 1, False),
        ]


def old_store(path: Path, version: int, *rows: str) -> Path:
    """Make a store of an earlier version, with rows in it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in (*itertools.chain(*MIGRATIONS[:version]), *rows):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("PRAGMA application_id = 1935897188")
        connection.commit()
    path.chmod(0o600)
    return path


def test_a_store_of_the_version_before_gets_an_empty_journal(tmp_path: Path) -> None:
    assert read_accounts(old_store(tmp_path / "runs.db", 2)) == []


def test_a_journal_of_version_3_is_kept(tmp_path: Path) -> None:
    path = old_store(
        tmp_path / "runs.db",
        3,
        """INSERT INTO accounts VALUES (7, 'ad', 'er', 'corp', 'env:PW', 2, 'login.refused', 'fs01:445', '2026-01-02',
        'nyc', 4, 1, 'fs02:445', '2026-01-01', 'lon')""",
        "INSERT INTO account_logins VALUES (7, 'fs03', 'fs03:445', 'nyc', 2, '2026-01-03', NULL, NULL)",
        "INSERT INTO account_logins VALUES (7, 'fs04', 'fs04:445', 'nyc', 1, NULL, 'login.locked', '2026-01-04')",
    )
    (record,) = read_accounts(path)
    assert record == AccountRecord(
        "ad",
        "er",
        "corp",
        "env:PW",
        2,
        Event("login.refused", "fs01:445", "2026-01-02", "nyc", ambiguous=True),
        Event("", "fs02:445", "2026-01-01", "lon"),
        (
            HostLogin("fs03", 2, Event(None, "fs03:445", "2026-01-03", "nyc"), killed=True),
            HostLogin("fs04", 1, Event("login.locked", "fs04:445", "2026-01-04", "nyc"), killed=False),
        ),
        "",
        "2026-01-01",
    )
    assert forget(path, "ad") == 1
    with contextlib.closing(open_for_writing(path)) as connection:
        assert connection.execute("SELECT count(*) FROM account_logins").fetchone() == (0,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
