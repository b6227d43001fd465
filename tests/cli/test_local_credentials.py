"""An agent looks up a credential in its own file: which file, who may change it, at which hosts it is used."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli import plugin

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the modes of files are those of POSIX")
ENTRY = "svc: {username: er, password: env:LOCAL, hosts: ['127.0.0.*', 10.0.0.0/8]}\n"


class Agent:
    """One agent with a configuration folder of its own."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.file = where / "config" / "scanready" / "credentials.yaml"
        self.file.parent.mkdir(parents=True)
        self.log = where / "log"

    def keep(self, text: str, mode: int = 0o600) -> None:
        self.file.write_text(text)
        self.file.chmod(mode)

    def run(self, *arguments: str) -> Any:
        extra = {"XDG_CONFIG_HOME": str(self.where / "config"), "MOOD_LOG": str(self.log)}
        return plugin.run(self.where, arguments, {**extra, "LOCAL": "right", "THEIRS": "wrong"})

    def verify(self, credentials: str, host: str = "127.0.0.1") -> Any:
        path = self.where / "estate.yaml"
        target = f"{{host: {host}, port: 99, type: mood, is: judges, credential: svc}}"
        path.write_text(f"{credentials}\ntargets: [{target}]\n")
        return self.run("verify", str(path), "--format", "json")


@pytest.fixture
def agent(plugins: Path) -> Agent:
    return Agent(plugins)


def verdicts(done: Any) -> list[str]:
    assert done.stdout, done.stderr
    return [one["verdict"] for one in json.loads(done.stdout)["results"]]


INVENTORIES = {
    "without-references": "credentials: {svc: {username: er}}",
    "with-a-reference-that-it-replaces": "credentials: {svc: {username: er, password: env:THEIRS}}",
    "without-the-entry": "",
}


@pytest.mark.parametrize("case", INVENTORIES)
def test_the_file_of_this_host_comes_first(agent: Agent, case: str) -> None:
    agent.keep(ENTRY)
    assert verdicts(agent.verify(INVENTORIES[case])) == ["scannable"]


def test_without_an_entry_the_inventory_counts(agent: Agent) -> None:
    agent.keep("other: {username: er, password: env:LOCAL, hosts: ['*']}\n")
    assert verdicts(agent.verify("credentials: {svc: {username: er, password: env:LOCAL}}")) == ["scannable"]


def test_a_name_that_nobody_defines_says_where_it_was_looked_for(agent: Agent) -> None:
    done = agent.verify("")
    assert done.returncode == 2
    assert f"unknown credential `svc` (also looked for in `{agent.file}` and " in done.stderr


@pytest.mark.parametrize(("text", "mode"), [(ENTRY, 0o644), ("svc: {username: er, password: env:LOCAL}\n", 0o600)])
def test_a_file_with_a_problem_is_the_only_problem(agent: Agent, text: str, mode: int) -> None:
    agent.keep(text, mode)
    done = agent.verify("")
    assert done.returncode == 2
    assert str(agent.file) in done.stderr
    assert "unknown credential" not in done.stderr


@pytest.mark.parametrize("host", ["10.1.2.3", "127.0.0.1"])
def test_a_network_or_a_pattern_permits_a_host(agent: Agent, host: str) -> None:
    agent.keep("svc: {username: er, password: env:LOCAL, hosts: ['127.0.0.*', 10.0.0.0/8]}\n")
    assert agent.verify("", host).returncode == 0


def test_a_credential_for_another_host_ends_the_run_before_any_contact(agent: Agent) -> None:
    agent.keep(ENTRY)
    done = agent.verify("", "192.168.7.7")
    assert done.returncode == 2
    expected = f"{agent.file} does not permit the credential `svc` at the host `192.168.7.7`: see its `hosts`"
    assert expected in done.stderr
    assert "estate.yaml:2" in done.stderr
    assert not agent.log.exists()


def test_check_with_a_credential_of_the_file_obeys_its_hosts(agent: Agent) -> None:
    agent.keep(ENTRY)
    agent.verify("")
    given = ["--inventory", str(agent.where / "estate.yaml"), "--credential", "svc"]
    done = agent.run("check", "mood://192.168.7.7:99?is=judges", *given)
    assert done.returncode == 2
    assert "does not permit the credential `svc`" in done.stderr


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o602, 0o660])
def test_a_file_that_others_can_read_or_write_is_refused_with_the_command_that_closes_it(
    agent: Agent, mode: int
) -> None:
    agent.keep(ENTRY, mode)
    done = agent.verify("")
    assert done.returncode == 2
    assert f"(mode {mode:04o}): chmod 600 {agent.file}" in done.stderr
    assert not agent.log.exists()


PROBLEMS = {
    "no-hosts": ("svc: {username: er, password: env:LOCAL}\n", "`hosts` is missing"),
    "inline-password": ("svc: {username: er, password: hunter2-secret, hosts: ['*']}\n", "inline password is refused"),
    "unknown-key": ("svc: {username: er, pasword: env:LOCAL, hosts: ['*']}\n", "unknown key; did you mean `password`"),
    "no-username": ("svc: {password: env:LOCAL, hosts: ['*']}\n", "`username` is missing, and the inventory has none"),
    "no-network": ("svc: {username: er, password: env:LOCAL, hosts: [10.0.0.1/8]}\n", "`10.0.0.1/8` is no network: "),
    "list": ("[a]\n", "must be a mapping of names to credentials"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_problem_names_the_file_and_repeats_no_secret(agent: Agent, case: str) -> None:
    text, words = PROBLEMS[case]
    agent.keep(text)
    done = agent.verify("")
    assert done.returncode == 2
    assert words in done.stderr
    assert str(agent.file) in done.stderr
    assert "hunter2" not in done.stderr
    assert not agent.log.exists()


def test_an_inventory_without_credentials_reads_no_file(agent: Agent) -> None:
    agent.keep("[", 0o666)
    path = agent.where / "estate.yaml"
    path.write_text("targets: [{host: 127.0.0.1, port: 99, type: mood}]\n")
    assert agent.run("verify", str(path)).returncode == 0
