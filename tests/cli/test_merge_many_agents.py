"""The remarks of ``merge`` about agents: those that the inventory does not have, and many with the same gap."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from scanready.causes import common
from scanready.inventory import load
from scanready.model import Agent, DeclaredAgent, Step
from tests.cli.exports import lines, write
from tests.cli.in_process import call
from tests.cli.test_merge import LON, NYC, PAR, REPORTS, TARGETS, export, folder, of, remarks
from tests.report.estate_view import lab

__all__ = ["folder"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Proxy-NYC", "; did you mean proxy-nyc?"), ("all", ""), ("proxy-nya", "; did you mean proxy-nyc?")],
)
def test_an_agent_that_the_inventory_does_not_declare_is_named(folder: Path, name: str, hint: str) -> None:
    told = remarks(folder, export(folder, LON), export(folder, dataclasses.replace(NYC, name=name)))
    assert f"{name} is not an agent of the inventory, and its results count{hint}\n" in told
    assert "proxy-lon is not an agent" not in told


def test_without_declared_agents_none_is_a_stranger(folder: Path) -> None:
    assert "not an agent of the inventory" not in remarks(folder, export(folder, LON, agents=()))


def test_what_is_wrong_with_many_agents_is_one_line_of_each_kind(folder: Path) -> None:
    agents = [dataclasses.replace(LON, name=f"agent-{number:02}") for number in range(30)]
    declared = [DeclaredAgent(agent.name, ("all",), "Linux") for agent in agents]
    some = [export(folder, agent, REPORTS[:2], agents=declared) for agent in agents[:12]]
    some += [export(folder, agent, REPORTS[:2], agents=declared, name=f"again-{agent.name}") for agent in agents[:12]]
    told = remarks(folder, *some).splitlines()
    assert len(told) < 10
    (missing,) = [line for line in told if "missing: " in line]
    assert missing.startswith("scanready: 18 agents are missing: no export: agent-12 (6 targets), agent-13 (6 targets)")
    (less,) = [line for line in told if "only some of their targets" in line]
    assert less.endswith("agent-08 (2 of 6), agent-09 (2 of 6) and 2 more")
    (again,) = [line for line in told if "given twice" in line]
    assert again.startswith("scanready: 12 agents have results given twice; the later ones count: agent-00 (2 results)")


def test_what_to_do_about_missing_agents_is_said_once(folder: Path) -> None:
    told = remarks(folder, export(folder, LON))
    assert told.count("run `scanready verify estate.yaml --as NAME --export FILE`; then merge again") == 1
    done = remarks(folder, *(export(folder, agent) for agent in (LON, NYC, PAR)))
    assert "scanready verify" not in done


@pytest.mark.parametrize("name", ["x; reboot", "$(reboot).yaml", "--help", "a\nb", ""])
def test_the_name_of_an_inventory_is_not_pasted_into_a_shell(folder: Path, name: str) -> None:
    told = remarks(folder, write(folder / "lon.scanready", lines(of(LON), TARGETS, name=name)))
    assert "run `scanready verify INVENTORY --as NAME --export FILE`" in told


def test_a_stranger_among_many_costs_no_search_for_similar_names(folder: Path) -> None:
    strangers = [Agent(f"other-{number}", "Linux", (f"10.9.0.{number}",)) for number in range(8)]
    told = remarks(folder, *(export(folder, agent) for agent in strangers))
    assert "8 agents are not in the inventory, and their results count: other-0, other-1" in told


def test_the_example_of_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    page = (Path(__file__).parents[2] / "docs" / "merge.md").read_text()
    blocks = [part.split("```")[0] for part in page.split("## An example")[1].split("```yaml\n")[1:]]
    (folder / "estate.yaml").write_text(blocks[0])
    shown = page.split("```text\n")[1].split("```")[0].splitlines()
    estate = load("estate.yaml", credentials=())
    database, web, _ = estate.targets
    found = {
        "nyc": [lab.of("proxy-nyc", database, Step.AUTH), lab.of("proxy-nyc", web, Step.CONNECT, common.REFUSED)],
        "lon": [lab.of("proxy-lon", one, Step.CONNECT, common.REFUSED) for one in (database, web)],
    }
    for name, reports in found.items():
        write(folder / f"{name}.scanready", lines(reports, estate.targets, agents=estate.agents))
    done = call(*shown[0].removeprefix("$ scanready ").split())
    told = [line.rstrip() for line in (done.stderr + done.stdout).splitlines()]
    for line in shown[1:]:
        start = line.partition(" stored as ")[0]
        assert line == "..." or any(one == line or (start != line and one.startswith(start)) for one in told), line
