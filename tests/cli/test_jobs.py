"""``verify --jobs N``: the same results, one gate for all logins, and processes that are killed."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fixtures.limits import HANG, PATIENCE
from scanready.cli.job.job import Options
from scanready.cli.job.several import jobs_of
from tests.cli import plugin
from tests.cli.plugin import started, until

MOODS = ["ready", "limited", "refused", "filtered", "throttled", "hostile", "odd", "open"]
HEAD = "credentials: {svc: {username: er, password: env:PW%s}}\n"
MARK = "--jobs: process"


class Site:
    """An inventory, and the log of its servers."""

    def __init__(self, where: Path) -> None:
        self.where, self.log, self.release = where, where / "log", where / "release"
        self.extra = {"MOOD_LOG": str(self.log), "MOOD_RELEASE": str(self.release), "PW": "not-this-one"}
        self.inventory = where / "estate.yaml"

    def write(self, moods: list[str], *, account: str | None = None, more: str = "") -> str:
        """Write an inventory with a host for each mood; ``account`` is the end of the credential's entry."""
        credential = "" if account is None else ", credential: svc"
        lines = [
            f"  - {{host: 127.0.{n // 250}.{n % 250 + 1}, port: 99, type: mood, is: {mood}{credential}}}"
            for n, mood in enumerate(moods)
        ]
        head = "" if account is None else HEAD % account
        self.inventory.write_text(head + "targets:\n" + "\n".join(lines) + "\n" + more)
        return str(self.inventory)

    def verify(self, *options: str) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = plugin.run(
            self.where, ["verify", str(self.inventory), "--format", "jsonl", *options], self.extra
        )
        return done

    @property
    def logged(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def site(plugins: Path) -> Site:
    return Site(plugins)


def results(output: str) -> dict[str, Any]:
    """Return the results by host, without times."""
    found = {}
    for line in output.splitlines():
        result = json.loads(line)
        for one in (result, *result.get("types", ())):
            one["started"] = one["seconds"] = None
            for check in one["checks"]:
                check["seconds"] = None
        assert result["target"]["host"] not in found, "one result for each target"
        found[result["target"]["host"]] = result
    return found


def causes(found: dict[str, Any]) -> Counter[str]:
    return Counter((one["cause"] or {"code": one["verdict"]})["code"] for one in found.values())


def further(pid: int) -> list[int]:
    """Return the further processes of a command."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [one for one in map(int, children) if b"run.jobs.worker" in Path(f"/proc/{one}/cmdline").read_bytes()]


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_results_are_equal_field_by_field(site: Site) -> None:
    more = "  - {host: 127.0.9.1, port: 9, type: mood, is: refused, expect: {blocked: connect.refused, "
    more += "until: 2999-01-01, reason: known}, tags: [one, two]}\n"
    site.write(MOODS * 6, more=more)
    one, several = site.verify(), site.verify("--jobs", "3")
    assert results(several.stdout) == results(one.stdout)
    assert len(results(one.stdout)) == 49
    assert (several.returncode, several.stderr) == (one.returncode, one.stderr)


def test_the_store_and_the_formats_have_the_order_of_the_inventory(site: Site) -> None:
    site.write(MOODS * 3)
    assert site.verify("--jobs", "3").returncode == 1
    shown = plugin.run(site.where, ["report", "last", "--format", "jsonl"], site.extra)
    hosts = [json.loads(line)["target"]["host"] for line in shown.stdout.splitlines()]
    assert hosts == [f"127.0.0.{number}" for number in range(1, 25)]


def test_all_targets_of_a_host_are_in_one_process(site: Site) -> None:
    """The limit of a host is 1: a second process would be seen by the servers' log."""
    lines = [f"  - {{host: 127.0.0.{n % 3 + 1}, port: {n + 1}, type: mood, is: held}}" for n in range(30)]
    site.inventory.write_text("targets:\n" + "\n".join(lines) + "\n")
    site.release.touch()
    done = site.verify("--jobs", "3", "--per-host", "1")
    assert len(done.stdout.splitlines()) == 30
    assert Counter(site.logged) == {f"127.0.0.{n}": 10 for n in (1, 2, 3)}


@pytest.mark.parametrize("account", ["", ", authority: CORP"])
def test_a_wrong_password_is_tried_once(site: Site, account: str) -> None:
    site.write(["judges"] * 80, account=account)
    done = site.verify("--jobs", "4")
    assert causes(results(done.stdout)) == {"login.refused": 1, "login.withheld": 79}, done.stderr
    assert len(site.logged) == 1
    again = site.verify("--jobs", "4")
    assert causes(results(again.stdout)) == {"login.withheld": 80}
    assert len(site.logged) == 1


def test_a_right_password_is_used_in_all_processes(site: Site) -> None:
    site.extra["PW"] = "right"
    site.write(["judges"] * 40, account="")
    done = site.verify("--jobs", "3")
    assert causes(results(done.stdout)) == {"scannable": 40}, done.stderr
    assert len(site.logged) == 40
    assert "right" not in done.stdout.replace(str(site.inventory), "")  # the path has the name of this test


def test_a_process_killed_in_a_login_costs_no_second_try(site: Site) -> None:
    """Its outcome is unknown: the account is withheld from the rest of the run, and from the next one."""
    site.write(["lost"] * 40, account=", authority: CORP")
    arguments = ["verify", str(site.inventory), "--format", "jsonl", "--jobs", "3", "--timeout", str(HANG)]
    with started(site.where, *arguments, **site.extra) as command:
        until(lambda: bool(site.logged), PATIENCE)
        os.kill(int(site.logged[0].split()[1]), signal.SIGKILL)
        output, messages = command.communicate(timeout=HANG)
    found = results(output)
    assert len(found) == 40
    assert len(site.logged) == 1
    lost = found[site.logged[0].split()[0]]
    assert lost["cause"]["code"] == "login.withheld"
    assert "ended before it had an answer" in lost["cause"]["detail"]
    assert set(causes(found)) == {"login.withheld", "handshake.throttled"}
    assert messages.count(MARK) == 1
    assert "signal 9, SIGKILL" in messages
    site.release.touch()
    again = causes(results(site.verify("--jobs", "3").stdout))
    assert set(again) == {"login.withheld", "handshake.throttled"}
    assert len(site.logged) == 1


def test_a_login_whose_process_was_killed_is_in_the_export_for_the_next_agent(site: Site) -> None:
    """The server may have counted it, and no result says so: the next agent must not try the account."""
    site.write(["lost"] * 20, account=", authority: CORP")
    exports = [site.where / name for name in ("run.scanready", "report.scanready")]
    arguments = ["verify", str(site.inventory), "--jobs", "3", "--timeout", str(HANG), "--export", str(exports[0])]
    with started(site.where, *arguments, **site.extra) as command:
        until(lambda: bool(site.logged), PATIENCE)
        host, process = site.logged[0].split()
        os.kill(int(process), signal.SIGKILL)
        command.communicate(timeout=HANG)
    plugin.run(site.where, ["report", "last", "--export", str(exports[1])], site.extra)
    site.release.touch()
    site.write(["judges"] * 20, account=", authority: CORP")
    for number, export in enumerate(exports):
        (entry,) = json.loads(gzip.decompress(export.read_bytes()).splitlines()[-1])["end"]["accounts"]
        assert (entry["outcome"], entry["where"], entry["tries"]) == (None, f"{host}:99", 1)
        store = site.where / f"other{number}.db"
        done = site.verify("--guard", str(export), "--store", str(store))
        assert causes(results(done.stdout)) == {"login.withheld": 20}, done.stderr
    assert len(site.logged) == 1


def test_a_process_killed_in_a_login_with_a_proven_account_binds_its_host_only(site: Site) -> None:
    site.extra["PW"] = "right"
    site.write([*["judges"] * 10, *["lost"] * 20], account="")
    arguments = ["verify", str(site.inventory), "--format", "jsonl", "--jobs", "2", "--timeout", str(HANG)]
    with started(site.where, *arguments, **site.extra) as command:
        until(lambda: any(line[-1:].isdigit() for line in site.logged), PATIENCE)
        for pid in {int(line.split()[1]) for line in site.logged if line[-1:].isdigit()}:
            os.kill(pid, signal.SIGKILL)
        site.release.touch()
        output, _ = command.communicate(timeout=HANG)
    found = causes(results(output))
    assert found["scannable"] >= 10
    assert found["login.withheld"] >= 1
    assert found.total() == 30
    assert Counter(line.split()[0] for line in site.logged).most_common(1)[0][1] == 1, "no host was tried twice"


def test_a_target_that_kills_its_process_ends_undecided_and_costs_no_other(site: Site) -> None:
    site.write([*["ready"] * 20, "kills", *["ready"] * 19])
    done = site.verify("--jobs", "2")
    found = results(done.stdout)
    assert len(found) == 40
    assert causes(found)["ready"] >= 39
    bad = found["127.0.0.21"]
    if bad["verdict"] != "ready":  # else the first process had it, which it does not kill
        assert (bad["verdict"], bad["cause"]["code"]) == ("undecided", "scanready.limit")
        assert "signal 9, SIGKILL), as one before it" in bad["cause"]["detail"]
        assert done.stderr.count(MARK) == 2


def test_the_others_end_with_the_first_process(site: Site) -> None:
    site.write(["held"] * 40)
    arguments = ["verify", str(site.inventory), "--jobs", "3", "--timeout", str(HANG)]
    with started(site.where, *arguments, **site.extra) as command:
        until(lambda: len(further(command.pid)) == 2, PATIENCE)
        others = further(command.pid)
        command.kill()
        command.wait()
        until(lambda: not any(map(is_running, others)), PATIENCE)


def test_one_whose_event_loop_stands_still_ends_with_the_first_process(site: Site) -> None:
    site.write(["stuck"] * 40)
    with started(site.where, "verify", str(site.inventory), "--jobs", "2", **site.extra) as command:
        until(lambda: bool(site.logged), PATIENCE)
        command.kill()
        command.wait()
        stuck = int(site.logged[0].split()[1])
        try:
            until(lambda: not is_running(stuck), PATIENCE)
        except AssertionError:
            os.kill(stuck, signal.SIGKILL)
            raise


def test_an_interrupted_run_is_finished_by_resume(site: Site) -> None:
    held = site.where / "held"
    held.touch()
    site.extra["MOOD_HELD"] = str(held)
    site.write(["held"] * 40)
    arguments = ["verify", str(site.inventory), "--format", "jsonl", "--jobs", "3", "--concurrency", "6"]
    with started(site.where, *arguments, "--timeout", str(HANG), **site.extra) as command:
        until(lambda: {line.split()[1] for line in held.read_text().splitlines()} == {"True", "False"}, PATIENCE)
        command.send_signal(signal.SIGINT)
        assert "interrupted: finishing" in command.stderr.readline()
        site.release.touch()
        output, messages = command.communicate(timeout=HANG)
    assert command.returncode == 130
    finished = results(output)
    assert 0 < len(finished) < 40
    assert f"{len(finished)} of 40 targets were finished and stored" in messages
    resumed = plugin.run(site.where, ["verify", "--resume", "last", "--format", "jsonl", "--jobs", "3"], site.extra)
    assert len(results(resumed.stdout)) == 40
    assert set(Counter(site.logged).values()) == {1}, "nothing was checked twice"


def test_failed_from_selects_as_with_one_process(site: Site) -> None:
    site.write(MOODS)
    site.verify("--jobs", "2")
    again = site.verify("--jobs", "2", "--failed-from", "last")
    assert causes(results(again.stdout)) == {
        "connect.refused": 1,
        "connect.filtered": 1,
        "handshake.throttled": 1,
        "handshake.malformed": 1,
    }


def test_the_wait_option_repeats_failed_targets(site: Site) -> None:
    site.write(["mends"] * 6)
    done = site.verify("--jobs", "3", "--wait", "60s", "--interval", "5s")
    assert causes(results(done.stdout)) == {"ready": 6}, done.stderr
    assert set(Counter(site.logged).values()) == {2}


@pytest.mark.parametrize(("moods", "jobs"), [(["ready"], "4"), (["ready", "limited"], "8")])
def test_more_processes_than_hosts(site: Site, moods: list[str], jobs: str) -> None:
    site.write(moods)
    done = site.verify("--jobs", jobs)
    assert (done.returncode, len(results(done.stdout)), done.stderr) == (0, len(moods), "")


def test_a_store_that_cannot_be_written_costs_one_line_and_no_result(site: Site) -> None:
    site.write(MOODS * 4)
    sqlite3.connect(site.where / "other.db").execute("CREATE TABLE theirs (id)")
    done = site.verify("--jobs", "2", "--store", str(site.where / "other.db"))
    assert len(results(done.stdout)) == 32
    assert done.stderr.count("this run is not stored") == 1


@pytest.mark.posix("limits of a process")
@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        (resource.RLIMIT_NOFILE, 64, "checking 1 target at once, not 1000: this host allows 64 open files"),
        (resource.RLIMIT_FSIZE, 150_000, "this run is not stored"),
    ],
    ids=["open-files", "full-disk"],
)
def test_a_limit_of_the_host_costs_a_message_and_no_result(site: Site, limit: int, value: int, message: str) -> None:
    """A file that may not grow is what a full disk is to the store."""
    site.write(MOODS * 15)
    done = plugin.run_fresh(
        site.where,
        ["verify", str(site.inventory), "--format", "jsonl", "--jobs", "3"],
        site.extra,
        preexec_fn=lambda: resource.setrlimit(limit, (value, value)),
    )
    assert len(results(done.stdout)) == 120, done.stderr
    assert done.stderr.count(message) == 1


@pytest.mark.parametrize(
    ("targets", "options", "cores", "message"),
    [
        (5001, Options(), 2, True),
        (5000, Options(), 2, False),
        (5001, Options(), 1, False),
        (5001, Options(jobs=1), 2, False),
        (5001, Options(quiet=1), 2, False),
    ],
    ids=["large", "small", "one-core", "chosen", "quiet"],
)
def test_a_large_run_is_advised_to_use_a_second_core(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    targets: int,
    options: Options,
    cores: int,
    message: bool,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    assert jobs_of(options, targets) == 1
    error = capsys.readouterr().err
    assert ("--jobs 2 would use 2 of this host's 2 cores" in error, error.count("\n")) == (message, int(message))


@pytest.mark.parametrize("option", ["--transcript", "--bundle"])
def test_what_needs_one_process_is_refused(site: Site, option: str) -> None:
    site.write(["ready"] * 2)
    done = site.verify("--jobs", "2", option, str(site.where / "file"))
    assert done.returncode == 2
    assert f"--jobs 2 cannot be combined with {option}" in done.stderr
    assert not (site.where / "file").exists()
