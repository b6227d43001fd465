"""``diff`` of merges: estate verdicts decide, agents are compared by themselves, and no number mixes them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scanready.causes import common
from scanready.model import Agent, Report, Step, Verdict
from scanready.report.serialize import as_line
from tests.cli.exports import DECLARED, ago, lines, write
from tests.cli.in_process import call
from tests.report.estate_view.lab import FILTERED, FINE, LONELY, of

NAMES = tuple(one.name for one in DECLARED)
TARGETS = [LONELY, FILTERED, FINE]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the store of the test."""
    monkeypatch.setenv("SCANREADY_STORE", str(tmp_path / "runs.db"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def merge(folder: Path, reports: Sequence[Report], agents: Sequence[str] = NAMES) -> str:
    """Merge exports of the agents; return the name of the stored run."""
    names = []
    for name in agents:
        own = [report for report in reports if report.agent.name == name]
        whose = own[0].agent if own else Agent(name, "Linux", ("10.9.9.9",))
        file = folder / f"{name}.scanready"
        names.append(write(file, lines(own, TARGETS, agent=whose)))
    done = call("merge", *names, "--format", "csv", "-o", "x.csv")
    return done.stderr.rpartition("stored as ")[2].split()[0]


def estate(lonely: str = "proxy-nyc", fine: Sequence[str] = NAMES, agents: Sequence[str] = NAMES) -> list[Report]:
    """Return results where one agent reaches LONELY, and some agents reach FINE; FILTERED answers no agent."""
    found = []
    for name in agents:
        found.append(of(name, FILTERED, Step.CONNECT, common.FILTERED))
        reached = ((LONELY, name == lonely), (FINE, name in fine))
        found += [
            of(name, target, Step.AUTH) if good else of(name, target, Step.CONNECT, common.FILTERED)
            for target, good in reached
        ]
    return found


def compared(a: str, b: str, *options: str) -> tuple[int, Any, str]:
    done = call("diff", a, b, "--json", *options)
    return done.exit_code, json.loads(done.stdout), done.stderr


def test_a_target_that_no_agent_can_scan_any_more_is_a_regression(folder: Path) -> None:
    a, b = merge(folder, estate()), merge(folder, estate(lonely=""))
    code, found, _ = compared(a, b)
    assert (code, found["regressions"]) == (1, 1)
    (change,) = found["estate"]["failures"]
    assert change["target"]["host"] == LONELY.host
    assert (change["before"]["verdict"], change["after"]["verdict"]) == ("ready", "blocked")
    assert change["after"]["cause"]["code"] == "connect.filtered"
    assert {name: len(own["failures"]) for name, own in found["agents"].items()} == {
        "proxy-lon": 0,
        "proxy-nyc": 1,
        "proxy-par": 0,
    }
    assert found["agents"]["proxy-lon"]["same"] == 3


def test_a_target_that_another_agent_takes_over_is_none(folder: Path) -> None:
    a, b = merge(folder, estate("proxy-nyc")), merge(folder, estate("proxy-lon"))
    code, found, _ = compared(a, b)
    assert (code, found["regressions"]) == (0, 0)
    (change,) = found["estate"]["facts"]
    assert change["facts"] == {"agents": {"before": "proxy-nyc", "after": "proxy-lon"}}
    assert len(found["agents"]["proxy-nyc"]["failures"]) == 1
    assert len(found["agents"]["proxy-lon"]["fixed"]) == 1


def test_an_agent_that_only_one_merge_has_is_named_and_not_counted(folder: Path) -> None:
    a, b = merge(folder, estate()), merge(folder, estate(), NAMES[:2])
    _, found, _ = compared(a, b)
    assert found["agents_removed"] == {"proxy-par": 3}
    assert list(found["agents"]) == ["proxy-lon", "proxy-nyc"]
    shown = call("diff", a, b).stdout
    assert f"proxy-par has results only in {a}: 3 results" in shown
    (change,) = [one for one in found["estate"]["verdicts"] if one["target"]["host"] == FILTERED.host]
    assert (change["before"]["verdict"], change["after"]["verdict"]) == ("blocked", "undecided")


def test_the_table_has_the_estate_first_and_then_each_agent(folder: Path) -> None:
    a, b = merge(folder, estate()), merge(folder, estate(lonely=""))
    shown = call("diff", a, b).stdout.splitlines()
    heads = [line for line in shown if line.startswith(("estate verdicts", "results of"))]
    assert heads == ["estate verdicts: can any agent scan the target?", *(f"results of {name}" for name in NAMES)]
    counts = [line for line in shown if line.endswith("unchanged")]
    assert counts == ["1 newly failing, 2 unchanged", "3 unchanged", "1 newly failing, 2 unchanged", "3 unchanged"]


def test_markdown_has_a_section_for_each_agent(folder: Path) -> None:
    a, b = merge(folder, estate()), merge(folder, estate(lonely=""))
    shown = call("diff", a, b, "--format", "md").stdout
    assert "### Estate verdicts: can any agent scan the target?\n\n1 newly failing, 2 unchanged\n" in shown
    assert "### Results of `proxy-nyc`\n\n1 newly failing, 2 unchanged\n\n#### Newly failing\n" in shown


def test_a_merge_and_a_run_of_one_agent_are_compared_by_that_agent(folder: Path) -> None:
    merged = merge(folder, estate())
    alone = folder / "nyc.jsonl"
    own = [dataclasses.replace(one, started=ago()) for one in estate(lonely="") if one.agent.name == "proxy-nyc"]
    alone.write_text("".join(as_line(one) + "\n" for one in own))
    code, found, told = compared(merged, str(alone))
    assert f"{merged} has the results of several agents: only those of proxy-nyc are compared" in told
    assert (code, len(found["failures"]), found["same"]) == (1, 1, 2)
    assert "agents" not in found


def test_a_merge_without_the_agent_of_the_other_run_is_refused(folder: Path) -> None:
    merged, other = merge(folder, estate()), folder / "sgp.jsonl"
    other.write_text(as_line(of("proxy-sgp", FINE, Step.AUTH)) + "\n")
    done = call("diff", str(other), merged)
    assert done.exit_code == 2
    assert f"{merged} has no result of proxy-sgp, the agent of the other run" in done.stderr


def test_only_selects_targets_of_both_merges(folder: Path) -> None:
    a, b = merge(folder, estate()), merge(folder, estate(lonely=""))
    _, found, _ = compared(a, b, "--only", f"host={FINE.host}")
    assert (found["estate"]["same"], found["regressions"]) == (1, 0)
    assert all(own["same"] == 1 for own in found["agents"].values())
    assert call("diff", a, b, "--only", "host=nothing").exit_code == 4


def test_a_target_of_one_merge_only_is_added_or_removed_by_estate_and_by_agent(folder: Path) -> None:
    more = estate()
    fewer = [report for report in more if report.target is not FINE]
    a, b = merge(folder, fewer), merge(folder, more)
    _, found, told = compared(a, b)
    assert [one["target"]["host"] for one in found["estate"]["added"]] == [FINE.host]
    assert found["estate"]["added"][0]["verdict"] == Verdict.READY
    assert f"{b} has other targets than {a}: 1 target more, 0 targets fewer" in told
    _, back, _ = compared(b, a)
    assert [one["target"]["host"] for one in back["estate"]["removed"]] == [FINE.host]
    assert [len(own["removed"]) for own in back["agents"].values()] == [1, 1, 1]


def test_a_merge_against_itself_has_no_change(folder: Path) -> None:
    run = merge(folder, estate())
    code, found, told = compared(run, run)
    assert (code, found["estate"]["same"], told) == (0, 3, "")
    assert [own["same"] for own in found["agents"].values()] == [3, 3, 3]


def test_two_files_of_several_agents_are_compared_as_estates(folder: Path) -> None:
    names = []
    for number, lonely in enumerate(("proxy-nyc", "")):
        file = folder / f"{number}.jsonl"
        file.write_text("".join(as_line(report) + "\n" for report in sorted(estate(lonely), key=str)))
        names.append(str(file))
    code, found, _ = compared(*names)
    assert (code, len(found["estate"]["failures"])) == (1, 1)
    assert [name for name, own in found["agents"].items() if own["failures"]] == ["proxy-nyc"]


@pytest.mark.parametrize(("other", "is_told"), [("proxy-lon", True), ("proxy-nyc", False)])
def test_a_comparison_of_two_agents_says_so(folder: Path, other: str, is_told: bool) -> None:
    for file, name in (("a.jsonl", "proxy-nyc"), ("b.jsonl", other)):
        (folder / file).write_text(as_line(of(name, FINE, Step.AUTH)) + "\n")
    told = call("diff", "a.jsonl", "b.jsonl").stderr
    assert ("a.jsonl has the results of proxy-nyc, and b.jsonl those of proxy-lon" in told) is is_told


MANY = [f"proxy-of-a-long-name-{number:02d}" for number in range(20)]


def many_lists(folder: Path, before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    """Return the table without its spaces, and the line of Markdown about FINE, which some agents reach."""
    a, b = (merge(folder, estate(MANY[0], fine, MANY), MANY) for fine in (before, after))
    table = "".join(call("diff", a, b).stdout.split())
    page = [one for one in call("diff", a, b, "--format", "md").stdout.splitlines() if "agents" in one]
    return table, page[-1]


def test_long_lists_of_agents_show_whole_names_that_differ(folder: Path) -> None:
    table, page = many_lists(folder, MANY[:18], [*MANY[:5], *MANY[18:]])
    lost = ", ".join(MANY[5:11])
    words = f"7, without {lost} and 7 more, with {MANY[18]}, {MANY[19]}"
    assert f"agents:18->{words}".replace(" ", "") in table
    assert f"`agents`: `18` → `{words}`" in page


def test_short_lists_of_agents_are_whole(folder: Path) -> None:
    table, page = many_lists(folder, MANY[:6], MANY[:5])
    assert f"agents:{','.join(MANY[:6])}->{','.join(MANY[:5])}" in table
    assert f"`agents`: `{', '.join(MANY[:6])}` → `{', '.join(MANY[:5])}`" in page
