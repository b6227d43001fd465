"""Merge files into one stored run: look at each, choose the inventory, store the results, describe the gaps."""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scanready import __version__
from scanready.cli.job.prepare import Unusable
from scanready.model import Agent, Target
from scanready.report.estate.export import Estate, estate_object
from scanready.report.estate.frame import Frame
from scanready.report.paper import counted
from scanready.report.serialize import agent_object, identity
from scanready.run import timestamps
from scanready.store import BulkWriter, NewRun, StoreError

from .collecting import Collection
from .framing import (
    File,
    absent_of,
    named,
    of_agents,
    of_clocks,
    of_ends,
    of_identities,
    of_strangers,
    telling,
    without_results,
)
from .inputs import Unfit, input_of, size_of
from .streams import Streams

#: The room of a result in the store, in sizes of its line: one of 2.5 KB has a page of 4 KB for itself.
_OVERHEAD = 1.7
#: Bytes that are always there; more are announced before the merge begins.
_MODEST = 100 << 20
_LONGEST_SOURCE = 4000
#: Remarks that are kept; the others are counted.
_MOST_REMARKS = 2000


@dataclass(frozen=True, slots=True)
class Wish:
    """Hold the request: the files, the store, the inventory with its file, and the greatest age of a result."""

    files: Sequence[str]
    store: Path
    named_store: str | None
    targets: Sequence[Target] | None
    estate: Estate | None
    max_age: float
    max_age_text: str


@dataclass(frozen=True, slots=True)
class Merged:
    """A stored merge: its name, its numbers, the sentences about what does not fit, and the files left out."""

    name: str
    agents: int
    targets: int
    results: int
    remarks: Sequence[str]
    refused: int


