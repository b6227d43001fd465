"""The files that forges, editors and hooks read: they parse, and what they name exists."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pins
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
        ("diff", "constraints/core.txt", "unset"),
        ("diff", "constraints/aws.txt", "unset"),
        ("diff", "constraints-test.txt", "unset"),
        ("diff", "verifiers/scanready/model/judgement.py", "unspecified"),
        ("diff", "docs/causes.md", "unspecified"),
        ("eol", "script/test", "lf"),
        ("text", "fixtures/transcripts/ssh/openssh10.0-kexinit.s2c.hex", "unset"),
        ("text", "verifiers/scanready/targets/ssh/emulated/ssh/openssh9.2-kexinit.s2c.hex", "unset"),
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


def installed(name: str) -> list[str]:
    """Return the requirements of a package; none of one that only other platforms have."""
    try:
        return distribution(name).requires or []
    except PackageNotFoundError:
        return []


def test_the_files_of_pins_have_what_every_platform_needs() -> None:
    """No package is missing on Linux, macOS or Windows with any Python, and none is superfluous."""
    wanted = pins.contents(installed)
    assert sorted(wanted) == sorted(pins.FILES)
    for file, needs in wanted.items():
        assert {pin.name: pin.where for pin in pins.read(file)} == needs, file
    everywhere = {pin.name: pin.version for file in pins.FILES for pin in pins.read(file)}
    assert {(pin.name, pin.version) for file in pins.FILES for pin in pins.read(file)} == set(everywhere.items())
    assert all(pin.hashes for file in pins.FILES for pin in pins.read(file))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("constraints-test.txt", "colorama"),
        ("constraints.txt", "sspilib"),
        ("constraints/keyring.txt", "pywin32-ctypes"),
        ("constraints-windows.txt", "pyreadline3"),
    ],
)
def test_what_only_windows_needs_is_pinned_for_windows_only(file: str, name: str) -> None:
    (pin,) = (pin for pin in pins.read(file) if pin.name == name)
    assert {where.system for where in pin.where} == {"win32"}
    assert len(pin.where) == len(pins.PYTHONS)


def test_the_default_install_has_nothing_of_impacket_or_the_fleet() -> None:
    default = {pin.name for file in ("constraints.txt", pins.CORE) for pin in pins.read(file)}
    assert {"paramiko", "psycopg", "exchangelib", "requests", "keyring", "pyspnego"} <= default
    assert not default & {"impacket", "ldapdomaindump", "ldap3", "flask", "celery", "pytest"}
    windows = {pin.name for pin in pins.read("constraints-windows.txt")}
    assert "impacket" in windows
    assert not windows & {"ldapdomaindump", "ldap3", "flask"}
    assert "celery" in {pin.name for pin in pins.read("constraints-fleet.txt")}


def test_the_default_install_and_the_fleet_are_complete_without_the_pins_of_windows() -> None:
    """One package came with those only, so no command of the fleet started."""
    found = {pin.name for file in ("constraints.txt", "constraints-fleet.txt") for pin in pins.read(file)}
    assert set(pins.needed((pins.AGENT, pins.FLEET), installed, build=True)) == found


def test_the_page_of_the_fleet_has_the_install_command_of_its_pins() -> None:
    (header,) = (line for line in (ROOT / "constraints-fleet.txt").read_text().splitlines() if "pip install" in line)
    assert header.removeprefix("#").strip() in [
        line.strip() for line in (ROOT / "docs" / "fleet.md").read_text().splitlines()
    ]


def test_an_agent_with_secrets_in_aws_needs_no_file_of_the_tests() -> None:
    parts = {pin.name: pin for file in (pins.CORE, "constraints/aws.txt") for pin in pins.read(file)}
    assert {"boto3", "botocore", "s3transfer", "urllib3"} <= set(parts)
    assert not set(parts) & {"moto", "flask", "werkzeug", "pytest"}
    assert parts["boto3"] == next(pin for pin in pins.read("constraints-test.txt") if pin.name == "boto3")


@pytest.mark.parametrize(
    "where",
    [
        {("win32", "3.11"), ("win32", "3.12")},
        {("linux", "3.14"), ("darwin", "3.14")},
        {("linux", "3.12"), ("win32", "3.12"), ("win32", "3.14")},
        {(system, python) for system in pins.SYSTEMS for python in pins.PYTHONS},
    ],
    ids=["one system", "the newest", "with gaps", "all"],
)
def test_a_marker_holds_exactly_where_a_package_is_needed(where: set[tuple[str, str]]) -> None:
    wanted = frozenset(one for one in pins.ENVIRONMENTS if (one.system, one.python) in where)
    assert pins.Pin("p", "1", pins.marker(wanted), frozenset()).where == wanted
    assert (pins.marker(wanted) == "") is (wanted == pins.ENVIRONMENTS)


def test_each_environment_for_tests_has_the_packages_of_the_fleet() -> None:
    files = [file.read_text() for file in (ROOT / "script").iterdir() if file.is_file()]
    prepared = [line for text in files for line in re.findall(r"^prepare (.*)$", text, re.MULTILINE)]
    tests = "constraints.txt constraints-windows.txt constraints-fleet.txt constraints-test.txt"
    assert set(prepared) == {"constraints.txt", tests}
    assert all((ROOT / name).is_file() for name in tests.split())
