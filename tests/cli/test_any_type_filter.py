"""`--only type=X` and a host without a type: the run's result has the types that X may name."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanready.model import Report, Target, Verdict
from scanready.run.any_type import combined
from tests.cli import plugin
from tests.report.estate import document, reports

_DAY = datetime.date(2026, 1, 1)
_PORTS = {"ssh": 22, "https": 443, "smb": 445, "mysql": 3306, "postgresql": 5432}
#: The verdict of each type at each host. A type without a verdict does not answer.
_HOSTS: dict[str, dict[str, Verdict | None]] = {
    "web": {"ssh": Verdict.READY, "https": Verdict.LIMITED, "smb": None},
    "files": {"smb": Verdict.SCANNABLE, "ssh": None},
    "127.0.0.9": {"mysql": None, "ssh": None},
}


def estate() -> Iterator[Report]:
    """Yield the reports of three hosts without a type, as a run makes them."""
    samples = {report.verdict: report for report in reports(6)}
    silent = next(report for report in reports(6) if report.cause and report.cause.code == "connect.filtered")
    for host, types in _HOSTS.items():
        tried = [
            dataclasses.replace(
                samples[verdict] if verdict else silent, target=Target(host, name, _PORTS[name], guessed=True)
            )
            for name, verdict in types.items()
        ]
        yield combined(Target(host, "any", 0), tried, _DAY)


@pytest.fixture
def run(plugins: Path) -> Path:
    (plugins / "run.json").write_text(document("json", list(estate())))
    (plugins / "estate.yaml").write_text(f"targets: [{', '.join(_HOSTS)}]\n")
    return plugins


def call(where: Path, *arguments: str) -> Any:
    return plugin.run(where, arguments, {})


def hosts(done: Any) -> list[str]:
    return [json.loads(line)["target"]["host"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("type=ssh", ["web"]),
        ("type=https", ["web"]),
        ("type=smb", ["files"]),
        ("type=mysql", ["127.0.0.9"]),
        ("type=any", ["web", "files", "127.0.0.9"]),
        ("type=postgresql", []),
        ("type=https,verdict=ready", ["web"]),
        ("type=smb,verdict=ready", []),
        ("owner=server", ["web", "127.0.0.9"]),
        ("cause=tls.expired", ["web"]),
        ("owner=network", ["127.0.0.9"]),
    ],
)
def test_a_report_finds_a_host_by_a_type_that_holds_or_leads(run: Path, expression: str, found: list[str]) -> None:
    done = call(run, "report", str(run / "run.json"), "--only", expression, "--format", "jsonl")
    assert hosts(done) == found
    assert (done.returncode == 4) == (not found)


def test_the_message_names_a_type_that_a_run_found(run: Path) -> None:
    done = call(run, "report", str(run / "run.json"), "--only", "type=htps")
    assert "no target has type=htps; did you mean 'https'?" in done.stderr


def test_split_and_diff_take_the_same_targets(run: Path) -> None:
    file = str(run / "run.json")
    done = call(run, "report", file, "--only", "type=https", "--split", f"owner={run}/todo")
    assert [path.name for path in (run / "todo").iterdir()] == ["server.md"], done.stderr
    (run / "later.json").write_text(document("json", [one for one in estate() if one.target.host != "files"]))
    found = json.loads(call(run, "diff", file, str(run / "later.json"), "--only", "type=smb", "--json").stdout)
    assert json.dumps(found).count("files") > 0
    assert "web" not in json.dumps(found["removed"])


def test_firewall_takes_the_types_that_a_run_found(run: Path) -> None:
    def ports(*more: str) -> set[tuple[str, int]]:
        done = call(run, "firewall", str(run / "estate.yaml"), "--json", *more)
        return {(rule["host"], rule["ports"][0]) for rule in json.loads(done.stdout)["rules"]}

    assert ports("--only", "type=https") == {("web", 443), ("files", 443), ("127.0.0.9", 443)}
    assert ports("--only", "type=any") == ports()
    found = ports("--from", str(run / "run.json"), "--only", "owner=network")
    assert {one for one in found if one[0] in _HOSTS} == {("127.0.0.9", 3306), ("127.0.0.9", 22)}, (
        "the types that do not answer at the other hosts need no rule"
    )


def test_only_the_selected_type_is_checked_again(run: Path) -> None:
    """A filter narrows the types that are tried, whatever the run found."""
    (run / "estate.yaml").write_text("targets: [{host: 127.0.0.9}]\n")
    more = ("--failed-from", str(run / "run.json"), "--no-store", "--format", "jsonl", "--timeout", "1")
    done = call(run, "verify", str(run / "estate.yaml"), "--only", "type=mysql,verdict=blocked", *more)
    (result,) = map(json.loads, done.stdout.splitlines())
    assert [one["target"]["type"] for one in result["types"]] == ["mysql"]
    assert call(run, "verify", str(run / "estate.yaml"), "--only", "verdict=ready", *more).returncode == 4