@dataclass(slots=True)
class _Looks:
    """Hold the findings of the first look at the files: their estates by name, and why files are left out.

    ``lasting`` has the names to open them by again, ``unseen`` the targets that earlier merges had no result for, and
    ``agents`` those that a file stands for where files of several inventories are counted.
    ``reasons`` has the agents of exports that were left out, ``claims`` those that a refused header names, and
    ``unread`` counts the files that may be of any agent.
    """

    lasting: dict[str, str] = field(default_factory=dict)
    estates: dict[str, tuple[Estate, str, str]] = field(default_factory=dict)
    agents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    unseen: dict[str, tuple[Target, ...]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    unread: int = 0

    def refuse(self, name: str, why: str, agent: str = "", *, claimed: str = "") -> None:
        self.refused[name] = why
        if agent:
            self.reasons[agent] = f"its export {named(name)} does not count"
        elif claimed:
            self.claims[claimed] = f"its export {named(name)} does not count"
        else:
            self.unread += 1

    def left(self) -> list[str]:
        """Return the names of the other files, by agent and time: their order in the command changes nothing."""
        kept = (name for name in self.estates if name not in self.refused)
        return sorted(kept, key=lambda name: (self.estates[name][2], self.estates[name][1], name))


def merge(wish: Wish, warn: Callable[[str], None]) -> Merged:
    """Merge the files, and store the result.

    Args:
        warn: takes messages before the merge begins.

    Raises:
        Unusable: no file can be merged, no result is fresh, or the store cannot be written.
    """
    with Streams(wish.files) as streams:
        return _merged(wish, streams, warn)


def _merged(wish: Wish, streams: Streams, warn: Callable[[str], None]) -> Merged:
    began, started = time.perf_counter(), timestamps.now()
    looks = _look(wish, streams)
    estate = _estate(wish, looks)
    _check_disk(wish, [looks.lasting[name] for name in looks.left()], warn)
    known = {identity(target): place for place, target in enumerate(wish.targets)} if wish.targets is not None else None
    now = datetime.datetime.now(datetime.UTC)
    try:
        with BulkWriter(wish.store, _new_run(wish, started)) as store:
            collection = Collection(store, now, datetime.timedelta(seconds=wish.max_age), known)
            files = list(_files(wish, looks, collection))
            if not files or not collection.results:
                raise Unusable("\n".join([*_refusals(looks), _nothing(wish, collection)]))
            frame = _frame(wish, looks, estate, collection, files, now)
            targets = len(_checked(collection)) + len(frame.unseen)
            store.end(targets, _asked(frame), time.perf_counter() - began)
    except StoreError as error:
        raise Unusable(str(error)) from error
    agents = sum(1 for part in collection.parts.values() if part.targets)
    return Merged(store.name, agents, targets, collection.results, frame.remarks, len(looks.refused))


def _look(wish: Wish, streams: Streams) -> _Looks:
    looks = _Looks()
    for name in dict.fromkeys(map(streams.named, wish.files)):
        try:
            with input_of(streams.path(name), wish.named_store) as file:
                agent = file.agent.name if file.agent else ""
                looks.estates[name] = file.estate, file.started, agent
                looks.lasting[name] = file.lasting
                for one, why in file.absent.items():
                    looks.absent[one] = max(why, looks.absent.get(one, why), key=telling)
                looks.unseen[name] = file.unseen
                there = [one.name for one in file.estate.agents if one.name not in file.absent]
                looks.agents[name] = (agent,) if agent else tuple(there) or (name,)
        except Unfit as error:
            looks.refuse(name, str(error), claimed=error.agent)
    return looks


def _estate(wish: Wish, looks: _Looks) -> Estate:
    """Return the inventory of the merge: the given one, or the one of most files; leave out files of another one."""
    given = wish.estate
    if given is None:
        found: dict[str, dict[str, str]] = {}
        for name, (one, started, _) in looks.estates.items():
            for voter in looks.agents[name] if one.inventory else ():
                voters = found.setdefault(one.inventory, {})
                voters[voter] = max(started, voters.get(voter, ""))
        chosen = max(found, key=lambda digest: (len(found[digest]), max(found[digest].values()), digest), default="")
        fitting = [one for one in looks.estates.values() if one[0].inventory == chosen and chosen]
        given = max(fitting, key=_whole, default=(Estate(), "", ""))[0]
    for name, (estate, _, agent) in looks.estates.items():
        if given.inventory and estate.inventory not in ("", given.inventory):
            of = f" ({named(estate.name)})" if estate.name else ""
            why = f"it is of another inventory{of}; let its agent check the inventory of this merge"
            looks.refuse(name, why, agent)
    return given


def _whole(one: tuple[Estate, str, str]) -> tuple[bool, str, str]:
    """Return what tells which of several headers of one inventory counts: the last whole one."""
    return any(one[0].shares.values()), one[1], json.dumps(estate_object(one[0]), sort_keys=True)


def _check_disk(wish: Wish, names: Sequence[str], warn: Callable[[str], None]) -> None:
    need = int(sum(map(size_of, names)) * _OVERHEAD)
    if need < _MODEST:
        return
    folder = next((one for one in wish.store.absolute().parents if one.exists()), Path("/"))
    free = shutil.disk_usage(folder).free
    told = f"the merge needs about {need / 1e9:.1f} GB in {wish.store}; {free / 1e9:.1f} GB are free"
    if need > free:
        raise Unusable(f"{told}; free some space, or name a file on another disk with --store")
    warn(told)


def _new_run(wish: Wish, started: str) -> NewRun:
    source = " ".join(wish.files)[:_LONGEST_SOURCE]
    agent = json.dumps(agent_object(Agent("", "")))
    unfinished = Frame(remarks=("this merge was ended before all files were read",))
    return NewRun(started, "merge", source, 0, __version__, agent, _asked(unfinished))


def _asked(frame: Frame) -> str:
    asked: dict[str, object] = {
        "only": [],
        "types": [],
        "failed_from": None,
        "depth": "access",
        "timeout": 10.0,
        "tried": [],
    }
    return json.dumps({**asked, "estate": None, "frame": frame.as_object()}, separators=(",", ":"))


def _files(wish: Wish, looks: _Looks, collection: Collection) -> Iterator[File]:
    for name in looks.left():
        agent = looks.estates[name][2]
        try:
            with input_of(looks.lasting[name], wish.named_store) as file:
                parts = collection.add(dataclasses.replace(file, name=name))
                yield File(name, agent, file.started, file.end(), parts)
        except Unfit as error:
            looks.refuse(name, str(error), agent)


def _frame(
    wish: Wish,
    looks: _Looks,
    estate: Estate,
    collection: Collection,
    files: Sequence[File],
    now: datetime.datetime,
) -> Frame:
    parts = collection.parts
    claims = looks.claims | without_results(files, parts)
    why = looks.reasons, claims, looks.unread
    absent = tuple(absent_of(estate, parts, looks.absent, *why, wish.max_age_text))
    twice = [name for name, times in Counter(wish.files).items() if times > 1 and name != "-"]
    remarks = [
        *_refusals(looks),
        *collection.doubts.remarks,
        *(f"{named(name)} is named twice; it counts once" for name in twice),
        *of_ends(files),
        *of_agents(estate, absent, parts, wish.targets is not None),
        *of_strangers(estate, parts),
        *of_identities(parts),
        *of_clocks(files, now),
    ]
    if collection.foreign:
        remarks.append(
            f"{counted(len(collection.foreign), 'result')} of targets that the inventory does not have: left out"
        )
    if (left := len(remarks) - _MOST_REMARKS) > 0:
        remarks[_MOST_REMARKS:] = [f"and {left} more remarks"]
    unseen = _unseen(wish, looks, collection)
    return Frame(estate.inventory, estate.agents, absent, unseen, tuple(remarks), estate.shares, estate.name)


def _unseen(wish: Wish, looks: _Looks, collection: Collection) -> tuple[Target, ...]:
    """Return the targets without a result: of the inventory, or else those that earlier merges name."""
    checked = _checked(collection)
    if wish.targets is not None:
        return tuple(target for place, target in enumerate(wish.targets) if place not in checked)
    named = {identity(target): target for name in looks.left() for target in looks.unseen.get(name, ())}
    return tuple(target for key, target in named.items() if collection.numbers.get(key) not in checked)


def _checked(collection: Collection) -> set[int]:
    """Return the numbers of the targets that have a result."""
    return set[int]().union(*(part.targets for part in collection.parts.values()))


def _refusals(looks: _Looks) -> list[str]:
    return [f"{named(name)} was left out: {why}" for name, why in looks.refused.items()]


def _nothing(wish: Wish, collection: Collection) -> str:
    if any(part.stale for part in collection.parts.values()):
        return f"nothing to merge: every result is older than {wish.max_age_text}; --max-age accepts older ones"
    return "nothing to merge: no file has a result"
