"""The demonstration estate: it starts fast, writes what it says, and leaves when told."""

from __future__ import annotations

import ipaddress
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fixtures.limits import PATIENCE
from tests.ladder import TYPES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "fixtures.emulators.demo", "--inventory", str(tmp_path / "demo.yaml")]
    command += ["--ready-file", str(tmp_path / "ready")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "ready").exists():
        assert process.poll() is None, process.communicate()[0].decode()
        assert time.monotonic() < deadline, "not ready"
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_every_port_is_as_the_inventory_says(demo: subprocess.Popen[bytes], tmp_path: Path) -> None:
    inventory = YAML(typ="safe").load(tmp_path / "demo.yaml")
    assert Path(inventory["defaults"]["ca_file"]).is_file()
    met, closed = set(), 0
    for target in inventory["targets"]:
        assert target["tags"][0] == "demo"
        types = target.get("types") or [target["type"]]
        try:
            socket.create_connection((target["host"], target["port"]), timeout=5).close()
            met |= set(types)
        except ConnectionRefusedError:
            closed += 1
    assert met == {row.name for row in TYPES}
    assert closed == 2


def test_nothing_but_loopback_is_in_it(demo: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """No name either: the machine's resolver would be asked for it."""
    inventory = YAML(typ="safe").load(tmp_path / "demo.yaml")
    assert all(ipaddress.ip_address(target["host"]).is_loopback for target in inventory["targets"])


def test_it_ends_with_its_standard_input(demo: subprocess.Popen[bytes]) -> None:
    output, _ = demo.communicate(timeout=PATIENCE)
    assert (demo.returncode, output) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch on Windows")
def test_it_ends_at_sigterm(demo: subprocess.Popen[bytes]) -> None:
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(timeout=PATIENCE) == 0
    assert demo.stdout is not None
    assert demo.stdout.read() == b""
