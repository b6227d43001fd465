"""A password at the broker is refused on the command line, and taken from the environment and from references."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("celery")

from scanready.cli import group
from scanready.cli.fleet import agent, agents, cancel, status, verify

SECRET = "canary-7f3a"
HERE = "127.0.0.1:9"
COMMANDS = {
    "agent": (agent.command, ["--name", "a", "--allow", "10.0.0.0/8"]),
    "agents": (agents.command, []),
    "cancel": (cancel.command, ["last"]),
    "status": (status.command, []),
    "verify": (verify.command, ["estate.yaml"]),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "url",
    [
        f"amqp://a:{SECRET}@{HERE}",
        f"amqps://:{SECRET}@broker",
        f"amqps://a:{SECRET}/2@broker",
        f"amqps://a:{SECRET}@2@broker",
        f"amqps://a:{SECRET}@",
        f"AMQPS://a:{SECRET}@broker",
    ],
)
def test_a_password_on_the_command_line_is_refused(name: str, url: str) -> None:
    command, words = COMMANDS[name]
    ended = CliRunner().invoke(command, ["--broker", url, "--password-from", "env:PATH", *words])
    assert ended.exit_code == 2, ended.output
    told = " ".join(ended.output.split())
    assert "--broker: a password on the command line is refused (and not repeated here)" in told
    assert "as --password-from file:PATH or env:NAME" in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        (None, {"SCANREADY_BROKER": f"amqp://a:{SECRET}@{HERE}"}),
        (f"amqp://a@{HERE}", {"MY_SECRET": SECRET, "SCANREADY_PASSWORD_FROM": "env:MY_SECRET"}),
    ],
    ids=["in the variable", "by a reference"],
)
def test_other_ways_are_taken(url: str | None, variables: dict[str, str]) -> None:
    words = [] if url is None else ["--broker", url]
    ended = CliRunner().invoke(agents.command, words, env=variables)
    assert f"the broker {HERE} refuses the connection" in " ".join(ended.output.split())


def test_a_file_of_this_user_may_have_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "scanready"
    folder.mkdir(mode=0o700)
    (folder / "scanready.toml").touch(mode=0o600)
    (folder / "scanready.toml").write_text(f'broker = "amqp://a:{SECRET}@{HERE}"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(group, ["fleet", "agents"])
    assert f"the broker {HERE} refuses the connection" in " ".join(ended.output.split()), ended.output
