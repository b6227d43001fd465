"""The agent's own file: deliveries of a batch, its results, cancelled runs."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from scanready.fleet import journal
from scanready.fleet.journal import Journal, JournalError
from scanready.store.database import open_for_writing


def test_deliveries_are_counted_across_processes(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    assert [Journal(file).begin("r", "a-0") for _ in range(3)] == [1, 2, 3]
    assert Journal(file).begin("r", "a-1") == 1
    assert Journal(file).begin("other", "a-0") == 1


def test_results_outlive_the_process(tmp_path: Path) -> None:
    first = Journal(tmp_path / "a.db")
    first.begin("r", "a-0")
    first.keep("r", "a-0", 7, "line")
    again = Journal(tmp_path / "a.db")
    assert again.results("r", "a-0") == {7: "line"}
    assert not again.is_finished("r", "a-0")
    again.finish("r", "a-0")
    assert first.is_finished("r", "a-0")


def test_a_cancelled_run_stays_cancelled(tmp_path: Path) -> None:
    Journal(tmp_path / "a.db").cancel("r")
    again = Journal(tmp_path / "a.db")
    assert again.is_cancelled("r")
    assert not again.is_cancelled("s")


def test_an_old_batch_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Journal(tmp_path / "a.db")
    first.begin("r", "a-0")
    first.keep("r", "a-0", 7, "line")
    monkeypatch.setattr(journal, "KEPT", -1.0)
    assert Journal(tmp_path / "a.db").results("r", "a-0") == {}


BOOT = "0c8e-boot"


class Clocks:
    """The wall clock of a host, and the seconds since it started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.boot, self.since = 1_800_000_000.0, BOOT, 1000.0
        monkeypatch.setattr("scanready.fleet.journal.time.time", lambda: self.wall)
        monkeypatch.setattr(
            "scanready.store.boot_clock.reading", lambda: f"{self.boot} {self.since:.3f}" if self.boot else ""
        )

    def pass_(self, seconds: float) -> None:
        self.wall, self.since = self.wall + seconds, self.since + seconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


DAY = 86_400.0


def is_known(file: Path) -> bool:
    """Return whether a batch with a login, and the end of another run, are still known."""
    found = Journal(file)
    known = [found.begun("r", "a-0") > 0, bool(found.logins("r", "a-0")), found.is_cancelled("s")]
    assert len(set(known)) == 1, known
    return known[0]


def note(file: Path) -> None:
    first = Journal(file)
    first.begin("r", "a-0")
    first.intend("r", "a-0", "svc", "h", "h:22")
    first.cancel("s")


@pytest.mark.parametrize("years", [-30, 30], ids=["back", "forward"])
def test_a_clock_that_is_set_changes_no_age(tmp_path: Path, clocks: Clocks, years: int) -> None:
    note(tmp_path / "a.db")
    clocks.wall += years * 365 * DAY
    assert is_known(tmp_path / "a.db"), "it is fresh"
    clocks.pass_(6.9 * DAY)
    assert is_known(tmp_path / "a.db")
    clocks.pass_(0.2 * DAY)
    assert not is_known(tmp_path / "a.db"), "it is not kept for ever"


@pytest.mark.parametrize("boot", ["another", ""], ids=["started again", "no such clock"])
def test_after_a_start_with_a_clock_that_was_set_back_the_age_counts_from_then(
    tmp_path: Path, clocks: Clocks, boot: str
) -> None:
    note(tmp_path / "a.db")
    clocks.wall, clocks.boot, clocks.since = clocks.wall - 3650 * DAY, boot, 5.0
    assert is_known(tmp_path / "a.db")
    clocks.pass_(6.9 * DAY)
    assert is_known(tmp_path / "a.db")
    clocks.pass_(0.2 * DAY)
    assert not is_known(tmp_path / "a.db")


def test_a_file_of_an_earlier_version_is_aged_by_its_clock(tmp_path: Path, clocks: Clocks) -> None:
    note(tmp_path / "a.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as file:
        for table in ("batches", "cancelled"):
            file.execute(f"ALTER TABLE {table} DROP COLUMN clock")
    clocks.pass_(6.9 * DAY)
    assert is_known(tmp_path / "a.db")
    clocks.pass_(0.2 * DAY)
    assert not is_known(tmp_path / "a.db")


def test_an_agent_that_never_ends_forgets_old_batches_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Journal(tmp_path / "a.db")
    first.begin("r", "a-0")
    first.keep("r", "a-0", 7, "line")
    monkeypatch.setattr(journal, "KEPT", -1.0)
    first.begin("s", "a-0")
    assert first.results("r", "a-0") == {7: "line"}
    monkeypatch.setattr(journal, "_TIDY", -1.0)
    first.begin("s", "a-0")
    assert first.results("r", "a-0") == {}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    Journal(tmp_path / "new" / "a.db")
    assert stat.S_IMODE((tmp_path / "new" / "a.db").stat().st_mode) == 0o600


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("something else, long enough for a header of a database" * 40)
    with pytest.raises(JournalError, match=r"a\.db: file is not a database: name another file"):
        Journal(tmp_path / "a.db")


@pytest.mark.parametrize("made", ["a run store", "another program"])
def test_a_file_of_another_kind_stays_as_it_is(tmp_path: Path, made: str) -> None:
    file = tmp_path / "runs.db"
    if made == "a run store":
        open_for_writing(file).close()
    else:
        with contextlib.closing(sqlite3.connect(file)) as other:
            other.execute("CREATE TABLE results (something TEXT)")
    before = file.read_bytes()
    with pytest.raises(JournalError, match=r"runs\.db: it is no file of an agent .*: name another file with --store"):
        Journal(file)
    assert file.read_bytes() == before


def test_a_file_of_an_earlier_version_is_taken(tmp_path: Path) -> None:
    Journal(tmp_path / "a.db").begin("r", "a-0")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as file:
        file.execute("PRAGMA application_id = 0")
    assert Journal(tmp_path / "a.db").begin("r", "a-0") == 2


def test_a_full_disk_is_named_and_outlived(tmp_path: Path) -> None:
    one = Journal(tmp_path / "a.db")
    one.begin("r", "a-0")
    (pages,) = one._file.execute("PRAGMA page_count").fetchone()
    one._file.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(2):
        with pytest.raises(JournalError, match=r"a\.db: the disk is full; free some space, or name .* with --store"):
            one.keep("r", "a-0", 7, "x" * 100_000)
    one._file.execute(f"PRAGMA max_page_count = {pages + 1000}")
    one.keep("r", "a-0", 7, "line")
    assert one.results("r", "a-0") == {7: "line"}


def test_a_commit_that_fails_leaves_no_transaction_open(tmp_path: Path) -> None:
    class Full:
        """A connection whose next commit finds no room."""

        def __init__(self, file: Any) -> None:
            self.file, self.is_full = file, True

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def execute(self, words: str, *given: Any) -> Any:
            if words == "COMMIT" and self.is_full:
                self.is_full = False
                raise sqlite3.OperationalError("database or disk is full")
            return self.file.execute(words, *given)

    one = Journal(tmp_path / "a.db")
    one._file = cast("sqlite3.Connection", Full(one._file))
    with pytest.raises(JournalError, match="the disk is full"):
        one.begin("r", "a-0")
    assert one.begin("r", "a-0") == 1
