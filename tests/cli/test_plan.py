"""The command ``plan``: the contacts of an inventory, without a contact."""

from __future__ import annotations

import json
import math
import socket
from pathlib import Path

import pytest

from scanready.climb.guard import MOST_OPEN
from scanready.run.expected_time import Expected, expected_time
from scanready.run.registry import catalogue
from scanready.run.settings import Settings
from scanready.targets.windows import login_admin_share
from tests.cli.in_process import call


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened, or a name looked up")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


PLANNED = """
credentials:
  acc: {username: svc, password: env:PLAN_PW}
targets:
  - {host: a, types: [unix, ssh], credential: acc}
  - {host: a, type: mysql, tags: [finance]}
  - {host: b, type: postgresql, credential: acc}
  - {host: b, type: notes}
"""


@pytest.mark.usefixtures("no_network")
def test_plan_adds_up_and_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAN_PW", "the-secret")
    path = tmp_path / "estate.yaml"
    path.write_text(PLANNED)
    done = call("plan", str(path), "--json")
    assert done.exit_code == 0, done.output
    plan = json.loads(done.output)
    by_port = {(row["host"], row["port"]): row for row in plan["endpoints"]}
    assert by_port["a", 22]["types"] == ["unix", "ssh"]
    assert (by_port["a", 22]["connections"], by_port["a", 22]["login_attempts"]) == (2, 1), "one login for both types"
    assert (by_port["a", 3306]["connections"], by_port["a", 3306]["probe_logins"]) == (1, 1)
    assert by_port["b", 5432]["credentials"] == ["acc"]
    assert plan["second_visits"] == {"targets": 2, "connections": 3}, "acc is that of three targets"
    assert plan["not_built"] == []
    assert plan["total"]["connections"] == sum(row["connections"] for row in plan["endpoints"])
    shallow = json.loads(call("plan", str(path), "--depth", "auth", "--json").output)
    assert shallow["total"]["login_attempts"] == 0
    assert shallow["credentials"] == {}
    assert shallow["second_visits"] == {"targets": 0, "connections": 0}
    assert "at most 3 further connections: 2 targets may be visited twice" in " ".join(
        call("plan", str(path)).output.split()
    )
    assert "the-secret" not in done.output + call("plan", str(path)).output
    assert call("plan", str(path), "--only", "tag=nothing").exit_code == 4


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(("most", "logins"), [(None, 2), ("1", 1), ("3", 3)])
def test_each_further_credential_is_one_more_climb(tmp_path: Path, most: str | None, logins: int) -> None:
    path = tmp_path / "estate.yaml"
    accounts = ", ".join(f"{name}: {{username: {name}-user}}" for name in "abcd")
    path.write_text(
        f"credentials: {{{accounts}}}\ntargets: [{{host: h, type: postgresql, credential: [a, b, c, d]}}]\n"
    )
    done = call("plan", str(path), "--json", *(["--max-attempts", most] if most else []))
    plan = json.loads(done.output)
    (row,) = plan["endpoints"]
    alone = json.loads(call("plan", "postgresql://h", "--user", "a-user", "--json").output)["endpoints"][0]
    assert row["login_attempts"] == logins, "no more than the host may refuse"
    assert row["connections"] - alone["connections"] >= 3
    assert row["credentials"] == ["a", "b", "c", "d"]
    assert [one["user"] for one in plan["accounts"]] == ["a-user", "b-user", "c-user", "d-user"]


