"""The file itself: made, brought up to date, shared, damaged, full, and never in anybody's way."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.limits import HANG
from scanready.store import Account, NewRun, Store, StoreError, Writer, default_path, looks_like_a_run
from scanready.store import database as database_module
from scanready.store.database import APPLICATION, open_for_reading, open_for_writing
from scanready.store.migrations import MIGRATIONS, VERSION
from scanready.store.pruning import beginnings, prune

AD = Account("ad", "er", None, "", "proxy-nyc")

ASKED = '{"only":[],"types":[],"depth":"access","timeout":10,"tried":[]}'


def new_run(started: str = "2026-11-27T09:12:00.000Z", targets: int = 3) -> NewRun:
    return NewRun(started, "verify", "estate.yaml", targets, "0.1.0", '{"name":"a"}', ASKED)


class Written:
    """A writer, and what it told."""

    def __init__(self, path: Path, run: NewRun | str) -> None:
        self.committed, self.failures = 0, list[str]()
        self.news = threading.Condition()
        self.writer = Writer(path, run, self._count, self._fail)

    def _count(self, more: int) -> None:
        with self.news:
            self.committed += more
            self.news.notify_all()

    def _fail(self, why: str) -> None:
        self.failures.append(why)

    def result(self, place: int, line: str = "{}", verdict: str = "ready") -> None:
        """Put one in and wait until it is safe."""
        with self.news:
            expected = self.committed + 1
            self.writer.result(place, f"key{place}", verdict, line)
            assert self.news.wait_for(lambda: self.committed >= expected, 20)

    def end(self, seconds: float = 1.0, interrupted: bool = False) -> None:
        self.writer.end(seconds, interrupted, 20)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def kept(path: Path, count: int = 3, **run: Any) -> str:
    """A store with a run; return its name."""
    written = Written(path, new_run(**run))
    for place in range(count):
        written.result(place, f'{{"n":{place}}}')
    written.end()
    assert not written.failures
    assert written.writer.name is not None
    return written.writer.name


def test_what_is_committed_is_there_for_others_while_the_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "runs.db"
    written = Written(path, new_run())
    written.result(1, '{"n":1}')
    written.result(0, '{"n":0}', "blocked")
    with Store(path) as store:
        (run,) = store.runs()
        assert (run.finished, run.targets, run.ended) == (2, 3, None)
        assert run.verdicts == {"ready": 1, "blocked": 1}
        assert list(store.results(run)) == ['{"n":0}', '{"n":1}'], "in the order of the targets, not of their ends"
    written.end(2.5, interrupted=True)
    with Store(path) as store:
        run = store.find("last")
        assert (run.seconds, run.interrupted) == (2.5, True)
        assert run.ended is not None


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "runs.db"
    written = Written(path, new_run())
    written.result(0)
    for file in (path, *path.parent.glob("runs.db-*")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    written.end()


def test_names_are_short_and_found(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    first = kept(path, started="2026-11-26T09:12:00.000Z")
    second = kept(path, started="2026-11-27T10:00:00.000Z")
    assert first.startswith("20261126-0912-")
    assert looks_like_a_run(first)
    with Store(path) as store:
        assert store.find("last").name == second
        assert store.find("last~1").name == store.find(first[-3:]).name == store.find("20261126").name == first
        for wrong in ("last~2", "nothing", "", "2026112", "%", "_"):
            with pytest.raises(StoreError, match=r"no run|matches"):
                store.find(wrong)
        with pytest.raises(StoreError, match=r"there is no run 'ssh://er:\*\*\*@a'"):
            store.find("ssh://er:a-password@a")


def test_a_hyphen_is_not_the_name_of_the_only_run(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    kept(path)
    with Store(path) as store, pytest.raises(StoreError, match="there is no run '-'"):
        store.find("-")


def test_a_name_that_is_taken_is_not_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = iter("bbbbbbccc")
    monkeypatch.setattr(secrets, "choice", lambda _: next(letters))
    assert [kept(tmp_path / "runs.db")[-3:] for _ in range(2)] == ["bbb", "ccc"]


def test_a_run_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    name = kept(path, 2)
    again = Written(path, name)
    again.result(1, '{"another":1}')
    again.result(2, '{"n":2}')
    again.end(7.0)
    with Store(path) as store:
        (run,) = store.runs()
        assert list(store.results(run)) == ['{"n":0}', '{"n":1}', '{"n":2}'], "what is there stays as it is"
        assert store.keys(run) == {"key0", "key1", "key2"}
        assert run.seconds == 7.0


def test_logins_are_noted_once(tmp_path: Path) -> None:
    written = Written(tmp_path / "runs.db", new_run())
    done = threading.Event()
    written.writer.attempt(AD, "fs01", "fs01:445", lambda _: None)
    written.writer.attempt(AD, "fs01", "fs01:139", lambda _: done.set())
    assert done.wait(HANG)
    with Store(tmp_path / "runs.db") as store:
        assert store.attempts(store.find("last")) == [("ad", "fs01", "fs01:445", None)]
    written.writer.outcome(AD, "fs01", "login.refused", "refused")
    written.end()
    with Store(tmp_path / "runs.db") as store:
        assert store.attempts(store.find("last")) == [("ad", "fs01", "fs01:445", "login.refused")]


@pytest.mark.parametrize(("before", "after"), [("scanready.limit", ("fs01:139", None)), ("", ("fs01:445", ""))])
def test_a_further_login_at_a_host_has_no_outcome_yet(tmp_path: Path, before: str, after: tuple[str, Any]) -> None:
    """Killed now, it may have counted; unless the account was accepted there before."""
    written = Written(tmp_path / "runs.db", new_run())
    done = threading.Event()
    written.writer.attempt(AD, "fs01", "fs01:445", lambda _: None)
    written.writer.outcome(AD, "fs01", before, "refused" if before else "proven")
    written.writer.attempt(AD, "fs01", "fs01:139", lambda _: done.set())
    assert done.wait(HANG)
    with Store(tmp_path / "runs.db") as store:
        assert store.attempts(store.find("last")) == [("ad", "fs01", *after)]
    written.end()


def test_two_runs_at_once(tmp_path: Path) -> None:
    """In two processes each, all at the same moment, from a file that is not there yet."""
    path = tmp_path / "runs.db"
    code = """
