"""Runs are stored, listed, reported again, resumed and compared; a store that fails changes nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.limits import HANG
from scanready.report.serialize import as_line, identity
from scanready.store import NewRun, Writer
from tests.cli import plugin
from tests.cli.plugin import started, until
from tests.report.reports import blocked

SECRET = "hunter2-the-secret"


def estate(where: Path, *moods: str, head: str = "", more: str = "") -> str:
    lines = [f"  - {{host: 127.0.0.{n + 1}, port: 99, type: mood, is: {name}{more}}}" for n, name in enumerate(moods)]
    path = where / "estate.yaml"
    path.write_text("\n".join([head, "targets:", *lines, ""]))
    return str(path)


def run(where: Path, *arguments: str, **extra: str) -> Any:
    return plugin.run(where, arguments, extra)


def runs(where: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(where, "runs", "--json").stdout)
    return found


def test_every_run_is_kept_and_listed(plugins: Path) -> None:
    assert run(plugins, "runs").stdout == "there are no stored runs yet: `check` and `verify` store theirs\n"
    assert not (plugins / "runs.db").exists()
    assert run(plugins, "verify", estate(plugins, "ready", "refused", "throttled")).returncode == 1
    assert run(plugins, "check", "mood://127.0.0.9:99?is=limited").returncode == 0
    check, verify = runs(plugins)
    assert (check["command"], check["source"], check["targets"]) == ("check", "mood://127.0.0.9:99?is=limited", 1)
    assert (verify["command"], verify["source"]) == ("verify", str(plugins / "estate.yaml"))
    assert verify["verdicts"] == {"scannable": 0, "ready": 1, "limited": 0, "blocked": 1, "undecided": 1}
    assert (verify["unchecked"], verify["interrupted"]) == (0, False)
    table = run(plugins, "runs").stdout
    assert verify["run"] in table
    assert "1 ready, 1 undecided, 1 blocked" in table
    run(plugins, "check", *(f"mood://host{n}:99" for n in range(30)))
    assert "mood://host0:99 and 29 more\n" in run(plugins, "runs").stdout


def test_a_run_that_is_not_to_be_kept_is_not(plugins: Path) -> None:
    path = estate(plugins, "ready")
    assert run(plugins, "verify", path, "--no-store").stderr == ""
    assert run(plugins, "verify", path, SCANREADY_NO_STORE="1").stderr == ""
    assert not (plugins / "runs.db").exists()
    assert run(plugins, "verify", path, "--store", str(plugins / "other.db")).stderr == ""
    assert (plugins / "other.db").exists()


@pytest.mark.parametrize(
    ("moods", "code"), [(("ready",), 0), (("ready", "refused"), 1), (("throttled",), 3), (("limited", "odd"), 0)]
)
@pytest.mark.parametrize("format_", ["table", "json", "jsonl"])
def test_a_report_is_what_the_run_printed(plugins: Path, moods: tuple[str, ...], code: int, format_: str) -> None:
    live = run(plugins, "verify", estate(plugins, *moods), "--concurrency", "1", "--format", format_)
    told = run(plugins, "report", "last", "--format", format_)
    assert (live.returncode, told.returncode) == (code, code)
    assert told.stderr == ""
    assert _timeless(told.stdout) == _timeless(live.stdout)


def _timeless(text: str) -> str:
    """The run's own wall time is taken at another moment for the store."""
    if text.startswith('{"schema":1,"run"'):
        document = json.loads(text)
        document["summary"]["seconds"] = 0
        return json.dumps(document)
    return "\n".join(line for line in text.splitlines() if " in " not in line or " ms" not in line)


def test_a_check_is_told_as_its_ladder_and_a_target_of_many_can_be(plugins: Path) -> None:
    live = run(plugins, "check", "mood://127.0.0.1:99?is=limited", "-v").stdout
    assert run(plugins, "report", "last", "-v").stdout == live
    run(plugins, "verify", estate(plugins, "ready", "refused"))
    one = run(plugins, "report", "last", "--only", "host=127.0.0.2", "--ladder")
    assert one.stdout.startswith("mood://127.0.0.2:99")
    assert one.stdout.count("mood://") == 1
    assert one.returncode == 1
    assert run(plugins, "report", "last", "--only", "host=127.0.0.1", "--require", "scannable").returncode == 1
    assert run(plugins, "report", "last", "--only", "host=nobody").returncode == 4


def test_a_host_without_a_type_is_told_so_again(plugins: Path) -> None:
    live = run(plugins, "check", "127.0.0.1:9", "--timeout", "3")
    told = run(plugins, "report", "last")
    assert live.stdout.startswith("127.0.0.1:9 cannot be scanned")
    assert (told.stdout, told.returncode) == (live.stdout, live.returncode)


