"""A frame goes through JSON unchanged, and hostile JSON is refused in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanready.model import Agent, DeclaredAgent, Target
from scanready.report.estate.frame import Absent, Frame, frame_restored
from scanready.report.parse import NotAResult

AGENTS = (DeclaredAgent("a", ("nyc",), "Linux"), DeclaredAgent("b", ("nyc", "lon")), DeclaredAgent("c"))
FRAME = Frame(
    "0123abcd",
    AGENTS,
    (Absent("b", "no export"),),
    (Target("h", "ssh", 22, explicit_port=True, sites=("lon",)), Target("h", "smb", 445, agents=("c", "x"))),
    ("Two clocks disagree.",),
)


def test_it_goes_through_json_unchanged() -> None:
    read = frame_restored(json.loads(json.dumps(FRAME.as_object())))
    assert read == FRAME
    assert [(one.agents, one.sites) for one in read.unseen] == [((), ("lon",)), (("c", "x"), ())]


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (Target("h", "ssh", 22), ("a", "b", "c")),
        (Target("h", "ssh", 22, sites=("nyc",)), ("a", "b")),
        (Target("h", "ssh", 22, sites=("lon", "nyc")), ("a", "b")),
        (Target("h", "ssh", 22, sites=("paris",)), ()),
        (Target("h", "ssh", 22, agents=("c", "b")), ("b", "c")),
    ],
    ids=["every agent", "one site", "two sites", "an unknown site", "by name"],
)
def test_the_agents_of_a_target(target: Target, names: tuple[str, ...]) -> None:
    assert FRAME.expected_of(target, (Agent("z", "Linux"),)) == names


def test_without_declared_agents_those_that_have_results_stand_for_them() -> None:
    found = (Agent("z", "Linux"), Agent("y", "Linux"))
    assert Frame(absent=(Absent("x", "stale"),)).expected_of(Target("h", "ssh", 22), found) == ("x", "y", "z")
    assert Frame().expected_of(Target("h", "ssh", 22, agents=("q",)), found) == ("q",)


WRONG: dict[str, dict[str, Any]] = {
    "inventory is a number": {"inventory": 1},
    "agents is an object": {"agents": {}},
    "an agent is a text": {"agents": ["a"]},
    "a site is a number": {"agents": [{"name": "a", "sites": ["s", 2], "platform": ""}]},
    "an agent has no name": {"agents": [{"name": None, "sites": [], "platform": ""}]},
    "absent without a reason": {"absent": [{"agent": "b"}]},
    "an empty target": {"unseen": [{}]},
    "a remark is null": {"remarks": [None]},
    "too many remarks": {"remarks": ["x"] * 10_001},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_hostile_json_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(NotAResult):
        frame_restored(FRAME.as_object() | change)


@pytest.mark.parametrize("stored", [None, [], "x", {}], ids=["null", "a list", "a text", "empty"])
def test_what_is_no_frame_is_refused(stored: object) -> None:
    with pytest.raises(NotAResult):
        frame_restored(stored)
