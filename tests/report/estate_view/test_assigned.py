"""An assignment in words and as JSON, from three agents and twelve targets."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from scanready.causes import common
from scanready.model import Owner, Standing, Step, Target, Verdict
from scanready.report.estate import Absent, EstateView, Frame
from scanready.report.estate.assign_formats import document, table
from scanready.report.estate.assigned import Assigned
from scanready.report.look import Look
from tests.report.estate_view import twelve
from tests.report.reports import HOSTILE


def collected(view: EstateView) -> Assigned:
    found = Assigned(view.info)
    for row in view.rows():
        found.add(row)
    return found


def drawn(view: EstateView, verbosity: int = 0) -> str:
    found = collected(view)
    return table(found, found.settle(), Look(120, verbosity=verbosity))


def as_json(view: EstateView) -> dict[str, Any]:
    found = collected(view)
    plain: dict[str, Any] = json.loads(document(found, found.settle()))
    return plain


def test_two_of_three_agents_scan_eight_of_twelve_targets() -> None:
    found = as_json(twelve.view())
    assert [(one["name"], one["platform"], one["targets"], one["indispensable"]) for one in found["agents"]] == [
        ("proxy-nyc", "Linux", 4, 3),
        ("proxy-win1", "Windows", 4, 2),
    ]
    assert found["agents"][0]["why"] == {"only": 3, "shared": 1}
    assert (found["least"], found["exact"], found["spare"]) == (2, True, ["proxy-lon"])
    agents = {one["target"]: one["agent"] for one in found["assignments"]}
    assert {agents[f"postgresql://svc-er@db{number}:5432/hr"] for number in (1, 2, 3)} == {"proxy-nyc"}
    assert {agents[f"windows://pc{number}:135"] for number in (1, 2)} == {"proxy-win1"}
    assert [one["verdict"] for one in found["assignments"]] == ["scannable"] * 6 + ["ready"] * 2


def test_what_no_agent_can_scan_has_its_cause_and_owner() -> None:
    unassigned = {one["target"]: one for one in as_json(twelve.view())["unassigned"]}
    assert {name: (one["cause"], one["owner"]) for name, one in unassigned.items()} == {
        "unix://far1:22": ("connect.filtered", "network"),
        "unix://far2:22": ("connect.filtered", "network"),
        "nfs://far3:2049": ("connect.filtered", "network"),
        "postgresql://svc-er@locked:5432": ("login.refused", "identity"),
    }
    assert unassigned["postgresql://svc-er@locked:5432"]["met_by"] == ["proxy-lon"]
    assert unassigned["unix://far1:22"]["met_by"] == ["proxy-lon", "proxy-nyc"]


def test_the_table_says_who_is_needed_and_how_certain_that_is() -> None:
    text = drawn(twelve.view())
    lines = [line.split()[:5] for line in text.splitlines() if line.startswith("proxy-")]
    assert lines[:2] == [["proxy-nyc", "Linux", "nyc", "4", "3"], ["proxy-win1", "Windows", "nyc", "lon", "4"]]
    assert "8 of 12 targets have an agent: 2 agents, the fewest possible." in text
    assert "Indispensable, as no other agent can scan these targets: proxy-nyc for 3, proxy-win1 for 2." in text
    assert "Not needed for these targets: proxy-lon." in text
    assert "blocked by login.refused (identity), met by proxy-lon: 1 target" in text
    assert "windows://pc1:135" not in text
    assert "windows://pc1:135" in drawn(twelve.view(), verbosity=1)


def test_absent_agents_and_missing_results_are_named() -> None:
    """Without proxy-nyc, no agent can scan its databases; what it would find is unknown."""
    absent = Absent("proxy-nyc", "results from 2026-11-20, too old")
    view = EstateView(twelve.results, dataclasses.replace(twelve.FRAME, absent=(absent,)))
    found = as_json(view)
    assert found["absent"] == [{"agent": "proxy-nyc", "why": "results from 2026-11-20, too old"}]
    assert found["missing"] == {"proxy-nyc": 12}
    lost = {one["target"]: one for one in found["unassigned"]}["postgresql://svc-er@db1:5432/hr"]
    assert (lost["verdict"], lost["missing"]) == ("undecided", ["proxy-nyc"])
    assert "undecided, no result from proxy-nyc (operator): 6 targets" in drawn(view)
    assert "Without proxy-nyc (results from 2026-11-20, too old): the choice may change" in drawn(view)


def test_a_target_without_any_result_belongs_to_the_author_of_the_inventory() -> None:
    new = Target("new1", "unix", 22)
    view = EstateView(twelve.results, dataclasses.replace(twelve.FRAME, unseen=(new,)))
    one = as_json(view)["unassigned"][-1]
    assert (one["target"], one["verdict"], one["cause"]) == ("unix://new1:22", "undecided", None)
    assert one["owner"] == Owner.OPERATOR
    assert one["missing"] == ["proxy-lon", "proxy-nyc", "proxy-win1"]


def test_a_good_result_of_a_refused_platform_is_named() -> None:
    pc = Target("pc1", "windows", 135)
    view = EstateView(lambda: [twelve.of(twelve.NYC, pc, twelve.climbed(pc, Step.AUTH))])
    found = as_json(view)
    assert found["refused"] == {"proxy-nyc": 1}
    (one,) = found["unassigned"]
    assert (one["verdict"], one["cause"], one["owner"]) == ("blocked", common.PLATFORM_MISMATCH.code, "agent")
    assert "proxy-nyc: 1 good result not used" in drawn(view)


def test_a_known_failure_of_all_agents_is_marked() -> None:
    found = collected(
        EstateView(lambda: (dataclasses.replace(one, standing=Standing.WAIVED) for one in twelve.results()))
    )
    assert {one.is_known for one in found.unassigned} == {True}
    assert {one.verdict for one in found.unassigned} == {Verdict.BLOCKED}


def test_names_are_harmless() -> None:
    agent = dataclasses.replace(twelve.LON, name=HOSTILE, platform=HOSTILE)
    web = Target(f"web{HOSTILE}", "https", 443)
    twelve_more = {**twelve.ADDRESSES, web.host: "10.5.0.9"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(twelve, "ADDRESSES", twelve_more)
        reports = [twelve.of(agent, web, twelve.climbed(web, Step.ACCESS)), *twelve.results()]
    view = EstateView(lambda: reports, Frame(remarks=(HOSTILE,), absent=(Absent(f"x{HOSTILE}", HOSTILE),)))
    text = drawn(view, verbosity=1)
    assert text.isprintable() or not set(text) & set("\x1b\x07\x9b\u202e\u2028\r")
    assert "##[" not in document(collected(view), collected(view).settle())
