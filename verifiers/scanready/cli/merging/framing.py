"""Name the misfits of a merge: missing and stale agents, wrong clocks, agents that contradict each other."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scanready.catalogue.wrong import nearest
from scanready.cli.export_file import CUT_OFF
from scanready.report.estate.export import End, Estate
from scanready.report.estate.frame import Absent
from scanready.report.paper import counted
from scanready.run import timestamps
from scanready.wire.printable import visible

from .collecting import CLOCKS, Part

#: The reason for an absence that nothing else explains, and the beginning of one with the date of the newest result.
_NO_EXPORT, _OLD = "no export", "its newest result is from"
_EMPTY, _CUT = "has no result", "is cut off before its first result"
#: The agents that have a remark of their own; more of one kind share a remark.
_MOST_SINGLE = 5
#: The agents that a shared remark names with their numbers: every report has room for it.
_MOST_FOLDED = 10
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
    also: Mapping[str, str],
    reasons: Mapping[str, str],
    claims: Mapping[str, str],
    unread: int,
    max_age: str,
) -> Iterator[Absent]:
    """Yield the agents without fresh results, each with the reason.

    Args:
        also: the agents that an earlier merge had no fresh results of, each with the reason.
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
            yield Absent(name, f"{_OLD} {part.newest:%Y-%m-%d}, older than {max_age}")
        else:
            none = f"{_NO_EXPORT} among the files that can be read" if unread else _NO_EXPORT
            yield Absent(name, reasons.get(name) or max(claims.get(name, none), also.get(name, none), key=telling))


def telling(why: str) -> tuple[bool, bool, str]:
    """Return what tells which of two reasons for an absence counts: the latest date, else the one that says more."""
    return why.startswith(_OLD), not why.startswith(_NO_EXPORT), why


def without_results(files: Sequence[File], parts: Mapping[str, Part]) -> dict[str, str]:
    """Return the agents whose accepted export has no result, each with what it is instead."""
    return {
        file.agent: f"its export {named(file.name)} {_EMPTY if file.end else _CUT}"
        for file in reversed(files)  # the first one is named
        if file.agent and file.agent not in parts
    }


def of_agents(estate: Estate, absent: Sequence[Absent], parts: Mapping[str, Part], whole: bool) -> Iterator[str]:
    """Yield the remarks about missing, stale and repeated results.

    Args:
        whole: the inventory is known, with the targets that no agent has a result for.
    """
    yield from _of_absent(estate, absent)
    if absent and not whole:
        yield "without --inventory, this view lacks the targets that only a missing agent checks"
    away = {one.agent for one in absent}
    there = {name: part for name, part in sorted(parts.items()) if name not in away}
    old = {name: counted(len(part.stale), "result") for name, part in there.items() if part.stale}
    yield from _folded(old, "{}: {} too old to count", "{} have results that are too old to count: {}")
    again = {name: counted(part.again, "result") for name, part in sorted(parts.items()) if part.again}
    one, many = "{}: {} given twice; the later one counts", "{} have results given twice; the later ones count: {}"
    yield from _folded(again, one, many)
    torn = {name: counted(part.torn, "result") for name, part in sorted(parts.items()) if part.torn}
    one = "{}: {} with the time of another result for the same target, and another content; the worse verdict counts"
    many = "{} have different results of one time for the same target; the worse verdicts count: {}"
    yield from _folded(torn, one, many)
    shares = {name: (len(part.targets), estate.shares.get(name, 0)) for name, part in there.items()}
    less = {name: f"{found} of {share}" for name, (found, share) in shares.items() if found < share}
    one, many = "{} has results for {} assigned targets", "{} have results for only some of their targets: {}"
    yield from _folded(less, one, many)


