"""What changed between two runs: new failures, what is fixed, other verdicts, other facts, targets that came and went.

Pure: reports in, a :class:`Comparison` out. Of each report a few words are kept, so that two runs of ten thousand
targets are small. A target is the same if host, type, port and options are; the credential may have changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from scanready.model import Report, Target, Verdict
from scanready.redaction.options import options_shown

from .document import GOOD
from .findings import decisive
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


Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What is kept of a report. ``facts`` maps a fact to a text that can be compared."""

    target: Target
    verdict: Verdict
    code: str | None
    owner: str | None
    step: str | None
    detail: str
    fix: str | None
    facts: dict[str, str]
    waived: bool = False


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
    old, new = (
        {key: _glimpse(report) for key, report in keyed(run) if takes is None or takes(key)} for run in (before, after)
    )
    found = Comparison()
    for key, glimpse in new.items():
        if key in old:
            _sort_in(found, old[key], glimpse)
        else:
            found.added.append(glimpse)
    found.removed = [glimpse for key, glimpse in old.items() if key not in new]
    return found


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
    found: set[Key] = set()
    for report in reports:
        target = report.target
        options = json.dumps(options_shown(target.options), sort_keys=True, default=str)
        key: Key = (target.host, target.type, str(target.port), options)
        if key in found and target.credential is not None:  # the same place, looked at with two accounts
            key = (*key, target.credential.name)
        found.add(key)
        yield key, report


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
