"""``scanready assign`` and ``scanready firewall --rank``: from a stored run of many agents, and from a mixed file."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scanready.cli import group
from scanready.inventory import load
from scanready.model import Report, assigned
from scanready.report.estate import Frame
from scanready.report.serialize import agent_object, as_line, identity_at
from scanready.store import NewRun, Writer
from tests.report.estate_view import twelve


def scanready(*arguments: str | Path, width: int = 120) -> Result:
    return CliRunner(env={"COLUMNS": str(width)}).invoke(group, [str(one) for one in arguments], prog_name="scanready")


def a_file(tmp_path: Path, reports: Iterable[Report]) -> Path:
    file = tmp_path / "results.jsonl"
    file.write_text("".join(f"{as_line(report)}\n" for report in reports))
    return file


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """The results of three agents in no order."""
    reports = list(twelve.results())
    random.Random(7).shuffle(reports)
    return a_file(tmp_path, reports)


def stored(tmp_path: Path, reports: Iterable[Report], frame: Frame | None) -> Path:
    """Store a run, and return the file of the store."""
    store = tmp_path / "runs.sqlite"
    asked = {"timeout": 10, "depth": "access", "tried": [], **({"frame": frame.as_object()} if frame else {})}
    results = list(reports)
    agent = json.dumps(agent_object(results[0].agent))
    run = NewRun("2026-01-01T00:00:00Z", "verify", "estate.yaml", 12, "0", agent, json.dumps(asked))
    failures: list[str] = []
    writer = Writer(store, run, lambda _: None, failures.append)
    for place, report in enumerate(results):
        writer.result(place, identity_at(report), report.verdict.value, as_line(report))
    writer.end(1.0, False, 30)
    assert not failures
    return store


def test_a_stored_run_has_the_sites_of_its_frame(tmp_path: Path) -> None:
    store = stored(tmp_path, twelve.results(), twelve.FRAME)
    done = scanready("assign", "last", "--store", store)
    assert done.exit_code == 1, done.output
    assert [line.split()[:3] for line in done.stdout.splitlines()[1:3]] == [
        ["proxy-nyc", "Linux", "nyc"],
        ["proxy-win1", "Windows", "nyc"],
    ]


def test_a_mixed_file_has_the_same_answer_as_the_stored_run(tmp_path: Path, mixed: Path) -> None:
    store = stored(tmp_path, twelve.results(), twelve.FRAME)
    answers = [
        json.loads(scanready(*words, "--json").stdout)
        for words in (("assign", mixed), ("assign", "last", "--store", store))
    ]
    agents = [{one["target"]: one["verdict"] for one in answer["assignments"]} for answer in answers]
    assert agents[0] == agents[1]
    assert [answer["agents"][0]["indispensable"] for answer in answers] == [3, 3]
    rankings = [
        json.loads(scanready("firewall", "--rank", "--json", *words).stdout)["ranking"]
        for words in (("--from", mixed), ("--from", "last", "--store", store))
    ]
    assert [one["up_to"] for one in rankings[0]] == [one["up_to"] for one in rankings[1]] == [2, 2, 1, 1]


def test_the_inventory_loads_and_gives_each_agent_its_share(tmp_path: Path, mixed: Path) -> None:
    written = tmp_path / "assigned.yaml"
    done = scanready("assign", mixed, "-o", written)
    assert done.exit_code == 1
    assert "assigned.yaml has 8 of 12 targets: no agent is known to scan the others" in done.stderr
    inventory = load(str(written), credentials=())
    shares = {agent: len(inventory.share(agent).targets) for agent in ("proxy-lon", "proxy-nyc", "proxy-win1")}
    assert shares == {"proxy-lon": 0, "proxy-nyc": 4, "proxy-win1": 4}
    assert {len(assigned(target, inventory.agents)) for target in inventory.targets} == {1}
    assert "#   postgresql://svc-er@locked:5432: login.refused (identity)" in written.read_text()
    again = scanready("assign", mixed, "-o", written)
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)


def test_a_run_of_one_agent_leaves_nothing_to_choose(tmp_path: Path) -> None:
    one = [report for report in twelve.results() if report.agent is twelve.NYC]
    for words in (("assign", a_file(tmp_path, one)), ("assign", "last", "--store", stored(tmp_path, one, None))):
        done = scanready(*words)
        assert done.exit_code == 2
        assert "has the results of one agent (proxy-nyc), so there is nothing to choose" in done.stderr


@pytest.mark.parametrize(
    ("hosts", "code"),
    [(("web1", "db1", "pc1"), 0), (("web1", "far1"), 1), (("web1",), 0)],
)
def test_the_exit_code_is_that_of_the_targets_without_an_agent(
    tmp_path: Path, hosts: tuple[str, ...], code: int
) -> None:
    file = a_file(tmp_path, (report for report in twelve.results() if report.target.host in hosts))
    assert scanready("assign", file).exit_code == code


def test_an_undecided_target_has_exit_code_3(tmp_path: Path) -> None:
    """A declared agent has no result, so what it could do is unknown."""
    far = [one for one in twelve.results() if one.target.host == "far1" and one.agent is not twelve.WIN]
    store = stored(tmp_path, far, twelve.FRAME)
    assert scanready("assign", "last", "--store", store).exit_code == 3


def test_a_ranking_takes_its_targets_from_the_run(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANREADY_INVENTORY", "no-such-file.yaml")
    done = scanready("firewall", "--from", mixed, "--rank")
    assert done.exit_code == 0, done.output
    assert "proxy-lon: permit tcp from 10.1.0.5 to port 22 of 2 hosts in 10.8.0.0/24: 10.8.0." in done.stdout
    assert "(or the same for another agent: proxy-nyc)" in done.stdout
    starts = {
        "csv": "rank,alternative,up_to,changes,together,agents,owner,",
        "md": "## The changes that help most targets\n",
    }
    for form, start in starts.items():
        assert scanready("firewall", "--from", mixed, "--rank", "--format", form).stdout.startswith(start)
    some = json.loads(scanready("firewall", "--from", mixed, "--rank", "--only", "host=far3", "--json").stdout)
    assert (some["targets"], [one["up_to"] for one in some["ranking"]]) == (1, [1, 1])
    one = json.loads(
        scanready("firewall", "--from", mixed, "--rank", "--type", "unix", "--as", "proxy-nyc", "--json").stdout
    )
    assert [(entry["up_to"], entry["changes"][0]["agent"]) for entry in one["ranking"]] == [(2, "proxy-nyc")]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--rank"], 2, "--rank needs a run: add --from RUN"),
        (["--rank", "--from", "{mixed}", "ssh://db7"], 2, "cannot be combined with INVENTORY"),
        (["--rank", "--from", "{mixed}", "--resolve"], 2, "cannot be combined with --resolve"),
        (["--rank", "--from", "{mixed}", "--source", "10.0.0.1"], 2, "cannot be combined with --source"),
        (
            ["--rank", "--from", "{mixed}", "--format", "nftables"],
            2,
            "--rank writes table, json, csv, md, not nftables",
        ),
        (["--rank", "--from", "{mixed}", "--as", "proxy-par"], 2, "has no result of proxy-par"),
        (
            ["--rank", "--from", "{mixed}", "--as", "proxy-nyk"],
            2,
            "has no result of proxy-nyk; did you mean 'proxy-nyc'?",
        ),
        (["--rank", "--from", "{mixed}", "--only", "host=nowhere"], 4, "nothing selected"),
        (["ssh://db7", "--format", "md"], 2, "--format md needs --rank; rules have the forms table, nftables"),
        (["--rank", "--from", "no-such-file.json"], 2, "no-such-file.json cannot be read"),
    ],
)
def test_what_a_ranking_cannot_do_is_said(mixed: Path, arguments: list[str], code: int, words: str) -> None:
    done = scanready("firewall", *(word.format(mixed=mixed) for word in arguments))
    assert (done.exit_code, done.stdout) == (code, "")
    assert words in done.stderr


def test_the_page_shows_true_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "assign.md").read_text()
    monkeypatch.setenv("SCANREADY_STORE", str(stored(tmp_path, twelve.results(), twelve.FRAME)))
    monkeypatch.chdir(tmp_path)
    shown = re.findall(r"```text\n\$ scanready ([^\n]+)\n(.*?)```", page, re.DOTALL)
    assert [arguments for arguments, _ in shown] == ["assign last -o assigned.yaml", "firewall --from last --rank"]
    for arguments, output in shown:
        assert scanready(*arguments.split(), width=104).stdout == output
    (written,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert (tmp_path / "assigned.yaml").read_text() == written


@pytest.mark.parametrize("command", [["assign"], ["firewall", "--rank", "--from"]])
def test_a_file_of_something_else_is_refused(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "broken.json"
    file.write_text('{"results": [{"target": 7}]}')
    done = scanready(*command, file)
    assert done.exit_code == 2
    assert "not a scanready result" in done.stderr
