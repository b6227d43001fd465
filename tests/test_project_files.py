"""The files that forges, editors and hooks read: they parse, and what they name exists."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fixtures.limits import HANG

ROOT = Path(__file__).parent.parent
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")) or [Path("no-form.yml")]
in_a_checkout = pytest.mark.skipif(not (ROOT / ".github").is_dir(), reason="an sdist carries no files for forges")


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


@in_a_checkout
@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_one_that_the_forge_accepts(path: Path) -> None:
    form = load(path)
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"input", "textarea", "checkboxes", "dropdown"}
    assert all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
    assert "SECURITY.md" in path.read_text() or "adding-a-target.md" in path.read_text()


@in_a_checkout
def test_hooks_run_from_the_projects_environment_and_download_nothing() -> None:
    (repository,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/") or (ROOT / program).is_file(), program


@in_a_checkout
@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
@pytest.mark.parametrize(
    ("attribute", "path", "value"),
    [
        ("diff", "constraints.txt", "unset"),
        ("diff", "constraints-fleet.txt", "unset"),
        ("diff", "constraints-test.txt", "unset"),
        ("diff", "verifiers/scanready/model/judgement.py", "unspecified"),
        ("diff", "docs/causes.md", "unspecified"),
        ("eol", "script/test", "lf"),
        ("text", "fixtures/transcripts/ssh/openssh9.2-kexinit.s2c.hex", "unset"),
    ],
)
def test_git_treats_pins_captures_and_scripts_as_they_need(attribute: str, path: str, value: str) -> None:
    asked = ["git", "check-attr", attribute, "--", path]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=True)
    assert done.stdout.strip() == f"{path}: {attribute}: {value}"


def test_what_another_script_takes_over_from_script_test_exists() -> None:
    script = ". script/environment.sh; ls -d $TOOLS $HOSTILE $PEERS $FLEET"
    done = subprocess.run(["sh", "-euc", script, f"{ROOT}/script/test"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "tests/hostile" in done.stdout.split()


def test_the_quick_tests_exist_and_start_no_lab() -> None:
    lines = (ROOT / "script" / "check-tests").read_text().splitlines()
    paths = [line.removeprefix("-") for line in lines if line and not line.startswith("#")]
    for file, _, test in (path.partition("::") for path in paths):
        assert (ROOT / file).exists(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text(), test
    assert not [path for path in paths if path.startswith("tests/lab")]


@pytest.mark.parametrize(("command", "status"), [("true", 0), ("false", 1), ("exit 3", 3)])
def test_a_tier_prints_its_time_and_keeps_its_exit_code(tmp_path: Path, command: str, status: int) -> None:
    (tmp_path / "script").mkdir()
    shutil.copy(ROOT / "script" / "environment.sh", tmp_path / "script")
    tier = tmp_path / "script" / "tier"
    tier.write_text(f'set -eu\n. "$(dirname "$0")/environment.sh"\nprint_time_at_exit\n{command}\n')
    done = subprocess.run(["sh", str(tier)], capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == status
    assert re.fullmatch(r".*/tier: \d+ s \(\d+ cores, caches cold; making \.venv: 0 s\)\n", done.stderr)


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md", "docs/security.md"]
)
def test_a_page_links_only_to_files_that_exist(name: str) -> None:
    page = (ROOT / name).read_text(encoding="utf-8")
    targets = [part.partition(")")[0].partition("#")[0] for part in page.split("](")[1:]]
    assert not [
        target for target in targets if "://" not in target and not (ROOT / name).parent.joinpath(target).exists()
    ]


def pinned(file: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / file).read_text(), re.MULTILINE))


def test_an_agent_without_a_broker_gets_no_package_of_the_fleet() -> None:
    """The pins of both are those that the script finds in this environment, which has both."""
    script = runpy.run_path(str(ROOT / "script" / "update-constraints"))
    needed = script["needed_by"]
    base, fleet = needed("scanready", {"all"}), needed("scanready", {"all", "fleet"})
    assert "celery" in fleet - base
    assert base <= pinned("constraints.txt")
    assert pinned("constraints-fleet.txt") == fleet - base
    assert not pinned("constraints.txt") & (fleet - base)
    assert not pinned("constraints-test.txt") & (fleet | base)


def test_each_environment_for_tests_has_the_packages_of_the_fleet() -> None:
    files = [file.read_text() for file in (ROOT / "script").iterdir() if file.is_file()]
    prepared = [line for text in files for line in re.findall(r"^prepare (.*)$", text, re.MULTILINE)]
    tests = "constraints.txt constraints-fleet.txt constraints-test.txt"
    assert set(prepared) == {"constraints.txt", tests}
    assert all((ROOT / name).is_file() for name in tests.split())
