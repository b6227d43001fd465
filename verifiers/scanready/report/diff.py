"""What changed between two runs: new failures, what is fixed, other verdicts, other facts, targets that came and went.

Pure: reports in, a :class:`Comparison` out. Of each report a few words are kept, so that two runs of ten thousand
targets are small. A target is the same if host, type, port and options are; the credential may have changed.
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

#: What differs from one look to the next without anything having changed, or says again what the cause says.
_PASSING = frozenset(
    {
        "aborted",
        "alert",
        "clock_skew_seconds",
        "code",
        "error_code",
        "errors",
        "login_banner",
        "source_port_below_1024",
        "sqlstate",
        "status",
        "system_time",
        "tried",
        "what",
    }
)
#: Worse than before, though a scan would still run: only this step down says that something broke.
_UNHARMED = (Verdict.SCANNABLE, Verdict.READY)


@dataclass(frozen=True, slots=True)
class Change:
    """One target in both runs. ``facts`` has what changed: the name, before and after (None: not there)."""

    before: Glimpse
    after: Glimpse
    facts: tuple[tuple[str, str | None, str | None], ...] = ()


@dataclass(slots=True)
class Comparison:
    """Everything that is not as it was. ``same`` counts the targets about which nothing is to be told."""

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
        """How many targets could be scanned before and now cannot, or not as well."""
        return len(self.failures) + len(self.worse)


def compare(
    before: Iterable[Report], after: Iterable[Report], takes: Callable[[Key], bool] | None = None
) -> Comparison:
    """Compare two runs; only the targets whose keys ``takes`` accepts, if it is given."""
    differences = Differences(glimpses(before, takes))
    for key, report in keyed(after):
        if takes is None or takes(key):
            differences.add_as(key, report)
    return differences.end()


def glimpses(run: Iterable[Report], takes: Callable[[Key], bool] | None = None) -> dict[Key, Glimpse]:
    """Return what is kept of a run to compare another one with."""
    return {key: _glimpse(report) for key, report in keyed(run) if takes is None or takes(key)}


class Differences:
    """Compares results with those of an earlier run as they come; keeps those that differ."""

    def __init__(self, before: Mapping[Key, Glimpse]) -> None:
        self._before, self._keys, self._met = before, _Keys(), set[Key]()
        self._found = Comparison()

    def add(self, report: Report) -> None:
        """Compare one result."""
        self.add_as(self._keys.of(report), report)

    def add_as(self, key: Key, report: Report) -> None:
        """Compare the result that has this key; of a target that comes twice, the first one."""
        if key in self._met:
            return
        self._met.add(key)
        if key in self._before:
            _sort_in(self._found, self._before[key], _glimpse(report))
        else:
            self._found.added.append(_glimpse(report))

    def end(self, *, whole: bool = True) -> Comparison:
        """Return everything that differs; if not ``whole``, nothing is said of targets that are in one run only."""
        if whole:
            self._found.removed = [glimpse for key, glimpse in self._before.items() if key not in self._met]
        else:
            self._found.added = []
        return self._found


def _sort_in(found: Comparison, before: Glimpse, after: Glimpse) -> None:
    """Put a target where it belongs; each is told once, under the gravest that is to be said of it."""
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
    """Yield each report of a run with the key that tells its target from every other one."""
    keys = _Keys()
    for report in reports:
        yield keys.of(report), report


class _Keys:
    """Makes the keys of a run's targets, in their order."""

    def __init__(self) -> None:
        self._found: set[Key] = set()

    def of(self, report: Report) -> Key:
        target = report.target
        options = json.dumps(options_shown(target.options), sort_keys=True, default=str)
        key: Key = (target.host, target.type, str(target.port), options)
        if key in self._found and target.credential is not None:  # the same place, looked at with two accounts
            key = (*key, target.credential.name)
        self._found.add(key)
        return key


def _glimpse(report: Report) -> Glimpse:
    finding, told = report.finding, decisive(report)
    return Glimpse(
        report.target,
        report.verdict,
        finding.cause.code if finding else None,
        finding.owner.value if finding else None,
        (report.finding_step or finding.cause.step).value if finding else None,
        finding.detail if finding else "",
        told.fix if told else None,
        {name: _comparable(value) for name, value in report.facts.items() if name not in _PASSING},
        is_waived(report),
    )


def _comparable(value: Any) -> str:
    """A fact as text; the order in which a server lists things is none of its facts."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(sorted(map(_comparable, value)))
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, default=str)
