"""Every benchmark starts, and those that need neither a browser nor a broker measure a small size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.limits import HANG

ROOT = Path(__file__).parents[2]
#: The benchmarks that are commands; the others are their parts.
COMMANDS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if "__main__" in path.read_text())
#: A small size for each that runs anywhere, and words of its output.
SMALL = {"merge": (("--agents", "2", "--targets", "20"), ("ratio", "peak memory", "2 agents x 20 targets"))}


def ran(name: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_benchmarks() -> None:
    assert {"fleet", "matrix", "merge", "page", "run"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_benchmark_starts(name: str) -> None:
    if name == "fleet":
        pytest.importorskip("celery")
    assert "usage:" in ran(name, "--help")


@pytest.mark.parametrize("name", SMALL)
def test_a_small_size_is_measured(name: str) -> None:
    words, expected = SMALL[name]
    output = ran(name, *words)
    assert [one for one in expected if one not in output] == []
