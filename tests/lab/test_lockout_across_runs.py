"""One wrong password, runs that are killed, and several agents: the server counts at most one refused login."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.mariadb import MariaDB
from fixtures.lab.namespace import wait_until
from fixtures.lab.postgresql import PostgreSQL
from fixtures.limits import HANG
from tests.lab.cli import scanready

REFUSED = {"postgresql": "password authentication failed for user", "mysql": "Access denied for user 'scan'"}
KILLS = 12


class Agents:
    """Agents with stores of their own, and a server that counts its refusals by the words of its log."""

    def __init__(self, lab: Lab, where: Path, type_: str = "postgresql", names: str = "") -> None:
        self.lab, self.where, self.refusal = lab, where, REFUSED[type_]
        start: dict[str, Callable[..., PostgreSQL | MariaDB]] = {
            "postgresql": partial(lab.postgresql, "scram"),
            "mysql": partial(lab.mariadb, "standard"),
        }
        self.server: PostgreSQL | MariaDB = start[type_](label="across-runs")
        self.mark = len(self.server.log)
        self.inventory = where / "estate.yaml"
        host, user = self.server.hostname, self.server.user
        lines = [f"  - {{host: {host}, type: {type_}, database: {name}, credential: svc}}" for name in ("hr", "d2")]
        declared = ", ".join(f"{{name: proxy-{name}}}" for name in names)
        head = f"agents: [{declared}]\n" if names else ""
        head += f"credentials: {{svc: {{username: {user}, password: env:SVC_PW}}}}\ntargets:\n"
        self.inventory.write_text(head + "\n".join(lines) + "\n")

    @property
    def refused(self) -> int:
        return self.server.logged_since(self.mark).count(self.refusal)

    def environment(self, store: str = "runs.db") -> dict[str, str]:
        own = {"SVC_PW": "not-this-one", "SCANREADY_STORE": str(self.where / store)}
        return {**own, "PYTHONPATH": str(Path(__file__).parents[2] / "verifiers")}

    def run(self, *arguments: str, store: str = "runs.db", timeout: float = HANG) -> subprocess.CompletedProcess[str]:
        return scanready(self.lab.agent, *arguments, env=self.environment(store), timeout=timeout)

    def verify(self, *options: str, store: str = "runs.db") -> list[str]:
        done = self.run("verify", str(self.inventory), "--format", "json", "--no-canary", *options, store=store)
        assert done.stdout, done.stderr
        return [one["cause"]["code"] if one["cause"] else "" for one in json.loads(done.stdout)["results"]]

    def killed_after(self, seconds: float) -> None:
        """Kill a run after so many seconds, unless it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.run("verify", str(self.inventory), "--no-canary", "-q", timeout=seconds)


@pytest.fixture
def agents(lab: Lab, tmp_path: Path) -> Agents:
    return Agents(lab, tmp_path)


@pytest.mark.timeout(600)  # eighty runs, on a machine that may be busy
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
        at = chance.uniform(0.1, 1.0) * whole
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


@pytest.mark.parametrize(("type_", "tries"), [("postgresql", [1, 1, 1, 1]), ("mysql", [1, 2, 2, 2])])
def test_a_wrong_password_passes_four_agents_each_with_the_export_of_the_one_before(
    lab: Lab, tmp_path: Path, type_: str, tries: list[int]
) -> None:
    """MySQL's error 1045 may be about the agent's address: one further agent may try, and never more."""
    agents = Agents(lab, tmp_path, type_, "abcd")
    counts: list[int] = []
    guard: list[str] = []
    for name in ("a", "b", "c", "d"):
        file = str(tmp_path / f"{name}.scanready")
        causes = agents.verify(*guard, "--as", f"proxy-{name}", "--export", file, store=f"{name}.db")
        guard = ["--guard", file]
        assert wait_until(lambda: agents.refused >= tries[len(counts)])
        time.sleep(0.2)  # one more would be in the log by now
        counts.append(agents.refused)
        assert set(causes) <= {"login.refused", "login.withheld"}
    assert counts == tries
    told = json.loads(gzip.decompress((tmp_path / "d.scanready").read_bytes()).splitlines()[-1])["end"]["accounts"]
    assert [one["agent"] for one in told] == ["proxy-b", "proxy-a"][-tries[-1] :], "who found it, the last first"
    assert {one["ambiguous"] for one in told} == {type_ == "mysql"}


def test_a_server_that_lets_in_anybody_does_not_clear_a_refusal_for_the_next_agent(lab: Lab, tmp_path: Path) -> None:
    agents = Agents(lab, tmp_path, names="abc")
    anybody, strict = lab.postgresql("trust").hostname, agents.inventory.read_text()
    file = str(tmp_path / "a.scanready")
    assert "login.refused" in agents.verify("--as", "proxy-a", "--export", file, store="a.db")
    agents.inventory.write_text(f"{strict}  - {{host: {anybody}, type: postgresql, database: hr, credential: svc}}\n")
    other = str(tmp_path / "b.scanready")
    assert agents.verify("--as", "proxy-b", "--only", f"host={anybody}", "--export", other, store="b.db") == [""]
    told = json.loads(gzip.decompress(Path(other).read_bytes()).splitlines()[-1])["end"]["accounts"]
    assert told == [], "the login was made, and proves nothing"
    guards = ["--guard", file, "--guard", other]
    assert agents.verify("--as", "proxy-c", *guards, store="c.db").count("login.withheld") == 3
    assert agents.refused == 1


def test_without_a_login_the_server_refuses_nobody(agents: Agents) -> None:
    done = agents.run("verify", str(agents.inventory), "--format", "json", "--no-canary", "--no-login")
    assert [one["verdict"] for one in json.loads(done.stdout)["results"]] == ["ready", "ready"]
    assert agents.refused == 0