def _of_absent(estate: Estate, absent: Sequence[Absent]) -> Iterator[str]:
    """Yield which agents are missing and why, and what to do."""
    by_reason: dict[str, list[str]] = {}
    for one in absent:
        by_reason.setdefault(one.why, []).append(one.agent)
    for why, names in by_reason.items():
        shares = {name: estate.shares.get(name, 0) for name in names}
        if len(names) <= _MOST_SINGLE:
            for name, share in shares.items():
                are = "is" if share == 1 else "are"
                what = f"; {counted(share, 'target')} of the inventory {are} assigned to it" if share else ""
                yield f"the agent {named(name)} is missing: {why}{what}"
        else:
            words = [
                f"{named(name)} ({counted(share, 'target')})" if share else named(name)
                for name, share in shares.items()
            ]
            yield f"{len(names)} agents are missing: {why}: {_first(words, _MOST_FOLDED)}"
    if absent:
        # The name comes from a file, and the user pastes the command into a shell: only a plain name is safe.
        inventory = estate.name if re.fullmatch(r"\w[\w.-]{0,79}", estate.name) else "INVENTORY"
        run = f"`scanready verify {inventory} --as NAME --export FILE`"
        yield f"on each missing agent, run {run}; then merge again, with its file"


def of_strangers(estate: Estate, parts: Mapping[str, Part]) -> Iterator[str]:
    """Yield the remarks about agents that the inventory does not declare, if it declares any."""
    declared = {agent.name.lower(): agent.name for agent in estate.agents}
    found = dict.fromkeys(sorted(parts.keys() - set(declared.values())) if declared else (), "")
    if len(found) <= _MOST_SINGLE:  # a hint takes time for each pair of names
        near = {name: declared.get(nearest(name, declared), "") for name in found}
        found = {name: f"; did you mean {named(other)}?" if other else "" for name, other in near.items()}
    one = "{} is not an agent of the inventory, and its results count{}"
    yield from _folded(found, one, "{} are not in the inventory, and their results count: {}")


def _folded(found: Mapping[str, str], one: str, many: str) -> Iterator[str]:
    """Yield a remark for each agent; a single one if there are many agents.

    Args:
        found: agent to the words about it.
        one: takes the agent and the words.
        many: takes the number of agents, and the list of all of them with their words.
    """
    if len(found) <= _MOST_SINGLE:
        yield from (one.format(named(name), words) for name, words in found.items())
        return
    words = [f"{named(name)} ({words})" if words else named(name) for name, words in found.items()]
    yield many.format(f"{len(found)} agents", _first(words, _MOST_FOLDED))


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
            wrong = "the clock of its agent or of this host is wrong: set it"
            only = "Its results count where its agent has no others"
            yield f"{named(file.name)} ends {_long(latest - now)} in the future: {wrong}. {only}"
        elif ended and ((began and ended < began - CLOCKS) or any(last > ended + CLOCKS for last in lasts)):
            yield f"{named(file.name)} has times after its end: the clock of its agent was set back during the run"


def of_ends(files: Sequence[File]) -> Iterator[str]:
    """Yield the remarks about files that are not whole."""
    for file in files:
        count = sum(len(part.targets) + len(part.stale) for part in file.parts.values())
        if file.agent and file.end is None:
            yield f"{named(file.name)} is cut off: {counted(count, 'result')} before the cut count; {CUT_OFF}"
        elif file.end is not None and file.end.interrupted:
            yield f"{named(file.name)} is from an interrupted run: {count} of its {counted(file.end.targets, 'target')}"


def _listed(names: Sequence[str]) -> str:
    return _first([named(name) for name in names])


def _first(words: Sequence[str], most: int = _MOST_NAMES) -> str:
    left = len(words) - most
    more = f" and {left} more" if left > 0 else ""
    return ", ".join(words[:most]) + more


def _long(time: datetime.timedelta) -> str:
    """Return a time in minutes, hours or days."""
    minutes = round(time.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60):,} days"


def _moment(text: str) -> datetime.datetime | None:
    try:
        return timestamps.read(text)
    except ValueError:
        return None
