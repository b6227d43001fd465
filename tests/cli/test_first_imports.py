"""Modules that `types` and the first packet of `check` or `verify` need not wait for are not loaded by then."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.limits import HANG
from tests.cli import plugin

#: Ends the process at the moment its first packet would leave, and lists the modules that are loaded by then.
FIRST_PACKET = """
import os, sys
def at(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][1] == int(sys.argv[-1]):
        sys.__stderr__.write("\\n".join(sys.modules))
        sys.__stderr__.flush()
        os._exit(0)
sys.addaudithook(at)
from scanready.cli import main
from scanready.cli.job import results
results._AT_LATEST = 60  # on a busy machine, the modules of the results would load at that moment, before the packet
main([*sys.argv[1:-1], "--no-store"])
"""
#: Loads while the target answers, whatever the command.
AFTERWARDS = {
    "rich": "draws what was found",
    "sqlite3": "stores what was found",
    "scanready.store.writer": "stores what was found",
    "scanready.report.document": "writes what was found",
    "scanready.climb.certificates": "judges what a TLS handshake shows",
    "scanready.climb.signature": "recognises another protocol",
}
#: The shapes of an inventory that most have; its target is at a port.
FLAT = (
    "targets:\n  - ssh://127.0.0.1:{}\n",
    "targets: [ssh://127.0.0.1:{}]\n",
    "targets:\n  - {{host: 127.0.0.1, type: ssh, port: {}}}\n",
    "# ours\ntargets:\n  - host: 127.0.0.1\n    type: ssh\n    port: {}\n",
)


def modules(*command: str) -> set[str]:
    environment = {**os.environ, "PYTHONPATH": str(plugin.ROOT / "verifiers")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("type_", ["mysql", "ssh", "http", "smb", "postgresql"])
def test_the_first_packet_waits_for_nothing_that_comes_later(type_: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        loaded = modules(sys.executable, "-P", "-c", FIRST_PACKET, "check", f"{type_}://127.0.0.1:{port}", port)
    assert "scanready.run.engine" in loaded
    later = {
        **AFTERWARDS,
        "scanready.report.ladder": "draws what was found",
        "scanready.report.story": "is told with -v",
        "scanready.clients.login_process.processes": "runs logins, of which there is none",
        "scanready.run.plugins.load": "loads plug-ins, of which none is used",
        "scanready.run.plugins.review": "judges plug-ins, of which none is used",
        "ruamel": "reads inventories, of which there is none",
    }
    assert loaded.intersection(later) == set()


@pytest.mark.parametrize("shape", FLAT, ids=["urls", "brackets", "one-line", "block"])
def test_the_first_packet_of_a_flat_inventory_waits_for_no_parser(tmp_path: Path, shape: str) -> None:
    file = tmp_path / "estate.yaml"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        file.write_text(shape.format(port))
        loaded = modules(sys.executable, "-P", "-c", FIRST_PACKET, "verify", str(file), port)
    assert "scanready.run.engine" in loaded
    assert not loaded & {"ruamel", "ruamel.yaml", "pydantic", "pydantic_core"}
    assert loaded.intersection(AFTERWARDS) == set()


def test_the_list_of_types_needs_neither_an_event_loop_nor_the_causes() -> None:
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: sys.__stderr__.write('\\n'.join(sys.modules)))\n"
        "from scanready.cli import main\nmain(['types'])\n"
    )
    loaded = modules(sys.executable, "-P", "-c", script)
    assert "scanready.targets.mysql.row" in loaded
    later = {"asyncio", "scanready.run.plugins.load", "scanready.causes.common", "scanready.targets.mysql.causes"}
    assert not loaded & later
