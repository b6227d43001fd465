"""``--profile``: another scanner's requirements decide verdicts, ports and rules, and every report names it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanready.catalogue.requirement import BUILT_IN
from scanready.report import FORMATS
from scanready.run import registry
from tests.cli import plugin
from tests.cli.in_process import call
from tests.closed_ports import closed_port

PROFILE = """
profile: {name: acme-1, scanner: Acme Finder 1, document: Ports}
types:
  ssh:
    agent: AIX
    requires: [{ports: 2222, transport: tcp, confidence: stated, source: 'p. 1: "2222"'}]
  postgresql:
    requires:
      - {ports: 5432, transport: tcp, confidence: inferred, doubt: It is not printed., source: 'p. 2: "PostgreSQL"'}
      - {ports: 6432, transport: tcp, confidence: stated, source: 'p. 2: "6432, the pooler"'}
"""


@pytest.fixture
def acme(tmp_path: Path) -> str:
    file = tmp_path / "acme.yaml"
    file.write_text(PROFILE)
    return str(file)


@pytest.fixture
def target() -> Iterator[str]:
    """An SSH target whose port is closed."""
    with closed_port() as port:
        yield f"ssh://127.0.0.1:{port}"


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_format_names_the_profile(target: str, acme: str, form: str, tmp_path: Path) -> None:
    call("check", target, "--no-store", "--profile", acme, "--format", form, "-o", f"{tmp_path}/r")
    assert "acme-1" in Path(f"{tmp_path}/r").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "junit", "html", "md", "prometheus", "sarif", "tap"])
def test_the_formats_for_machines_and_documents_name_the_built_in_one(target: str, form: str, tmp_path: Path) -> None:
    call("check", target, "--no-store", "--format", form, "-o", f"{tmp_path}/r")
    assert BUILT_IN.name in Path(f"{tmp_path}/r").read_text(encoding="utf-8")


def test_the_platform_that_it_demands_decides(target: str, acme: str) -> None:
    result = json.loads(call("check", target, "--no-store", "--format", "jsonl", "--profile", acme).stdout)
    codes = {result["cause"]["code"], *(one["code"] for one in result["besides"])}
    assert "agent.platform-mismatch" in codes
    assert result["agent"]["profile"] == "acme-1"
    result = json.loads(call("check", target, "--no-store", "--format", "jsonl").stdout)
    assert "agent.platform-mismatch" not in {result["cause"]["code"], *(one["code"] for one in result["besides"])}


def test_its_ports_are_the_default_and_the_rules(acme: str) -> None:
    plan = json.loads(call("plan", "ssh://127.0.0.1", "--profile", acme, "--json").output)
    assert "2222" in json.dumps(plan)
    rules = call("firewall", "postgresql://127.0.0.1", "ssh://127.0.0.1", "--profile", acme, "--format", "csv").output
    rows = list(csv.DictReader(io.StringIO(rules)))
    assert {(row["ports"], row["type"] if "type" in row else row["types"]) for row in rows} >= {
        ("6432", "postgresql"),
        ("2222", "ssh"),
    }
    assert "p. 2" in rules


def test_types_show_the_requirements_and_their_doubts(acme: str) -> None:
    text = call("types", "postgresql", "--profile", acme).output
    assert "6432/tcp" in text
    assert "It is not printed." in text
    rows = {row["type"]: row for row in json.loads(call("types", "--json", "--profile", acme).output)}
    assert {row["profile"] for row in rows.values()} == {"acme-1"}
    assert rows["mysql"]["requirements"] == []
    assert "does not name this target type" in rows["mysql"]["doubt"]
    first = rows["postgresql"]["requirements"][0]
    assert (first["confidence"], first["doubt"]) == ("inferred", "It is not printed.")


def test_a_command_leaves_the_built_in_one_behind(acme: str) -> None:
    call("types", "--profile", acme)
    assert registry.about_judge() == BUILT_IN
    assert "22" in call("plan", "ssh://127.0.0.1", "--json").output


def test_a_wrong_profile_ends_with_all_problems_and_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(PROFILE.replace("transport: tcp", "transport: tpc").replace("agent: AIX", "agent: Beos"))
    done = call("verify", "-", "--profile", str(file))
    assert done.exit_code == 2
    assert done.stderr.count("`transport` is 'tpc'") == 3
    assert f"{file}:5:12: `agent` is 'Beos'" in done.stderr
    done = call("types", "--profile", "er2-2.0.29")
    assert (done.exit_code, "did you mean `er2-2.0.28`?" in done.stderr) == (2, True)


def test_a_run_is_continued_and_reported_with_its_own_profile(target: str, acme: str, tmp_path: Path) -> None:
    inventory, store = tmp_path / "inv.yaml", f"--store={tmp_path}/runs.db"
    inventory.write_text(f"targets: ['{target}']")
    call("verify", str(inventory), store, "--profile", acme)
    refused = call("verify", "--resume", "last", store)
    assert refused.exit_code == 2
    assert "was started with the profile acme-1, not er2-2.0.28: add --profile acme-1, or its file" in refused.stderr
    assert call("verify", "--resume", "last", store, "--profile", acme).exit_code == 1
    told = call("report", "last", store)
    assert "were judged by the profile acme-1, but this command uses er2-2.0.28" in told.stderr
    assert "(judged by the profile acme-1)" in told.stdout
    assert call("report", "last", store, "--profile", acme).stderr == ""


def test_every_process_of_a_run_judges_by_it(target: str, acme: str, plugins: Path) -> None:
    inventory = plugins / "estate.yaml"
    inventory.write_text(f"targets: [{{hosts: [127.0.1.0/28], type: ssh, port: {target.split(':')[-1]}}}]")
    command = ["verify", str(inventory), "--jobs", "2", "--profile", acme, "--format", "jsonl", "--no-store"]
    done = plugin.run(plugins, command, {})
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == 14
    for result in results:
        codes = {result["cause"]["code"], *(one["code"] for one in result["besides"])}
        assert "agent.platform-mismatch" in codes, result
        assert result["agent"]["profile"] == "acme-1"


def test_the_schema_is_published() -> None:
    schema = json.loads(call("schema", "profile").output)
    assert schema["title"] == "scanready profile"
