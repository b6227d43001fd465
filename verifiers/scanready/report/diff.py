"""Compare two runs: new failures, fixed targets, changed verdicts and facts, added and removed targets.

Pure: reports in, a :class:`Comparison` out. Only a summary of each report is kept, so that two runs of ten thousand
targets need little memory. Two targets are the same if host, type, port and options are equal; the credential may
differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scanready.model import GOOD, Report, Verdict
from scanready.redaction.options import options_shown

from .findings import decisive
from .glimpse import Glimpse, Key
from .known import is_waived

#: Facts that differ between two checks of an unchanged target, or that repeat the cause.
_PASSING = frozenset(
    {
        "aborted",
        "alert",
        "clock_skew_seconds",
        "code",
        "error_code",
        "errors",
        "host_answers",
        "host_silent",
        "login_banner",
        "neighbour",
        "source_port_below_1024",
        "sqlstate",
        "status",
        "system_time",
        "tried",
        "what",
    }
)
#: Verdicts without a warning: a change from one of these to ``limited`` is reported as worse.
_UNHARMED = (Verdict.SCANNABLE, Verdict.READY)


@dataclass(frozen=True, slots=True)
class Change:
    """One target in both runs. ``facts`` has each changed fact: its name, its value before and after (None: absent)."""

    before: Glimpse
    after: Glimpse
    facts: tuple[tuple[str, str | None, str | None], ...] = ()


@dataclass(slots=True)
class Comparison:
    """All changes between two runs. ``same`` counts the unchanged targets."""

    failures: list[Change] = field(default_factory=list)
    worse: list[Change] = field(default_factory=list)
    fixed: list[Change] = field(default_factory=list)
    verdicts: list[Change] = field(default_factory=list)
    facts: list[Change] = field(default_factory=list)
    added: list[Glimpse] = field(default_factory=list)
    removed: list[Glimpse] = field(default_factory=list)
    same: int = 0

    @property
    def regressions(self) -> int:
        """The number of targets that could be scanned before and now cannot, or have a new warning."""
        return len(self.failures) + len(self.worse)


def compare(
    before: Iterable[Report], after: Iterable[Report], takes: Callable[[Key], bool] | None = None
) -> Comparison:
    """Compare two runs. If ``takes`` is given, only targets whose keys it accepts are compared."""
    differences = Differences(glimpses(before, takes))
    for key, report in keyed(after):
        if takes is None or takes(key):
            differences.add_as(key, report)
    return differences.end()


def glimpses(run: Iterable[Report], takes: Callable[[Key], bool] | None = None) -> dict[Key, Glimpse]:
    """Return the summaries of a run's results, for a comparison with another run."""
    return {key: glimpse_of(report) for key, report in keyed(run) if takes is None or takes(key)}


class Differences:
    """Compare results with those of an earlier run as they arrive; keep only those that differ."""

    def __init__(self, before: Mapping[Key, Glimpse]) -> None:
        self._before, self._keys, self._met = before, _Keys(), set[Key]()
        self._found = Comparison()

    def add(self, report: Report) -> None:
        """Compare one result."""
        self.add_as(self._keys.of(report), report)

    def add_as(self, key: Key, report: Report) -> None:
        """Compare the result with this key; ignore a second result of the same target."""
        if key in self._met:
            return
        self._met.add(key)
        if key in self._before:
            sort_in(self._found, self._before[key], glimpse_of(report))
        else:
            self._found.added.append(glimpse_of(report))

    def end(self, *, whole: bool = True) -> Comparison:
        """Return all differences; if not ``whole``, without the targets that only one of the runs has."""
        if whole:
            self._found.removed = [glimpse for key, glimpse in self._before.items() if key not in self._met]
        else:
            self._found.added = []
        return self._found


def sort_in(found: Comparison, before: Glimpse, after: Glimpse) -> None:
    """Add a target to the list of its gravest change, and to no other list."""
    names = sorted(before.facts.keys() | after.facts.keys())
    facts = tuple(
        (name, before.facts.get(name), after.facts.get(name))
        for name in names
        if before.facts.get(name) != after.facts.get(name)
    )
    change = Change(before, after, facts)
    could, can = before.verdict in GOOD, after.verdict in GOOD
    if could and not can and not after.waived:
        found.failures.append(change)
    elif can and not could:
        found.fixed.append(change)
    elif before.verdict in _UNHARMED and after.verdict is Verdict.LIMITED and not after.waived:
        found.worse.append(change)
    elif (before.verdict, before.code) != (after.verdict, after.code):
        found.verdicts.append(change)
    elif any(was is not None and now is not None for _, was, now in facts) or (can and facts):
        found.facts.append(change)
    else:
        found.same += 1


def keyed(reports: Iterable[Report]) -> Iterator[tuple[Key, Report]]:
    """Yield each report of a run with the key of its target, which is unique in the run."""
    keys = _Keys()
    for report in reports:
        yield keys.of(report), report


class _Keys:
    """Make the keys of a run's targets, in their order."""

    def __init__(self) -> None:
        self._found: set[Key] = set()

    def of(self, report: Report) -> Key:
        target = report.target
        options = json.dumps(options_shown(target.options), sort_keys=True, default=str)
        key: Key = (target.host, target.type, str(target.port), options)
        if key in self._found and target.credential is not None:  # the same target with another account
            key = (*key, target.credential.name)
        self._found.add(key)
        return key


def glimpse_of(report: Report) -> Glimpse:
    """Return the summary of a report."""
    finding, found = report.finding, decisive(report)
    return Glimpse(
        report.target,
        report.verdict,
        finding.cause.code if finding else None,
        finding.owner.value if finding else None,
        (report.finding_step or finding.cause.step).value if finding else None,
        finding.detail if finding else "",
        found.fix if found else None,
        {name: _comparable(value) for name, value in report.facts.items() if name not in _PASSING},
        is_waived(report),
    )


def _comparable(value: Any) -> str:
    """Return a fact as text, lists in sorted order: the order in which a server lists values does not matter."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(sorted(map(_comparable, value)))
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, default=str)
