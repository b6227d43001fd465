"""Name the misfits of a merge: missing and stale agents, wrong clocks, agents that contradict each other."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scanready.report.estate.export import End, Estate
from scanready.report.estate.frame import Absent
from scanready.report.paper import counted
from scanready.wire.printable import visible

from .collecting import CLOCKS, Part

_EMPTY, _CUT = "has no result", "is cut off before its first result"
#: The names that one remark lists; the others are counted.
_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class File:
    """One accepted file: its name, the agent of an export, its beginning, its end, and what it says by agent."""

    name: str
    agent: str
    started: str
    end: End | None
    parts: Mapping[str, Part]


def named(text: str) -> str:
    """Return a name of a file or an agent, printable and short."""
    return visible(text, 80)


def absent_of(
    estate: Estate,
    parts: Mapping[str, Part],
    also: Iterable[str],
    reasons: Mapping[str, str],
    claims: Mapping[str, str],
    unread: int,
    max_age: str,
) -> Iterator[Absent]:
    """Yield the agents without fresh results, each with the reason.

    Args:
        also: the agents that an earlier merge had no fresh results of.
        reasons: why an agent's export was left out.
        claims: why an agent may have no results, as far as its files tell; that makes no agent expected.
        unread: the number of files that were left out, and that may be of any agent.
        max_age: the age of ``--max-age``, as it was given.
    """
    expected = {agent.name for agent in estate.agents if estate.shares.get(agent.name, 1)}
    expected |= {name for name, share in estate.shares.items() if share}
    expected |= {name for name, part in parts.items() if part.stale}
    expected |= set(also) | reasons.keys()
    for name in sorted(expected):
        part = parts.get(name)
        if part is not None and part.targets:
            continue
        if part is not None and part.newest:
            yield Absent(name, f"its newest result is from {part.newest:%Y-%m-%d}, older than {max_age}")
        else:
            none = "no export among the files that can be read" if unread else "no export"
            yield Absent(name, reasons.get(name) or claims.get(name) or none)


def without_results(files: Sequence[File], parts: Mapping[str, Part]) -> dict[str, str]:
    """Return the agents whose accepted export has no result, each with what it is instead."""
    return {
        file.agent: f"its export {named(file.name)} {_EMPTY if file.end else _CUT}"
        for file in files
        if file.agent and file.agent not in parts
    }


def of_agents(estate: Estate, absent: Sequence[Absent], parts: Mapping[str, Part], whole: bool) -> Iterator[str]:
    """Yield the remarks about missing, stale and repeated results.

    Args:
        whole: the inventory is known, with the targets that no agent has a result for.
    """
    for one in absent:
        share = estate.shares.get(one.agent)
        what = (
            f"; {counted(share, 'target')} of the inventory {'is' if share == 1 else 'are'} assigned to it"
            if share
            else ""
        )
        yield f"the agent {named(one.agent)} is missing: {one.why}{what}"
    if absent and not whole:
        yield "without --inventory, this view lacks the targets that only a missing agent checks"
    away = {one.agent for one in absent}
    for name, part in sorted(parts.items()):
        if part.stale and name not in away:
            yield f"{named(name)}: {counted(part.stale, 'result')} too old to count"
        if part.again:
            yield f"{named(name)}: {counted(part.again, 'result')} given twice; the later one counts"
        share = estate.shares.get(name, 0)
        if name not in away and len(part.targets) < share:
            yield f"{named(name)} has results for {len(part.targets)} of its {counted(share, 'target')}"


def of_identities(parts: Mapping[str, Part]) -> Iterator[str]:
    """Yield the remarks about agents that contradict each other."""
    at: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, part in sorted(parts.items()):
        places = {(platform, addresses) for platform, addresses, _ in part.forms}
        if len(places) > 1:
            told = " and ".join(sorted(f"{platform} at {_listed(addresses)}" for platform, addresses in places))
            yield f"{named(name)} is described in different ways: {told}; is one name used by two hosts?"
        if any(assumed for *_, assumed in part.forms):
            yield f"{named(name)} has results that were judged with --assume-agent, not by such an agent"
        for place in places:
            if any(not address.startswith(("127.", "::1")) for address in place[1]):
                at.setdefault(place, []).append(name)
    for (platform, addresses), names in sorted(at.items()):
        if len(names) > 1:
            told = _listed([named(name) for name in names])
            yield f"{told} are all {platform} at {_listed(addresses)}; does one host have several names?"


def of_clocks(files: Sequence[File], now: datetime.datetime) -> Iterator[str]:
    """Yield the remarks about times that cannot be."""
    for file in files:
        ended = _moment(file.end.ended) if file.end else None
        began = _moment(file.started)
        lasts = [part.last for part in file.parts.values() if part.last]
        latest = max(filter(None, [ended, *lasts]), default=None)
        if latest and latest > now + CLOCKS:
            ahead = round((latest - now).total_seconds() / 60)
            name = named(file.name)
            yield f"{name} ends {ahead} min in the future: the clock of its agent or of this host is wrong"
        elif ended and ((began and ended < began - CLOCKS) or any(last > ended + CLOCKS for last in lasts)):
            yield f"{named(file.name)} has times after its end: the clock of its agent was set back during the run"


def of_ends(files: Sequence[File]) -> Iterator[str]:
    """Yield the remarks about files that are not whole."""
    for file in files:
        count = sum(len(part.targets) + part.stale for part in file.parts.values())
        if file.agent and file.end is None:
            yield f"{named(file.name)} is cut off: {counted(count, 'result')} before the cut count; copy it again"
        elif file.end is not None and file.end.interrupted:
            yield f"{named(file.name)} is from an interrupted run: {count} of its {counted(file.end.targets, 'target')}"


def _listed(names: Sequence[str]) -> str:
    left = len(names) - _MOST_NAMES
    more = f" and {left} more" if left > 0 else ""
    return ", ".join(visible(name, 80) for name in names[:_MOST_NAMES]) + more


def _moment(text: str) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
