"""The fewest agents: against every set of agents, and a lower bound that no cover is below."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanready.estate.cover import Need, bits, cover

FEW = 5


@st.composite
def needs(draw: st.DrawFn, agents: int = FEW, most: int = 12) -> list[Need]:
    found = []
    for _ in range(draw(st.integers(1, most))):
        able = draw(st.integers(1, 2**agents - 1))
        subnet, platform = draw(st.integers(0, able)) & able, draw(st.integers(0, able)) & able
        found.append(Need(able, subnet | platform, subnet & platform, draw(st.integers(1, 3))))
    return found


def best_of_all(wanted: list[Need], agents: int) -> tuple[int, int]:
    """Return the fewest agents and the most recommendations, from every set of agents."""
    covers = [one for one in range(2**agents) if all(need.able & one for need in wanted)]
    return min((one.bit_count(), -sum(need.likes(one) for need in wanted)) for one in covers)


@settings(max_examples=400, deadline=None)
@given(needs())
def test_no_set_of_agents_is_better(wanted: list[Need]) -> None:
    found = cover(wanted)
    assert (found.agents.bit_count(), -sum(need.likes(found.agents) for need in wanted)) == best_of_all(wanted, FEW)
    assert found.exact
    assert found.settled


@settings(max_examples=300, deadline=None)
@given(needs(agents=8, most=20), st.integers(0, 60))
@example([Need(0b011), Need(0b110), Need(0b101)], 0)
def test_a_search_without_a_budget_has_a_cover_and_a_true_bound(wanted: list[Need], budget: int) -> None:
    found = cover(wanted, budget)
    fewest, _ = best_of_all(wanted, 8)
    assert all(need.able & found.agents for need in wanted)
    assert 1 <= found.least <= fewest <= found.agents.bit_count()


def test_a_search_that_ends_early_says_so() -> None:
    """Every pair of 9 agents is a target: 8 agents are needed, and pairs without a common agent prove only 4."""
    wanted = [Need(1 << a | 1 << b) for a, b in itertools.combinations(range(9), 2)]
    assert cover(wanted, 10).least < cover(wanted, 10).agents.bit_count() == 8
    assert not cover(wanted, 10).exact
    assert cover(wanted).exact


def test_sites_without_a_common_agent_are_searched_one_by_one() -> None:
    """Four sites of ten agents; at each, every three agents have a target: eight agents are needed there."""
    dice = random.Random(2)
    wanted = [
        Need(sum(1 << agent for agent in able), 1 << dice.choice(able))
        for site in range(4)
        for able in itertools.combinations(range(10 * site, 10 * site + 10), 3)
    ]
    found = cover(wanted)
    assert (found.agents.bit_count(), found.least, found.settled) == (32, 32, True)


def test_many_agents_and_targets_have_an_answer_in_time() -> None:
    """40 agents, 4,000 sets of four of them."""
    dice = random.Random(1)
    sets = [sum(1 << agent for agent in dice.sample(range(40), 4)) for _ in range(4000)]
    wanted = [Need(able, able & dice.getrandbits(40)) for able in sets]
    found = cover(wanted)
    assert all(need.able & found.agents for need in wanted)
    assert found.least <= found.agents.bit_count() <= 40


def test_a_thousand_indispensable_agents_need_no_deep_search() -> None:
    wanted = [Need(1 << place) for place in range(1500)] + [Need(0b11 << 1500), Need(0b110 << 1500)]
    found = cover(wanted)
    assert found.agents.bit_count() == found.least == 1501
    assert 1501 in bits(found.agents)


def test_a_target_without_an_agent_is_refused() -> None:
    with pytest.raises(ValueError, match="no agent"):
        cover([Need(1), Need(0)])


def test_without_targets_no_agent_is_needed() -> None:
    assert (cover([]).agents, cover([]).least) == (0, 0)
