"""The modules for the first target of a type and the first certificate, 100 ms of computing, load outside the loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fixtures.emulators import http, in_background
from fixtures.emulators.certificates import authority
from fixtures.limits import HANG

ROOT = Path(__file__).parents[2]
#: Checks targets in a new process; prints their verdicts, and the modules that the loop's thread and others loaded.
CLIMB = """
import asyncio, importlib.machinery, json, sys, threading
from scanready import Target
from scanready.run import registry
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.ladder import PLENTY

registry.catalogue()
loaded = {True: [], False: []}
for loader in (importlib.machinery.SourceFileLoader, importlib.machinery.ExtensionFileLoader):
    def load(self, module, once=loader.exec_module):
        loaded[threading.current_thread() is threading.main_thread()].append(module.__name__)
        return once(self, module)
    loader.exec_module = load

async def main(port, ca_file):
    targets = [Target(host, "https", port) for host in ("127.0.0.1", "localhost")]
    settings = Settings(timeout=PLENTY, canary=False, ca_file=ca_file)
    return [report.verdict async for report in verify_all(targets, settings)]

verdicts = asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
print(json.dumps({"verdicts": verdicts, "in_loop": loaded[True], "elsewhere": loaded[False]}))
"""


def test_the_loop_loads_no_module_while_targets_climb() -> None:
    known = authority()
    with in_background(http.ok, tls=known.context("good")) as server:
        done = subprocess.run(
            [sys.executable, "-c", CLIMB, str(server.port), str(known.ca_file)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "verifiers")},
            capture_output=True,
            text=True,
            timeout=HANG,
            check=True,
        )
    told = json.loads(done.stdout)
    assert told["verdicts"] == ["scannable", "scannable"]
    assert {"scanready.targets.web.verify_https", "h11", "cryptography.x509"} <= set(told["elsewhere"])
    assert told["in_loop"] == []
