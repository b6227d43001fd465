"""Choose which agent should scan which target, from the results of many agents. No I/O.

The aims, in this order:

1. Each target has an agent whose result counts as the best verdict for it.
2. As few agents as possible scan anything.
3. As many recommendations of the document as possible are fulfilled: an agent in the target's subnet, and one of the
   recommended platform.

An agent whose platform the document refuses is never chosen, even if its result is good. The verdict in the estate
counts: a ready result does not count if another agent found that the account is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from scanready.catalogue import Requirements
from scanready.model import GOOD, Report, Verdict
from scanready.run.any_type import reports_of
from scanready.run.registry import catalogue

from .cover import BUDGET, Cover, Need, bits, cover
from .verdict import EstateVerdict


class Why(Enum):
    """The reason for which an agent has a target; ``value`` is the reason in words."""

    ONLY = "no other agent can scan it"
    BEST = "no other agent has so good a result"
    SUBNET_AND_PLATFORM = "in the target's subnet and of the recommended platform"
    SUBNET = "in the target's subnet"
    PLATFORM = "of the recommended platform"
    FEWEST = "one of the fewest agents that can scan all targets"
    SHARED = "as good as other chosen agents, with fewer targets so far"


_ADVISED = {
    (True, True): Why.SUBNET_AND_PLATFORM,
    (True, False): Why.SUBNET,
    (False, True): Why.PLATFORM,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Give one target to one agent.

    Attributes:
        place: the number of the target, as it was added.
        agent: the name of the agent.
        verdict: what its result counts as; the best verdict for this target.
        why: the reason.
        others: how many other agents can scan the target, with any verdict.
    """

    place: int
    agent: str
    verdict: Verdict
    why: Why
    others: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """Hold the answer for an estate.

    Attributes:
        choices: one for each target that an agent can scan, in the order of the targets.
        unassigned: the numbers of the targets that no agent can scan.
        indispensable: for each agent, how many targets only it can scan.
        cover: the chosen agents as a set, and how good the choice is.
        spare: agents that can scan something and were not chosen, in alphabetical order.
        refused: for each agent, how many good results do not count because the document refuses its platform for the
            type, or because the platform was only assumed.
    """

    choices: tuple[Choice, ...]
    unassigned: tuple[int, ...]
    indispensable: Mapping[str, int]
    cover: Cover
    spare: tuple[str, ...]
    refused: Mapping[str, int]

    @property
    def agents(self) -> dict[str, int]:
        """The number of targets of each chosen agent, in alphabetical order of agents."""
        return dict(sorted(Counter(choice.agent for choice in self.choices).items()))


@dataclass(slots=True)
class _Wanted:
    """The record of one target: its agents by their numbers."""

    place: int
    host: str
    verdict: Verdict
    best: int
    able: int
    subnet: int = 0
    platform: int = 0


