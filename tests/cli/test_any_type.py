"""A host without a type in `verify`: one row, one result, an exit code as that of `check`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave, ssh
from tests.cli import plugin
from tests.closed_ports import closed_port


def run(where: Path, *arguments: str) -> Any:
    return plugin.run(where, arguments, {})


def write(where: Path, *entries: str) -> str:
    (where / "estate.yaml").write_text("\n".join(["targets:", *(f"  - {entry}" for entry in entries), ""]))
    return str(where / "estate.yaml")


@pytest.fixture
def closed() -> Iterator[int]:
    """A port of this host that nothing listens on."""
    with closed_port() as port:
        yield port


def test_a_host_that_serves_one_type(plugins: Path) -> None:
    with in_background(ssh.openssh_9_2) as server:
        path = write(plugins, f"127.0.0.1:{server.port}")
        more = ("--format", "jsonl", "--timeout", "30", "--report", f"table={plugins}/t.txt")
        done = run(plugins, "verify", path, *more)
        checked = run(plugins, "check", f"127.0.0.1:{server.port}", "--timeout", "30", "--no-store")
    assert (done.returncode, checked.returncode) == (0, 0), done.stderr
    result = json.loads(done.stdout)
    assert result["target"]["name"] == f"any://127.0.0.1:{server.port}"
    assert result["verdict"] == "ready"
    assert "unix" in result["as"]
    assert len(result["types"]) > 10
    table = (plugins / "t.txt").read_text()
    assert f"as {', '.join(result['as'])}" in table
    assert "1 target in" in table
    assert "other-protocol" not in table
    again = run(plugins, "report", "last", "--format", "jsonl")
    assert json.loads(again.stdout)["as"] == result["as"]
    assert "passes up to the login prompt as target type " in run(plugins, "report", "last", "--ladder").stdout


def test_a_host_that_serves_nothing(plugins: Path, closed: int) -> None:
    path = write(plugins, f"{{host: 127.0.0.1, port: {closed}}}")
    done = run(plugins, "verify", path)
    assert done.returncode == run(plugins, "check", f"127.0.0.1:{closed}", "--no-store").returncode == 1
    assert f"any://127.0.0.1:{closed}  blocked" in done.stdout
    assert "connect.refused (server)  1 target" in done.stdout
    for name in ("md", "csv", "junit", "tap", "sarif", "github", "nagios", "prometheus", "html"):
        text = run(plugins, "report", "last", "--format", name).stdout
        assert f"any://127.0.0.1:{closed}" in text, name


def test_a_host_that_answers_in_no_known_way_is_undecided_in_both_commands(plugins: Path) -> None:
    """OpenSSH turns a client away with this line when too many others log in: ask again later."""
    with in_background(misbehave.says_and_closes(b"Exceeded MaxStartups\r\n")) as server:
        done = run(plugins, "verify", write(plugins, f"127.0.0.1:{server.port}"), "--format", "jsonl")
        checked = run(plugins, "check", f"127.0.0.1:{server.port}", "--no-store", "--format", "jsonl")
        plugin_codes = [
            run(plugins, *arguments, "--format", "nagios").returncode
            for arguments in (
                ("verify", str(plugins / "estate.yaml")),
                ("check", f"127.0.0.1:{server.port}", "--no-store"),
            )
        ]
        named = run(plugins, "check", f"any://127.0.0.1:{server.port}", "--no-store", "--format", "jsonl")
    assert named.returncode == 3
    (result,) = map(json.loads, done.stdout.splitlines())
    assert result["verdict"] == "undecided"
    assert "undecided" in {json.loads(line)["verdict"] for line in checked.stdout.splitlines()}
    assert (done.returncode, checked.returncode) == (3, 3), (done.stderr, checked.stderr)
    assert plugin_codes == [3, 3]


def test_a_known_failure_of_a_host_without_a_type(plugins: Path, closed: int) -> None:
    expect = "expect: {blocked: connect.refused, until: 2999-01-01}"
    done = run(plugins, "verify", write(plugins, f"{{host: 127.0.0.1, port: {closed}, {expect}}}"))
    assert done.returncode == 0
    assert "blocked (known)" in done.stdout


def test_only_some_types_are_tried(plugins: Path, closed: int) -> None:
    path = write(plugins, f"{{host: 127.0.0.1, port: {closed}}}")
    for asked in (("--type", "ssh"), ("--only", "type=ssh")):
        (result,) = map(json.loads, run(plugins, "verify", path, *asked, "--format", "jsonl").stdout.splitlines())
        assert [one["target"]["type"] for one in result["types"]] == ["ssh"]
    assert run(plugins, "verify", path, "--only", "type=any", "--format", "jsonl").stdout.count("\n") == 1


def test_a_network_without_a_type_contacts_nothing(plugins: Path) -> None:
    done = run(plugins, "verify", write(plugins, "{hosts: [127.0.0.0/30]}"))
    assert done.returncode == 2
    assert "a network needs a type" in done.stderr
    path = write(plugins, "{hosts: [127.0.0.0/30], types: [any]}")
    plan = json.loads(run(plugins, "plan", path, "--json").stdout)
    assert plan["total"]["hosts"] == 2
    assert plan["total"]["connections"] >= 2 * 20
    assert "connections" in run(plugins, "plan", path).stdout


def test_going_on_with_a_run(plugins: Path, closed: int) -> None:
    run(plugins, "verify", write(plugins, f"{{host: 127.0.0.1, port: {closed}}}"))
    done = run(plugins, "verify", "--resume", "last", "--format", "jsonl")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
