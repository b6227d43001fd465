"""Without impacket, as the default install is: a check goes up to the prompt, and a login is undecided."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import dcom, in_background, smb
from fixtures.limits import HANG
from scanready.run.registry import catalogue

ROOT = Path(__file__).parents[2]
SCRIPT = "script/install-windows"
HOLE = "raise ModuleNotFoundError(\"No module named 'impacket'\", name='impacket')\n"


@contextmanager
def target_of(kind: str) -> Iterator[str]:
    """A healthy server; its URL, with a user."""
    if kind == "smb":
        with in_background(smb.server(smb.WINDOWS)) as server:
            yield f"smb://er@127.0.0.1:{server.port}/finance"
    else:
        with dcom.in_background("healthy") as host:
            yield f"windows://er@127.0.0.1:{host.mapper.port}"


def checked(folder: Path, url: str, *more: str) -> tuple[dict[str, Any], int]:
    """Check in a process, and in processes of its, where no impacket is found."""
    (folder / "impacket").mkdir()
    (folder / "impacket" / "__init__.py").write_text(HOLE)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT / "verifiers"))),
        "SCANREADY_STORE": str(folder / "runs.db"),
        "ER_PW": "Passw0rd!",
    }
    command = [sys.executable, "-m", "scanready", "check", url, "--assume-agent", "windows", "--format", "jsonl", *more]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return result, done.returncode


@pytest.mark.parametrize("kind", ["smb", "windows"])
def test_a_target_is_checked_up_to_its_prompt(tmp_path: Path, kind: str) -> None:
    with target_of(kind) as url:
        result, status = checked(tmp_path, url, "--no-login")
    assert (result["verdict"], status) == ("ready", 0), result
    passed = {check["step"] for check in result["checks"] if check["outcome"] == "passed"}
    assert {"connect", "handshake", "auth"} <= passed
    assert result["facts"]["product"] == "Windows"


@pytest.mark.parametrize("kind", ["smb", "windows"])
def test_a_login_says_what_to_type(tmp_path: Path, kind: str) -> None:
    with target_of(kind) as url:
        result, status = checked(tmp_path, url, "--password-from", "env:ER_PW")
    assert (result["verdict"], status) == ("undecided", 3), result
    cause = result["cause"]
    assert (cause["code"], cause["owner"], cause["step"]) == ("agent.driver-missing", "agent", "login")
    assert f"python {SCRIPT}, in the folder of scanready's source" in cause["detail"]
    heading, command = cause["fix"].splitlines()
    assert heading.startswith("# On the agent ")
    assert command == f"{sys.executable} {SCRIPT}"
    assert result["footprint"]["login_attempts"] == 0
    assert {"connect", "handshake", "auth"} <= {one["step"] for one in result["checks"] if one["outcome"] == "passed"}


def test_both_types_name_the_script_of_the_source() -> None:
    scripts = {driver.script for row in catalogue() for driver in row.drivers if driver.module == "impacket"}
    assert scripts == {SCRIPT}
