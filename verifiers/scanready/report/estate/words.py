"""Put an estate view into words. A number of several agents always says that it is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scanready.catalogue.requirement import BUILT_IN
from scanready.model import Verdict
from scanready.report.headline import known, summed
from scanready.report.paper import GRAVITY, counted
from scanready.wire.printable import visible

from .causes import other_causes
from .view import AgentColumn, EstateInfo, EstateTotals, Row

#: Characters of an agent's name, and of the reason for its absence.
LONGEST_AGENT = 80
LONGEST_REMARK = 1000
#: Names in one sentence; more of them are counted.
_MOST_NAMED = 6
#: Stands for the result of an agent that has none.
MISSING, NOT_ASKED = "no result", "-"


def agent_names(names: Iterable[str], most: int = _MOST_NAMED) -> str:
    """Return ``proxy-lon, proxy-nyc and 3 more agents``."""
    every = [visible(name, LONGEST_AGENT) for name in names]
    left = len(every) - most
    if left <= 1:
        return ", ".join(every)
    return f"{', '.join(every[:most])} and {left} more agents"


def own_verdicts(found: Mapping[Verdict, int]) -> str:
    """Return ``2 ready, 1 blocked``: the results of one agent, the best first; ``none`` without a result."""
    words = [f"{found[verdict]} {verdict}" for verdict in reversed(GRAVITY) if found.get(verdict)]
    return ", ".join(words) or "none"


def headline(totals: EstateTotals) -> str:
    """Return the number of targets with each estate verdict."""
    words = summed(totals.verdicts, named=True)
    line = f"{counted(totals.targets, 'target')} by estate verdict"
    line += f": {words}" if words else ""  # which end with the undecided ones
    line += f" ({totals.waiting} only because a result is missing)" if totals.waiting else ""
    line += f"; {waived}" if (waived := known(totals.known)) else ""
    line += f"; {totals.unseen} without any result" if totals.unseen else ""
    return line + (" (interrupted)" if totals.interrupted else "")


def proven(info: EstateInfo, totals: EstateTotals) -> str:
    """Return how many targets at least one agent proved by its own result, and how many are only ready."""
    ready = totals.verdicts[Verdict.READY]
    less = f"; {ready} more up to the login prompt" if ready else ""
    agents = counted(len(info.columns), "agent")
    return f"proven by at least one of {agents}: {totals.proven_by_some} of {totals.targets}{less}"


def own_word(row: Row, agent: str) -> str:
    """Return an agent's own verdict of a target, or why it has none."""
    if agent in row.reports:
        return row.reports[agent].verdict.value
    return MISSING if agent in row.verdict.missing else NOT_ASKED


def by_verdict(row: Row) -> str:
    """Return how many agents have each verdict of their own, as ``1 ready, 3 blocked, 1 no result``."""
    found: dict[Verdict, int] = {}
    for report in row.reports.values():
        found[report.verdict] = found.get(report.verdict, 0) + 1
    words = [own_verdicts(found)] if found else []
    words += [f"{len(row.verdict.missing)} {MISSING}"] if row.verdict.missing else []
    return ", ".join(words) or NOT_ASKED


def reason(row: Row) -> str:
    """Return the code of the deciding cause; without one, the agents that a verdict rests on or waits for."""
    verdict = row.verdict
    if verdict.cause is not None:
        return verdict.cause.code
    if verdict.verdict is Verdict.UNDECIDED and verdict.missing:
        met = ", ".join(other_causes(row))
        return f"no result from {agent_names(verdict.missing, 2)}" + (f"; the others: {met}" if met else "")
    return f"by {agent_names(verdict.by, 2)}" if verdict.by else ""


def absence(column: AgentColumn) -> str:
    """Return why the results of an agent do not count; empty if they do."""
    return visible(column.absent, LONGEST_REMARK)


def remarks(info: EstateInfo) -> list[str]:
    """Return the remarks of the view, harmless."""
    return [visible(remark, LONGEST_REMARK) for remark in (*info.frame.remarks, *_profiles(info))]


def _profiles(info: EstateInfo) -> list[str]:
    """Return a remark for each profile that judges the targets of some agents, unless all have the built-in one."""
    by_profile: dict[str, list[str]] = {}
    for column in info.columns:
        if column.profile:
            by_profile.setdefault(column.profile, []).append(column.name)
    if by_profile.keys() <= {BUILT_IN.name}:
        return []
    return [f"judged by the profile {profile}: {agent_names(names)}" for profile, names in sorted(by_profile.items())]
