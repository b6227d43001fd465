"""An export passes on the entries of the files of --guard: from A to B to C, with the file of B only."""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.cli.job import elsewhere
from scanready.cli.job.elsewhere import bind_elsewhere, passed_on
from scanready.cli.job.guard_files import Elsewhere, Found, read_guard_files
from scanready.cli.job.policy import Policy
from scanready.climb.guard import LockoutGuard
from scanready.model import Credential
from scanready.run import timestamps
from tests.cli.test_lockout_across_runs import WITHHELD, Site

NOW = datetime.datetime(2020, 12, 2, 12, 0, tzinfo=datetime.UTC)
AD = Credential("ad", "er")
POLICY = Policy(retry_after=24 * 3600.0)


def hours(ago: float) -> str:
    return timestamps.written(NOW - datetime.timedelta(hours=ago))


def found(outcome: str | None = "login.refused", ago: float = 1.0, where: str = "fs9:99", **more: Any) -> Found:
    return Found(AD, outcome, where, hours(ago), **{"agent": "a", **more})


def again(*history: Found) -> list[Found]:
    """Return the entries that another agent reads in the export of one that had ``history`` in its files."""
    document = json.dumps({"accounts": passed_on(history, POLICY, hours(0))})
    return read(document)


def read(document: str) -> list[Found]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "other.json"
        path.write_text(document)
        return list(read_guard_files([str(path)]).found)


CASES: dict[str, tuple[list[Found], list[Found]]] = {
    "as it was, with its origin": ([found()], [found()]),
    "an ambiguous one stays so": ([found(ambiguous=True, tries=2)], [found(ambiguous=True, tries=2)]),
    "without an outcome": ([found(None)], [found(None)]),
    "twice in the files": ([found(), found()], [found()]),
    "the later of two by one agent": ([found(ago=2), found(ago=1, tries=2)], [found(ago=1, tries=2)]),
    "two agents": ([found(), found(agent="b")], [found(), found(agent="b")]),
    "older than the rule": ([found(ago=25)], []),
    "older, but only an option ends it": ([found(ago=250, tries=3)], [found(ago=250, tries=3)]),
    "accepted there since": (
        [found(ago=2), found("accepted", ago=1)],
        [found("accepted", ago=1)],  # for an agent that has the refusal from another file
    ),
    "accepted elsewhere before": (
        [found(ago=1), found("accepted", ago=90, where="fs8:99")],
        [found(ago=1), found("accepted", ago=90, where="fs8:99")],
    ),
    "only the last acceptance": (
        [found("accepted", ago=3), found("accepted", ago=2, where="fs8:99")],
        [found("accepted", ago=2, where="fs8:99")],
    ),
    "an old acceptance of nothing that is refused": ([found("accepted", ago=25)], []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_passed_on(case: str) -> None:
    history, expected = CASES[case]
    assert sorted(again(*history), key=str) == sorted(expected, key=str)


MOMENTS = st.sampled_from([0.5, 1.0, 2.0, 30.0])
LOGINS = st.builds(
    found,
    st.sampled_from(["login.refused", "login.locked", None, "accepted"]),
    MOMENTS,
    st.sampled_from(["fs8:99", "fs9:99"]),
    ambiguous=st.booleans(),
    agent=st.sampled_from(["a", "b"]),
    tries=st.integers(1, 4),
)


def binds(history: list[Found]) -> list[tuple[str | None, dict[str, str]]]:
    """Return the state of a guard that knows this history."""
    guard = LockoutGuard()
    bind_elsewhere(guard, [AD], Elsewhere(history), POLICY, "c")
    return [(one["refused_by"], one["barred"]) for one in guard.remembered()]


@given(st.lists(LOGINS, max_size=6))
def test_the_file_of_the_last_agent_binds_as_all_files_before_do(history: list[Found]) -> None:
    """Without logins that are too old, which no file passes on."""
    told = [one for one in history if one.when > hours(24)]
    assert binds(again(*told)) == binds(told)
    assert binds(again(*again(*told))) == binds(told), "however many agents it passes"


def test_entries_are_bounded_and_refusals_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_MOST_PASSED_ON", 3)
    history = [found("accepted", 0.1, "fs0:99"), *(found(ago=number, where=f"fs{number}:99") for number in range(1, 6))]
    assert [one.where for one in again(*history)] == ["fs1:99", "fs2:99", "fs3:99"]
    assert not any(one.is_accepted for one in again(*history))


def exported(site: Site, name: str, *guards: str, **extra: str) -> tuple[list[str], str]:
    """Let an agent of this name verify; return its causes, and its export."""
    file = str(site.where / f"{name}.scanready")
    options = [word for guard in guards for word in ("--guard", guard)]
    causes = site.causes("--export", file, *options, SCANREADY_STORE=str(site.where / f"{name}.db"), **extra)
    return causes, file


def accounts(file: str) -> list[dict[str, Any]]:
    end = json.loads(gzip.decompress(Path(file).read_bytes()).splitlines()[-1])["end"]
    found: list[dict[str, Any]] = end["accounts"]
    return found


@pytest.fixture
def site(plugins: Path) -> Site:
    return Site(plugins)


def test_each_agent_needs_only_the_export_of_the_agent_before_it(site: Site) -> None:
    causes, file = exported(site, "a")
    assert "login.refused" in causes
    (first,) = accounts(file)
    for name in ("b", "c", "d"):
        causes, file = exported(site, name, file)
        assert causes == WITHHELD
        assert accounts(file) == [first], "with its origin: where, when, by which agent"
    assert site.refused == 1


def test_the_refusals_of_three_nights_are_counted(site: Site) -> None:
    exported(site, "a")
    counts = []
    for _ in range(2):
        with_time(site, "a.db", 25)
        _, file = exported(site, "a")
        counts.append([(one["outcome"], one["tries"]) for one in accounts(file)])
    assert counts == [[("login.refused", 2)], [("login.refused", 3)]]


def with_time(site: Site, store: str, passed: float) -> None:
    """Let time pass for one agent."""
    path, own = site.where / "runs.db", site.where / store
    own.rename(path)
    site.pass_time(passed)
    path.rename(own)


def test_an_acceptance_by_a_later_agent_clears_the_refusal_at_that_server(site: Site) -> None:
    site.inventory = site.estate("judges")
    _, a = exported(site, "a")
    _, b = retried(site, a)
    assert [one["outcome"] for one in accounts(b)].count("accepted") == 1
    causes, _ = exported(site, "c", a, b, PW="right")
    assert causes == ["scannable"]


def retried(site: Site, guard: str) -> tuple[list[str], str]:
    file = str(site.where / "b.scanready")
    store = str(site.where / "b.db")
    options = ["--guard", guard, "--retry-refused", "--export", file]
    return site.causes(*options, SCANREADY_STORE=store, PW="right"), file
