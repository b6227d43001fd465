"""The journal of accounts: what it keeps of each login, and what it forgets."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanready.store import Account, AccountRecord, forget, journal, read_accounts
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
        return read_accounts(self.path)[0]


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
    journal.end(book.connection, AD, "fs01", "login.refused", "refused", 1, book.now())
    assert read_accounts(book.path) == [], "a login that ends afterwards does not bring it back"


def test_a_store_of_the_version_before_gets_an_empty_journal(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    connection = sqlite3.connect(path)
    for statements in MIGRATIONS[:2]:
        for statement in statements:
            connection.execute(statement)
    connection.execute("PRAGMA user_version = 2")
    connection.execute("PRAGMA application_id = 1935897188")
    connection.commit()
    connection.close()
    path.chmod(0o600)
    assert read_accounts(path) == []
