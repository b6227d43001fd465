"""Choose the fewest agents that together can scan every target. No I/O.

This is the set cover problem. Agents are bits of a number, so a set of agents is one number. Targets that the same
agents can scan are one need, so an estate of many targets has few needs. The search is branch and bound, exact unless
it exceeds its budget. Then the greedy cover stands, with a proven lower bound beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

#: The most steps of each of the two searches, a step being one look at one need: some seconds at most. Steps are
#: counted instead of time, so that the same estate always has the same answer.
BUDGET = 4_000_000
#: The most agents that the search chooses below those that are indispensable: it calls itself once for each.
_DEEPEST = 200
#: Comparing each need, or each agent, with each other one is affordable only for so many of them.
_FEW, _FEW_AGENTS = 3000, 500


@dataclass(frozen=True, slots=True)
class Need:
    """Describe targets that have the same agents.

    Attributes:
        able: the agents that can scan them; at least one.
        liked: those of them that fulfil at least one recommendation of the document.
        loved: those of them that fulfil two.
        targets: how many they are.
    """

    able: int
    liked: int = 0
    loved: int = 0
    targets: int = 1

    def likes(self, agents: int) -> int:
        """Return the recommendations that the best of these agents fulfils, over all targets of the need."""
        return (bool(self.liked & agents) + bool(self.loved & agents)) * self.targets


@dataclass(frozen=True, slots=True)
class Cover:
    """Hold the chosen agents.

    Attributes:
        agents: the set.
        least: a proven lower bound: no set of fewer agents can scan every target.
        settled: no other set of as many agents fulfils more recommendations.
    """

    agents: int
    least: int
    settled: bool

    @property
    def exact(self) -> bool:
        """True if no smaller set can do it."""
        return self.agents.bit_count() == self.least


def cover(needs: Sequence[Need], budget: int = BUDGET) -> Cover:
    """Return the fewest agents that can scan every need, and of those sets one that fulfils most recommendations.

    Raises:
        ValueError: a need has no agent.
    """
    if any(not need.able for need in needs):
        raise ValueError("a need has no agent that can scan it")
    parts = _independent(needs)
    share = budget // max(1, sum(len(part) > 1 for part in parts))
    agents, least, settled = 0, 0, True
    for part in parts:
        found = _cover(part, share)
        agents, least, settled = agents | found.agents, least + found.least, settled and found.settled
    return Cover(agents, least, settled)


def _cover(needs: Sequence[Need], budget: int) -> Cover:
    rows = _smallest(need.able for need in needs)
    fewest, least = _fewest(rows, budget)
    return _most_liked(needs, rows, fewest, least, budget)


def _independent(needs: Iterable[Need]) -> list[list[Need]]:
    """Divide the needs so that no agent has needs of two parts, as agents of different sites often have not."""
    leads: dict[int, int] = {}

    def lead(agent: int) -> int:
        while (other := leads.setdefault(agent, agent)) != agent:
            leads[agent] = leads[other]
            agent = other
        return agent

    known = list(needs)
    for able in {need.able for need in known}:
        first, *others = bits(able)
        for agent in others:
            leads[lead(agent)] = lead(first)
    parts: dict[int, list[Need]] = {}
    for need in known:
        parts.setdefault(lead(next(bits(need.able))), []).append(need)
    return list(parts.values())


def bits(agents: int) -> Iterator[int]:
    """Yield the numbers of the agents in a set, the least first."""
    while agents:
        lowest = agents & -agents
        yield lowest.bit_length() - 1
        agents ^= lowest


class _Spent(Exception):
    """The search exceeded its budget."""


class _Steps:
    """Count the steps of a search."""

    def __init__(self, budget: int) -> None:
        self._left = budget

    def take(self, number: int) -> None:
        """Count steps.

        Raises:
            _Spent: the budget is exceeded.
        """
        self._left -= number
        if self._left < 0:
            raise _Spent


def _smallest(able: Iterable[int]) -> list[int]:
    """Return each set once, the smallest first, without those that contain another: who covers that covers them."""
    sets = sorted(set(able), key=lambda one: (one.bit_count(), one))
    if len(sets) > _FEW:
        return sets
    kept: list[int] = []
    for one in sets:
        if not any(other & one == other for other in kept):
            kept.append(one)
    return kept


def _fewest(rows: Sequence[int], budget: int) -> tuple[int, int]:
    """Return a cover, and a lower bound for the number of agents of any cover."""
    base, rest = _settled_at_once(rows)
    start = _greedy(rest)
    best, least = start, _bound(rest)
    if start.bit_count() > least and start.bit_count() <= _DEEPEST:
        search = _Fewest(start, budget)
        try:
            search.go(list(rest), 0, 0)
            least = search.best.bit_count()
        except _Spent:
            pass
        best = search.best
    return base | best, base.bit_count() + least


def _settled_at_once(rows: Sequence[int]) -> tuple[int, list[int]]:
    """Return the agents that some smallest cover has for certain, and the sets that they leave uncovered.

    An agent is dropped if another one covers all that it covers; an agent that is then the only one is chosen.
    """
    base, rest, before = 0, list(rows), -1
    while len(rest) != before or any(row & (row - 1) == 0 for row in rest):
        before = len(rest)
        if len(rest) <= _FEW:
            rest = _smallest(_without_dominated(rest))
        for row in rest:
            if row & (row - 1) == 0:
                base |= row
        rest = [row for row in rest if not row & base]
    return base, rest


def _without_dominated(rows: Sequence[int]) -> list[int]:
    """Return the sets without agents that cover nothing more than another agent does; the lower number stays."""
    covers: dict[int, int] = {}
    for place, row in enumerate(rows):
        for agent in bits(row):
            covers[agent] = covers.get(agent, 0) | 1 << place
    if len(covers) > _FEW_AGENTS:
        return list(rows)
    dropped = 0
    for one, its in covers.items():
        for other, theirs in covers.items():
            if other != one and its & theirs == its and not dropped >> other & 1 and (its != theirs or other < one):
                dropped |= 1 << one
                break
    return [row & ~dropped for row in rows]


def _greedy(rows: Sequence[int]) -> int:
    """Return a cover: in turn the agent that covers most of the rest, then without those that became superfluous."""
    chosen, rest = 0, list(rows)
    while rest:
        counts: dict[int, int] = {}
        for row in rest:
            for agent in bits(row):
                counts[agent] = counts.get(agent, 0) + 1
        most = min(counts, key=lambda agent: (-counts[agent], agent))
        chosen |= 1 << most
        rest = [row for row in rest if not row >> most & 1]
    for agent in list(bits(chosen))[::-1]:
        fewer = chosen & ~(1 << agent)
        if all(row & fewer for row in rows):
            chosen = fewer
    return chosen


def _bound(rows: Sequence[int]) -> int:
    """Return a number of agents that every cover needs: sets without a common agent need one each."""
    if not rows:
        return 0
    taken = apart = 0
    for row in rows:
        if not row & taken:
            taken |= row
            apart += 1
    counts: dict[int, int] = {}
    for row in rows:
        for agent in bits(row):
            counts[agent] = counts.get(agent, 0) + 1
    return max(apart, -(-len(rows) // max(counts.values())))


def _apart(rows: Iterable[int], excluded: int) -> int:
    """Return the quick part of :func:`_bound`, with the sets as they are without the excluded agents."""
    taken = apart = 0
    for row in rows:
        if not row & ~excluded & taken:
            taken |= row
            apart += 1
    return apart


def _tightest(rows: Sequence[int], excluded: int) -> int:
    """Return the set with the fewest agents left."""
    return min((row & ~excluded for row in rows), key=int.bit_count)


class _Fewest:
    """Search for a smaller cover: take the set with the fewest agents left, and try each of them."""

    def __init__(self, best: int, budget: int) -> None:
        self.best = best
        self._steps = _Steps(budget)

    def go(self, rows: list[int], chosen: int, excluded: int) -> None:
        """Try every cover that has the chosen agents and none of the excluded ones.

        Raises:
            _Spent: the budget is exceeded.
        """
        self._steps.take(len(rows) + 1)
        if not rows:
            if chosen.bit_count() < self.best.bit_count():
                self.best = chosen
            return
        if chosen.bit_count() + _apart(rows, excluded) >= self.best.bit_count():
            return
        for agent in bits(_tightest(rows, excluded)):
            self.go([row for row in rows if not row >> agent & 1], chosen | 1 << agent, excluded)
            excluded |= 1 << agent  # the covers with this agent are done


def _most_liked(needs: Sequence[Need], rows: Sequence[int], fewest: int, least: int, budget: int) -> Cover:
    wanted = _joined(needs)
    if not wanted:
        return Cover(fewest, least, settled=True)
    base = 0
    for row in rows:
        if row & (row - 1) == 0:
            base |= row
    search = _MostLiked(wanted, fewest, budget)
    settled = (fewest & ~base).bit_count() <= _DEEPEST
    if settled:
        try:
            search.go([row for row in rows if not row & base], base, 0)
        except _Spent:
            settled = False
    return Cover(search.best, min(least, search.best.bit_count()), settled)


def _joined(needs: Iterable[Need]) -> list[Need]:
    """Return the needs that have recommendations, equal ones as one."""
    found: dict[tuple[int, int], int] = {}
    for need in needs:
        if need.liked:
            found[need.liked, need.loved] = found.get((need.liked, need.loved), 0) + need.targets
    return [Need(liked, liked, loved, targets) for (liked, loved), targets in found.items()]


class _MostLiked:
    """Search, among the covers of as many agents, for one that fulfils more recommendations."""

    def __init__(self, wanted: Sequence[Need], best: int, budget: int) -> None:
        self.best = best
        self._wanted = wanted
        self._steps = _Steps(budget)
        self._most = self._likes(best)

    def _likes(self, agents: int) -> int:
        return sum(need.likes(agents) for need in self._wanted)

    def go(self, rows: list[int], chosen: int, excluded: int) -> None:
        """Try every cover that has the chosen agents and none of the excluded ones.

        Raises:
            _Spent: the budget is exceeded.
        """
        self._steps.take(len(rows) + len(self._wanted) + 1)
        size, most = chosen.bit_count(), self.best.bit_count()
        if not rows:
            likes = self._likes(chosen)
            if size < most or (size == most and likes > self._most):
                self.best, self._most = chosen, likes
            return
        if size + _apart(rows, excluded) > most or self._likes(~excluded) <= self._most:
            return
        for agent in bits(_tightest(rows, excluded)):
            self.go([row for row in rows if not row >> agent & 1], chosen | 1 << agent, excluded)
            excluded |= 1 << agent
