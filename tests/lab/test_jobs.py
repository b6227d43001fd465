"""``verify --jobs`` at a real server: one wrong password, four processes, and processes that are killed in a login."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.lab.postgresql import PostgreSQL
from fixtures.limits import HANG

REFUSED = "password authentication failed for user"
TARGETS, KILLS = 500, 4
#: Translates each address of a network that exists nowhere to the server's.
EVERYWHERE = "table ip jobs { chain out { type nat hook output priority -100; ip daddr 198.18.0.0/22 dnat to %s; }; }"


class Estate:
    """Five hundred hosts of one authority, all of them one server."""

    def __init__(self, lab: Lab, where: Path) -> None:
        self.lab, self.where = lab, where
        self.server: PostgreSQL = lab.postgresql("scram", label="jobs")
        self.mark = len(self.server.log)
        self.inventory = where / "estate.yaml"
        hosts = [f"198.18.{n // 250}.{n % 250 + 1}" for n in range(TARGETS)]
        # The first quarter has no account: the first process takes it while the others start.
        lines = [
            f"  - {{host: {host}, type: postgresql, database: hr{', credential: svc' if n >= TARGETS // 4 else ''}}}"
            for n, host in enumerate(hosts)
        ]
        head = "credentials: {svc: {username: er, password: env:SVC_PW, authority: CORP}}\ntargets:\n"
        self.inventory.write_text(head + "\n".join(lines) + "\n")

    @property
    def refused(self) -> int:
        return self.server.logged_since(self.mark).count(REFUSED)

    @contextlib.contextmanager
    def verifying(self, store: str) -> Iterator[subprocess.Popen[str]]:
        # The server has room for 100 connections, and a process that was killed leaves some for a moment.
        options = ["--format", "jsonl", "--no-canary", "--jobs", "4", "--timeout", "60", "--concurrency", "20"]
        command = [sys.executable, "-P", "-m", "scanready", "verify", str(self.inventory), *options]
        own = {"SVC_PW": "not-this-one", "SCANREADY_STORE": str(self.where / store)}
        environment = {**os.environ, **own, "PYTHONPATH": str(Path(__file__).parents[2] / "verifiers")}
        with subprocess.Popen(
            self.lab.agent.within([*command]),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            yield process
            process.kill()


@pytest.fixture
def estate(lab: Lab, tmp_path: Path) -> Iterator[Estate]:
    made = Estate(lab, tmp_path)
    lab.agent.nft(EVERYWHERE % made.server.address)
    yield made
    lab.agent.nft("delete table ip jobs")


def causes(output: str) -> Counter[str]:
    found = [json.loads(line) for line in output.splitlines()]
    assert len({one["target"]["host"] for one in found}) == len(found) == TARGETS
    return Counter((one["cause"] or {"code": one["verdict"]})["code"] for one in found)


def further_processes(store: Path) -> list[int]:
    """Return the further processes of the command that writes ``store``."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in numbers if _is_further(pid, store)]


def _is_further(pid: int, store: Path) -> bool:
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"run.jobs.worker" in command and str(store).encode() in Path(f"/proc/{pid}/environ").read_bytes()
    return False


def login_is_under_way(store: Path) -> bool:
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as at,
    ):
        return bool(at.execute("SELECT count(*) FROM attempts WHERE outcome IS NULL").fetchone()[0])
    return False


@pytest.mark.timeout(600)
def test_a_wrong_password_is_sent_once_by_four_processes(estate: Estate) -> None:
    with estate.verifying("runs.db") as command:
        output, messages = command.communicate(timeout=HANG)
    found = causes(output)
    assert found["login.refused"] == 1, (found, messages)
    assert found["login.withheld"] == TARGETS - TARGETS // 4 - 1
    assert wait_until(lambda: estate.refused >= 1)
    time.sleep(0.2)  # a second one would be in the log by now
    assert estate.refused == 1


@pytest.mark.timeout(1200)
def test_a_process_killed_in_a_login_costs_at_most_that_login(estate: Estate) -> None:
    lost: list[bool] = []
    for number in range(KILLS):
        store, before = estate.where / f"runs{number}.db", estate.refused
        with estate.verifying(store.name) as command:
            assert wait_until(lambda store=store: login_is_under_way(store), HANG, 0.002)  # type: ignore[misc]
            for pid in further_processes(store):
                os.kill(pid, signal.SIGKILL)
            output, messages = command.communicate(timeout=HANG)
        found = causes(output)
        assert found["login.refused"] <= 1, (found, messages)
        assert set(found) <= {"login.refused", "login.withheld", "ready", "scanready.limit"}, (found, messages)
        assert messages.count("--jobs: process") >= 1
        time.sleep(0.2)  # the server writes its log
        assert estate.refused - before <= 1, messages
        lost.append(found["login.refused"] == 0)
    assert any(lost), "no kill came in the middle of a login"
