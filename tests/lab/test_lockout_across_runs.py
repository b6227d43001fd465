"""One wrong password, runs that are killed, and several agents: the server counts at most one refused login."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.lab.postgresql import PostgreSQL
from fixtures.limits import HANG

REFUSED = "password authentication failed for user"
KILLS = 20


class Agents:
    """Agents with stores of their own, and a server that counts."""

    def __init__(self, lab: Lab, where: Path) -> None:
        self.lab, self.where = lab, where
        self.server: PostgreSQL = lab.postgresql("scram", label="across-runs")
        self.mark = len(self.server.log)
        self.inventory = where / "estate.yaml"
        host = self.server.hostname
        lines = [f"  - {{host: {host}, type: postgresql, database: {name}, credential: svc}}" for name in ("hr", "d2")]
        head = "credentials: {svc: {username: er, password: env:SVC_PW}}\ntargets:\n"
        self.inventory.write_text(head + "\n".join(lines) + "\n")

    @property
    def refused(self) -> int:
        return self.server.logged_since(self.mark).count(REFUSED)

    def command(self, *arguments: str) -> list[str | Path]:
        return [*self.lab.agent.within([sys.executable, "-P", "-m", "scanready", *arguments])]

    def environment(self, store: str = "runs.db") -> dict[str, str]:
        import os

        own = {"SVC_PW": "not-this-one", "SCANREADY_STORE": str(self.where / store)}
        return {**os.environ, **own, "PYTHONPATH": str(Path(__file__).parents[2] / "verifiers")}

    def run(self, *arguments: str, store: str = "runs.db") -> Any:
        return subprocess.run(
            self.command(*arguments), env=self.environment(store), capture_output=True, text=True, timeout=HANG
        )

    def verify(self, *options: str, store: str = "runs.db") -> list[str]:
        done = self.run("verify", str(self.inventory), "--format", "json", "--no-canary", *options, store=store)
        assert done.stdout, done.stderr
        return [one["cause"]["code"] for one in json.loads(done.stdout)["results"]]

    def killed_after(self, seconds: float) -> None:
        options = ["verify", str(self.inventory), "--no-canary", "-q"]
        with subprocess.Popen(
            self.command(*options),
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(seconds)
            process.kill()


@pytest.fixture
def agents(lab: Lab, tmp_path: Path) -> Agents:
    return Agents(lab, tmp_path)


@pytest.mark.timeout(600)  # sixty starts of the interpreter, on a machine that may be busy
def test_a_run_that_is_killed_at_any_point_and_its_repetition_cost_one_refusal(agents: Agents) -> None:
    seed = random.randrange(10_000)
    chance = random.Random(seed)
    began = time.monotonic()
    assert sorted(agents.verify()) == ["login.refused", "login.withheld"]
    whole = time.monotonic() - began
    assert wait_until(lambda: agents.refused == 1)
    counts = []
    for number in range(KILLS):
        agents.run("credentials", "--forget", "svc")
        before = agents.refused
        at = chance.uniform(0.3, 1.0) * whole
        agents.killed_after(at)
        agents.verify()
        agents.verify()
        time.sleep(0.2)  # the server writes its log
        counts.append(agents.refused - before)
        assert counts[-1] <= 1, f"seed {seed}, kill {number} after {at:.2f} s"
    assert counts.count(1) >= 1, "some kills came before the login: the repetition made it"


def test_four_agents_one_after_another_cost_one_refusal(agents: Agents) -> None:
    files: list[str] = []
    for number in range(4):
        store = f"agent{number}.db"
        guards = [word for file in files for word in ("--guard", file)]
        causes = agents.verify(*guards, store=store)
        assert causes.count("login.refused") == (1 if number == 0 else 0)
        file = agents.where / f"agent{number}.json"
        file.write_text(agents.run("credentials", "--json", store=store).stdout)
        files.append(str(file))
    assert wait_until(lambda: agents.refused >= 1)
    time.sleep(0.2)  # a second one would be in the log by now
    assert agents.refused == 1


def test_without_a_login_the_server_refuses_nobody(agents: Agents) -> None:
    done = agents.run("verify", str(agents.inventory), "--format", "json", "--no-canary", "--no-login")
    assert [one["verdict"] for one in json.loads(done.stdout)["results"]] == ["ready", "ready"]
    assert agents.refused == 0
