"""The examples in docs/pytest.md and docs/adding-a-target.md work. tests/lab/test_estate.py checks their outputs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scanready.pytest_plugin import _SETTINGS
from tests.testing.project import Project

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
ADDING = (ROOT / "docs" / "adding-a-target.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["pytest.ini", "estate.scanready.yaml", "conftest.py", "test_estate.py"])
def test_the_suite_is_the_one_that_is_run(name: str) -> None:
    shown = re.search(rf"^`{re.escape(name)}`\n\n```\w+\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert shown
    assert shown[1] == (ROOT / "fixtures" / "estate" / name).read_text(encoding="utf-8")


def test_all_settings_are_told() -> None:
    for name in _SETTINGS:
        assert f"| `--scanready-{name}` | `SCANREADY_{name.upper()}` | `scanready_{name}` |" in PAGE


def test_a_third_partys_verifier_against_the_fake(tmp_path: Path) -> None:
    """The verifier and its tests as the page shows them, with the entry point of a package of its own."""
    verifier = re.search(r"```python\n(\"\"\"Echo 7.*?)```", ADDING, re.DOTALL)
    tests = re.search(r"```python test\n(.*?)```", ADDING, re.DOTALL)
    entry = re.search(r"```toml\n(\[project.entry-points[^`]*?echo = .*?)```", ADDING, re.DOTALL)
    assert verifier
    assert tests
    assert entry
    project = Project(tmp_path)
    package = project.site / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "echo.py").write_text(verifier[1])
    info = project.site / "my_package-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1\n")
    points = entry[1].replace('[project.entry-points."scanready.targets"]', "[scanready.targets]").replace('"', "")
    (info / "entry_points.txt").write_text(points)
    project.write("test_echo.py", tests[1])
    done = project.run()
    assert set(done.outcomes().values()) == {"PASSED"}, done.text
    assert len(done.outcomes()) == tests[1].count("def test_")