def test_reports_of_files(plugins: Path) -> None:
    path = estate(plugins, "ready", "refused")
    document, lines = plugins / "run.json", plugins / "lines.jsonl"
    live = run(
        plugins, "verify", path, "--concurrency", "1", "--report", f"json={document}", "--report", f"jsonl={lines}"
    )
    for file in (document, lines):
        told = run(plugins, "report", str(file), "--no-color")
        assert told.stdout.splitlines()[:3] == live.stdout.splitlines()[:3]
        assert told.returncode == 1
    document.write_text(json.dumps(json.loads(document.read_text()), indent=1))
    assert run(plugins, "report", str(document)).returncode == 1
    assert run(plugins, "report", str(document), "-o", str(document)).returncode == 2, "it would be overwritten"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "last"], "no stored runs yet"),
        (["report", "nothing.json"], "nothing.json cannot be read"),
        (["diff", "last", "last"], "no stored runs yet"),
        (["verify", "--resume", "last"], "no stored runs yet"),
        (["verify"], "give an INVENTORY or --resume"),
        (["verify", "--resume", "last", "--no-store"], "cannot be combined with --no-store"),
        (["runs", "--prune"], "--keep N or --older-than AGE"),
        (["runs", "--keep", "3"], "need --prune"),
        (["runs", "--prune", "--older-than", "soon"], "12h, 90d or 8w"),
    ],
)
def test_what_cannot_be_done_is_said(plugins: Path, arguments: list[str], words: str) -> None:
    done = run(plugins, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_interrupted_run_is_gone_on_with(plugins: Path) -> None:
    """After Ctrl-C, --resume checks the rest, and the outputs have all. A finished target is not contacted again."""
    release, log = plugins / "release", plugins / "log"
    path = estate(plugins, "ready", *["held"] * 6, head="defaults: {timeout: 30}")
    extra = {"MOOD_RELEASE": str(release), "MOOD_LOG": str(log)}
    with started(plugins, "verify", path, "--format", "jsonl", "--concurrency", "2", **extra) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert "finishing the targets under way" in process.stderr.readline()
        release.touch()
        _, messages = process.communicate(timeout=HANG)
    name = runs(plugins)[0]["run"]
    assert f"stored as {name}; to continue: `scanready verify --resume {name}`" in messages
    first = log.read_text().split()
    assert 0 < len(first) < 6
    unfinished = run(plugins, "report", name)
    assert unfinished.returncode == 3, "what was not checked is not known"
    assert "not checked" in unfinished.stdout
    done = run(plugins, "verify", "--resume", name, "--format", "json", **extra)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [document["run"]["targets"], len(document["results"]), document["summary"]["unchecked"]] == [7, 7, 0]
    assert sorted(log.read_text().split()) == sorted(f"127.0.0.{n}" for n in range(2, 8)), "each of them once"
    assert document["run"]["started"] == runs(plugins)[0]["started"]
    assert len(runs(plugins)) == 1
    again = run(plugins, "verify", "--resume", name, "--format", "json", **extra)
    assert len(json.loads(again.stdout)["results"]) == 7, "a finished one is told once more"
    assert len(log.read_text().split()) == 6


def test_what_a_run_was_asked_for_holds_when_it_is_gone_on_with(plugins: Path) -> None:
    path = estate(plugins, "ready", "ready", "refused")
    run(plugins, "verify", path, "--only", "host=127.0.0.[12]", "--depth", "connect", "--timeout", "7")
    document = json.loads(run(plugins, "verify", "--resume", "last", "--json").stdout)
    assert (document["run"]["depth"], document["run"]["timeout"], document["run"]["targets"]) == ("connect", 7, 2)


def test_another_inventory_is_noticed_though_it_has_as_many_targets(plugins: Path) -> None:
    path = estate(plugins, "ready", "refused")
    run(plugins, "verify", path)
    assert "that differ" not in run(plugins, "verify", "--resume", "last").stderr
    other = run(plugins, "verify", estate(plugins, "ready", "limited"), "--resume", "last", "--json")
    assert "was started with 2 targets, and now there are 2 targets that differ" in other.stderr
    assert "; the results of 1 removed target are ignored" in other.stderr
    assert len(json.loads(other.stdout)["results"]) == 2


def test_the_rest_is_judged_for_the_agent_that_was_assumed_for_the_first_part(plugins: Path) -> None:
    path = plugins / "hosts.yaml"
    path.write_text("targets: [windows://127.0.0.1:9]\n")
    run(plugins, "verify", str(path), "--assume-agent", "windows")
    path.write_text("targets: [windows://127.0.0.1:9, windows://127.0.0.2:9]\n")
    resumed = run(plugins, "verify", "--resume", "last", "--json")
    assert "was started with 1 target, and now there are 2 targets that differ" in resumed.stderr
    results = json.loads(resumed.stdout)["results"]
    assert [result["cause"]["code"] for result in results] == ["connect.refused"] * 2
    assert [result["agent"]["platform"] for result in results] == ["Windows"] * 2


CREDENTIAL = "credentials: {ad: {username: er, password: env:PW}}"


def test_a_password_that_was_refused_is_not_tried_again_after_a_kill(plugins: Path) -> None:
    release = plugins / "release"
    path = estate(plugins, "wrong", "held", "ready", head=CREDENTIAL, more=", credential: ad")
    extra = {"MOOD_RELEASE": str(release), "MOOD_LOG": str(plugins / "log"), "PW": SECRET}
    with started(plugins, "verify", path, "--format", "jsonl", "--concurrency", "1", **extra) as process:
        assert json.loads(process.stdout.readline())["cause"]["code"] == "login.refused"
        process.kill()
    release.touch()
    done = run(plugins, "verify", "--resume", "last", "--format", "json", **extra)
    results = {r["target"]["host"]: r for r in json.loads(done.stdout)["results"]}
    assert results["127.0.0.1"]["footprint"]["login_attempts"] == 1
    run(plugins, "credentials", "--forget", "ad")
    wrong = estate(plugins, "wrong", "held", "wrong", head=CREDENTIAL, more=", credential: ad")
    with started(plugins, "verify", wrong, "--format", "jsonl", "--concurrency", "1", **extra) as process:
        assert json.loads(process.stdout.readline())["cause"]["code"] == "login.refused"
        process.kill()
    done = run(plugins, "verify", "--resume", "last", "--format", "json", **extra)
    results = {r["target"]["host"]: r for r in json.loads(done.stdout)["results"]}
    third = results["127.0.0.3"]
    assert (third["cause"]["code"], third["footprint"]["login_attempts"]) == ("login.withheld", 0)
    assert "127.0.0.1:99 refused the account of the credential" in third["cause"]["detail"]


def test_a_login_that_a_kill_left_open_is_not_sent_again(plugins: Path) -> None:
    """It is unknown whether the server counted the attempt."""
    release, log = plugins / "release", plugins / "log"
    path = estate(plugins, "slow-login", head=CREDENTIAL, more=", credential: ad")
    extra = {"MOOD_RELEASE": str(release), "MOOD_LOG": str(log), "PW": SECRET}
    with started(plugins, "verify", path, "--format", "jsonl", **extra) as process:
        until(lambda: log.exists() and bool(log.read_text()))
        process.kill()
    release.touch()
    done = run(plugins, "verify", "--resume", "last", "--format", "json", **extra)
    (result,) = json.loads(done.stdout)["results"]
    assert (result["cause"]["code"], result["footprint"]["login_attempts"]) == ("login.withheld", 0)
    assert "did not answer a login" in result["cause"]["detail"]
    assert log.read_text().split() == ["127.0.0.1"]


def test_no_secret_is_in_the_file(plugins: Path) -> None:
    path = estate(plugins, "ready", "wrong", head=CREDENTIAL, more=", credential: ad")
    assert run(plugins, "verify", path, "-v", PW=SECRET).returncode in (1, 3)
    run(plugins, "check", "mood://127.0.0.1:99", "--user", "er", "--password-from", "env:PW", PW=SECRET)
    assert len(runs(plugins)) == 2
    for file in plugins.glob("runs.db*"):
        data = file.read_bytes()
        for form in (SECRET.encode(), SECRET.encode("utf-16-le"), SECRET.encode().hex().encode()):
            assert form not in data, file


UNUSABLE: dict[str, Callable[[Path], Path]] = {
    "no-such-place": lambda where: Path("/proc/nowhere/runs.db"),
    "no-database": lambda where: _written(where / "garbage.db", b"not a database " * 99),
    "a-directory": lambda where: where,
}


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("broken", UNUSABLE)
def test_a_store_that_cannot_be_written_changes_nothing(plugins: Path, broken: str) -> None:
    path = estate(plugins, "ready", "refused", "wrong", head=CREDENTIAL, more=", credential: ad")
    asked = ["verify", path, "--format", "jsonl", "--concurrency", "1"]
    store = str(UNUSABLE[broken](plugins))
    broken_one = run(plugins, *asked, "--store", store, PW=SECRET)
    sound = run(plugins, *asked, PW=SECRET)
    assert broken_one.returncode == sound.returncode == 1
    assert [_told(line) for line in broken_one.stdout.splitlines()] == [_told(x) for x in sound.stdout.splitlines()]
    (message,) = broken_one.stderr.splitlines()
    assert message.startswith("scanready: this run is not stored: ")
    assert sound.stderr == ""


def _told(line: str) -> tuple[str, str, int]:
    result = json.loads(line)
    return result["target"]["host"], result["verdict"], result["footprint"]["login_attempts"]


def test_a_full_disk_changes_nothing(plugins: Path) -> None:
    path = estate(plugins, *["ready"] * 60, "refused")
    done = plugin.run_fresh(
        plugins,
        ["verify", path, "--format", "jsonl"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, 80_000)),
    )
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 61
    (message,) = done.stderr.splitlines()
    assert message.startswith("scanready: this run is not stored: ")
    told = run(plugins, "runs", "--json")
    assert told.returncode in (0, 2), "what was kept until then, or what is wrong with it"
    assert "Traceback" not in told.stderr


