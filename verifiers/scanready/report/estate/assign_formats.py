"""Write an assignment as a table or as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.text import Text

from scanready.estate.assign import Assignment, Why
from scanready.redaction.workflow import harmless_json
from scanready.report.groups import without_reference
from scanready.report.listed import listed
from scanready.report.look import Look
from scanready.report.paper import Paper, counted, headed
from scanready.wire.printable import visible

from .assigned import Assigned, Unassigned
from .words import LONGEST_AGENT, remarks

#: Words of a list of targets or agents in the table.
_MOST = 10
#: The agents that have a sentence of their own about their gaps, and the names in one for all of more agents.
_MOST_GAPS, _MOST_NAMED = 5, 20
#: The words after the number of an agent's targets, by the reason; those that only it can scan have a column.
_TARGETS = {
    Why.BEST: "with the best result",
    Why.SUBNET_AND_PLATFORM: "in its subnet and for its platform",
    Why.SUBNET: "in its subnet",
    Why.PLATFORM: "for its platform",
    Why.FEWEST: "that other agents can scan as well",
    Why.SHARED: "shared with other chosen agents",
}


def table(found: Assigned, chosen: Assignment, look: Look) -> str:
    """Return the agents with their targets in numbers, what no agent can scan, and how good the choice is."""
    paper = Paper(look)
    if chosen.choices:
        _draw_agents(paper, found, chosen)
    if look.verbosity > 0:
        _draw_targets(paper, found, chosen)
    _draw_unassigned(paper, found.unassigned)
    for note in _remarks(found, chosen):
        paper.draw(Text(note))
    return paper.text()


def _draw_agents(paper: Paper, found: Assigned, chosen: Assignment) -> None:
    drawn = headed()
    for name in ("agent", "platform", "sites"):
        drawn.add_column(name, overflow="fold")
    for name in ("targets", "only it can scan"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("its other targets", overflow="fold")
    for agent, targets in chosen.agents.items():
        drawn.add_row(
            Text(visible(agent, LONGEST_AGENT), "bold"),
            Text(visible(found.column(agent).platform, 40) or "unknown"),
            Text(visible(" ".join(found.column(agent).sites), LONGEST_AGENT) or "-"),
            str(targets),
            str(chosen.indispensable.get(agent, 0)),
            _whys(chosen, agent),
        )
    paper.draw(drawn, Text(""))


def _whys(chosen: Assignment, agent: str) -> str:
    whys = Counter(choice.why for choice in chosen.choices if choice.agent == agent)
    return "; ".join(f"{whys[why]} {words}" for why, words in _TARGETS.items() if whys[why])


def _draw_targets(paper: Paper, found: Assigned, chosen: Assignment) -> None:
    drawn = headed()
    for name in ("target", "agent", "verdict", "why"):
        drawn.add_column(name, overflow="fold")
    for choice in chosen.choices:
        name, agent = visible(found.names[choice.place], 400), visible(choice.agent, LONGEST_AGENT)
        drawn.add_row(Text(name), Text(agent), choice.verdict.value, choice.why.value)
    if chosen.choices:
        paper.draw(drawn, Text(""))


def _draw_unassigned(paper: Paper, unassigned: list[Unassigned]) -> None:
    if not unassigned:
        return
    paper.draw(Text(f"Without an agent: {counted(len(unassigned), 'target')}", "bold"))
    for members in _groups(unassigned):
        first = members[0]
        names = listed((visible(one.name, 400) for one in members), _MOST)
        known = sum(one.is_known for one in members)
        waived = f"; {known} known, not counted" if known else ""
        met = sorted({_name(agent) for one in members for agent in one.met_by})
        by = f", met by {', '.join(met[:_MOST])}" + (" and others" if len(met) > _MOST else "") if met else ""
        head = f"{first.verdict} by {first.code}" if first.code else f"{first.verdict}, {first.reason}"
        head += f" ({first.owner}){by}: {counted(len(members), 'target')}{waived}"
        paper.draw(Text(visible(head, 1000)), indent=2)
        paper.draw(Text(names), Text(without_reference(visible(first.remedy, 1000))), indent=4)
    if any(one.code for one in unassigned):
        paper.draw(Text("`scanready firewall --from RUN --rank` lists the changes that help most of them.", "dim"))
    paper.draw(Text(""))


def _groups(unassigned: Iterable[Unassigned]) -> list[list[Unassigned]]:
    """Return the targets by verdict, reason and owner, the largest group first."""
    groups: dict[tuple[str, str, str], list[Unassigned]] = {}
    for one in unassigned:
        groups.setdefault((one.verdict, one.reason, one.owner), []).append(one)
    return [members for _, members in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))]


def bound(chosen: Assignment) -> str:
    """Return how many agents are needed, and how certain that is."""
    agents, cover = counted(len(chosen.agents), "agent"), chosen.cover
    if not chosen.choices:
        return "no agent is known to scan one"
    if not cover.exact:
        return f"{agents}; at least {cover.least} {'is' if cover.least == 1 else 'are'} needed"
    if cover.settled:
        return f"{agents}, the fewest possible"
    return f"{agents}, the fewest possible; another choice of as many may fulfil more recommendations"


def _remarks(found: Assigned, chosen: Assignment) -> Iterator[str]:
    have = "has" if len(chosen.choices) == 1 else "have"
    yield f"{len(chosen.choices)} of {counted(len(found.targets), 'target')} {have} an agent: {bound(chosen)}."
    if sole := ", ".join(f"{_name(agent)} for {number}" for agent, number in chosen.indispensable.items()):
        yield f"Indispensable, as no other agent can scan these targets: {sole}."
    if chosen.spare:
        yield f"Not needed for these targets: {', '.join(map(_name, chosen.spare))}."
    for agent, number in chosen.refused.items():
        yield (
            f"{_name(agent)}: {counted(number, 'good result')} not used: the requirements demand another platform, or "
            "the platform was only assumed."
        )
    yield from _gaps(found)
    yield from (f"note: {remark}" for remark in remarks(found.info))


def _gaps(found: Assigned) -> Iterator[str]:
    """Yield a sentence about each agent whose results are not all there; a single one if there are many agents."""
    absent = [f"{_name(agent)} ({visible(why, 400)})" for agent, why in found.absent.items()]
    if len(absent) <= _MOST_GAPS:
        yield from (f"Without {one}: the choice may change when its results are there." for one in absent)
    else:
        yield f"Without {len(absent)} agents: the choice may change when their results are there: {_first(absent)}."
    less = {agent: number for agent, number in sorted(found.missing.items()) if agent not in found.absent}
    if len(less) <= _MOST_GAPS:
        for agent, number in less.items():
            yield f"{_name(agent)} has no result for {counted(number, 'target')}: the choice may change when it has."
    else:
        names = _first([f"{_name(agent)} {number}" for agent, number in less.items()])
        yield f"{len(less)} agents have no result for some targets: the choice may change when they have: {names}."


def _first(words: Sequence[str]) -> str:
    left = len(words) - _MOST_NAMED
    return ", ".join(words[:_MOST_NAMED]) + (f" and {left} more" if left > 0 else "")


def _name(agent: str) -> str:
    return visible(agent, LONGEST_AGENT)


def document(found: Assigned, chosen: Assignment) -> str:
    """Return the assignment as JSON."""
    plain = {
        "schema": 1,
        "agents": [_agent(found, chosen, agent, targets) for agent, targets in chosen.agents.items()],
        "least": chosen.cover.least,
        "exact": chosen.cover.exact,
        "spare": list(chosen.spare),
        "assignments": [
            {
                "target": found.names[choice.place],
                "agent": choice.agent,
                "verdict": choice.verdict.value,
                "why": _code(choice.why),
                "others": choice.others,
            }
            for choice in chosen.choices
        ],
        "unassigned": [_unassigned(one) for one in found.unassigned],
        "absent": [{"agent": agent, "why": why} for agent, why in found.absent.items()],
        "missing": dict(sorted(found.missing.items())),
        "refused": dict(chosen.refused),
        "remarks": list(found.info.frame.remarks),
    }
    return harmless_json(json.dumps(plain, indent=2)) + "\n"


def _code(why: Why) -> str:
    return why.name.lower().replace("_", "-")


def _agent(found: Assigned, chosen: Assignment, agent: str, targets: int) -> dict[str, Any]:
    column = found.column(agent)
    whys = Counter(choice.why for choice in chosen.choices if choice.agent == agent)
    return {
        "name": agent,
        "platform": column.platform,
        "sites": list(column.sites),
        "targets": targets,
        "indispensable": chosen.indispensable.get(agent, 0),
        "why": {_code(why): whys[why] for why in Why if whys[why]},
    }


def _unassigned(one: Unassigned) -> dict[str, Any]:
    return {
        "target": one.name,
        "verdict": one.verdict.value,
        "cause": one.code or None,
        "owner": one.owner.value,
        "remedy": one.remedy,
        "detail": one.detail,
        "met_by": list(one.met_by),
        "missing": list(one.missing),
        "known": one.is_known,
    }
