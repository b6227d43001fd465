"""``scanready.toml``: what counts, what the working folder may set, and what a problem says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scanready.cli import config_files, group
from scanready.cli.config_files import FREE, KEYS, ONCE
from scanready.files import config_folders

#: Keys that must never be set by a folder that may be anybody's, with the rule that each of them loosens.
LOOSENING = {
    "per-host": "connections to a host",
    "concurrency": "targets at once",
    "half-open": "a bound that protects firewalls",
    "connect-rate": "a bound that protects firewalls",
    "per-net": "a bound that protects firewalls",
    "retry-refused": "the lockout guard",
    "no-store": "the lockout guard: there is no journal",
    "store": "the lockout guard: another journal",
    "yes": "the size of a network",
    "allow": "the hosts that a fleet agent contacts",
    "ca-file": "whom to trust",
    "target-ca-file": "whom to trust",
    "broker": "whom a fleet agent obeys",
    "inventory": "which account goes where",
    "credential": "which account goes where",
    "user": "which account goes where",
    "password-from": "a secret, perhaps by exec:",
    "key-file": "a secret",
    "output": "a file to write",
    "report": "a file to write",
    "transcript": "a file to write",
}


class Place:
    """A working folder and a user's configuration folder."""

    def __init__(self, where: Path) -> None:
        self.here, self.own = where / "here", where / "config" / "scanready"
        self.system = where / "etc"
        for folder in (self.here, self.own, self.system):
            folder.mkdir(parents=True, mode=0o755)

    def write(self, folder: Path, text: str | bytes, name: str = "scanready.toml", mode: int = 0o644) -> Path:
        file = folder / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        return file

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(group, list(arguments), prog_name="scanready")

    def shown(self) -> dict[str, tuple[Any, str]]:
        done = self.run("config", "show", "--origin", "--json")
        assert done.exit_code == 0, done.stderr
        return {row["key"]: (row["value"], row["origin"]) for row in json.loads(done.stdout)["settings"]}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    found = Place(tmp_path)
    monkeypatch.setattr(config_folders, "SYSTEM", found.system)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(found.here)
    for name in [name for name in os.environ if name.startswith("SCANREADY_")]:
        monkeypatch.delenv(name)
    return found


def test_each_place_wins_over_the_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(place.system, "timeout = 1\nper-host = 1\ndepth = 'connect'\n")
    place.write(place.own, "timeout = 2\nper-host = 2\n")
    place.write(place.here, "timeout = 3\n")
    found = place.shown()
    assert found["timeout"] == (3, "scanready.toml:1")
    assert found["per-host"] == (2, f"{place.own}/scanready.toml:2")
    assert found["depth"] == ("connect", f"{place.system}/scanready.toml:3")
    assert found["rate"] == (None, "default")
    monkeypatch.setenv("SCANREADY_TIMEOUT", "4")
    assert place.shown()["timeout"] == ("4", "SCANREADY_TIMEOUT in the environment")


def test_a_command_takes_the_value_unless_it_is_given(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(place.here, "format = 'json'\n")
    assert json.loads(place.run("types", "ssh").stdout)["type"] == "ssh"
    assert place.run("types", "ssh", "--format", "table").stdout.startswith("ssh:")
    monkeypatch.setenv("SCANREADY_FORMAT", "table")
    assert place.run("types", "ssh").stdout.startswith("ssh:")


def test_the_project_file_counts_without_a_file_of_our_own(place: Place) -> None:
    place.write(place.here, "[tool.other]\ndepth = 1\n\n[tool.scanready]\ndepth = 'auth'\n", "pyproject.toml")
    assert place.shown()["depth"] == ("auth", "pyproject.toml:5")
    place.write(place.here, "")
    assert place.shown()["depth"] == ("access", "default")


def test_a_project_of_somebody_else_is_none_of_our_business(place: Place) -> None:
    place.write(place.here, "[tool.other\n", "pyproject.toml")
    assert place.shown()["depth"] == ("access", "default")


def test_an_inventory_of_the_users_file_is_planned(place: Place) -> None:
    estate = place.write(place.here, "targets: [ssh://127.0.0.1]\n", "estate.yaml")
    place.write(place.own, f"inventory = '{estate}'\n")
    assert "127.0.0.1" in place.run("plan").stdout


@pytest.mark.parametrize("key", LOOSENING)
def test_the_working_folder_cannot_loosen_a_rule(place: Place, key: str) -> None:
    place.write(place.here, f"depth = 'auth'\n{key} = 1\n")
    done = place.run("check", "ssh://127.0.0.1:9")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"scanready: scanready.toml:2: '{key}' is not read from this folder")
    assert str(place.own / "scanready.toml") in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_every_other_key_is_a_decision() -> None:
    assert not FREE & LOOSENING.keys()
    assert not FREE & ONCE
    assert FREE | LOOSENING.keys() | ONCE < KEYS


