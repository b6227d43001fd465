"""``fleet verify`` refuses options that a continued run would ignore, leaves no empty run, and logs in if it may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("celery")

from scanready.cli.fleet.verify import Asked, command
from scanready.cli.job.guard_options import Logins
from scanready.cli.job.prepare import Unusable
from scanready.fleet.connection import Broker
from scanready.fleet.division import Estate
from scanready.model import DeclaredAgent, Step, Target
from scanready.store import Store, StoreError

AT = ["--broker", "amqp://127.0.0.1:1", "--password-from", "env:PATH"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--agents", "a"], "--agents"),
        (["--depth", "auth"], "--depth"),
        (["--timeout", "5"], "--timeout"),
        (["--only", "type=ssh"], "--only"),
        (
            ["--only", "type=ssh", "--depth", "auth", "--timeout", "5", "--agents", "a"],
            "--agents, --only, --depth, --timeout",
        ),
    ],
)
def test_an_option_of_the_start_is_refused(tmp_path: Path, words: list[str], named: str) -> None:
    ended = CliRunner().invoke(command, ["--resume", "last", "--store", str(tmp_path / "x.db"), *AT, *words])
    assert ended.exit_code == 2
    assert f"--resume continues a run as it was started: leave out {named}, or start a new run" in ended.output


def test_the_time_for_a_heartbeat_may_be_another(tmp_path: Path) -> None:
    """The run is what is missing here."""
    words = ["--resume", "last", "--store", str(tmp_path / "x.db"), *AT, "--agent-timeout", "5s"]
    ended = CliRunner().invoke(command, words)
    assert ended.exit_code == 2
    assert "leave out" not in ended.output


def test_a_broker_that_cannot_be_used_leaves_no_run(tmp_path: Path) -> None:
    """An empty run would be the `last` one, which `--resume`, `fleet cancel` and `report` would then mean."""
    (tmp_path / "estate.yaml").write_text("agents: [{name: a}]\ntargets: [{host: 127.0.0.1, type: ssh}]\n")
    store = tmp_path / "x.db"
    ended = CliRunner().invoke(command, [str(tmp_path / "estate.yaml"), "--store", str(store), *AT])
    assert ended.exit_code == 2
    assert "the broker 127.0.0.1:1 refuses the connection" in ended.output
    with pytest.raises(StoreError), Store(store) as kept:
        kept.find("last")


@pytest.mark.parametrize(
    ("depth", "no_login", "logs_in"),
    [(Step.ACCESS, False, True), (Step.ACCESS, True, False), (Step.LOGIN, False, True), (Step.AUTH, False, False)],
    ids=["deep", "no login", "up to the login", "up to the prompt"],
)
def test_which_runs_send_logins(depth: Step, *, no_login: bool, logs_in: bool) -> None:
    estate = Estate((Target("h", "ssh", 22),), (DeclaredAgent("a"),), depth, 10.0)
    broker = Broker("127.0.0.1", 1, "coordinator", "x", tls=False)
    asked = Asked(estate, broker, "estate.yaml", (), 120.0, "t", Logins(no_login, "svc", None), 60.0)
    assert (asked.login is not None) is logs_in
    if asked.login is not None:
        assert (asked.login.retry_after, asked.login.retried) == (60.0, "svc")


ESTATE = """
agents: [{name: proxy-nyc, sites: [nyc]}, {name: proxy-lon, sites: [lon]}]
targets:
  - {host: h1, type: ssh, site: nyc}
  - {host: h2, type: ssh, site: lon}
"""


@pytest.mark.parametrize(
    ("agents", "told"),
    [
        ("proxy-nyx", "--agents: the inventory declares no agent 'proxy-nyx'; did you mean 'proxy-nyc'?"),
        ("proxy-nyc", "1 target has no agent in --agents, and no result: ssh://h2:22; add an agent of the site there"),
    ],
)
def test_a_choice_of_agents_that_leaves_out_targets_is_told(tmp_path: Path, agents: str, told: str) -> None:
    (tmp_path / "estate.yaml").write_text(ESTATE)
    words = [str(tmp_path / "estate.yaml"), "--store", str(tmp_path / "x.db"), *AT, "--agents", agents]
    ended = CliRunner().invoke(command, words)
    assert ended.exit_code == 2
    assert told in " ".join(ended.output.split())


def test_a_fleet_tries_one_credential_of_a_target(tmp_path: Path) -> None:
    head = "agents: [{name: a}]\ncredentials: {old: {username: er}, new: {username: er2}}\n"
    (tmp_path / "estate.yaml").write_text(head + "targets:\n  - {host: h1, type: ssh, credential: [old, new]}\n")
    ended = CliRunner().invoke(command, [str(tmp_path / "estate.yaml"), "--store", str(tmp_path / "x.db"), *AT])
    assert ended.exit_code == 2
    assert "estate.yaml:4: a fleet tries one credential of a target, and this one has 2" in " ".join(
        ended.output.split()
    )


def test_a_target_of_an_agent_that_is_not_chosen_names_the_ways_out(tmp_path: Path) -> None:
    (tmp_path / "estate.yaml").write_text(ESTATE + "  - {host: h3, type: ssh, agents: [proxy-nyc, proxy-lon]}\n")
    words = [str(tmp_path / "estate.yaml"), "--store", str(tmp_path / "x.db"), *AT, "--agents", "proxy-nyc"]
    ended = CliRunner().invoke(command, words)
    assert ended.exit_code == 2
    told = "names the agent 'proxy-lon', which --agents lacks: add it there, or leave out its targets with --only"
    assert told in " ".join(ended.output.split())


@pytest.mark.parametrize(
    "error", [StoreError("x.db: the disk is full; free some space, or name a file"), Unusable("away")]
)
def test_a_run_that_fails_midway_says_how_to_continue_it(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise error

    (tmp_path / "estate.yaml").write_text("agents: [{name: a}]\ntargets: [{host: 127.0.0.1, type: ssh}]\n")
    monkeypatch.setattr("scanready.fleet.coordinator.demand_queues", lambda *_: None)
    monkeypatch.setattr("scanready.fleet.coordinator.Coordinator.run", fail)
    ended = CliRunner().invoke(command, [str(tmp_path / "estate.yaml"), "--store", str(tmp_path / "x.db"), *AT])
    assert ended.exit_code == 2
    with Store(tmp_path / "x.db") as kept:
        name = kept.find("last").name
    assert f"To take their results: `scanready fleet verify --resume {name}`" in ended.output
    assert str(error).partition(",")[0] in ended.output
    assert "or name a file" not in ended.output


@pytest.mark.parametrize(
    ("is_there", "told"),
    [
        (
            True,
            "`ca_file` of the inventory stays here: start each agent with --target-ca-file, the path of such a file on",
        ),
        (False, "`ca.pem` is not on this host: an agent that uses this inventory needs it (an agent of a fleet as its"),
    ],
    ids=["on this host", "elsewhere"],
)
def test_certificates_of_the_inventory_are_those_of_the_agents(tmp_path: Path, told: str, *, is_there: bool) -> None:
    """The coordinator checks no target, so it needs no such file."""
    if is_there:
        from fixtures.emulators.certificates import authority

        (tmp_path / "ca.pem").write_bytes(authority().ca_file.read_bytes())
    (tmp_path / "estate.yaml").write_text("defaults: {ca_file: ca.pem}\n" + ESTATE)
    ended = CliRunner().invoke(command, [str(tmp_path / "estate.yaml"), "--store", str(tmp_path / "x.db"), *AT])
    text = " ".join(ended.output.split())
    assert told in text
    assert "the broker 127.0.0.1:1 refuses the connection" in text
