"""The benchmark of a fleet runs at a small size, and its figures are there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from fixtures.limits import HANG
from tests.fleet.real.conftest import demand_broker

ROOT = Path(__file__).parents[3]


def test_both_ways_check_every_target() -> None:
    demand_broker()
    words = ["-m", "benchmarks.fleet", "--targets", "40", "--silent", "40", "--rounds", "1", "--json"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["targets"] for row in rows] == [40, 40, 40]
    for row in rows:
        assert 0 < row["first"] <= row["fleet"]
        assert min(row["ratio"], row["tasks"], row["results"], row["store"], row["agent"], row["coordinator"]) > 0