def test_differences_are_told_and_regressions_are_exit_code_1(plugins: Path) -> None:
    healthy = estate(plugins, "ready", "mends", "ready")
    log = {"MOOD_LOG": str(plugins / "log")}
    run(plugins, "verify", healthy, **log)
    run(plugins, "verify", healthy, **log)
    same = run(plugins, "diff", "last", "last")
    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, "3 unchanged")
    better = run(plugins, "diff", "last~1", "last")
    assert better.returncode == 0
    assert "fixed (1)" in better.stdout
    assert "blocked connect.filtered -> ready" in better.stdout
    worse = run(plugins, "diff", "last", "last~1", "--json")
    assert worse.returncode == 1
    told = json.loads(worse.stdout)
    (failure,) = told["failures"]
    assert failure["target"]["host"] == "127.0.0.2"
    assert (failure["after"]["cause"]["code"], told["regressions"], told["same"]) == ("connect.filtered", 1, 2)
    markdown = run(plugins, "diff", "last", "last~1", "--format", "md").stdout
    assert "| `mood://127.0.0.2:99?is=mends` | ready → blocked `connect.filtered` (network) |" in markdown


def test_runs_of_other_targets_are_noticed(plugins: Path) -> None:
    run(plugins, "verify", estate(plugins, "ready", "refused"))
    run(plugins, "verify", estate(plugins, "ready", "limited", "ready"))
    assert "is of other targets than" not in run(plugins, "diff", "last", "last").stderr
    other = run(plugins, "diff", "last~1", "last")
    assert ": 2 targets more, 1 target fewer (inventory or selection)" in other.stderr
    rules = run(plugins, "firewall", "mood://127.0.0.1:99?is=ready", "mood://127.0.0.77:99?is=ready", "--from", "last")
    assert "last has no result for the host of 1 of 2 targets" in rules.stderr
    assert "has nothing on" not in run(plugins, "firewall", str(plugins / "estate.yaml"), "--from", "last").stderr


