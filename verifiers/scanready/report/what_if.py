"""Ask of a stored result what would be left after a change: a port that opens, another agent, a good certificate.

An assumption takes away the causes that the change removes, and nothing else. The steps behind them were not measured.
So a result that has no other cause becomes ``undecided`` with ``scanready.assumed``: it is never ``ready`` or
``scannable``. A result that keeps another definite cause stays ``blocked`` by that one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from scanready.catalogue.facts import ASSUMED
from scanready.catalogue.wrong import Wrong, did_you_mean, shown
from scanready.causes import common, unproven
from scanready.model import Check, Finding, Outcome, Report, is_address
from scanready.model.platforms import PLATFORMS
from scanready.model.words import LARGEST_PORT
from scanready.run.registry import catalogue

from .endpoints import evidence
from .estate.ranking import is_missing_permission
from .parse import rejudged
from .serialize import as_object

_CERTIFICATE = {
    cause.code
    for cause in (
        common.TLS_EXPIRED,
        common.TLS_EXPIRES_SOON,
        common.TLS_NAME_MISMATCH,
        common.TLS_UNTRUSTED,
        common.TLS_INTERCEPTED,
    )
}
_HELP = "write agent=PLATFORM, open=HOST:PORT/tcp (or udp), or valid-certificate, as in --assume open=db7:5432/tcp"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One assumed change.

    Attributes:
        text: as the user wrote it.
        removes: whether it removes the cause of a check of a report.
    """

    text: str
    removes: Callable[[Report, Check, Finding], bool]


def assumption(text: str) -> Assumption:
    """Read an assumption as the command line has it.

    Raises:
        Wrong: it is none; the message says what to write.
    """
    what, equals, value = text.partition("=")
    if what == "agent" and equals:
        if value not in PLATFORMS:
            known = ", ".join(PLATFORMS)
            raise Wrong(f"there is no platform {shown(value)}: write {known}{did_you_mean(value, PLATFORMS)}")
        return Assumption(text, _OtherAgent(PLATFORMS[value]).removes)
    if what == "open" and equals:
        return Assumption(text, _opened(value).removes)
    if text == "valid-certificate":
        return Assumption(text, lambda _, __, found: found.cause.code in _CERTIFICATE)
    raise Wrong(f"{shown(text)} is no assumption: {_HELP}")


def assumed(report: Report, assumptions: Sequence[Assumption]) -> Report:
    """Return the report as the assumptions leave it; the same object if they change nothing in it."""
    if report.types:
        types = tuple(assumed(one, assumptions) for one in report.types)
        if all(new is old for new, old in zip(types, report.types, strict=True)):
            return report
        return rejudged(replace(report, types=types))
    checks, used = list[Check](), dict[str, None]()
    for check in report.checks:
        finding = check.finding
        holding = [one.text for one in assumptions if finding and one.removes(report, check, finding)]
        used |= dict.fromkeys(holding)
        checks.append(_removed(check, holding) if holding else check)
    if not used:
        return report
    if not any(map(_is_in_the_way, checks)):
        last = max(place for place, check in enumerate(report.checks) if checks[place] is not check)
        checks.insert(last + 1, _unmeasured(report.checks[last], list(used)))
    return rejudged(replace(report, checks=checks))


def _is_in_the_way(check: Check) -> bool:
    """Return whether a check keeps a result from being better than undecided."""
    unsure = check.finding is not None and (check.tentative or not check.finding.cause.definite)
    return check.outcome is Outcome.FAILED or unsure


@dataclass(frozen=True, slots=True)
class _OtherAgent:
    platform: str

    def removes(self, report: Report, _: Check, finding: Finding) -> bool:
        row = catalogue().get(report.target.type)
        wanted = row.requirements.agent if row else None
        return finding.cause.code == common.PLATFORM_MISMATCH.code and wanted == self.platform


@dataclass(frozen=True, slots=True)
class _Opened:
    host: str
    port: int
    transport: str

    def removes(self, report: Report, check: Check, finding: Finding) -> bool:
        if not is_missing_permission(check, finding):
            return False
        whole = evidence(as_object(report))
        here = {report.target.host.casefold(), *map(_plain, whole.addresses)}
        for host, port, transport in evidence(as_object(replace(report, checks=[check]))).endpoints:
            same_host = _plain(host) == self.host or (self.host in here and _plain(host) in here)
            if same_host and (port, transport) == (self.port, self.transport):
                return True
        return False


def _opened(text: str) -> _Opened:
    place, slash, transport = text.partition("/")
    host, colon, port = place.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    sound = slash and colon and host and transport in ("tcp", "udp") and port.isascii() and port.isdigit()
    if not sound or not 1 <= int(port[:6]) <= LARGEST_PORT or (":" in host and not is_address(host)):
        raise Wrong(f"open={shown(text)}: write a host, a port and a transport, as in open=db7:5432/tcp")
    return _Opened(_plain(host), int(port), transport)


def _plain(host: str) -> str:
    """Return a host as it is compared: an address in its usual form, a name in lower case."""
    address, percent, zone = host.partition("%")
    try:
        return str(ipaddress.ip_address(address)) + percent + zone
    except ValueError:
        return host.casefold().removesuffix(".")


def _removed(check: Check, assumptions: Sequence[str]) -> Check:
    """Return the check without its cause; its summary keeps what was measured."""
    summary = f"assumed ({', '.join(assumptions)}); measured: {check.summary}"
    facts = {**check.facts, ASSUMED.name: list(assumptions)}
    return replace(check, outcome=Outcome.SKIPPED, summary=summary, facts=facts, finding=None, tentative=False)


def _unmeasured(check: Check, assumptions: Sequence[str]) -> Check:
    detail = f"{', '.join(assumptions)} is assumed, and was not measured; nothing else is known to be in the way"
    return Check(check.step, check.endpoint, Outcome.FAILED, detail, finding=Finding(unproven.ASSUMED, detail))