PROBLEMS: dict[str, tuple[str | bytes, str]] = {
    "misspelt": ("timeot = 3\n", "1: the key 'timeot' is no option; did you mean 'timeout'?"),
    "underscore": ("per_host = 3\n", "1: the key 'per_host' is no option; did you mean 'per-host'?"),
    "once": ("\nforget = 'svc'\n", "2: the key 'forget' is not a setting, but something to do once: use the option"),
    "bool-for-number": ("timeout = true\n", "1: timeout: it must be a text or a number"),
    "number-for-word": ("depth = 3\n", "1: depth: it must be a text in quotation marks"),
    "list-for-word": ("depth = ['auth']\n", "1: depth: it must be one value, not a list"),
    "fraction": ("quiet = 1.5\n", "1: quiet: it must be a whole number"),
    "text-for-bool": ("no-canary = 'yes'\n", "1: no-canary: it must be true or false"),
    "zero": ("timeout = 0\n", "1: timeout: '0' is not a number greater than 0"),
    "other-word": ("depth = 'auht'\n", "1: depth: 'auht' is not one of 'connect', 'handshake'"),
    "table": ("[timeout]\nseconds = 3\n", "1: 'timeout' must be a text, a number, true or false, or a list of them"),
    "no-value": ("timeout = \n", "1:11: not TOML: "),
    "open-list": ("a = [\n", "2: not TOML: "),
    "utf-16": (b"\xff\xfet\x00i\x00", "1: the file is UTF-16: save it as UTF-8"),
    "latin-1": (b"depth = 'auth'\n# \xe9\n", "2: not UTF-8: save the file as UTF-8"),
    "deep": ("a = " + "[" * 5000 + "\n", "1: the values are nested too deeply"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_problem_is_one_line_with_its_place(place: Place, case: str) -> None:
    text, problem = PROBLEMS[case]
    file = place.write(place.own, text)
    for arguments in (("check", "ssh://127.0.0.1:9"), ("config", "show")):
        done = place.run(*arguments)
        assert done.exit_code == 2
        assert done.stderr.startswith(f"scanready: {file}:{problem}")
        assert done.stderr.count("\n") == 1
        assert not done.stdout


def test_a_byte_order_mark_is_no_part_of_a_key(place: Place) -> None:
    place.write(place.here, b"\xef\xbb\xbfdepth = 'auth'\r\n")
    assert place.shown()["depth"] == ("auth", "scanready.toml:1")


def test_help_is_there_with_a_broken_file(place: Place) -> None:
    place.write(place.here, "depth = \n")
    assert place.run("check", "--help").exit_code == 0


@pytest.mark.skipif(os.name == "nt", reason="the modes of files are those of POSIX")
@pytest.mark.parametrize("changed", ["file", "folder"])
def test_a_file_that_others_can_change_is_refused(place: Place, changed: str) -> None:
    file = place.write(place.own, "per-host = 9\n")
    (file if changed == "file" else file.parent).chmod(0o777)
    done = place.run("check", "ssh://127.0.0.1:9")
    assert done.exit_code == 2
    assert f"{file}: other users can write {'it' if changed == 'file' else 'its folder'} (mode 0777)" in done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("folder", ["here", "own"])
def test_a_file_of_another_user_is_refused(place: Place, folder: str) -> None:
    file = place.write(getattr(place, folder), "depth = 'auth'\n")
    os.chown(file, 65534, 65534)
    done = place.run("check", "ssh://127.0.0.1:9")
    assert done.exit_code == 2
    assert "belongs to nobody" in done.stderr


def test_no_password_is_shown(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANREADY_PASSWORD_FROM", "hunter2")
    assert place.shown()["password-from"][0] == "(not a reference: not shown)"


def test_no_file_costs_a_few_looks_and_no_parser(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[object] = []
    stat = os.stat

    def look(*given: Any, **more: Any) -> os.stat_result:
        looks.append(given)
        return stat(*given, **more)

    monkeypatch.setattr(os, "stat", look)
    monkeypatch.setattr(config_files, "_read", None)
    assert config_files.settings() == {}
    assert len(looks) <= 4


def test_windows_lets_anybody_write_the_folder_of_the_system(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_folders.is_protected(place.system)
    monkeypatch.setattr(config_folders, "folders", lambda: [place.own, place.system])
    monkeypatch.setattr(os, "name", "nt")
    try:
        assert config_folders.is_protected(place.own)
        assert not config_folders.is_protected(place.system)
    finally:
        monkeypatch.undo()
