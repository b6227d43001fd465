"""Narrow a connection that timed out down to its owners, by the other ports of the host in this run.

A report of such a connection waits for the other targets of its host, so its words do not depend on which ends first.
All other reports go on at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scanready.catalogue.facts import HOST_ANSWERS, HOST_SILENT
from scanready.causes import common, connect
from scanready.model import Check, Facts, Finding, Outcome, Report, Step, Target, host_of

from .ports import met_twice

#: Ports that a fact lists.
_MOST = 16


class _Host:
    """Hold the evidence of one host so far: its endpoints, and the reports that wait.

    Args:
        left: its targets that have no report yet.
    """

    __slots__ = ("answering", "left", "silent", "waiting")

    def __init__(self, left: int) -> None:
        self.left = left
        self.answering: set[str] = set()
        self.silent: set[str] = set()
        self.waiting: list[Report] = []


class HostEvidence:
    """Collects the evidence of a round at each host of several targets.

    Args:
        targets: all that are contacted in the round.
    """

    def __init__(self, targets: Sequence[Target]) -> None:
        several = met_twice(hash(target.host) for target in targets)
        counts = Counter(target.host for target in targets if hash(target.host) in several)
        self._hosts = {host: _Host(count) for host, count in counts.items()}

    def settled(self, report: Report) -> list[Report]:
        """Return the reports that are complete now: this one, unless it waits, and those that waited for it."""
        host = self._hosts.get(report.target.host)
        if host is None:
            return [_judged(report, _Host(0))] if _timed_out(report) else [report]
        host.left -= 1
        _take_note(report, host)
        ready = [] if _timed_out(report) and host.left else [report]
        if not ready:
            host.waiting.append(report)
        if not host.left:
            del self._hosts[report.target.host]
            ready = [*host.waiting, *ready]
        return [_judged(one, host) if _timed_out(one) else one for one in ready]

    def rest(self) -> Iterator[Report]:
        """Return the reports that still wait, of a run that was stopped."""
        for host in self._hosts.values():
            yield from (_judged(one, host) for one in host.waiting)


def _timed_out(report: Report) -> bool:
    return report.finding is not None and any(map(_is_open, report.checks))


def _is_open(check: Check) -> bool:
    """Return whether a connection timed out, and nothing at its own address shows more."""
    cause = check.finding.cause if check.finding else None
    return cause is not None and cause.code == common.FILTERED.code and cause.case in ("", connect.HOSTS_FILE.name)


def _take_note(report: Report, host: _Host) -> None:
    """Take note of the endpoints that answered in any way, and of those that did not."""
    for check in report.checks:
        if check.step is not Step.CONNECT or check.finding is None:
            if check.step is Step.CONNECT and check.outcome is Outcome.PASSED:
                host.answering.add(check.endpoint)
        elif check.finding.cause.code == common.FILTERED.code:
            host.silent.add(check.endpoint)
        elif check.finding.cause.code == common.REFUSED.code:
            host.answering.add(check.endpoint)


def _judged(report: Report, host: _Host) -> Report:
    """Return the report with the evidence of the other ports of its addresses."""
    _take_note(report, host)
    decisive = report.finding
    for check in report.checks:
        found = check.finding
        if found is None or not _is_open(check):
            continue
        check.finding, check.facts = _narrowed(check, host)
        report.facts.update(check.facts)
        if decisive is found:
            report = replace(report, finding=check.finding)
    return report


def _narrowed(check: Check, host: _Host) -> tuple[Finding | None, Facts]:
    """Return the finding and the facts of a connection that timed out."""
    assert check.finding is not None
    address = host_of(check.endpoint)
    others = [one for one in host.answering if host_of(one) == address]
    silent = [one for one in host.silent if host_of(one) == address and one != check.endpoint]
    if others:
        case, name, ports = "host-answers", HOST_ANSWERS.name, others
        words = f"; the same host answers at {_listed(others)}"
    elif silent:
        case, name, ports = "host-silent", HOST_SILENT.name, silent
        words = f", nor at {_listed(silent)}"
    else:
        return check.finding, check.facts
    open_ = replace(check.finding, cause=common.FILTERED, detail=check.finding.detail + words)
    found = open_.narrowed("+".join(filter(None, (case, check.finding.cause.case))))
    return found, {**check.facts, name: _in_order(ports)[:_MOST]}


def _in_order(endpoints: Sequence[str]) -> list[str]:
    return sorted(endpoints, key=lambda endpoint: int(endpoint.rpartition(":")[2]))


def _listed(endpoints: Sequence[str]) -> str:
    """Return the ports in words, at most three of them."""
    ports = [endpoint.rpartition(":")[2] for endpoint in _in_order(endpoints)]
    more = f" and {len(ports) - 3} more" if len(ports) > 3 else ""
    return f"{'port' if len(ports) == 1 else 'ports'} {', '.join(ports[:3])}{more}"