import sys; from pathlib import Path
from tests.store.test_store import Written, new_run
written = Written(Path(sys.argv[1]), new_run(targets=300))
for place in range(300): written.result(place, "x" * 2000)
written.end()
print(written.failures)
"""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'verifiers'}:{root}"}
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=HANG)[0] for process in started] == ["[]\n"] * 4
    with Store(path) as store:
        assert [run.finished for run in store.runs()] == [300] * 4
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()


def test_a_file_that_is_made_while_it_is_looked_at(tmp_path: Path) -> None:
    """Tables without our mark would be some other program's: both are of one moment."""
    path = tmp_path / "runs.db"
    first = sqlite3.connect(path, isolation_level=None)
    first.execute("PRAGMA journal_mode = WAL")

    def make_it(statement: str) -> None:
        if statement == "SELECT count(*) FROM sqlite_master":
            first.set_trace_callback(None)
            open_for_writing(path).close()

    first.set_trace_callback(make_it)
    assert database_module._version(first, path) == 0
    assert database_module._version(first, path) == VERSION
    first.close()


def test_older_files_are_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every released version, with rows in it: a version more is what a later release adds."""
    path = tmp_path / "runs.db"
    name = kept(path)
    more = (*MIGRATIONS, ("ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT 'none'",))
    monkeypatch.setattr(database_module, "MIGRATIONS", more)
    monkeypatch.setattr(database_module, "VERSION", VERSION + 1)
    with Store(path) as store:
        assert store.find("last").name == name, "reading does it, too"
        assert len(list(store.results(store.find("last")))) == 3
    connection = open_for_writing(path)
    assert connection.execute("SELECT note FROM runs").fetchone() == ("none",)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
    connection.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.db"
    kept(path)
    broken = (*MIGRATIONS, ("ALTER TABLE runs ADD COLUMN note TEXT", "no SQL"))
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "MIGRATIONS", broken)
        patch.setattr(database_module, "VERSION", VERSION + 1)
        with pytest.raises(StoreError):
            open_for_writing(path)
    with Store(path) as store:
        assert store.find("last").finished == 3


def test_the_last_run_is_the_one_that_began_last_whatever_its_clock_said(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    before, future, after = (kept(path, started=f"{year}-11-27T09:12:00.000Z") for year in (2026, 2099, 1970))
    with Store(path) as store:
        assert [store.find(text).name for text in ("last", "last~1", "last~2")] == [after, future, before]
        assert [run.name for run in store.runs()] == [after, future, before]
    assert prune(path, keep=1) == [future, before]


@pytest.mark.parametrize(
    ("started", "found"),
    [
        (["1", "2", "3"], ["1", "2", "3"]),
        (["1", "9", "3"], ["1", "3", "3"]),
        (["3", "1", "4"], ["3", "3", "4"]),
        (["9", "9"], ["5", "5"]),
        (["0", "9", "1", "8", "4"], ["0", "1", "1", "4", "4"]),
        ([], []),
    ],
)
def test_a_wrong_clock_makes_no_run_older_than_one_before_it(started: list[str], found: list[str]) -> None:
    assert beginnings(started, "5") == found


def test_an_age_is_not_falsified_by_a_clock_in_the_future(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    future = kept(path, started="2099-01-01T00:00:00.000Z")
    old = kept(path, started="2020-01-01T00:00:00.000Z")
    behind = kept(path, started="1970-01-01T00:00:00.000Z")
    assert prune(path, before="2019-01-01") == []
    assert prune(path, before="2021-01-01") == [behind, old, future], "they began at once, as far as anybody knows"


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database, " * 500)


def torn(path: Path) -> None:
    kept(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 12_000)


def newer(path: Path) -> None:
    kept(path)
    _execute(path, f"PRAGMA user_version = {VERSION + 1}")


def others(path: Path) -> None:
    _execute(path, "CREATE TABLE songs (title TEXT)")


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def directory(path: Path) -> None:
    path.mkdir()


UNUSABLE: dict[Callable[[Path], None], str] = {
    garbage: "damaged",
    torn: "damaged",
    newer: "newer scanready",
    others: "another program",
    directory: "directory",
}


@pytest.mark.parametrize("broken", UNUSABLE, ids=lambda broken: broken.__name__)
def test_what_cannot_be_written_lets_everything_pass(tmp_path: Path, broken: Callable[[Path], None]) -> None:
    path = tmp_path / "runs.db"
    broken(path)
    before = path.read_bytes() if path.is_file() else b""
    written = Written(path, new_run())
    for place in range(3):
        written.result(place)
    written.end()
    (why,) = written.failures
    assert UNUSABLE[broken] in why
    assert "\n" not in why
    if broken is not torn:
        assert before == (path.read_bytes() if path.is_file() else b""), "it is not ours to change"


@pytest.mark.parametrize("broken", [garbage, newer, others, directory], ids=lambda broken: broken.__name__)
def test_what_cannot_be_read_is_said(tmp_path: Path, broken: Callable[[Path], None]) -> None:
    broken(tmp_path / "runs.db")
    with pytest.raises(StoreError, match=str(UNUSABLE[broken])):
        Store(tmp_path / "runs.db")


def test_a_damaged_result_is_an_error_of_ours(tmp_path: Path) -> None:
    torn(tmp_path / "runs.db")

    def read_all() -> None:
        with Store(tmp_path / "runs.db") as store:
            for run in store.runs():
                list(store.results(run))

    with pytest.raises(StoreError, match="damaged"):
        read_all()


def test_a_locked_file_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.db"
    kept(path)
    monkeypatch.setattr(database_module, "PATIENCE", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    written = Written(path, new_run())
    written.result(0)
    written.end()
    holder.execute("ROLLBACK")
    holder.close()
    assert "another program has locked it" in written.failures[0]
    assert kept(path), "the next run finds it free"


def test_a_file_that_is_locked_later_is_not_held_by_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.db"
    monkeypatch.setattr(database_module, "PATIENCE", 0.1)
    written = Written(path, new_run())
    written.result(0)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    written.result(1)
    written.result(2)
    holder.execute("ROLLBACK")
    holder.close()
    assert len(written.failures) == 1
    kept(path)
    written.end()


def test_a_read_only_place(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as made:
        where = Path(made)
        path = where / "runs.db"
        name = kept(path)
        path.chmod(0o444)
        where.chmod(0o555)
        with as_nobody():
            with Store(path) as store:
                assert store.find("last").name == name
            with pytest.raises(StoreError, match=r"[Pp]ermission denied"):
                open_for_writing(path)
            with pytest.raises(StoreError, match=r"[Pp]ermission denied"):
                open_for_writing(where / "new" / "runs.db")
        where.chmod(0o755)


def test_there_is_none_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no stored runs yet"):
        open_for_reading(tmp_path / "runs.db")
    assert not (tmp_path / "runs.db").exists()


def test_pruning(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    days = ["2026-11-01", "2026-11-10", "2026-11-20", "2026-11-25"]
    runs = [kept(path, 200, started=f"{day}T00:00:00.000Z") for day in days]
    assert prune(path, before="2026-11-05") == runs[:1]
    size = path.stat().st_size
    assert prune(path, keep=1) == [runs[2], runs[1]]
    assert path.stat().st_size < size
    with Store(path) as store:
        assert [run.name for run in store.runs()] == runs[3:]
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM results").fetchone() == (200,)
    connection.close()


def test_it_is_marked_as_ours(tmp_path: Path) -> None:
    kept(tmp_path / "runs.db")
    connection = sqlite3.connect(tmp_path / "runs.db")
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert default_path().name == "runs.db"
    assert default_path().is_absolute()
