"""script/new-target: the skeleton of a built-in type passes all checks at once, and no shared list is edited."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tree_copy import copy_of_the_tree, git, run

#: Those that every target type has to pass, and those of the skeleton itself.
TESTS = (
    "tests/test_structure.py",
    "tests/test_house.py",
    "tests/test_generated_docs.py",
    "tests/profiles",
    "tests/climb/test_signatures.py",
    "tests/wire/test_every_codec_is_fuzzed.py",
    "tests/wire/test_fields.py",
    "tests/wire/test_unknown_values.py",
    "tests/wire/test_acme.py",
    "tests/targets/acme",
    "tests/selftest",
)
OWN = {
    "docs/targets/acme.md",
    "fixtures/transcripts/acme/",
    "tests/targets/acme/",
    "tests/wire/test_acme.py",
    "verifiers/scanready/targets/acme/",
    "verifiers/scanready/wire/acme.py",
}
PROFILE = "verifiers/scanready/profiles/er2-2.0.28.yaml"
GENERATED = {"README.md", "docs/causes.md", "docs/facts.md", "docs/target-types.md"}


def new_target(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(tree, sys.executable, "script/new-target", *arguments)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree as a repository of its own."""
    return copy_of_the_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def added(tree: Path) -> Path:
    """The copy with a new type."""
    done = new_target(tree, "acme", "--title", "Acme Base", "--port", "4711")
    assert done.returncode == 0, done.stderr
    assert "verifiers/scanready/targets/acme/verify.py" in done.stdout.split()
    return tree


def test_it_touches_its_own_files_and_generated_pages_only(added: Path) -> None:
    changed = {line[3:] for line in git(added, "status", "--porcelain").splitlines() if line[:2] == " M"}
    new = {line[3:] for line in git(added, "status", "--porcelain").splitlines() if line[:2] == "??"}
    assert changed <= {PROFILE, *GENERATED}
    assert new == OWN


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "ruff", "format", "--check", "."),
        ("-m", "ruff", "check", "."),
        ("-m", "mypy", "-p", "scanready.targets.acme", "-m", "scanready.wire.acme"),
    ],
    ids=["formatted", "linted", "typed"],
)
def test_it_is_clean(added: Path, command: Sequence[str]) -> None:
    done = run(added, sys.executable, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_adds_no_offence_of_style(added: Path) -> None:
    done = run(added, sys.executable, "script/style_check.py")
    assert not [line for line in (done.stdout + done.stderr).splitlines() if "acme" in line]


@pytest.mark.timeout(300)
def test_it_passes_the_tests_of_every_type(added: Path) -> None:
    done = run(added, sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *TESTS)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr


def test_it_is_a_type_like_any_other(added: Path) -> None:
    listed = run(added, sys.executable, "-m", "scanready", "types")
    assert any(line.split()[:2] == ["acme", "4711"] for line in listed.stdout.splitlines())
    rules = run(added, sys.executable, "-m", "scanready", "firewall", "acme://192.0.2.7", "--format", "csv")
    assert ",tcp,4711,acme," in rules.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mysql"], "exists"),
        (["tls"], "exists"),
        (["https"], "'https' is a type, another name of one"),
        (["postgres"], "'postgres' is a type, another name of one"),
        (["web"], "exists"),
        (["infrastructure"], "at most 12"),
        (["Acme"], "is no name"),
        (["my-type"], "is no name"),
        (["9p"], "is no name"),
        (["é"], "is no name"),
        ([""], "is no name"),
        (["class"], "keyword of Python"),
        (["match"], "keyword of Python"),
        (["test"], "a module or folder of python3"),
        (["asyncio"], "standard library"),
        (["telnetlib"], "standard library"),
        (["pytest"], "a module or folder of site-packages"),
        (["six"], "a module or folder of site-packages"),
        (["fixtures"], "a module or folder of this project"),
        (["hypothesis"], "a module or folder of site-packages"),
        (["a" * 13], "is no name"),
        (["report"], "general code"),
        (["beta", "--port", "0"], "no port"),
        (["beta", "--title", 'a"b'], "plain characters"),
    ],
)
def test_names_that_it_refuses(tree: Path, arguments: list[str], says: str) -> None:
    before = git(tree, "status", "--porcelain")
    done = new_target(tree, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert git(tree, "status", "--porcelain") == before


def test_a_type_that_is_there_is_refused(added: Path) -> None:
    done = new_target(added, "acme")
    assert (done.returncode, "exists" in done.stderr) == (2, True)
