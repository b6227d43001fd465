"""Store the results of each file under their target and agent; count the old ones and the repeated ones.

A result is believed only as far as its checks prove it. One that contradicts itself, or its file, costs only itself.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scanready.cli.job.prepare import Unusable
from scanready.model import Agent, Credential, Target
from scanready.report.estate.export import MOST_AGENTS
from scanready.report.estate.view import WORSE
from scanready.report.parse import NotAResult, agent_restored, restored
from scanready.report.plain_result import is_plain
from scanready.report.rejudging import Rejudging
from scanready.report.serialize import as_line, identity
from scanready.run import timestamps
from scanready.store import StoreError
from scanready.store.bulk import BulkWriter, Row

from .doubts import Doubts
from .inputs import Input, Unfit

#: The most targets of one estate, and the most results of one merge.
_MOST_TARGETS = 1_000_000
_MOST_RESULTS = 4_000_000
#: Clocks that differ by less than this agree.
CLOCKS = datetime.timedelta(minutes=5)
#: The most descriptions of one agent that are kept to compare them.
_MOST_FORMS = 10

_WORSE = tuple(verdict.value for verdict in WORSE)

Moment = datetime.datetime


@dataclass(slots=True)
class Part:
    """Hold the facts of the files about one agent.

    Attributes:
        number: its place among the agents.
        targets: the numbers of the targets that it has fresh results for.
        stale: a number for each of its results that are too old; ``newest`` is when the newest of them began.
        again: its results that are there a second time.
        torn: its results with the time of another one for the same target, and another content.
        first, last: when its first and its last result began.
        forms: its descriptions: platform, addresses, whether it is assumed.
    """

    number: int
    targets: set[int] = field(default_factory=set)
    stale: set[int] = field(default_factory=set)
    newest: Moment | None = None
    again: int = 0
    torn: int = 0
    first: Moment | None = None
    last: Moment | None = None
    forms: set[tuple[str, tuple[str, ...], bool]] = field(default_factory=set)

    def take(self, other: Part) -> None:
        """Add what one more file says."""
        self.targets |= other.targets
        self.stale |= other.stale
        self.again += other.again
        self.torn += other.torn
        self.newest = max(filter(None, (self.newest, other.newest)), default=None)
        self.first = min(filter(None, (self.first, other.first)), default=None)
        self.last = max(filter(None, (self.last, other.last)), default=None)
        self.forms |= set(list(other.forms)[:_MOST_FORMS])


class Collection:
    """The results of a merge.

    Args:
        store: takes the results.
        now: this moment.
        max_age: a result that began longer ago is stale.
        known: the targets of the inventory, by their identities, in its order; None: every target counts.

    Attributes:
        parts: what the accepted files say, by agent.
        foreign: a number for each result of a target that the inventory does not have.
        doubts: the sentences about results that are not believed as they are.
    """

    def __init__(
        self, store: BulkWriter, now: Moment, max_age: datetime.timedelta, known: Mapping[str, int] | None
    ) -> None:
        self._store, self._whole = store, known is not None
        self._oldest, self._latest = now - max_age, now + CLOCKS
        self._numbers: dict[str, int] = dict(known or {})
        self._file: dict[str, Part] = {}
        self._foreign, self._count = set[int](), 0
        self._current: Mapping[str, Any] = {}
        self._part: Part | None = None
        self._name, self._key = "", ""
        self._judge = Rejudging()
        self._twice: set[str] = set()
        self._doubled: dict[str, tuple[bool, bool]] = {}
        self.parts: dict[str, Part] = {}
        self.foreign: set[int] = set()
        self.doubts = Doubts()

    @property
    def numbers(self) -> Mapping[str, int]:
        """The numbers of the targets, by their identities."""
        return self._numbers

    @property
    def results(self) -> int:
        """The number of results that are stored."""
        return sum(len(part.targets) for part in self.parts.values())

    def add(self, file: Input) -> Mapping[str, Part]:
        """Store the results of a file; return what it says by agent. Nothing of a file that cannot be read stays.

        Raises:
            Unfit: the file has something that is no result, or is another agent's.
            Unusable: the store cannot be written.
        """
        self._file, self._foreign, self._count = {}, set(), self.results
        self._twice, self._doubled = set(), {}
        self._current, self._part, self._name = {}, None, ""
        before, begun = len(self._numbers), _earliest(file)
        self.doubts.begin(file.name)
        try:
            for place, (line, result) in enumerate(file.results(), 1):
                try:
                    self._add(line, result, file, begun)
                except NotAResult as error:
                    self.doubts.leave(place, result, str(error))
            self._require_one()
            self._store.accept()
            self.doubts.end()
        except StoreError as error:  # of another kind than the errors of the file
            raise Unusable(str(error)) from error
        except BaseException:
            self.doubts.drop()
            self._store.reject()
            for key in list(self._numbers)[before:]:
                del self._numbers[key]
            raise
        for name, part in self._file.items():
            self.parts.setdefault(name, Part(part.number)).take(part)
        self.foreign |= self._foreign
        return self._file

    def _require_one(self) -> None:
        """Check that the file has a result that is not left out, if it has any.

        Raises:
            Unfit: it has none.
        """
        some = self._foreign or any(part.targets or part.stale for part in self._file.values())
        if self.doubts.first_left and not some:
            raise Unfit(f"none of its results can be used; {self.doubts.first_left}")

    def _add(self, line: str, result: Any, file: Input, begun: Moment | None) -> None:
        self._count += 1
        if self._count > _MOST_RESULTS:
            raise Unfit(f"with it the merge has more than {_MOST_RESULTS:,} results")
        if self._part is None or not is_plain(result, self._current):
            restored(result)
            self._turn_to(result["agent"], file)
        if (judged := self._judge.judged(result)) is not None:
            self.doubts.judge(result, judged)
            line, result = as_line(judged), {**result, "verdict": judged.verdict.value}
        part, started = self._part, _moment(result["started"])
        assert part is not None
        if begun is not None and started < begun:
            raise NotAResult(f"it began on {result['started'][:40]}, before its run")
        self._key = _identity(result["target"])
        if started < self._oldest:
            part.stale.add(hash((self._key, started)))
            part.newest = started if part.newest is None else max(part.newest, started)
            return
        number = self._number()
        if number is None:
            self._foreign.add(hash((self._key, self._name)))
            return
        part.first = started if part.first is None else min(part.first, started)
        part.last = started if part.last is None else max(part.last, started)
        row = Row(number * MOST_AGENTS + part.number, f"{self._key}@{self._name}", result["verdict"], line)
        earlier = self.parts.get(self._name)
        if file.is_export and (row.key in self._twice or number in part.targets):
            self._withdraw(row.key, number, part)
        if number in part.targets or (earlier and number in earlier.targets):
            self._choose(row, result, part)
        else:
            self._store.add(row)
        part.targets.add(number)

    def _choose(self, row: Row, result: Any, part: Part) -> None:
        """Keep the later one of two results of one agent and target, whichever of their files is read first.

        One of a moment to come is the earlier one: the clock of its agent was set back since.
        If both began at the same time, the one with the worse verdict counts: nothing says which is true.
        """
        part.again += 1
        other = json.loads(self._store.stored(row.key))
        newer, stored = self._order(result, row.line), self._order(other, json.dumps(other))
        torn = newer[:2] == stored[:2] and newer != stored
        part.torn += torn
        self._doubled[row.key] = True, torn
        if newer > stored:
            self._store.replace(row)

    def _order(self, result: Any, line: str) -> tuple[bool, Moment, int, str]:
        """Return what tells which of two results of one agent and target counts: the greatest one."""
        content, began = json.dumps(json.loads(line), sort_keys=True), _moment(result["started"])
        return began <= self._latest, began, _WORSE.index(result["verdict"]), content

    def _withdraw(self, key: str, number: int, part: Part) -> None:
        """Take back a result of an export that has another one for the same target: nothing says which is true.

        Raises:
            NotAResult: always.
        """
        if key not in self._twice:
            self._store.withdraw(key)
            part.targets.discard(number)
            again, torn = self._doubled.pop(key, (False, False))
            part.again, part.torn = part.again - again, part.torn - torn
        self._twice.add(key)
        raise NotAResult("the export has two results for this target, which no agent writes; neither counts")

    def _number(self) -> int | None:
        """Return the number of the current target; None if it is not in the inventory."""
        number = self._numbers.get(self._key)
        if number is None and not self._whole:
            if len(self._numbers) >= _MOST_TARGETS:
                raise Unfit(f"with it the estate has more than {_MOST_TARGETS:,} targets")
            number = self._numbers[self._key] = len(self._numbers)
        return number

    def _turn_to(self, described: Mapping[str, Any], file: Input) -> None:
        """Take the agent of the next results.

        Raises:
            Unfit: the file speaks for another one, or there are too many.
        """
        agent = agent_restored(described)
        if not agent.name.strip():
            raise NotAResult("its agent has no name")
        if any("\ud800" <= letter <= "\udfff" for letter in agent.name):
            raise NotAResult("the name of its agent is no Unicode text")
        if file.agent is not None and agent.name != file.agent.name:
            raise NotAResult(f"it is the export of {file.agent.name[:80]!r} and has a result of {agent.name[:80]!r}")
        self._current, self._name = described, agent.name
        if agent.name not in self._file:
            known = self.parts.get(agent.name)
            number = known.number if known else len(self.parts.keys() | self._file.keys())
            if number >= MOST_AGENTS:
                raise Unfit(f"with it the estate has more than {MOST_AGENTS:,} agents")
            self._file[agent.name] = Part(number)
        self._part = self._file[agent.name]
        if len(self._part.forms) < _MOST_FORMS:
            self._part.forms.add(_form(agent))


def _earliest(file: Input) -> Moment | None:
    """Return the moment before which no result of an export can have begun; None if it does not say."""
    if not file.is_export:
        return None
    try:
        return _moment(file.started) - CLOCKS
    except NotAResult:
        return None


def _form(agent: Agent) -> tuple[str, tuple[str, ...], bool]:
    return agent.platform, tuple(sorted(agent.addresses)), agent.assumed


def _moment(text: str) -> Moment:
    try:
        return timestamps.read(text)
    except ValueError:
        raise NotAResult(f"the time {text[:40]!r} is not one of ISO 8601, of the years 1000 to 9000") from None


def _identity(target: Mapping[str, Any]) -> str:
    account = target.get("credential")
    credential = Credential(account, "") if account is not None else None
    return identity(Target(target["host"], target["type"], target["port"], target["options"], credential))