def test_old_runs_are_thrown_away(plugins: Path) -> None:
    path = estate(plugins, "ready")
    for _ in range(3):
        run(plugins, "verify", path)
    newest = runs(plugins)[0]["run"]
    assert "nothing" not in run(plugins, "runs", "--prune", "--older-than", "1d").stderr
    assert len(runs(plugins)) == 3
    assert "2 runs deleted" in run(plugins, "runs", "--prune", "--keep", "1").stderr
    assert [one["run"] for one in runs(plugins)] == [newest]


def test_help_waits_for_no_database() -> None:
    code = """
import sys
from scanready.cli import group
for command in ([], ["verify"], ["check"]):
    try: group.main([*command, "--help"], standalone_mode=False)
    except SystemExit: pass
print("sqlite3" in sys.modules, "platformdirs" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(plugin.ROOT / "verifiers")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=HANG)
    assert done.stdout.splitlines()[-1] == "False False", done.stderr


def _peak(where: Path, *arguments: str) -> float:
    """MiB at the most; a small process starts it, whose own memory would count else."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *plugin.command(*arguments)],
        env=plugin.environment(where),
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    return int(done.stdout) / 1024


def test_ten_thousand_results_are_told_in_little_memory(plugins: Path) -> None:
    """They are 40 MB in the file. Only the list of targets grows."""
    peaks = []
    for count in (1_000, 10_000):
        path = plugins / f"{count}.db"
        asked = '{"only":[],"types":[],"depth":"access","timeout":10,"tried":[]}'
        agent = '{"name":"a","platform":"Linux","addresses":[]}'
        new = NewRun("2026-11-27T09:12:00Z", "verify", "x", count, "0.1.0", agent, asked)
        writer = Writer(path, new, lambda _: None, lambda why: pytest.fail(why))
        for place in range(count):
            report = blocked(f"host{place}", padding="x" * 2000)
            report.verdict = report.verdict.READY
            report.finding = report.finding_step = None
            writer.result(place, identity(report.target), "ready", as_line(report))
        writer.end(1, False, 60)
        peaks.append(_peak(plugins, "report", "last", "--format", "jsonl", "--store", str(path)))
    assert peaks[1] - peaks[0] < 20, peaks
