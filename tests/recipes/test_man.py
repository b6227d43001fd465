"""The man pages that script/man writes: mandoc finds no fault, and man shows every option."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fixtures.limits import HANG
from scanready.cli import COMMANDS, group
from tests.recipes.programs import ROOT, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, str(ROOT / "script" / "man"), str(made)], check=True, timeout=HANG)
    return made


def faults(*pages: Path) -> str:
    return run("mandoc", "-Tlint", "-Wwarning", *map(str, pages)).stdout


def shown(page: Path) -> str:
    """Return the page as ``man`` shows it, with single blanks and no broken word."""
    wide = {"MANWIDTH": "1000", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""}
    done = run("man", "-l", "-P", "cat", "--no-hyphenation", "--no-justification", str(page), env=wide)
    assert (done.returncode, done.stderr) == (0, "")
    return " ".join(done.stdout.split())


def test_there_is_a_page_for_each_command_without_a_fault(folder: Path) -> None:
    pages = sorted(folder.iterdir())
    names = {page.name for page in pages}
    assert {"scanready.1", "scanready-fleet-agent.1", *(f"scanready-{name}.1" for name in COMMANDS)} <= names
    assert faults(*pages) == ""


def test_mandoc_finds_a_fault(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "scanready.1"
    broken.write_text((folder / "scanready.1").read_text().replace(".SH OPTIONS", ".SHH OPTIONS"))
    assert "SHH" in faults(broken)


@pytest.mark.parametrize("name", ["verify", "check", "firewall"])
def test_a_page_shows_every_option_and_example(folder: Path, name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    text = shown(folder / f"scanready-{name}.1")
    options = [
        word for param in command.params if isinstance(param, click.Option) for word in param.opts if not param.hidden
    ]
    assert len(options) > 5
    assert [word for word in options if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)] == []
    examples = re.findall(r"^  (scanready .*?)(?:  |$)", command.help or "", re.MULTILINE)
    assert examples
    assert [line for line in examples if line not in text] == []


def test_a_python_without_the_packages_is_told_which_one_to_use(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-I", str(ROOT / "script" / "man"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("run .venv/bin/python script/man DIR; script/check makes .venv")
