"""One process a run: the second one ends, and a killed one leaves no obstacle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.limits import HANG
from scanready.store import RunLock, Store, StoreError
from scanready.store.locks import is_running
from scanready.store.pruning import prune
from tests.cli import plugin
from tests.cli.conftest import plugins  # noqa: F401  # a fixture
from tests.store.test_store import kept

ROOT = Path(__file__).parents[2]
HOLD = """
import sys; from pathlib import Path; from scanready.store import RunLock
lock = RunLock(Path(sys.argv[1]), int(sys.argv[2]), "it"); print("held", flush=True); sys.stdin.read()
"""
ASK = """
import sys; from pathlib import Path; from scanready.store.locks import is_running
print(is_running(Path(sys.argv[1]), int(sys.argv[2])))
"""


def holder(path: Path, number: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "verifiers")}
    command = [sys.executable, "-c", HOLD, str(path), str(number)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.communicate(timeout=HANG)


def test_the_second_one_learns_who_is_first_and_a_killed_one_is_in_nobodys_way(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    kept(path)
    first = holder(path, 1)
    with pytest.raises(StoreError, match=f"it is being written by another scanready \\(process {first.pid}\\): wait"):
        RunLock(path, 1, "it")
    RunLock(path, 2, "another run").release()
    (tmp_path / "link.db").symlink_to(path)
    assert is_running(tmp_path / "link.db", 1), "a store has one lock, whatever it is called"
    end(first)
    RunLock(path, 1, "it").release()
    assert (tmp_path / "runs.db-lock").stat().st_mode & 0o777 == 0o600


def test_a_run_knows_the_others_that_go_on_and_keeps_its_own_lock(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    own, other = RunLock(path, 1, "it"), holder(path, 2)
    assert [own.is_held_elsewhere(number) for number in (1, 2, 3)] == [False, True, False]
    end(other)
    assert not own.is_held_elsewhere(2)
    asked = [sys.executable, "-c", ASK, str(path), "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "verifiers")}
    assert subprocess.check_output(asked, env=environment, text=True) == "True\n"
    third = holder(path, 3)
    assert own.is_held_elsewhere(3)
    end(third)
    own.release()
    assert not own.is_held_elsewhere(1)


def test_a_run_that_is_being_written_is_not_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    first, second = kept(path), kept(path)
    writing = holder(path, 1)
    assert prune(path, keep=0) == [second]
    end(writing)
    assert prune(path, keep=0) == [first]


@pytest.mark.parametrize("broken", ["read-only", "no locks"])
def test_a_place_without_locks_keeps_no_run_from_going_on(
    tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    if broken == "read-only":
        (tmp_path / "runs.db-lock").mkdir()
    else:
        monkeypatch.setattr("scanready.store.locks._try", refuse)
    RunLock(tmp_path / "runs.db", 1, "it").release()


def waiting_for(truth: Callable[[], bool]) -> None:
    until = time.monotonic() + HANG
    while not truth():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_two_resumptions_of_one_run(plugins: Path) -> None:  # noqa: F811
    """The first one, and the run itself before it, keep the others out; nothing is checked twice."""
    estate, log, release = plugins / "estate.yaml", plugins / "log", plugins / "release"
    estate.write_text("targets:\n" + "".join(f"  - {{host: h{n}, port: 99, type: mood, is: held}}\n" for n in (1, 2)))
    environment = plugin.environment(plugins, {"MOOD_LOG": str(log), "MOOD_RELEASE": str(release)})
    asked = ["--timeout", "600", "--format", "json"]

    def start(*what: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            plugin.command("verify", *what, *asked),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def names() -> list[str]:
        if not (plugins / "runs.db").exists():
            return []
        with Store(plugins / "runs.db") as store:
            return [run.name for run in store.runs()]

    running = start(str(estate))
    waiting_for(lambda: bool(names()))
    second = start("--resume", "last")
    output, words = second.communicate(timeout=HANG)
    assert (second.returncode, output) == (2, "")
    assert f"is being written by another scanready (process {running.pid})" in " ".join(words.split())
    running.kill()
    running.communicate(timeout=HANG)
    release.touch()
    resumed = start("--resume", "last")
    output, _ = resumed.communicate(timeout=HANG)
    assert resumed.returncode == 0
    assert len(json.loads(output)["results"]) == 2
    assert sorted(log.read_text().split()) == ["h1", "h2"]
    assert len(names()) == 1
