"""Find the programs that verify the recipes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from fixtures.limits import HANG

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"


def run(*command: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program; without it, skip the test, or fail where the packages of the lab are required."""
    if shutil.which(command[0]) is None:
        reason = f"no {command[0]}: install the packages of script/lab-packages"
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    environment = {**os.environ, **(env or {})}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG, check=False)
