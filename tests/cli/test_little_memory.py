"""A host without enough memory gets one line that says what to do, not a traceback and no report of a bug."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.limits import HANG

if sys.platform != "linux":
    pytest.skip("only Linux bounds the address space of a process", allow_module_level=True)

import resource

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


def limited(mebibytes: int, *command: str) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mebibytes * MIB, mebibytes * MIB))

    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT / "verifiers")},
        preexec_fn=limit,  # no other thread runs here
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


@pytest.mark.parametrize("command", [("verify", "--no-login"), ("plan",), ("agent",), ("firewall",)])
def test_an_inventory_that_does_not_fit_says_to_split_it(command: tuple[str, ...], tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    with large.open("w") as file:
        file.write("targets:\n")
        file.writelines(f"  - mysql://10.{at >> 16}.{at >> 8 & 255}.{at & 255}\n" for at in range(400_000))
    done = limited(200, "-m", "scanready", *command, str(large))
    assert done.returncode == 2
    assert done.stderr == f"scanready: {large}: this host has not enough memory for this inventory: split it\n"
    assert done.stdout == ""


def test_the_end_of_the_memory_at_any_other_moment_is_no_bug() -> None:
    program = "import scanready.cli as cli; cli.group.main = lambda *a, **k: bytearray(1 << 33); cli.main()"
    done = limited(400, "-c", program)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("scanready: this host has not enough memory. Stored results are kept")
