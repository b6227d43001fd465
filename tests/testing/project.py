"""A pytest project of its own, in a process of its own, with the plug-in as an installed package brings it.

Its targets are of the type ``mood`` (tests/cli/plugin.py), which does what its ``is`` option says, offline.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from fixtures.limits import HANG
from tests.cli import plugin

#: Nothing of this run's pytest is that run's.
_NOT_THEIRS = ("PYTEST_", "COV_", "SCANREADY_", "CI", "BUILD_NUMBER")


@dataclass(frozen=True)
class Outcome:
    """Hold the output of a run (both streams), its exit code, and its JUnit file."""

    code: int
    text: str
    junit: ElementTree.Element | None

    def summary(self) -> list[str]:
        """The short test summary."""
        return [line for line in self.text.splitlines() if line.startswith(("PASSED ", "FAILED ", "XFAIL ", "ERROR "))]

    def outcomes(self) -> dict[str, str]:
        """Test to outcome."""
        return {line.split(" ", 2)[1].split(" - ")[0]: line.split()[0] for line in self.summary()}

    def properties(self, test: str) -> list[tuple[str, str]]:
        """The properties of a test in the JUnit file."""
        assert self.junit is not None
        case = next(case for case in self.junit.iter("testcase") if case.get("name") == test)
        return [(one.get("name", ""), one.get("value", "")) for one in case.iter("property")]


class Project:
    """A directory with tests."""

    def __init__(self, where: Path) -> None:
        self.where = where / "project"
        self.where.mkdir()
        self.site = where / "site"
        self.site.mkdir()
        plugin.install(self.site)
        install(self.site)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.where / name
        path.write_text(text)
        return path

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Outcome:
        """Run pytest in it."""
        junit = self.where / "junit.xml"
        junit.unlink(missing_ok=True)
        kept = {k: v for k, v in plugin.environment(self.site).items() if not k.startswith(_NOT_THEIRS)}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-rA"]
        done = subprocess.run(
            [*command, "--strict-markers", f"--junitxml={junit}", *arguments],
            cwd=self.where,
            env={**kept, "COLUMNS": "250", **(env or {})},
            capture_output=True,
            text=True,
            timeout=HANG,
            check=False,
        )
        return read_outcome(done, junit)


def install(where: Path) -> None:
    """Put an entry point of the pytest plug-in into ``where``, as an installer would; the tests run from a checkout."""
    info = where / "scanready-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: scanready\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[pytest11]\nscanready = scanready.pytest_plugin\n")


def read_outcome(done: subprocess.CompletedProcess[str], junit: Path) -> Outcome:
    """Return what became of a pytest run."""
    root = ElementTree.parse(junit).getroot() if junit.exists() else None
    return Outcome(done.returncode, done.stdout + done.stderr, root)
