"""A login that never returns, in a process or in a thread: the command, the library and pytest end all the same.

The login is another package's. Where a process can find its function, it runs in one; a function within a function runs
in a thread, which nothing can end.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures.limits import HANG
from tests.cli import plugin
from tests.testing.project import Project

#: Seconds for the target; and those after which the process has ended, beyond one whose login returns.
TIMEOUT, EXIT = 1.5, 20.0  # a stuck login lasts ten minutes, or for ever

STUCK = """
import time
from scanready import Step
from scanready.climb.login_result import LoginResult

def returns(where, credential, seconds) -> LoginResult:
    return LoginResult()

def spins(where, credential, seconds) -> LoginResult:
    while True:
        pass

def hangs(where, credential, seconds) -> LoginResult:
    time.sleep(600)
    return LoginResult()

async def verify(probe):
    how = probe.target.options.get("how", "")
    async with probe.step(Step.CONNECT) as rung:
        if probe.target.port == 64937:
            raise ConnectionRefusedError
        probe.footprint.connections += 1
        rung.ok("connected")
    async with probe.step(Step.LOGIN) as rung:
        function = {"returns": returns, "spins": spins, "hangs": hangs}[how.partition(" ")[0]]
        if how.endswith("thread"):
            outer = function
            def function(where, credential, seconds):
                return outer(where, credential, seconds)
        await probe.login(function, probe.host)
        rung.ok("logged in")
"""
HOWS = ("spins in a process", "hangs in a process", "spins in a thread", "hangs in a thread")

API = """
import sys, time
import scanready
from scanready import Credential, Settings, Target
target = Target("h", "stuck", 1, {"how": sys.argv[1]}, Credential("c", "er", "Passw0rd!"))
began = time.monotonic()
report = scanready.check(target, settings=Settings(timeout=float(sys.argv[2]), canary=False))
print(report.verdict, report.cause and report.cause.code, time.monotonic() - began, flush=True)
"""


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    install(tmp_path)
    return tmp_path


def install(where: Path) -> None:
    (where / "stuckplugin.py").write_text(STUCK)
    info = where / "stuckplugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stuckplugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[scanready.targets]\nstuck = stuckplugin:verify\n")


def inventory(where: Path, how: str) -> Path:
    file = where / "estate.scanready.yaml"
    file.write_text(
        "credentials: {c: {username: er, password: env:STUCK_PASSWORD}}\n"
        f"targets: [{{host: h, type: stuck, port: 1, how: {how}, credential: c}}]\n"
    )
    return file


def api(plugins: Path, how: str) -> tuple[str, float, float]:
    """Return what the library found, its seconds, and those until the process had ended."""
    command = [sys.executable, "-c", API, how, str(TIMEOUT)]
    with subprocess.Popen(command, env=plugin.environment(plugins), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        verdict, cause, seconds = process.stdout.readline().split()
        returned = time.monotonic()
        try:
            process.wait(HANG)
        finally:
            process.kill()
        return f"{verdict} {cause}", float(seconds), time.monotonic() - returned


@pytest.mark.parametrize("how", HOWS)
def test_check_returns_and_its_process_ends(plugins: Path, how: str) -> None:
    _, _, usual = api(plugins, "returns")
    found, seconds, exits = api(plugins, how)
    assert found == "undecided scanready.out-of-time"
    assert seconds < TIMEOUT + EXIT, "a package's first login loads its module"
    assert exits < usual + EXIT


@pytest.mark.parametrize("how", HOWS)
def test_the_command_ends(plugins: Path, how: str) -> None:
    file = inventory(plugins, how)
    arguments = ("verify", str(file), "--timeout", str(TIMEOUT), "--no-canary", "--no-store")
    with plugin.started(plugins, *arguments, STUCK_PASSWORD="Passw0rd!") as process:
        out, err = process.communicate(timeout=HANG)
    assert process.returncode == 3, err
    assert "scanready.out-of-time" in out


@pytest.mark.parametrize("how", HOWS)
def test_a_pytest_run_ends(tmp_path: Path, how: str) -> None:
    project = Project(tmp_path)
    install(project.site)
    inventory(project.where, how)
    done = project.run("--scanready-timeout", str(TIMEOUT), env={"STUCK_PASSWORD": "Passw0rd!"})
    assert done.code == 1, done.text
    assert "scanready.out-of-time" in done.text