@dataclass(slots=True)
class Assigner:
    """Collect the results target by target, then choose. It keeps a few numbers of each target, and no result."""

    _numbers: dict[str, int] = field(default_factory=dict)
    _wanted: list[_Wanted] = field(default_factory=list)
    _unassigned: list[int] = field(default_factory=list)
    _refused: Counter[str] = field(default_factory=Counter)

    def add(self, place: int, reports: Mapping[str, Report], verdict: EstateVerdict) -> bool:
        """Add a target; return whether an agent can scan it.

        Args:
            place: the number of the target, each larger than the one before.
            reports: the results of its agents by their names.
            verdict: the estate verdict of these results.
        """
        counted = self._counted(reports, verdict)
        if not counted:
            self._unassigned.append(place)
            return False
        first = next(iter(reports.values()))
        best = next(one for one in GOOD if one in counted.values())
        wanted = _Wanted(place, first.target.host, best, 0, 0)
        for agent, its in counted.items():
            bit = 1 << self._numbers.setdefault(agent, len(self._numbers))
            wanted.able |= bit
            if its is best:
                wanted.best |= bit
                subnet, platform = advised(reports[agent])
                wanted.subnet |= bit * subnet
                wanted.platform |= bit * platform
        self._wanted.append(wanted)
        return True

    def _counted(self, reports: Mapping[str, Report], verdict: EstateVerdict) -> dict[str, Verdict]:
        """Return the agents that can scan a target, each with the verdict that its result counts as."""
        found = {}
        for agent, counts in _counts(reports, verdict).items():
            if counts not in GOOD:
                continue
            if is_refused(reports[agent]):
                self._refused[agent] += 1
            else:
                found[agent] = counts
        return found

    def assignment(self, budget: int = BUDGET) -> Assignment:
        """Choose the agents, and give each target to one of them."""
        names = sorted(self._numbers)
        self._renumber(names)
        found = cover(self._needs(), budget)
        only = Counter(_single(one.able, names) for one in self._wanted if one.able.bit_count() == 1)
        chosen = {names[number] for number in bits(found.agents)}
        return Assignment(
            self._shared_out(found.agents, names),
            tuple(self._unassigned),
            dict(sorted(only.items())),
            found,
            tuple(name for name in names if name not in chosen),
            dict(sorted(self._refused.items())),
        )

    def _renumber(self, names: Sequence[str]) -> None:
        """Number the agents by their names, so that the answer does not depend on the order of the results."""
        new = {self._numbers[name]: number for number, name in enumerate(names)}
        known: dict[int, int] = {}

        def renumbered(agents: int) -> int:
            if agents not in known:
                known[agents] = sum(1 << new[number] for number in bits(agents))
            return known[agents]

        for one in self._wanted:
            one.best, one.able = renumbered(one.best), renumbered(one.able)
            one.subnet, one.platform = renumbered(one.subnet), renumbered(one.platform)
        self._numbers = {name: number for number, name in enumerate(names)}

    def _needs(self) -> list[Need]:
        same = Counter((one.best, one.subnet | one.platform, one.subnet & one.platform) for one in self._wanted)
        return [Need(best, liked, loved, targets) for (best, liked, loved), targets in same.items()]

    def _shared_out(self, agents: int, names: Sequence[str]) -> tuple[Choice, ...]:
        """Give each target to the chosen agent that fulfils most recommendations.

        Among equals it is the one that has a target at the same host, and then the one with the fewest targets.
        """
        load: Counter[int] = Counter()
        at: dict[str, int] = {}
        choices = []
        # First those without a choice: the others fill up what they leave.
        order = sorted(self._wanted, key=lambda one: (_best_of(one, agents).bit_count() > 1, one.place))
        for one in order:
            able = _best_of(one, agents)
            here = at.get(one.host, 0) & able
            number = min(bits(here or able), key=lambda number: (load[number], number))
            at[one.host] = at.get(one.host, 0) | 1 << number
            load[number] += 1
            why = _why(one, number, agents)
            choices.append(Choice(one.place, names[number], one.verdict, why, one.able.bit_count() - 1))
        return tuple(sorted(choices, key=lambda choice: choice.place))


def _single(agents: int, names: Sequence[str]) -> str:
    return names[agents.bit_length() - 1]


def _best_of(wanted: _Wanted, agents: int) -> int:
    """Return those of the agents with the best verdict that fulfil most recommendations."""
    able = wanted.best & agents
    both, some = wanted.subnet & wanted.platform, wanted.subnet | wanted.platform
    return able & both or able & some or able


def _why(wanted: _Wanted, number: int, agents: int) -> Why:
    if wanted.able.bit_count() == 1:
        return Why.ONLY
    if wanted.best.bit_count() == 1:
        return Why.BEST
    fulfils = bool(wanted.subnet >> number & 1), bool(wanted.platform >> number & 1)
    if fulfils in _ADVISED:
        return _ADVISED[fulfils]
    return Why.SHARED if (wanted.best & agents).bit_count() > 1 else Why.FEWEST


def _counts(reports: Mapping[str, Report], verdict: EstateVerdict) -> dict[str, Verdict]:
    """Return what the result of each agent counts as.

    For a host without a type, only the agents of the estate verdict count: others have their result from other types.
    """
    if any(report.types for report in reports.values()):
        return dict.fromkeys(verdict.by, verdict.verdict)
    overruled = {one.agent: one.counted for one in verdict.overruled}
    return {agent: overruled.get(agent, report.verdict) for agent, report in reports.items()}


def is_refused(report: Report) -> bool:
    """Return whether the agent must not scan the target: by the document, or because its platform is not real."""
    if report.agent.assumed:
        return True
    good = [one for one in reports_of(report) if one.verdict in GOOD]
    demanded = [_requirements(one).agent for one in good]
    return bool(demanded) and all(wanted not in (None, report.agent.platform) for wanted in demanded)


def advised(report: Report) -> tuple[bool, bool]:
    """Return whether the agent is in the target's subnet, and whether it has the platform that is recommended."""
    wanted = _requirements(report.types[0] if report.types else report)
    platform = wanted.suits == report.agent.platform if wanted.suits else False
    same = wanted.alike and report.facts.get("same_platform") is True
    return report.facts.get("same_subnet") is True, platform or same


def _requirements(report: Report) -> Requirements:
    row = catalogue().get(report.target.type)
    return row.requirements if row is not None else Requirements()
