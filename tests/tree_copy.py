"""Copy this tree into a repository of its own, and run commands in it: for tests that change files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def copy_of_the_tree(where: Path) -> Path:
    """Copy what git lists, new files included, and commit it there; skip the test where git does not know."""
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("git lists the files of the tree")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, where / name)
    git(where, "init", "-q")
    git(where, "add", "-A")
    git(where, "commit", "-q", "-m", "as it is")
    return where


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy, with its own package; ``python`` is the interpreter of this run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SCANREADY_"))}
    ours = {
        "PYTHONPATH": str(tree / "verifiers"),
        "MYPYPATH": "verifiers",
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
        "CI": "true",  # hypothesis then takes the time that it needs
    }
    return subprocess.run(
        command, cwd=tree, env={**kept, **ours}, capture_output=True, text=True, timeout=300, check=False
    )


def git(tree: Path, *words: str) -> str:
    """Run git in the copy, and return its output."""
    done = run(tree, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout
