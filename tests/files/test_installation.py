"""A checkout that no installer has seen says what to type, and is no error of scanready."""

from __future__ import annotations

import ast
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without any package."""
    where = tmp_path_factory.mktemp("bare")
    venv.create(where, symlinks=True)
    return where / ("Scripts" if sys.platform == "win32" else "bin") / "python"


@pytest.mark.parametrize("start", [["cli.py"], ["-m", "scanready"]], ids=["cli.py", "module"])
def test_a_bare_checkout(bare: Path, start: list[str]) -> None:
    done = subprocess.run(
        [bare, *start, "check", "ssh://127.0.0.1:1"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "verifiers"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{bare} lacks the package click" in done.stderr
    assert f"pip install '{ROOT}[agent]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "report" not in done.stderr


def test_a_package_that_is_missed_later(tmp_path: Path) -> None:
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text("raise ModuleNotFoundError('no', name='rich')\n")
    done = subprocess.run(
        [sys.executable, "-m", "scanready", "types"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT / 'verifiers'}"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"scanready: {sys.executable} lacks the package rich.")


def test_an_old_python_comes_as_far_as_the_sentence() -> None:
    text = (ROOT / "cli.py").read_text()
    ast.parse(text, feature_version=(3, 6))
    assert text.index("version_info") < text.index("from scanready")
