"""The first certificate of a process: loading what judges it, 80 ms of computing, takes place outside of the loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fixtures.emulators import http, in_background
from fixtures.emulators.certificates import authority

ROOT = Path(__file__).parents[2]
#: Checks targets in a new process; prints their verdicts and the longest turn of the loop in ms of its thread's time.
CLIMB = """
import asyncio, json, sys, time
from scanready import Target
from scanready.run.engine import Settings, verify_all

class Loop(asyncio.SelectorEventLoop):
    longest = 0.0
    def _run_once(self):
        began = time.thread_time()
        super()._run_once()
        self.longest = max(self.longest, time.thread_time() - began)

async def main(port, ca_file):
    targets = [Target(host, "https", port) for host in ("127.0.0.1", "localhost")]
    settings = Settings(timeout=10, canary=False, ca_file=ca_file)
    return [report.verdict async for report in verify_all(targets, settings)]

with asyncio.Runner(loop_factory=Loop) as runner:
    verdicts = runner.run(main(int(sys.argv[1]), sys.argv[2]))
    print(json.dumps({"verdicts": verdicts, "longest": runner.get_loop().longest * 1000}))
"""


def test_no_turn_of_the_loop_takes_50_ms() -> None:
    known = authority()
    with in_background(http.ok, tls=known.context("good")) as server:
        done = subprocess.run(
            [sys.executable, "-c", CLIMB, str(server.port), str(known.ca_file)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "verifiers")},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    told = json.loads(done.stdout)
    assert told["verdicts"] == ["scannable", "scannable"]
    assert told["longest"] < 50
