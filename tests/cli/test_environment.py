"""Settings in the environment: one for each option, a warning for a misspelt one, and the inventory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from scanready.cli import COMMANDS, group
from scanready.cli.environment import KNOWN, PREFIX
from scanready.cli.general_settings import PARTIAL
from scanready.report.serialize import as_line
from tests.cli import plugin
from tests.report.estate_view import twelve


def run(where: Path, *arguments: str, **extra: str) -> Any:
    return plugin.run(where, arguments, extra)


def commands_of(command: click.Command) -> list[click.Command]:
    """Return the commands of a group; none for a command."""
    if not isinstance(command, click.Group):
        return []
    ctx = click.Context(command)
    return [found for name in command.list_commands(ctx) if (found := command.get_command(ctx, name))]


def test_the_table_has_the_settings_of_all_commands_and_no_other() -> None:
    ctx = click.Context(group)
    settings = set()
    for name in COMMANDS:
        command = group.get_command(ctx, name)
        assert command is not None
        for one in (command, *commands_of(command)):
            settings |= {parameter.envvar for parameter in one.params if isinstance(parameter.envvar, str)}
    assert settings == {PREFIX + name for name in KNOWN}


@pytest.mark.parametrize(
    ("name", "meant"),
    [("TIMOUT", "TIMEOUT"), ("PER_HOSTS", "PER_HOST"), ("NO_COLOUR", "NO_COLOR"), ("INVENTRY", "INVENTORY")],
)
def test_a_misspelt_setting_causes_a_warning(plugins: Path, name: str, meant: str) -> None:
    done = run(plugins, "types", "ssh", "--json", **{PREFIX + name: "1"})
    assert f"{PREFIX}{name} is unknown and has no effect; did you mean {PREFIX}{meant}?" in done.stderr
    assert json.loads(done.stdout)["type"] == "ssh"


@pytest.mark.parametrize("name", ["PASSWORD", "PW", "DB_SECRET", "TEST_PROCESSES"])
def test_a_name_of_somebody_elses_is_none_of_our_business(plugins: Path, name: str) -> None:
    assert "has no effect" not in run(plugins, "types", "ssh", **{PREFIX + name: "1"}).stderr


@pytest.mark.parametrize("command", ["verify", "plan", "firewall"])
def test_the_inventory_may_be_named_there(plugins: Path, command: str) -> None:
    path = plugins / "my estate.yaml"
    path.write_text("targets:\n  - {host: 127.0.0.1, port: 99, type: mood, is: ready}\n")
    named, given = run(plugins, command, SCANREADY_INVENTORY=str(path)), run(plugins, command, str(path))
    assert named.returncode == given.returncode == 0
    assert "127.0.0.1" in named.stdout
    assert run(plugins, command).returncode == 2


def test_a_resumed_run_keeps_its_own_inventory(plugins: Path) -> None:
    begun, other = plugins / "begun.yaml", plugins / "other.yaml"
    begun.write_text("targets:\n  - {host: 127.0.0.1, port: 99, type: mood, is: ready}\n")
    other.write_text("targets:\n  - {host: 127.0.0.9, port: 99, type: mood, is: ready}\n")
    run(plugins, "verify", str(begun))
    done = run(plugins, "verify", "--resume", "last", "--format", "jsonl", SCANREADY_INVENTORY=str(other))
    assert [json.loads(line)["target"]["host"] for line in done.stdout.splitlines()] == ["127.0.0.1"]


#: The options that select a part, and the commands that they are about this host of, or the user's own list.
SELECT = {"only", "types", "as_name", "sites", "agents", "max_age"}
OF_THIS_HOST = {"check", "verify", "plan", "firewall", "agent", "fleet broker"}


def selecting() -> dict[str, set[str]]:
    """Return the options of each command that select a part."""
    ctx, found = click.Context(group), dict[str, set[str]]()
    for name in COMMANDS:
        command = group.get_command(ctx, name)
        assert command is not None
        inner = command.list_commands(ctx) if isinstance(command, click.Group) else ()
        for path, one in zip((name, *(f"{name} {of}" for of in inner)), (command, *commands_of(command)), strict=True):
            if options := SELECT & {str(parameter.name) for parameter in one.params}:
                found[path] = options
    return found


def test_each_option_that_selects_a_part_is_of_a_known_kind() -> None:
    whole = {command: set(options) for command, options in PARTIAL.items() if command != "firewall --rank"}
    assert {command: options for command, options in selecting().items() if command not in OF_THIS_HOST} == whole
    assert selecting()["firewall"] - set(PARTIAL["firewall --rank"]) == {"as_name", "sites"}  # never a filter there


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of three agents."""
    file = tmp_path / "results.jsonl"
    file.write_text("".join(f"{as_line(report)}\n" for report in twelve.results()))
    return file


#: Describe this host, and are no filter of a ranking.
HOST = {"AS": "proxy-lon", "ADDRESS": "10.1.0.5", "PLATFORM": "linux", "SITE": "lon", "SOURCE": "10.1.0.5"}


def test_a_ranking_has_all_agents_whatever_this_host_is(results: Path) -> None:
    words = ["firewall", "--from", str(results), "--rank", "--json"]
    everything = run(results.parent, *words)
    here = run(results.parent, *words, **{PREFIX + name: value for name, value in HOST.items()})
    assert (here.returncode, here.stderr) == (0, everything.stderr)
    assert json.loads(here.stdout) == json.loads(everything.stdout)
    one = json.loads(run(results.parent, *words, "--as", "proxy-lon").stdout)
    assert one["ranking"] != json.loads(everything.stdout)["ranking"]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["firewall", "--from", "{file}", "--rank"], "ONLY", "host=far1"),
        (["firewall", "--from", "{file}", "--rank"], "TYPE", "unix"),
        (["report", "{file}"], "ONLY", "host=far1"),
        (["diff", "{file}", "{file}"], "ONLY", "host=far1"),
        (["merge", "{file}", "--store", "{file}.db"], "MAX_AGE", "9999d"),
    ],
)
def test_a_filter_from_the_environment_is_named(results: Path, words: list[str], name: str, value: str) -> None:
    arguments = [word.format(file=results) for word in words]
    sentence = f"{PREFIX}{name} in the environment leaves out a part of the estate, as --"
    assert sentence in run(results.parent, *arguments, **{PREFIX + name: value}).stderr
    flag = "--" + name.lower().replace("_", "-")
    assert sentence not in run(results.parent, *arguments, flag, value, **{PREFIX + name: value}).stderr
