"""The counts of a ranking, against a look at every target for each change and each pair of changes."""

from __future__ import annotations

import itertools
from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanready.estate.rank import Ranking

CHANGES, AGENTS = ("rule 1", "rule 2", "rule 3", "driver", "5", "6", "7", "8"), ("a", "b", "c")
Lacks = dict[tuple[int, str], frozenset[str]]

estates = st.dictionaries(
    st.tuples(st.integers(0, 11), st.sampled_from(AGENTS)),
    st.frozensets(st.sampled_from(CHANGES), min_size=1, max_size=3),
    max_size=36,
)


def ranking(lacks: Lacks) -> Ranking[str]:
    found: Ranking[str] = Ranking()
    for (place, agent), lacking in lacks.items():
        found.add(place, agent, lacking)
    return found


def cost(changes: frozenset[str], targets: Collection[int]) -> tuple[int, str]:
    return len(changes), " ".join(sorted(changes))


@settings(max_examples=200, deadline=None)
@given(estates)
def test_one_change_a_pair_and_all_of_them_take_those_along_that_lack_nothing_else(lacks: Lacks) -> None:
    found = ranking(lacks)
    for number in (1, 2, 8):
        for made in itertools.combinations(CHANGES, number):
            passing = {pair for pair, lacking in lacks.items() if all(one in made for one in lacking)}
            assert found.applied(made) == passing


@settings(max_examples=200, deadline=None)
@given(estates)
def test_each_place_has_the_counts_of_its_changes(lacks: Lacks) -> None:
    places = list(ranking(lacks).ranked(cost))
    assert {one.changes for one in places} == set(lacks.values())
    for one in places:
        assert set(one.targets) == {place for (place, _), lacking in lacks.items() if lacking == one.changes}
        assert set(one.pairs) == {pair for pair, lacking in lacks.items() if lacking == one.changes}
        assert one.together == len({place for (place, _), lacking in lacks.items() if lacking <= one.changes})
    order = [(-len(one.targets), *cost(one.changes, one.targets)) for one in places]
    assert order == sorted(order)


def test_a_target_that_lacks_two_changes_counts_with_both_and_never_half() -> None:
    both = frozenset({"rule 1", "rule 2"})
    found = ranking({(0, "a"): both, (1, "a"): both, (2, "a"): frozenset({"rule 1"})})
    pair, single = found.ranked(cost)
    assert (pair.changes, pair.targets, pair.together) == (both, (0, 1), 3)
    assert (single.changes, single.targets, single.together) == (frozenset({"rule 1"}), (2,), 1)


def test_a_target_that_two_agents_could_scan_counts_once_for_a_change_of_both() -> None:
    found = ranking({(0, "a"): frozenset({"rule 1"}), (0, "b"): frozenset({"rule 1"})})
    (only,) = found.ranked(cost)
    assert (only.targets, only.together) == ((0,), 1)


def test_a_target_that_lacks_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks nothing"):
        ranking({(0, "a"): frozenset()})
