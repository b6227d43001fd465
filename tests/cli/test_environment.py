"""Settings in the environment: one for each option, a warning for a misspelt one, and the inventory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from scanready.cli import COMMANDS, group
from scanready.cli.environment import KNOWN, PREFIX
from tests.cli import plugin


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
