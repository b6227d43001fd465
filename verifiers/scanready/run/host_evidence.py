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
from scanready.model import Check, Outcome, Report, Step, Target, bracketed, host_of

from .ports import met_twice

#: Ports that a fact lists.
_MOST = 16


class _Ports:
    """Collect endpoints, and list the ports beside one of them; an endpoint without a port is left out."""

    __slots__ = ("_at", "_sorted")

    def __init__(self) -> None:
        self._at: dict[str, set[int]] = {}
        self._sorted: dict[str, list[int]] = {}

    def add(self, endpoint: str) -> None:
        """Add an endpoint, as ``10.0.0.7:22``."""
        port = endpoint.rpartition(":")[2]
        if port.isascii() and port.isdigit():
            self._at.setdefault(host_of(endpoint), set()).add(int(port))
            self._sorted.clear()

    def beside(self, endpoint: str) -> tuple[list[int], int]:
        """Return the first of the other ports at the address of an endpoint, in order, and the number of all others."""
        address, own = host_of(endpoint), endpoint.rpartition(":")[2]
        if address not in self._sorted:  # sorted once for all the reports of a host
            self._sorted[address] = sorted(self._at.get(address, ()))
        every = self._sorted[address]
        is_in = own.isascii() and own.isdigit() and int(own) in self._at.get(address, ())
        return [port for port in every[: _MOST + 1] if str(port) != own][:_MOST], len(every) - is_in


class _Host:
    """Hold the evidence of one host so far: its endpoints, and the reports that wait.

    Args:
        left: its targets that have no report yet.
    """

    __slots__ = ("answering", "left", "silent", "waiting")

    def __init__(self, left: int) -> None:
        self.left = left
        self.answering, self.silent = _Ports(), _Ports()
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
            return [_alone(report)] if _timed_out(report) else [report]
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


def _alone(report: Report) -> Report:
    """Return the report of a host's only target, with the evidence of its own ports."""
    host = _Host(0)
    _take_note(report, host)
    return _judged(report, host)


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
    decisive, facts = report.finding, dict(report.facts)
    checks = [_narrowed(check, host) if _is_open(check) else check for check in report.checks]
    for before, check in zip(report.checks, checks, strict=True):
        if check is not before:
            facts.update(check.facts)
            decisive = check.finding if report.finding is before.finding else decisive
    return replace(report, checks=checks, facts=facts, finding=decisive)


def _narrowed(check: Check, host: _Host) -> Check:
    """Return a check whose connection timed out, with the case and the facts that the other ports show."""
    assert check.finding is not None
    answering, silent = host.answering.beside(check.endpoint), host.silent.beside(check.endpoint)
    if answering[1]:
        case, name, ports = "host-answers", HOST_ANSWERS.name, answering[0]
        words = f"; the same host answers at {_listed(*answering)}"
    elif silent[1]:
        case, name, ports = "host-silent", HOST_SILENT.name, silent[0]
        words = f", nor at {_listed(*silent)}"
    else:
        return check
    found = replace(check.finding, cause=common.FILTERED, detail=check.finding.detail + words)
    found = found.narrowed("+".join(filter(None, (case, check.finding.cause.case))))
    address = bracketed(host_of(check.endpoint))
    shown = [f"{address}:{port}" for port in ports]
    return replace(check, finding=found, facts={**check.facts, name: shown})


def _listed(ports: Sequence[int], number: int) -> str:
    """Return the ports in words, at most three of them."""
    more = f" and {number - 3} more" if number > 3 else ""
    return f"{'port' if number == 1 else 'ports'} {', '.join(map(str, ports[:3]))}{more}"
