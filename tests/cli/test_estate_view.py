"""Results of several agents are an estate view in each command that reads results."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scanready import report as report_formats
from scanready.causes import common
from scanready.cli.job.failed import FailedRun
from scanready.cli.selection import selection
from scanready.model import Report, Step, Target
from scanready.report.estate import Absent, Frame
from scanready.report.serialize import agent_object, as_line, identity_at
from scanready.store import NewRun, Writer
from tests.cli.in_process import call
from tests.report.estate_view import lab

if TYPE_CHECKING:
    from click.testing import Result

FORMATS = ("table", "json", "jsonl", "csv", "junit", "tap", "sarif", "github", "md", "prometheus", "nagios")


@pytest.fixture(autouse=True)
def nothing_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANREADY_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    """A file with the results of four agents in no order."""
    lines = list(map(as_line, lab.results()))
    random.Random(4).shuffle(lines)
    return written(tmp_path / "mixed.jsonl", lines)


def written(path: Path, lines: Iterable[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def stored(path: Path, reports: Iterable[Report], frame: Frame) -> None:
    """Store a run as `merge` does."""
    asked = {"timeout": 10.0, "depth": "access", "tried": [], "estate": "", "frame": frame.as_object()}
    agent = json.dumps(agent_object(next(lab.results()).agent))
    new = NewRun("2026-01-01T00:00:00Z", "merge", "estate.yaml", 4, "0.2.0", agent, json.dumps(asked))
    problems: list[str] = []
    writer = Writer(path, new, lambda _: None, problems.append)
    for place, report in enumerate(reports):
        writer.result(place, identity_at(report), report.verdict.value, as_line(report))
    writer.end(1.0, interrupted=False, patience=60)
    assert not problems


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """The name of a stored run of four agents that has a frame."""
    stored(tmp_path / "runs.db", lab.results(), lab.frame())
    return "last"


def report(*arguments: str) -> Result:
    return call("report", *arguments)


def estate(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report(*arguments, "--format", "json").stdout)
    return found


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    return {one["target"]: one["verdict"] for one in document["estate"]["targets"]}


LAB = {
    "postgresql://db7:5432": "ready",
    "ssh://ora1:22": "blocked",
    "smb://fs01:445": "undecided",
    "https://web3:443": "ready",
}


@pytest.mark.parametrize("source", ["mixed", "kept"])
def test_a_file_and_a_stored_run_of_several_agents_are_estate_views(
    source: str, request: pytest.FixtureRequest
) -> None:
    document = estate(request.getfixturevalue(source))
    assert verdicts(document) == LAB
    assert [one["name"] for one in document["estate"]["agents"]] == list(lab.AGENTS)
    assert len(document["results"]) == 15


@pytest.mark.parametrize("format_", FORMATS)
def test_a_document_of_an_estate_view_gives_the_same_view_again(kept: str, tmp_path: Path, format_: str) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    frame = lab.frame(absent=(Absent("proxy-par", "no export"),))
    stored(tmp_path / "runs.db", lab.results(), frame)
    assert report(kept, "--format", "json", "-o", str(first)).exit_code == 3
    assert report(str(first), "--format", "json", "-o", str(second)).exit_code == 3
    assert second.read_text() == first.read_text()
    assert report(str(first), "--format", format_).stdout == report(kept, "--format", format_).stdout


def test_lines_of_an_estate_view_are_read_again(mixed: str, tmp_path: Path) -> None:
    lines = tmp_path / "again.jsonl"
    lines.write_text(report(mixed, "--format", "jsonl").stdout)
    assert verdicts(estate(str(lines))) == LAB


def test_a_file_without_a_frame_says_what_it_does_not_know(mixed: str, kept: str) -> None:
    words = "does not say which agent should check which target"
    assert words in report(mixed).stdout
    assert words not in report(kept).stdout


@pytest.mark.parametrize(
    ("only", "require", "code"),
    [
        ("host=web3", None, 0),
        ("host=web3", "scannable", 1),
        ("host=db7", None, 0),
        ("host=ora1", None, 1),
        ("host=fs01", None, 3),
        ("host=nowhere", None, 4),
    ],
)
def test_the_exit_code_judges_the_estate_verdict(mixed: str, only: str, require: str | None, code: int) -> None:
    assert report(mixed, "--only", only, *(["--require", require] if require else [])).exit_code == code


@pytest.mark.parametrize(
    ("only", "targets"),
    [
        ("verdict=ready", ["https://web3:443", "postgresql://db7:5432"]),
        ("verdict=blocked", ["ssh://ora1:22"]),
        ("owner=server", ["smb://fs01:445", "ssh://ora1:22"]),
        ("cause=connect.filtered", ["smb://fs01:445"]),  # an agent reaches db7 although three are filtered there
        ("type=smb", ["smb://fs01:445"]),
    ],
)
def test_a_selection_judges_the_estate_verdict(mixed: str, only: str, targets: list[str]) -> None:
    document = estate(mixed, "--only", only)
    assert sorted(verdicts(document)) == targets
    assert document["run"]["targets"] == document["estate"]["counts"]["targets"] == len(targets)


def test_a_selection_by_agent_takes_the_targets_that_it_should_check(tmp_path: Path) -> None:
    lonely = replace(lab.LONELY, agents=("proxy-lon",))
    reports = [lab.of("proxy-nyc", lab.FINE, Step.AUTH), lab.of("proxy-lon", lonely, Step.AUTH)]
    file = written(tmp_path / "two.jsonl", map(as_line, reports))
    assert sorted(verdicts(estate(file, "--only", "agent=proxy-lon"))) == ["https://web3:443", "postgresql://db7:5432"]
    assert sorted(verdicts(estate(file, "--only", "agent=proxy-nyc"))) == ["https://web3:443"]


def test_the_later_of_two_results_counts_and_one_line_says_so(mixed: str, tmp_path: Path) -> None:
    late = as_line(lab.of("proxy-lon", lab.LONELY, Step.AUTH)).replace("2026-01-01T", "2026-01-02T")
    both = written(tmp_path / "both.jsonl", [late, *Path(mixed).read_text().splitlines()])
    found = report(both, "--format", "json")
    (entry,) = [one for one in json.loads(found.stdout)["estate"]["targets"] if "db7" in one["target"]]
    assert entry["by"] == ["proxy-lon", "proxy-sgp"]
    assert found.stderr == "scanready: proxy-lon: 1 result was replaced by a later one of the same target\n"


def test_a_ladder_has_the_estate_verdict_and_each_agents_own_ladder(mixed: str) -> None:
    text = report(mixed, "--ladder", "-v", "--only", "host=db7").stdout
    assert text.startswith("postgresql://db7:5432  estate verdict: ready\n  by  proxy-sgp\n")
    heads = [line for line in text.splitlines() if "  from proxy-" in line]
    assert heads == [f"postgresql://db7:5432  from {name}" for name in lab.AGENTS]
    assert text.count("step by step") == 4


def test_a_page_for_an_owner_names_the_agents_that_met_the_cause(mixed: str, tmp_path: Path) -> None:
    found = report(mixed, "--split", f"owner={tmp_path / 'todo'}")
    assert found.exit_code == 1
    assert sorted(path.name for path in (tmp_path / "todo").iterdir()) == ["network.md", "operator.md", "server.md"]
    page = (tmp_path / "todo" / "server.md").read_text()
    assert "4 scan agents checked whether at least one of them can scan these targets" in page
    assert (
        "`ssh://ora1:22`: `no answer to proxy-lon` (met by `proxy-lon`, `proxy-nyc`, `proxy-par`, `proxy-sgp`)" in page
    )


def test_rules_for_an_owner_are_those_of_each_agent_and_say_that_one_is_enough(tmp_path: Path) -> None:
    results = [as_line(lab.of(name, lab.LONELY, Step.CONNECT, common.FILTERED)) for name in lab.AGENTS]
    report(written(tmp_path / "mixed.jsonl", results), "--split", f"owner={tmp_path / 'todo'}")
    page = (tmp_path / "todo" / "network.md").read_text()
    assert "A target needs the connections from one of these agents only." in page
    assert [f"| `{address}` | `db7` | tcp | 5432 |" in page for address in lab.ADDRESSES.values()] == [True] * 4


def test_a_format_without_an_estate_view_is_refused_in_one_line(
    mixed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(report_formats.FORMATS, "html", report_formats.Format("html:Html", whole=True, for_files=True))
    found = report(mixed, "--report", f"html={tmp_path / 'page.html'}")
    assert found.exit_code == 2
    assert "html cannot show the results of several agents yet" in found.stderr
    assert not (tmp_path / "page.html").exists()


def test_a_page_is_read_as_the_view_it_was_written_from(tmp_path: Path) -> None:
    """With an absent agent, and a target that no agent has a result for."""
    unseen = Target("unseen.corp", "ssh", 22, sites=("all",))
    frame = replace(lab.frame("proxy-tok", absent=(Absent("proxy-tok", "no export"),)), unseen=(unseen,))
    stored(tmp_path / "runs.db", lab.results(), frame)
    page, again = tmp_path / "page.html", tmp_path / "again.html"
    report("last", "--report", f"html={page}")
    assert report(str(page), "--report", f"html={again}").stdout == report("last").stdout
    assert page.read_text() == again.read_text()
    for name in ("json", "csv"):
        assert report(str(page), "--format", name).stdout == report("last", "--format", name).stdout


def test_a_comparison_with_an_earlier_run_is_refused(mixed: str, tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", [as_line(lab.of("proxy-lon", lab.FINE, Step.AUTH))])
    estate_first = report(mixed, "--since", one)
    assert (estate_first.exit_code, "--since compares runs of one agent" in estate_first.stderr) == (2, True)
    estate_second = report(one, "--since", mixed)
    assert (estate_second.exit_code, "has the results of several agents" in estate_second.stderr) == (2, True)


def test_a_list_of_runs_says_how_many_agents_a_run_has(kept: str) -> None:
    line = call("runs").stdout.splitlines()[1]
    assert "4 agents  15 results of 4 targets: see `report`" in line
    (run,) = json.loads(call("runs", "--json").stdout)
    assert run["agents"] == ["proxy-lon", "proxy-nyc", "proxy-par", "proxy-sgp"]
    assert (run["results"], run["targets"]) == (15, 4)
    assert (run["agent"], run["verdicts"], run["unchecked"]) == (None, None, None)


def test_failed_targets_of_several_agents_are_those_that_no_agent_can_scan(mixed: str) -> None:
    targets = [lab.LONELY, lab.REFUSED, lab.FILTERED, lab.FINE]
    assert FailedRun(mixed, None, None).selected(targets, selection(())) == [lab.REFUSED, lab.FILTERED]


def test_an_inventory_from_results_of_several_agents_has_each_target_once(mixed: str) -> None:
    text = call("import", "--infer", mixed).stdout
    assert [text.count(f"host: {host}") for host in ("db7", "web3")] == [1, 1]


def test_firewall_rules_from_results_of_several_agents_need_the_address_of_one(mixed: str, tmp_path: Path) -> None:
    inventory = tmp_path / "estate.yaml"
    inventory.write_text("targets:\n  - {host: db7, type: postgresql}\n")
    refused = call("firewall", str(inventory), "--from", mixed)
    assert refused.exit_code == 2
    assert "name one of them with --as, or its address with --source" in refused.stderr
    made = call("firewall", str(inventory), "--from", mixed, "--source", "10.3.0.5", "--json")
    assert {rule["source"] for rule in json.loads(made.stdout)["rules"]} == {"10.3.0.5"}


def test_a_file_of_one_agent_is_a_report_of_this_agent(tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", [as_line(lab.of("proxy-lon", lab.FINE, Step.AUTH))])
    document = estate(one)
    assert "estate" not in document
    assert document["run"]["agent"]["name"] == "proxy-lon"


def test_targets_of_an_interrupted_run_that_have_no_result_are_counted(tmp_path: Path) -> None:
    stored(tmp_path / "runs.db", [one for one in lab.results() if one.target.host == "web3"], lab.frame())
    found = report("last")
    assert found.exit_code == 3
    assert "3 targets of this run have no result yet" in found.stderr