@pytest.mark.usefixtures("no_network")
def test_types_of_one_endpoint_never_cause_a_second_visit(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(PLANNED.replace("type: postgresql, credential: acc", "type: postgresql"))
    plan = json.loads(call("plan", str(path), "--json").output)
    assert plan["second_visits"] == {"targets": 0, "connections": 0}


@pytest.mark.usefixtures("no_network")
def test_the_first_visits_of_a_fleet_are_in_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text("agents: [{name: p1}, {name: p2}]" + PLANNED)
    plan = json.loads(call("plan", str(path), "--json").output)
    assert plan["fleet"]["targets"] == 3
    assert plan["fleet"]["connections"] >= 2
    words = f"at most {plan['fleet']['connections']} further connections from each agent"
    assert words in " ".join(call("plan", str(path)).output.split())
    shallow = json.loads(call("plan", str(path), "--json", "--no-login").output)
    assert shallow["fleet"] == {"targets": 0, "connections": 0}
    path.write_text(PLANNED)
    assert "fleet" not in json.loads(call("plan", str(path), "--json").output)


@pytest.mark.usefixtures("no_network")
def test_plan_has_every_port_and_the_bound_of_the_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAN_PW", "the-secret")
    path = tmp_path / "estate.yaml"
    path.write_text(
        "agent: {master: er-master.corp}\n"
        "credentials: {acc: {username: svc, password: env:PLAN_PW}}\n"
        "targets:\n"
        "  - {host: nas, type: nfs, export: /x}\n"
        "  - {host: sql, type: mssql, instance: HR, credential: acc}\n"
        "  - {host: win, type: windows, credential: acc}\n"
        "  - {host: web, type: unix}\n"
    )
    plan = json.loads(call("plan", str(path), "--json").output)
    further = {
        row["host"]: {(one["protocol"], one["ports"]) for one in row["further_ports"]} for row in plan["endpoints"]
    }
    assert {("tcp", "111"), ("udp", "111")} <= further["nas"]
    assert further["sql"] == {("tcp", "49152-65535")}
    assert {("tcp", "49152-65535"), ("tcp", "445")} <= further["win"]
    assert further["web"] == set()
    assert plan["guard"] == {
        "refused_logins_per_credential": 1,
        "refused_logins_per_account": 1,
        "unanswered_logins_per_account": MOST_OPEN,
    }
    assert plan["accounts"] == [{"user": "svc", "credentials": ["acc"], "endpoints": 2}]
    assert plan["master"] == "er-master.corp"
    words = " ".join(call("plan", str(path)).output.split())
    assert "account svc (credential acc): 2 endpoints" in words
    assert "at most one refused login per account and run" in words
    assert "windows two for WMI and one for ADMIN$" in words
    assert "not contacted: the Master Server er-master.corp; check it with `scanready agent`" in words
    assert "sql udp 1434 mssql" in words
    assert "(only for NFSv3 and older)" in words
    assert "tcp 445 (only for Windows Server 2003R2 and older, or the test of ADMIN$ after a login)" in words
    smb = {"protocol": "tcp", "ports": "445"}
    used_for = {
        depth: [one["when"] for one in row["further_ports"] if smb.items() <= one.items()]
        for depth in ("access", "auth")
        for row in json.loads(call("plan", str(path), "--depth", depth, "--json").output)["endpoints"]
        if row["host"] == "win"
    }
    assert used_for["access"] == ["Windows Server 2003R2 and older, or the test of ADMIN$ after a login"]
    assert used_for["auth"] == ["Windows Server 2003R2 and older"], "no login is made"
    assert catalogue()["windows"].cost.login_port == login_admin_share.PORT
    bare = json.loads(call("plan", "ssh://web", "--json").output)
    assert (bare["guard"], bare["master"]) == ({}, None)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("target", "first", "further"),
    [
        ("mssql://w1/HR", ("udp", 1434), ["tcp 49152-65535"]),
        ("mssql://w1:1433/HR", ("tcp", 1433), []),
        ("mssql://w1:51433/HR", ("tcp", 51433), []),
        ("mssql://w1/mssqlserver", ("tcp", 1433), []),
        ("mssql://w1", ("tcp", 1433), []),
    ],
)
def test_a_named_instance_without_a_port_begins_at_the_browser(
    target: str, first: tuple[str, int], further: list[str]
) -> None:
    """A check asks the SQL Browser for the port of the instance, and never connects to 1433."""
    (row,) = json.loads(call("plan", target, "--json").output)["endpoints"]
    assert (row["protocol"], row["port"]) == first
    assert [f"{one['protocol']} {one['ports']}" for one in row["further_ports"]] == further


@pytest.mark.usefixtures("no_network")
def test_a_named_and_the_default_instance_are_two_endpoints() -> None:
    rows = json.loads(call("plan", "mssql://w1/HR", "mssql://w1", "--json").output)["endpoints"]
    assert {(row["protocol"], row["port"]) for row in rows} == {("udp", 1434), ("tcp", 1433)}


@pytest.mark.usefixtures("no_network")
def test_one_account_in_two_credentials_and_a_host_without_a_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory counts by account, so the guard does; and a host without a type is one target."""
    monkeypatch.setenv("PLAN_PW", "the-secret")
    path = tmp_path / "estate.yaml"
    path.write_text(
        "credentials:\n"
        "  one: {username: 'CORP\\svc', password: env:PLAN_PW, authority: corp}\n"
        "  two: {username: svc@corp.example, password: env:PLAN_PW, authority: corp}\n"
        "targets:\n"
        "  - {host: win, type: windows, credential: one}\n"
        "  - {host: fs, type: smb, credential: two}\n"
        "  - other\n"
    )
    plan = json.loads(call("plan", str(path), "--json").output)
    assert plan["accounts"] == [{"user": "CORP\\svc", "credentials": ["one", "two"], "endpoints": 2}]
    assert (plan["total"]["targets"], plan["total"]["hosts"], plan["total"]["untyped_hosts"]) == (3, 3, 1)
    words = " ".join(call("plan", str(path)).output.split())
    assert "account CORP\\svc (credentials one, two): 2 endpoints" in words
    assert "1 host without a type: every type is tried there" in words


@pytest.mark.usefixtures("no_network")
def test_the_expected_time_is_that_of_the_tightest_bound(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text("targets:\n  - {hosts: [10.1.0.0/24, 10.1.1.0/24], type: ssh}\n")

    def times(*options: str) -> tuple[float, float]:
        time = json.loads(call("plan", str(path), "--json", "--no-canary", *options).output)["time"]
        return time["all_answer"], time["none_answers"]

    plan = json.loads(call("plan", str(path), "--json", "--no-canary").output)
    connections, endpoints = plan["total"]["connections"], len(plan["endpoints"])
    in_net = math.ceil(endpoints / 2 / 90)
    assert plan["time"]["none_answers"] == 4.5 * in_net == 13.5
    assert plan["time"]["all_answer"] == round(connections / 500, 2)
    assert times("--connect-rate", "10") == (round(connections / 10, 2), round(endpoints / 10 + 4.5, 2))
    assert times("--half-open", "10")[1] == 4.5 * math.ceil(endpoints / 9)
    assert times("--per-net", "0")[1] == round(endpoints / 500 + 4.5, 2)
    assert times("--half-open", "0", "--connect-rate", "0", "--per-net", "0") == (0.0, 4.5)
    text = " ".join(call("plan", str(path), "--half-open", "0", "--connect-rate", "0").output.split())
    assert "expected time: 14 s if none answers (at most 100 half-open in one /24)" in text


def test_ports_of_one_host_are_asked_a_few_at_once() -> None:
    assert expected_time([], 0, Settings()) == Expected(0.0, 0.0)
    many = expected_time([("10.0.0.1", 24)] * 48 + [("db.corp", 4)] * 8, 100, Settings(half_open=None, per_net=None))
    assert many.none_answers == 9.0, "24 ports of one host at once, and 4 of the other"
