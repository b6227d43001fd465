"""Run the programs that script/test-tools installs for the recipes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from fixtures.limits import HANG
from tests.recipes.programs import ROOT

#: The programs of script/recipe-constraints.txt.
PROGRAMS = ROOT / ".peers" / "recipes" / "bin"


def program(name: str) -> str:
    """Return the path of a program; without it, skip the test, or fail where the packages of the lab are required."""
    found = PROGRAMS / name
    if not found.exists():
        reason = f"no {name}: script/test-tools installs it"
        if os.environ.get("SCANREADY_REQUIRE_LAB") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return str(found)


def run(
    name: str, *arguments: str, env: Mapping[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of the programs."""
    command = [program(name), *arguments]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG, check=False
    )
