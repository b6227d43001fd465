"""The first look at results leaves sound ones as they are, and an estate view is the same as if it restored them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from scanready.causes import common
from scanready.model import Credential, Report, Step, Target
from scanready.report.estate import EstateView
from scanready.report.estate import outline as looked
from scanready.report.estate.outline import outlines
from scanready.report.parse import NotAResult, restored
from scanready.report.serialize import as_line
from tests.estate.results import failed, result, up_to
from tests.estate.test_verdict import refused_at, withheld

SCAN = Credential("scan", "svc")
REPORTS = [
    result("a", up_to(Step.AUTH), Target("h1", "ssh", 22, agents=("a", "z"))),
    result("b", up_to(Step.ACCESS), Target("h1", "ssh", 22, agents=("a", "z"))),
    refused_at("db1:1433", "a"),
    result("b", failed(common.FILTERED), Target("db1", "mssql", 1433, credential=SCAN)),
    withheld("a", "db1:1433"),
    result("a", up_to(Step.ACCESS), Target("h2", "ssh", 22, credential=SCAN)),
    result("b", up_to(Step.AUTH), Target("h3", "ssh", 22)),
]


def lines(reports: list[Report] = REPORTS) -> list[Any]:
    return [json.loads(as_line(report)) for report in reports]


def test_a_view_is_that_of_restored_results() -> None:
    made = [EstateView(lambda: map(restored, lines()), outlines=quick) for quick in (None, lambda: outlines(lines()))]
    assert made[0].info == made[1].info
    rows = [[(row.target, row.verdict, row.expected) for row in view.rows()] for view in made]
    assert rows[0] == rows[1]
    assert any(verdict.cause is common.LOGIN_REFUSED for _, verdict, _ in rows[0])


def test_only_the_first_of_an_agent_and_a_refusal_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    restored_ones: list[str] = []

    def counted(stored: Any) -> Report:
        found = restored(stored)
        restored_ones.append(f"{found.target.host} {found.agent.name}")
        return found

    monkeypatch.setattr(looked, "restored", counted)
    found = list(outlines(lines()))
    assert restored_ones == ["h1 a", "h1 b", "db1 a", "db7 a"]
    assert [f"{one.report.target.host} {one.agent.name}" for one in found if one.report] == restored_ones


DAMAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no object": lambda stored: [stored],
    "no agent": lambda stored: {**stored, "agent": None},
    "no list of checks": lambda stored: {**stored, "checks": 5},
    "a check that is none": lambda stored: {**stored, "checks": [{"step": "auth"}]},
    "another schema": lambda stored: {**stored, "schema": 99},
    "a port that is none": lambda stored: {**stored, "target": {**stored["target"], "port": 70_000}},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_result_is_an_error_after_sound_ones_too(name: str) -> None:
    sound = lines()
    with pytest.raises(NotAResult):
        list(outlines([*sound, DAMAGES[name](sound[-1])]))
