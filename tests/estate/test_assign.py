"""Which agent scans which target: by example, and against every choice for small estates."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.causes import common
from scanready.estate import Refusals, estate_verdict
from scanready.estate.assign import Assigner, Assignment, Why, advised
from scanready.model import GOOD, Agent, Check, Credential, Report, Step, Target, Verdict
from scanready.run.any_type import combined
from tests.estate.results import failed, result, up_to, warned

READ, PROMPT = up_to(Step.ACCESS), up_to(Step.AUTH)
EXPIRED = warned(common.TLS_EXPIRED, Step.ACCESS)
FILTERED, NO_DRIVER = failed(common.FILTERED), failed(common.DRIVER_MISSING)
REFUSED = failed(common.LOGIN_REFUSED)
ACCOUNT = Credential("scan", "svc-er")


class Found(NamedTuple):
    """The result of one agent for one target."""

    checks: list[Check]
    subnet: bool = False
    alike: bool = False


#: The results of an estate: for each target, its type and the results by agent.
Estate = list[tuple[str, dict[str, Found]]]
WINDOWS = ("w1", "w2")


def report(agent: str, kind: str, place: int, found: Found) -> Report:
    target = Target(f"host{place}", kind, 22, credential=ACCOUNT)
    made = result(agent, found.checks, target)
    made.agent = Agent(agent, "Windows" if agent in WINDOWS else "Linux")
    made.facts = {"same_subnet": found.subnet, "same_platform": found.alike}
    return made


def reports_of(estate: Estate) -> list[dict[str, Report]]:
    return [
        {agent: report(agent, kind, place, found) for agent, found in results.items()}
        for place, (kind, results) in enumerate(estate)
    ]


def assigned(estate: Estate, budget: int = 1_000_000) -> Assignment:
    rows = reports_of(estate)
    refusals = Refusals(one for row in rows for one in row.values())
    assigner = Assigner()
    for place, row in enumerate(rows):
        assigner.add(place, row, estate_verdict(list(row.values()), (), refusals))
    return assigner.assignment(budget)


def agents_of(found: Assignment) -> dict[int, str]:
    return {choice.place: choice.agent for choice in found.choices}


# against every choice ------------------------------------------------------------------------------------------------

AGENTS = ("a", "b", "w1", "w2")
outcomes = st.builds(
    Found,
    st.sampled_from([READ, PROMPT, EXPIRED, FILTERED, FILTERED, FILTERED, NO_DRIVER, REFUSED]),
    st.booleans(),
    st.booleans(),
)
estates = st.lists(
    st.tuples(
        st.sampled_from(["unix", "smb", "windows", "postgresql"]),
        st.dictionaries(st.sampled_from(AGENTS), outcomes, min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=12,
)


def candidates(kind: str, row: dict[str, Report]) -> dict[str, Verdict]:
    """Return the agents that can scan a target, from the pairs of their results: a refusal binds what is below it."""
    found = {}
    climbed = {agent: one.reached.height if one.reached else -1 for agent, one in row.items()}
    refused = any(one.cause is common.LOGIN_REFUSED for one in row.values())
    for agent, one in row.items():
        if one.verdict not in GOOD or (refused and climbed[agent] < Step.LOGIN.height):
            continue
        if kind == "windows" and one.agent.platform != "Windows":
            continue
        found[agent] = one.verdict
    return found


def likes(one: Report, kind: str) -> int:
    platform = {"unix": one.facts["same_platform"], "smb": one.agent.platform == "Windows"}.get(kind, False)
    return int(one.facts["same_subnet"]) + int(platform)


@settings(max_examples=250, deadline=None)
@given(estates)
def test_no_other_choice_is_better(estate: Estate) -> None:
    rows = reports_of(estate)
    able = [candidates(kind, row) for (kind, _), row in zip(estate, rows, strict=True)]
    best = {
        place: [agent for agent in one if one[agent] is min(one.values(), key=GOOD.index)]
        for place, one in enumerate(able)
        if one
    }
    found = assigned(estate)
    chosen = agents_of(found)
    assert chosen.keys() == best.keys()
    assert all(agent in best[place] for place, agent in chosen.items())
    assert found.unassigned == tuple(place for place, one in enumerate(able) if not one)

    def liked(place: int, agents: tuple[str, ...]) -> int:
        return max(likes(rows[place][agent], estate[place][0]) for agent in best[place] if agent in agents)

    sets = [
        agents
        for number in range(len(AGENTS) + 1)
        for agents in itertools.combinations(AGENTS, number)
        if all(set(one) & set(agents) for one in best.values())
    ]
    fewest = min(map(len, sets))
    most = max(sum(liked(place, agents) for place in best) for agents in sets if len(agents) == fewest)
    assert len(set(chosen.values())) == fewest == found.cover.least
    assert sum(likes(rows[place][agent], estate[place][0]) for place, agent in chosen.items()) == most
    only = [next(iter(one)) for one in able if len(one) == 1]
    assert dict(found.indispensable) == {agent: only.count(agent) for agent in sorted(set(only))}
    assert found.agents.keys() | set(found.spare) == {agent for one in able for agent in one}


@settings(max_examples=60, deadline=None)
@given(estates, st.randoms(use_true_random=False))
def test_the_order_of_agents_does_not_matter(estate: Estate, dice: object) -> None:
    turned = [(kind, dict(sorted(results.items(), reverse=True))) for kind, results in estate]
    assert assigned(turned) == assigned(estate)


# by example ----------------------------------------------------------------------------------------------------------


def test_three_agents_and_twelve_targets() -> None:
    """Four targets only a reaches, four only c; b reaches four of each, and the last four are reached by two."""
    blocked, reached = Found(FILTERED), Found(READ)
    estate: Estate = [
        *[("unix", {"a": reached, "b": blocked, "c": blocked})] * 4,
        *[("unix", {"a": blocked, "b": reached, "c": reached})] * 2,
        *[("unix", {"a": blocked, "b": blocked, "c": reached})] * 2,
        *[("unix", {"a": reached, "b": reached, "c": blocked})] * 3,
        ("unix", {"a": blocked, "b": blocked, "c": blocked}),
    ]
    found = assigned(estate)
    assert found.agents == {"a": 7, "c": 4}
    assert dict(found.indispensable) == {"a": 4, "c": 2}
    assert found.spare == ("b",)
    assert found.unassigned == (11,)
    assert (found.cover.least, found.cover.exact) == (2, True)
    whys = [choice.why for choice in found.choices]
    assert whys == [Why.ONLY] * 4 + [Why.FEWEST] * 2 + [Why.ONLY] * 2 + [Why.FEWEST] * 3


def test_the_best_verdict_counts_more_than_an_agent_less() -> None:
    both = {"a": Found(EXPIRED), "b": Found(READ)}
    found = assigned([("unix", both), ("unix", {"a": Found(READ), "b": Found(FILTERED)})])
    assert agents_of(found) == {0: "b", 1: "a"}
    assert [choice.why for choice in found.choices] == [Why.BEST, Why.ONLY]


def test_a_ready_that_a_refusal_elsewhere_overrules_is_no_choice() -> None:
    found = assigned([("unix", {"a": Found(PROMPT), "b": Found(REFUSED)})])
    assert (found.choices, found.unassigned) == ((), (0,))


def test_an_agent_that_the_document_refuses_is_never_chosen() -> None:
    """Its result is good here, which a check does not do."""
    found = assigned([("windows", {"a": Found(READ), "w1": Found(PROMPT)}), ("windows", {"a": Found(READ)})])
    assert agents_of(found) == {0: "w1"}
    assert dict(found.refused) == {"a": 2}
    assert found.unassigned == (1,)


def test_a_platform_that_was_only_assumed_is_never_chosen() -> None:
    row = reports_of([("windows", {"w1": Found(PROMPT)})])[0]
    row["w1"].agent = replace(row["w1"].agent, assumed=True)
    assigner = Assigner()
    assert not assigner.add(0, row, estate_verdict(list(row.values())))
    assert assigner.assignment().refused == {"w1": 1}


@pytest.mark.parametrize(
    ("kind", "a", "w1", "chosen", "why"),
    [
        ("unix", Found(READ), Found(READ, subnet=True), "w1", Why.SUBNET),
        ("unix", Found(READ, alike=True), Found(READ), "a", Why.PLATFORM),
        ("unix", Found(READ, subnet=True), Found(READ, subnet=True, alike=True), "w1", Why.SUBNET_AND_PLATFORM),
        ("smb", Found(READ), Found(READ), "w1", Why.PLATFORM),
        ("postgresql", Found(READ), Found(READ, alike=True), "a", Why.FEWEST),
    ],
)
def test_among_equals_the_recommendations_decide(kind: str, a: Found, w1: Found, chosen: str, why: Why) -> None:
    (choice,) = assigned([(kind, {"a": a, "w1": w1})]).choices
    assert (choice.agent, choice.why, choice.others) == (chosen, why, 1)


def test_chosen_agents_share_what_both_can_scan_and_a_host_stays_with_one() -> None:
    both = {"a": Found(READ), "b": Found(READ)}
    only = [("unix", {"a": Found(READ)}), ("unix", {"b": Found(READ)}), ("unix", {"b": Found(READ)})]
    found = assigned([*only, ("unix", both), ("unix", both), ("unix", both)])
    assert found.agents == {"a": 3, "b": 3}
    rows = reports_of([*only, ("unix", both), ("smb", both)])
    for one in rows[4].values():
        one.target = replace(one.target, host="host3")
    assigner = Assigner()
    for place, row in enumerate(rows):
        assigner.add(place, row, estate_verdict(list(row.values())))
    at = agents_of(assigner.assignment())
    assert at[3] == at[4]


def test_a_host_without_a_type_goes_to_an_agent_of_its_estate_verdict() -> None:
    host = Target("host0", "any", 22)

    def tried(agent: str, ssh: list[Check], smb: list[Check]) -> Report:
        parts = [report(agent, kind, 0, Found(checks)) for kind, checks in (("unix", ssh), ("smb", smb))]
        return combined(host, parts, datetime.date(2026, 1, 1))

    row = {"a": tried("a", PROMPT, FILTERED), "b": tried("b", FILTERED, READ)}
    assigner = Assigner()
    assigner.add(0, row, estate_verdict(list(row.values())))
    (choice,) = assigner.assignment().choices
    assert (choice.agent, choice.verdict) == ("b", Verdict.SCANNABLE)
    assert advised(row["b"]) == (False, False)
