"""The hooks of .pre-commit-hooks.yaml: pre-commit installs them from a clone, and they find a wrong inventory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.recipes.programs import EXAMPLES, ROOT
from tests.recipes.tools.installed import run
from tests.tree_copy import copy_of_the_tree, git

HOOKS = ROOT / ".pre-commit-hooks.yaml"
CONFIG = EXAMPLES / "pre-commit" / "pre-commit-config.yaml"
RIGHT = "targets: [ssh://127.0.0.1]\n"
WRONG = "targets: [{host: a, typ: ssh}]\n"


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_tree(tmp_path_factory.mktemp("scanready"))


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """pre-commit's own folder, and a pip that downloads nothing: it finds the packages of this environment."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    return {
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "PYTHONPATH": ":".join(packages),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }


def repository(folder: Path, hooks: Path, hook: str = "scanready-plan") -> Path:
    """Make a repository with the example's configuration and two inventories."""
    text = CONFIG.read_text().replace("https://git.example/scanready", str(hooks)).replace("scanready-plan", hook)
    revision = git(hooks, "rev-parse", "HEAD").strip()
    (folder / ".pre-commit-config.yaml").write_text(text.replace('"0.1.0"', revision))
    (folder / "inventories").mkdir()
    (folder / "inventories" / "nyc.yaml").write_text(RIGHT)
    (folder / "inventories" / "lon.yaml").write_text(RIGHT)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    return folder


def hook_run(folder: Path, surroundings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    git(folder, "add", "-A")
    return run("pre-commit", "run", "--all-files", "--color", "never", env=surroundings, folder=folder)


def test_pre_commit_accepts_the_hooks_and_the_example(tmp_path: Path) -> None:
    assert run("pre-commit", "validate-manifest", str(HOOKS)).returncode == 0
    assert run("pre-commit", "validate-config", str(CONFIG)).returncode == 0
    broken = tmp_path / "hooks.yaml"
    broken.write_text(HOOKS.read_text().replace("language: system", "language: sytem"))
    done = run("pre-commit", "validate-manifest", str(broken))
    assert done.returncode == 1
    assert "sytem" in done.stdout


def test_the_hook_installs_itself_and_stops_a_wrong_inventory(
    tmp_path: Path, hooks: Path, surroundings: Mapping[str, str]
) -> None:
    folder = repository(tmp_path, hooks)
    done = hook_run(folder, surroundings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout
    (folder / "inventories" / "lon.yaml").write_text(WRONG)
    done = hook_run(folder, surroundings)
    assert done.returncode == 1
    assert "inventories/lon.yaml:1:21: unknown key `typ`" in done.stdout
    assert "nyc.yaml" not in done.stdout


def test_the_hook_of_the_system_uses_the_installed_program(
    tmp_path: Path, programs: Path, hooks: Path, surroundings: Mapping[str, str]
) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    repository(folder, hooks, "scanready-plan-system")
    with_program = {**surroundings, "PATH": f"{programs}:/usr/bin:/bin"}
    assert hook_run(folder, with_program).returncode == 0
    (folder / "inventories" / "nyc.yaml").write_text(WRONG)
    done = hook_run(folder, with_program)
    assert done.returncode == 1
    assert "inventories/nyc.yaml:1:21" in done.stdout


def test_a_hook_finds_inventories_by_their_usual_names(
    tmp_path: Path, hooks: Path, surroundings: Mapping[str, str]
) -> None:
    folder = repository(tmp_path, hooks)
    config = folder / ".pre-commit-config.yaml"
    config.write_text("".join(line for line in config.open() if "files:" not in line))
    for name in ("estate.yaml", "a/estate-nyc.yml", "b/files.scanready.yaml", "other.yaml", "interestate.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(WRONG)
    done = hook_run(folder, surroundings)
    found = {line.partition(":1:")[0].removeprefix("scanready: ") for line in done.stdout.splitlines() if ":1:" in line}
    assert found == {"estate.yaml", "a/estate-nyc.yml", "b/files.scanready.yaml"}


def test_the_page_shows_the_example() -> None:
    text = CONFIG.read_text()
    assert f"```yaml\n{text[text.index('repos:') :]}```" in (ROOT / "docs" / "recipes.md").read_text()
