"""A host without a type: every type is tried there, and one report says as what it can be scanned."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Sequence

from scanready.model import GOOD, Footprint, Outcome, Report, Step, Target, Verdict, standing
from scanready.run import timestamps

#: The verdicts of a host, the best of its types first. A type that is undecided stands above one that is blocked.
_BEST_FIRST = (Verdict.SCANNABLE, Verdict.READY, Verdict.LIMITED, Verdict.UNDECIDED, Verdict.BLOCKED)


def flat(targets: Iterable[Target]) -> list[Target]:
    """Return the targets that are contacted: in place of a host without a type, one for each type that is tried."""
    return [one for target in targets for one in (target.tries or (target,))]


def narrowed(targets: Iterable[Target], takes: Callable[[Target], bool]) -> list[Target]:
    """Return the targets that ``takes`` accepts; of a host without a type, also if it accepts only some of its types.

    Then only those types are tried there.
    """
    found = []
    for target in targets:
        if takes(target):
            found.append(target)
        elif tries := tuple(filter(takes, target.tries)):
            found.append(dataclasses.replace(target, tries=tries))
    return found


def reports_of(report: Report) -> Sequence[Report]:
    """Return the reports of the types that were tried on a host without a type, else the report itself."""
    return report.types or (report,)


def answered(report: Report) -> bool:
    """Return True if a connection was made."""
    return any(
        check.step is Step.CONNECT and check.outcome in (Outcome.PASSED, Outcome.WARNED) for check in report.checks
    )


def combined(target: Target, reports: Sequence[Report], day: datetime.date) -> Report:
    """Return the report of a host without a type.

    Verdict, cause and checks are those of the type that leads: the best one that holds. If none holds, a type that
    answered and could not be judged leads, then one that answered and is blocked, then the first that was tried.

    Args:
        target: the host.
        reports: one or more, of the types that were tried, in the order of the catalogue.
        day: the day, in UTC, that a known failure is held against.
    """
    types = sorted(reports, key=rank)
    lead = types[0]
    spent = Footprint()
    for report in types:
        spent.add(report.footprint)
    return dataclasses.replace(
        lead,
        target=target,
        checks=list(lead.checks),
        footprint=spent,
        started=min(report.started for report in types),
        seconds=_seconds(types),
        standing=standing(target.expected, lead.verdict, lead.cause, lead.agent.name, day),
        types=tuple(types),
    )


def rank(report: Report) -> tuple[int, int]:
    """Return the place of a report among those of its host: the least leads."""
    if report.verdict in GOOD:
        return 0, _BEST_FIRST.index(report.verdict)
    if answered(report):
        return 1, _BEST_FIRST.index(report.verdict)
    return 2, int(report.verdict is not Verdict.BLOCKED)


def _seconds(reports: Sequence[Report]) -> float:
    """The wall time from the first beginning to the last end; types are tried side by side."""
    try:
        begun = [timestamps.read(report.started) for report in reports]
    except ValueError:  # of a file that others may have written
        return max(report.seconds for report in reports)
    first = min(begun)
    return max((at - first).total_seconds() + report.seconds for at, report in zip(begun, reports, strict=True))


class Hosts:
    """Collects the reports of hosts without a type until each host has all of its own.

    Args:
        targets: all targets of a round.
        day: the day, in UTC, that known failures are held against.
    """

    def __init__(self, targets: Iterable[Target], day: datetime.date) -> None:
        self._day = day
        self._host: dict[int, Target] = {id(one): target for target in targets for one in target.tries}
        self._reports: dict[int, list[Report]] = {}

    def settled(self, report: Report) -> Report | None:
        """Return what there is to tell now: the report, the report of its host, or None while types are open."""
        host = self._host.get(id(report.target))
        if host is None:
            return report
        so_far = self._reports.setdefault(id(host), [])
        so_far.append(report)
        if len(so_far) < len(host.tries):
            return None
        places = {id(one): place for place, one in enumerate(host.tries)}
        del self._reports[id(host)]
        return combined(host, sorted(so_far, key=lambda one: places[id(one.target)]), self._day)
