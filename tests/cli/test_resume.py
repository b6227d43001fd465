"""A stored run tells of its logins, for the part that is still to be done."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import click
import pytest

from fixtures.limits import HANG
from scanready.causes import common
from scanready.cli import group
from scanready.cli.job.job import Options
from scanready.cli.job.resume import Resumption
from scanready.model import Agent, Check, Credential, Finding, Footprint, Outcome, Report, Step, Target, Verdict
from scanready.report.serialize import agent_object, as_line, identity
from scanready.store import Account, NewRun, RunLock, Writer
from scanready.store.pruning import prune

ACCOUNT = Credential("ad", "er")
AD = Account("ad", "er", None, "", "proxy-nyc")
ASKED = '{"only":[],"types":[],"depth":"access","timeout":10,"tried":[]}'
AGENT = Agent("proxy-nyc", "Linux")


def reported(target: Target) -> Report:
    """A login that ended with a limit of a library."""
    finding = Finding(common.LIMIT, "the answer was not understood")
    check = Check(Step.LOGIN, "fs01:22", Outcome.FAILED, finding.detail, finding=finding)
    cost, started = Footprint(1, 1), "2026-11-27T09:12:00.000Z"
    return Report(AGENT, target, Verdict.UNDECIDED, Step.AUTH, finding, Step.LOGIN, {}, [check], cost, started, 1.0)


@pytest.mark.parametrize("other", ["fs01", "fs02"])
def test_a_further_login_at_a_host_that_a_kill_left_open_may_have_counted(tmp_path: Path, other: str) -> None:
    done, path = threading.Event(), tmp_path / "runs.db"
    targets = [Target("fs01", "ssh", 22, credential=ACCOUNT), Target(other, "ssh", 23, credential=ACCOUNT)]
    agent = json.dumps(agent_object(AGENT))
    run = NewRun("2026-11-27T09:12:00.000Z", "verify", "estate.yaml", 2, "0.1.0", agent, ASKED)
    writer = Writer(path, run, lambda count: None, lambda why: pytest.fail(why))
    writer.attempt(AD, "fs01", "fs01:22", lambda _: None)
    writer.outcome(AD, "fs01", "scanready.limit", "nothing")
    writer.result(0, identity(targets[0]), "undecided", as_line(reported(targets[0])))
    writer.attempt(AD, other, f"{other}:23", lambda _: done.set())
    assert done.wait(HANG)
    writer.end(1.0, True, 20.0)
    tried = Resumption(Options(store=str(path)), "last").resumed(targets).tried
    assert [(one.place, one.cause) for one in tried] == [
        ("fs01:22", common.LIMIT),
        (f"{other}:23", common.OUT_OF_TIME),
    ]


def test_a_login_that_was_left_open_stays_so_though_its_result_names_another_cause(tmp_path: Path) -> None:
    """A limit of a library, after the secret was sent: the server may have counted it."""
    path, targets = tmp_path / "runs.db", [Target("fs01", "ssh", port, credential=ACCOUNT) for port in (22, 23)]
    writer = begun(path, targets)
    done = threading.Event()
    writer.attempt(AD, "fs01", "fs01:22", lambda _: done.set())
    assert done.wait(HANG)
    writer.outcome(AD, "fs01", "scanready.out-of-time", "unknown")
    writer.end(1.0, True, 20.0)
    tried = Resumption(Options(store=str(path)), "last").resumed(targets).tried
    assert {one.cause for one in tried} == {common.LIMIT, common.OUT_OF_TIME}


def test_a_refusal_whose_result_was_not_kept_is_known_where_another_login_at_the_host_was_accepted(
    tmp_path: Path,
) -> None:
    """The kill came between the note of the refusal and its result."""
    path, targets = tmp_path / "runs.db", [Target("fs01", "ssh", port, credential=ACCOUNT) for port in (22, 23)]
    accepted = reported(targets[0])
    accepted.checks[0].outcome, accepted.checks[0].finding = Outcome.PASSED, None
    agent, done = json.dumps(agent_object(AGENT)), threading.Event()
    run = NewRun("2026-11-27T09:12:00.000Z", "verify", "estate.yaml", 2, "0.1.0", agent, ASKED)
    writer = Writer(path, run, lambda count: None, lambda why: pytest.fail(why))
    writer.attempt(AD, "fs01", "fs01:22", lambda _: None)
    writer.outcome(AD, "fs01", "", "proven")
    writer.result(0, identity(targets[0]), "scannable", as_line(accepted))
    writer.attempt(AD, "fs01", "fs01:23", lambda _: done.set())
    assert done.wait(HANG)
    writer.outcome(AD, "fs01", "login.refused", "refused")
    writer.end(1.0, True, 20.0)
    tried = Resumption(Options(store=str(path)), "last").resumed(targets).tried
    assert [(one.place, one.cause) for one in tried] == [("fs01:22", common.LOGIN_REFUSED)]


def begun(path: Path, targets: list[Target]) -> Writer:
    """Begin a run that is kept, and keep the first of its results."""
    agent = json.dumps(agent_object(AGENT))
    run = NewRun("2026-11-27T09:12:00.000Z", "verify", "estate.yaml", len(targets), "0.1.0", agent, ASKED)
    committed = threading.Event()
    writer = Writer(path, run, lambda count: committed.set(), lambda why: pytest.fail(why))
    writer.result(0, identity(targets[0]), "undecided", as_line(reported(targets[0])))
    assert committed.wait(HANG)
    return writer


def test_what_ends_between_the_search_for_a_run_and_its_lock_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that writes the run ends just then, with one more result."""
    path = tmp_path / "runs.db"
    targets = [Target(host, "ssh", 22) for host in ("fs01", "fs02", "fs03")]
    writer = begun(path, targets)

    def locked(where: Path, number: int, name: str) -> RunLock:
        writer.result(1, identity(targets[1]), "undecided", as_line(reported(targets[1])))
        writer.end(61.0, True, 20.0)
        return RunLock(where, number, name)

    monkeypatch.setattr("scanready.cli.job.resume.RunLock", locked)
    resumed = Resumption(Options(store=str(path)), "last").resumed(targets)
    assert [target.host for target in resumed.left] == ["fs03"]
    assert resumed.seconds == 61.0


def test_a_run_that_is_thrown_away_before_its_lock_is_not_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its logins would be forgotten with it, and a refused password sent again."""
    path = tmp_path / "runs.db"
    writer = begun(path, [Target("fs01", "ssh", 22)])
    writer.end(1.0, True, 20.0)

    def locked(where: Path, number: int, name: str) -> RunLock:
        assert prune(path, keep=0) == [writer.name]
        return RunLock(where, number, name)

    monkeypatch.setattr("scanready.cli.job.resume.RunLock", locked)
    with pytest.raises(click.UsageError, match=f"there is no run '{writer.name}'"):
        Resumption(Options(store=str(path)), "last")


def test_an_option_in_place_of_a_run_is_refused() -> None:
    with pytest.raises(click.UsageError, match="--resume needs a run, but '--no-store' follows it"):
        group(["verify", "estate.yaml", "--resume", "--no-store"], standalone_mode=False)
