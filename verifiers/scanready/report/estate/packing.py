"""Pack the matrix of an estate view: each distinct ladder once for all agents, and one line for each target.

Every result becomes a row of :mod:`scanready.report.formats.packing` first. Before that, further placeholders replace
what belongs to the agent (its object, name and addresses) and the seconds of skipped checks, so the agents share their
ladders. The lines of the matrix are lists whose first element is their kind:

* ``[2, column, object, [address, ...]]``: the agent of a column as its results have it, before its first result.
* ``[0, ladder, verdict, cause, owner]``: the next *kind* of result: a ladder, as in a row of the other page, with what
  filters need. Two hosts named ``ready`` and ``blocked`` can share a template and differ in their verdicts.
* ``[1, host, name, type, states, tokens, values, estate]``: a target. ``states`` has a number for each column: 0 if
  the agent is not assigned, 1 if its result is missing, or 2 and more for a kind. ``values`` has one text for each
  result, separated by spaces: how many tokens it has, the tokens (twice their place in ``tokens``, or one more than
  twice the milliseconds since ``clock``), and its seconds in millionths. An empty text marks a result without
  placeholders. A target without any result has its object at the end.
* ``[3, text]``: the next text that estate verdicts refer to by its number.

Numbers are those of :mod:`.numerals`. The joined texts are the original ones, byte for byte.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from scanready.model import Agent, Report
from scanready.redaction.workflow import harmless_json
from scanready.report.formats.packing import MOST_LADDERS, Packer, Unpacker
from scanready.report.serialize import agent_object, as_line, target_object

from .numerals import read, written
from .view import AgentColumn, Row

#: The members of the page's object ``estate`` that an unpacker needs.
AGENTS = ("columns", "clock")
#: The kinds of lines.
KIND, TARGET, AGENT, TEXT = 0, 1, 2, 3
#: The states of a cell without a result, and the first one of a cell with one.
NOT_ASSIGNED, MISSING, FIRST = 0, 1, 2
#: Placeholders: the agent's object, its name, the seconds of a skipped check, and the agent's addresses, by number.
_OBJECT, _NAME, _ZERO, _ADDRESS = "\ue002", "\ue003", "\ue004", 0xE005
_MOST_ADDRESSES = 0xE010 - _ADDRESS
_OURS = re.compile("[\ue002-\ue00f]")
_SKIPPED = '"seconds":0.0,'
#: The kinds that are known by their number. Writer, reader and script count in the same way.
MOST_KINDS = 40_000
_MOST_COLUMNS = 10_000
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)


def clock_of(started: str) -> int:
    """Return the milliseconds since 1970 of a time, which times of a page are relative to; 0 if it is none."""
    return _milliseconds(started) or 0


class _Words:
    """The texts that the results of one agent have in common, and their placeholders."""

    def __init__(self, agent: Agent) -> None:
        self.object = json.dumps(agent_object(agent), separators=(",", ":"))
        self.addresses = [address for address in agent.addresses[:_MOST_ADDRESSES] if len(address) > 3]
        places = {address: chr(_ADDRESS + place) for place, address in enumerate(self.addresses)}
        self._places = places
        ends = {address: r"(?![0-9A-Za-z:])" if ":" in address else r"(?![0-9]|\.[0-9])" for address in places}
        any_of = "|".join(re.escape(address) + end for address, end in ends.items())
        self._addresses = re.compile(rf"(?<![0-9A-Za-z:.])(?:{any_of})") if any_of else None
        self._name = json.dumps(agent.name)[1:-1]

    def replaced(self, text: str, host: str) -> str:
        """Return a text with placeholders for what belongs to the agent."""
        text = text.replace(self.object, _OBJECT)
        # A host that has the agent's name in its own keeps it: otherwise the host would not be found.
        if len(self._name) > 2 and self._name not in host:
            text = text.replace(self._name, _NAME)
        if self._addresses and any(address in text for address in self._places):
            text = self._addresses.sub(lambda found: self._places[found[0]], text)
        return text.replace(_SKIPPED, f'"seconds":{_ZERO},')


class MatrixPacker:
    """Pack the rows of an estate view, one after another.

    Args:
        columns: its agents.
        clock: milliseconds since 1970; times of the rows are relative to it.
    """

    def __init__(self, columns: Sequence[AgentColumn], clock: int) -> None:
        self._columns = {column.name: place for place, column in enumerate(columns)}
        self._clock = clock
        self._agents: dict[str, _Words] = {}
        self._packer = Packer(())
        self._ladders = self._count = 0
        self._kinds: dict[tuple[int | None, str, str, str], int] = {}

    def lines(self, row: Row, stories: dict[str, str], estate: list[Any]) -> Iterator[str]:
        """Yield the lines of a target as JSON, those of its new kinds first.

        Args:
            row: the target with its results.
            stories: more about each result by agent, as ASCII JSON on one line.
            estate: what the page shows of its estate verdict, as JSON types.
        """
        host, states, values = row.target.host, [NOT_ASSIGNED] * len(self._columns), list[str]()
        tokens: dict[str, int] = {}
        for name in (*row.expected, *row.verdict.missing):
            if name in self._columns:
                states[self._columns[name]] = MISSING
        for name, column in self._columns.items():
            if (report := row.reports.get(name)) is None:
                continue
            if name not in self._agents:
                self._agents[name] = words = _Words(report.agent)
                yield as_ascii([AGENT, column, words.object, words.addresses])
            packed = self._packed(report, stories[name], host)
            kind, line = self._kind(packed[0], report)
            if line:
                yield line
            states[column] = FIRST + kind
            values.append(self._values(packed, tokens))
        shown = [TARGET, host, row.name, row.target.type, written(states), " ".join(tokens), " ".join(values), estate]
        if not values:
            shown.append(target_object(row.target))
        yield as_ascii(shown)

    def _packed(self, report: Report, story: str, host: str) -> list[Any]:
        line, words = as_line(report), self._agents[report.agent.name]
        if "\\ue0" not in line and "\\ue0" not in story:
            encoded = json.dumps(host)
            line, story = words.replaced(line, encoded), words.replaced(story, encoded)
        row: list[Any] = json.loads(self._packer.row(line, story, host))
        return row

    def _kind(self, ladder: Any, report: Report) -> tuple[int, str]:
        """Return the number of a kind, and its line if the kind is new."""
        number: int | None = None
        if isinstance(ladder, int):
            number = ladder
        elif self._ladders < MOST_LADDERS:
            number, self._ladders = self._ladders, self._ladders + 1
        code, owner = (report.cause.code, str(report.owner)) if report.cause else ("", "")
        key = (number, report.verdict.value, code, owner)
        if number is not None and key in self._kinds:
            return self._kinds[key], ""
        if number is not None and self._count < MOST_KINDS:
            self._kinds[key] = self._count
        self._count += 1
        return self._count - 1, _encode([KIND, ladder, *key[1:]])

    def _values(self, packed: list[Any], tokens: dict[str, int]) -> str:
        if packed[1] is None:
            return ""
        kept = packed[2].split(" ") if packed[2] else []
        return written([len(kept), *(self._token(token, tokens) for token in kept), *packed[3:]])

    def _token(self, token: str, tokens: dict[str, int]) -> int:
        since = _milliseconds(token)
        if since is not None and 0 <= since - self._clock < 10**12:
            return 2 * (since - self._clock) + 1
        return 2 * tokens.setdefault(token, len(tokens))


@dataclass(slots=True)
class _Kind:
    """A kind of result: its ladder as a row has it, a list of parts up to its first use."""

    ladder: Any


@dataclass(slots=True)
class MatrixUnpacker:
    """Restore the results from the lines of a matrix, in their order. The lines are untrusted input.

    Args:
        names: of the agents, one a column, in their JSON form without the quotes.
        clock: as the packer's.
        most: the most characters of all results and stories together.
        longest: the most characters of one result or story.
    """

    names: Sequence[str]
    clock: int
    most: int
    longest: int
    _unpacker: Unpacker = field(init=False)
    _agents: dict[int, dict[str, str]] = field(init=False, default_factory=dict)
    _known: list[_Kind] = field(init=False, default_factory=list)
    _recent: dict[int, _Kind] = field(init=False, default_factory=dict)
    _count: int = field(init=False, default=0)
    _ladders: int = field(init=False, default=0)
    _left: int = field(init=False)

    def __post_init__(self) -> None:
        self._unpacker, self._left = Unpacker(self.most, self.longest), self.most

    def texts(self, line: Any) -> list[tuple[str, str]]:
        """Return the lines of the results, and their stories, that a line of the matrix has.

        Raises:
            ValueError: the line is damaged, or too long.
        """
        match line:
            case [0, (int() | list()) as ladder, *_] if not isinstance(ladder, bool):
                self._add(_Kind(ladder))
            case [2, int() as column, str() as shown, list() as addresses]:
                self._introduce(column, shown, addresses)
            case [3, str()]:
                return []
            case [1, str() as host, str(), str(), str() as states, str() as tokens, str() as values, *_]:
                return list(self._results(host, states, tokens.split(" "), values))
            case _:
                raise ValueError("a line of the matrix is damaged")
        return []

    def _add(self, kind: _Kind) -> None:
        if len(self._known) < MOST_KINDS:
            self._known.append(kind)
        elif len(self._recent) < _MOST_COLUMNS:
            self._recent[self._count] = kind
        else:
            raise ValueError("the matrix has too many kinds of results in one row")
        self._count += 1

    def _introduce(self, column: int, shown: str, addresses: list[Any]) -> None:
        if not 0 <= column < len(self.names) or not all(isinstance(address, str) for address in addresses):
            raise ValueError("an agent of the matrix is damaged")
        of_addresses = {chr(_ADDRESS + place): address for place, address in enumerate(addresses[:_MOST_ADDRESSES])}
        self._agents[column] = of_addresses | {_OBJECT: shown, _NAME: self.names[column], _ZERO: "0.0"}

    def _results(self, host: str, states: str, tokens: list[str], values: str) -> Iterator[tuple[str, str]]:
        found = [(column, state - FIRST) for column, state in enumerate(read(states)) if state >= FIRST]
        cells = values.split(" ")
        if found and len(cells) != len(found):
            raise ValueError("a row of the matrix is damaged")
        for (column, number), cell in zip(found, cells, strict=False):
            kind = self._known[number] if number < len(self._known) else self._recent.get(number)
            if kind is None or column not in self._agents:
                raise ValueError("a row of the matrix is damaged")
            yield self._result(kind, self._row(kind.ladder, host, tokens, cell), self._agents[column])
        self._recent.clear()

    def _result(self, kind: _Kind, row: list[Any], agent: dict[str, str]) -> tuple[str, str]:
        line, story = self._unpacker.texts(row)
        if isinstance(kind.ladder, list) and self._ladders < MOST_LADDERS:
            kind.ladder, self._ladders = self._ladders, self._ladders + 1
        return self._restored(line, agent), self._restored(story, agent)

    def _restored(self, text: str, agent: dict[str, str]) -> str:
        longer = sum(text.count(placeholder) * len(value) for placeholder, value in agent.items())
        self._left -= longer
        if len(text) + longer > self.longest or self._left < 0:
            raise ValueError("a row of the page is too long, or all rows together are")
        return _OURS.sub(lambda found: agent.get(found[0], found[0]), text)

    def _row(self, ladder: Any, host: str, tokens: list[str], cell: str) -> list[Any]:
        if not cell:
            return [ladder, None]
        count, *numbers = read(cell)
        kept, seconds = numbers[:count], numbers[count:]
        return [ladder, host, " ".join(self._text(number, tokens) for number in kept), *seconds]

    def _text(self, number: int, tokens: list[str]) -> str:
        if number % 2:
            return _time(self.clock + number // 2)
        if number // 2 >= len(tokens):
            raise ValueError("a row of the matrix is damaged")
        return tokens[number // 2]


def unpacker_of(estate: Any, most: int, longest: int) -> MatrixUnpacker:
    """Return the unpacker of a page.

    Args:
        estate: the page's object of that name, as it was read.
        most, longest: as the unpacker's.

    Raises:
        ValueError: the object is damaged.
    """
    match estate:
        case {"columns": list() as columns, "clock": int() as clock} if len(columns) <= _MOST_COLUMNS:
            names = [json.dumps(column[0])[1:-1] for column in columns if isinstance(column, list) and column]
            if len(names) == len(columns):
                return MatrixUnpacker(names, clock, most, longest)
    raise ValueError("the agents of the matrix are damaged")


def unseen_in(line: Any) -> Any:
    """Return the target of a line that has no result, as JSON types; None for every other line."""
    return line[8] if isinstance(line, list) and len(line) > 8 and line[0] == TARGET else None


def _milliseconds(text: str) -> int | None:
    """Return the milliseconds since 1970 of a time in the one form that they give back; None for other texts."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return (datetime.datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None


def _time(milliseconds: int) -> str:
    try:
        time = _EPOCH + milliseconds * _MILLISECOND
    except OverflowError:
        raise ValueError("a time of the page is damaged") from None
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _encode(line: list[Any]) -> str:
    return harmless_json(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def as_ascii(line: list[Any]) -> str:
    """Return a line without placeholders as ASCII JSON; a text with half a character in it stays harmless."""
    return harmless_json(json.dumps(line, separators=(",", ":")))
