"""A prepared process does as one that is started: the same words on the same streams, the same exit code."""

from __future__ import annotations

import os
import re
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.cli import plugin, prepared

TIME = re.compile(r"[\d.]+ ?m?s\b")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "mood://host:99?is=limited", "--format", "nagios"], 1),
        (["check", "mood://host:99?is=refused", "--no-store", "-q"], 1),
        (["verify", "none.yaml"], 2),
        (["chek"], 2),
        (["--version"], 0),
    ],
)
def test_it_does_as_a_fresh_one(plugins: Path, arguments: list[str], code: int) -> None:
    done, fresh = plugin.run(plugins, arguments), plugin.run_fresh(plugins, arguments)
    assert (done.returncode, fresh.returncode) == (code, code)
    assert TIME.sub("", done.stdout) == TIME.sub("", fresh.stdout)
    assert done.stderr == fresh.stderr


def test_an_error_that_nothing_handles_ends_it_as_it_ends_a_fresh_one(plugins: Path) -> None:
    """The plug-in breaks what the command line ends with."""
    (plugins / "moodplugin.py").write_text("import sys\nsys.exit = None\nasync def verify(probe): pass\n")
    done, fresh = (run(plugins, ["check", "mood://host:99"]) for run in (plugin.run, plugin.run_fresh))
    assert (done.returncode, fresh.returncode) == (3, 3)
    last = done.stderr.splitlines()[-2:]
    assert last == fresh.stderr.splitlines()[-2:]
    assert last[0].startswith("TypeError: ")


def test_it_has_its_own_directory_and_standard_input(tmp_path: Path) -> None:
    (tmp_path / "estate.yaml").write_text("targets: [ssh://web1]\n")
    done = plugin.run(tmp_path, ["plan", "estate.yaml"], cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "web1" in done.stdout


def test_one_that_takes_too_long_is_killed(plugins: Path) -> None:
    never = {"MOOD_RELEASE": str(plugins / "never"), "MOOD_LOG": str(plugins / "log")}
    with pytest.raises(subprocess.TimeoutExpired):
        plugin.run(plugins, ["check", "mood://host:99?is=held", "--timeout", "600", "--no-store"], never, timeout=0.5)


def test_nothing_is_prepared_that_a_target_type_brings() -> None:
    assert "scanready.cli.commands.verify" in prepared.modules()
    assert not [name for name in prepared.modules() if name.startswith("scanready.targets") or "__" in name]


def test_it_loads_nothing_of_the_tests_again(tmp_path: Path) -> None:
    """The process that it is forked from has loaded what begins it: that costs as much as a whole ``--help``."""
    plugin.run(tmp_path, ["--version"], move=partial(_note_who_loaded, tmp_path / "who"))
    loaded_by, forked_from = (tmp_path / "who").read_text().split()
    assert loaded_by == forked_from


def _note_who_loaded(path: Path) -> None:
    path.write_text(f"{prepared.LOADED_BY} {os.getppid()}")
