"""An agent looks up a credential in its own file: which file, who may change it, at which hosts it is used."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli import plugin

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the modes of files are those of POSIX")
AT = 75  # the column of the name
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
    remedy = f"add it to `credentials` of the inventory, or to `{agent.file}` or `"
    assert f"estate.yaml:2:{AT}: unknown credential `svc`: {remedy}" in done.stderr
    assert "of this host" in done.stderr
    assert not agent.log.exists()


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


@pytest.mark.parametrize("mode", [0o644, 0o606, 0o602, 0o660])
def test_a_file_that_others_can_read_or_write_is_refused_with_the_command_that_closes_it(
    agent: Agent, mode: int
) -> None:
    agent.keep(ENTRY, mode)
    done = agent.verify("")
    assert done.returncode == 2
    assert f"(mode {mode:04o}): chmod 6" in done.stderr
    assert str(agent.file) in done.stderr
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


#: Commands that log in nowhere, with an inventory whose credential is only a name.
WITHOUT_A_LOGIN = {
    "plan": ["plan", "estate.yaml"],
    "firewall": ["firewall", "estate.yaml", "--source", "127.0.0.1"],
    "verify": ["verify", "estate.yaml", "--no-login", "--export", "own.scanready"],
    "check": ["check", "mood://127.0.0.1:99?is=judges", "--inventory", "estate.yaml"],
    "check-with-its-name": [
        *("check", "mood://127.0.0.1:99?is=judges", "--inventory", "estate.yaml"),
        *("--credential", "svc", "--no-login"),
    ],
    "merge": ["merge", "first.scanready", "--inventory", "estate.yaml"],
    "report": ["report", "last", "--only", "host=127.0.0.1"],
    "import": ["import", "hosts.txt", "--against", "estate.yaml"],
}
FILES: dict[str, tuple[str, int] | None] = {
    "none": None,
    "without-the-name": ("other: {username: er, password: env:LOCAL, hosts: ['*']}\n", 0o600),
    "read-by-all": (ENTRY, 0o644),
    "malformed": ("[", 0o600),
    "without-the-secret": ("svc: {username: er, password: env:NOWHERE, hosts: ['*']}\n", 0o600),
    "for-another-host": ("svc: {username: er, password: env:LOCAL, hosts: ['elsewhere']}\n", 0o600),
}
DECLARED = {
    "name-only": "",
    "without-references": "credentials: {svc: {username: er}}",
    "reference-that-only-agents-have": "credentials: {svc: {username: er, password: env:NOWHERE}}",
}


@pytest.fixture
def estate(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """An agent with an inventory, an export of it, and a stored run; none of them has seen a secret."""
    monkeypatch.chdir(agent.where)
    (agent.where / "hosts.txt").write_text("127.0.0.1\n")
    return agent


def write(agent: Agent, declared: str, name: str = "svc") -> None:
    target = f"{{host: 127.0.0.1, port: 99, type: mood, is: judges, credential: {name}}}"
    (agent.where / "estate.yaml").write_text(f"{declared}\ntargets: [{target}]\n")


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("state", FILES)
def test_a_command_that_logs_in_nowhere_does_not_read_the_file_of_this_host(
    estate: Agent, state: str, declared: str
) -> None:
    write(estate, DECLARED[declared])
    done = estate.run("verify", "estate.yaml", "--no-login", "--export", "first.scanready")
    assert done.returncode == 0, done.stderr
    if (kept := FILES[state]) is not None:
        estate.keep(*kept)
    for command, words in WITHOUT_A_LOGIN.items():
        done = estate.run(*words)
        assert done.returncode in (0, 1) if command == "import" else done.returncode == 0, (command, done.stderr)
        assert "credential" not in done.stderr.replace("1 has credential", ""), command


@pytest.mark.parametrize("command", ["plan", "firewall", "verify", "check", "merge", "import"])
@pytest.mark.parametrize("name", ["svc-scna", "er:hunter2-secret"])
def test_a_misspelt_name_is_an_error_of_each_command(estate: Agent, command: str, name: str) -> None:
    write(estate, "")
    estate.run("verify", "estate.yaml", "--no-login", "--export", "first.scanready")
    write(estate, "credentials: {svc-scan: {username: er}}", name)
    done = estate.run(*WITHOUT_A_LOGIN[command])
    assert done.returncode == 2
    words = ": declare it in" if ":" in name else " `svc-scna`; did you mean `svc-scan`?"
    assert f"estate.yaml:2:{AT}: unknown credential{words}" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_name_of_the_file_may_resemble_one_of_the_inventory(agent: Agent) -> None:
    agent.keep(ENTRY)
    assert verdicts(agent.verify("credentials: {svcs: {username: er, password: env:THEIRS}}")) == ["scannable"]


def test_each_agent_needs_only_the_names_of_its_own_share(agent: Agent) -> None:
    agent.keep(ENTRY)
    path = agent.where / "estate.yaml"
    path.write_text(
        "agents: [{name: here}, {name: there}]\ntargets:\n"
        "- {host: 127.0.0.1, port: 99, type: mood, is: judges, credential: svc, agents: [here]}\n"
        "- {host: 127.0.0.2, port: 99, type: mood, is: judges, credential: others, agents: [there]}\n"
    )
    assert verdicts(agent.run("verify", str(path), "--as", "here", "--format", "json")) == ["scannable"]
    done = agent.run("verify", str(path), "--as", "there")
    assert done.returncode == 2
    assert "estate.yaml:4:67: unknown credential `others`" in done.stderr


def test_a_name_that_many_targets_use_is_one_problem(agent: Agent) -> None:
    path = agent.where / "estate.yaml"
    path.write_text("targets: [{hosts: [a, b], type: mood, credential: svc}, {host: c, type: mood, credential: svc}]\n")
    done = agent.run("verify", str(path))
    assert done.returncode == 2
    assert done.stderr.count("unknown credential") == 1
    assert "unknown credential `svc` (used 2 times): " in done.stderr


def test_without_a_user_name_a_result_names_the_credential_only(agent: Agent) -> None:
    write(agent, "")
    done = agent.run("verify", str(agent.where / "estate.yaml"), "--no-login", "--format", "json")
    (result,) = json.loads(done.stdout)["results"]
    assert (result["target"]["credential"], result["target"]["user"]) == ("svc", None)
    assert result["verdict"] == "ready"


def test_a_plan_counts_the_login_of_a_name(agent: Agent) -> None:
    write(agent, "")
    done = agent.run("plan", str(agent.where / "estate.yaml"))
    assert "the account of the credential svc: 1 endpoint" in done.stdout


def test_a_file_that_makes_two_credentials_one_account_is_refused(agent: Agent) -> None:
    """The inventory does not say whose they are; a second wrong password may lock the account."""
    agent.keep(ENTRY + ENTRY.replace("svc:", "other:"))
    path = agent.where / "estate.yaml"
    target = "{host: 127.0.0.1, port: 99, type: mood, is: judges, credential: [svc, other]}"
    path.write_text(f"targets:\n  - {target}\n")
    done = agent.run("verify", str(path), "--format", "json")
    assert done.returncode == 2, done
    assert "estate.yaml:2: `svc` and `other` are both the user `er`: a second wrong password may lock" in done.stderr
    assert not agent.log.exists(), "no login was made"
    agent.keep(ENTRY + ENTRY.replace("svc:", "other:").replace("username: er", "username: er2"))
    assert agent.run("verify", str(path), "--format", "json").stdout
