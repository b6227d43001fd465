"""Try the accounts of a target one after another until one is not refused; say which it was, and why not the others.

A further account is tried only after a refusal: an end that says nothing about the account, such as a time-out, ends
the tries. Each refusal is a failed login in the log of the host, whatever the account, and hosts ban an address that
has many. So no further account is tried at a host that has refused as many logins as the run permits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from scanready.catalogue.facts import ADDRESSES, CREDENTIAL, REFUSED_AT, REFUSED_CREDENTIALS
from scanready.causes import common
from scanready.climb.journal import Effect, effect_of
from scanready.model import Check, Credential, Facts, Finding, Outcome, Report, Step, Target, host_of

from .tried_credentials import HELD

_REFUSALS = (Effect.REFUSED, Effect.REFUSED_HERE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An account that a target refused.

    Attributes:
        account: the account.
        report: of the climb that it ended.
        check: the login.
        finding: its cause.
        withheld: the login was not made, because the account was refused before.
    """

    account: Credential
    report: Report
    check: Check
    finding: Finding
    withheld: bool

    @classmethod
    def of(cls, report: Report) -> Refusal | None:
        """Return the refusal that ended a climb; None if another cause did, or none."""
        account = report.target.credential
        for check in report.checks if account is not None else ():
            found = check.finding
            if check.step is not Step.LOGIN or check.outcome is not Outcome.FAILED or found is None:
                continue
            withheld = found.cause is common.LOGIN_WITHHELD and REFUSED_AT.name in check.facts
            if account and (withheld or effect_of(found.cause, local=False) in _REFUSALS):
                return cls(account, report, check, found, withheld)
        return None

    @property
    def by_this_host(self) -> bool:
        """Whether the target's own host refused the account, now or before."""
        place = str(self.check.facts.get(REFUSED_AT.name))
        return not self.withheld or host_of(place).casefold() in _hosts(self.report)


class HostRefusals:
    """Count the refused logins of each host in one run, and let one further account at a time be tried there.

    Args:
        most: refusals of one host, from which on no further account is tried there.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._refused: dict[str, set[tuple[str, str]]] = {}
        self._accepted: dict[str, set[tuple[str, str]]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    def take_note(self, report: Report) -> None:
        """Count the refusal of a report, if it has one, for each name and address of its host; note an acceptance."""
        refusal, account = Refusal.of(report), report.target.credential
        if refusal is not None and not refusal.withheld:
            self._add(self._refused, report, refusal.account)
        elif account is not None and any(one.step is Step.LOGIN and one.outcome in HELD for one in report.checks):
            self._add(self._accepted, report, account)

    def _add(self, known: dict[str, set[tuple[str, str]]], report: Report, account: Credential) -> None:
        for host in _hosts(report):
            known.setdefault(host, set()).add(account.guarded_by)

    def count(self, hosts: set[str]) -> int:
        """Return the number of refusals of a host with these names and addresses."""
        return max(len(self._refused.get(host, ())) for host in hosts)

    @contextlib.asynccontextmanager
    async def further_try(self, account: Credential, hosts: set[str], least: int) -> AsyncIterator[bool]:
        """Hold the right to try a further account at a host; False if one more refusal would be too many.

        Only one is tried there at a time, since each may be refused; one that the host has accepted will not be.
        ``least`` is the number of refusals that are known otherwise, as of an earlier part of the run.
        """
        async with contextlib.AsyncExitStack() as held:
            for host in sorted(hosts):
                await held.enter_async_context(self._turns.setdefault(host, asyncio.Lock()))
            accepted = any(account.guarded_by in self._accepted.get(host, ()) for host in hosts)
            yield accepted or max(self.count(hosts), least) < self.most


async def first_accepted(
    target: Target, climb: Callable[[Target], Awaitable[Report | None]], refusals: HostRefusals
) -> Report | None:
    """Climb with one account after another until one is not refused; return the climbs as one report.

    The report still needs its conclusion: it has the checks of all climbs, and the verdict of one.

    Args:
        target: has alternatives.
        climb: climbs with the target's ``credential``; it returns None once the run is stopped.
        refusals: those of the whole run; each climb is noted there as it ends.

    Returns:
        the report; None if the run was stopped before its end.
    """
    refused: list[Refusal] = []
    left: list[Credential] = []
    for account in target.credentials:
        hosts = {target.host.casefold()}.union(*(_hosts(one.report) for one in refused))
        least = sum(one.by_this_host for one in refused)
        turn = refusals.further_try(account, hosts, least) if refused else contextlib.nullcontext(True)
        async with turn as permitted:
            if not permitted:
                left.append(account)  # the host may have accepted one of the next
                continue
            report = await climb(replace(target, credential=account, alternatives=()))
        if report is None:
            return None
        if (refusal := Refusal.of(report)) is None:
            return _joined(target, refused, last=report)
        refused.append(refusal)
    return _joined(target, refused, withheld=_too_many(target, left, refused, refusals.most) if left else None)


def _hosts(report: Report) -> set[str]:
    """Return the names by which the host of a report is known: the target's, and its addresses."""
    addresses = report.facts.get(ADDRESSES.name)
    listed = addresses if isinstance(addresses, (list, tuple)) else ()
    return {report.target.host.casefold(), *(str(one).casefold() for one in listed)}


def _too_many(target: Target, left: Sequence[Credential], refused: Sequence[Refusal], most: int) -> Check:
    """Return a failed check for the accounts that were not tried."""
    names, were = ", ".join(repr(one.name) for one in left), "was" if len(left) == 1 else "were"
    detail = (
        f"{target.host} has refused as many logins as a run permits (--max-attempts {most}); {names} {were} not tried, "
        "so that the host does not ban this agent"
    )
    finding = Finding(common.LOGIN_WITHHELD, detail)
    return Check(Step.LOGIN, refused[-1].check.endpoint, Outcome.FAILED, detail, finding=finding)


def _joined(
    target: Target, refused: Sequence[Refusal], *, last: Report | None = None, withheld: Check | None = None
) -> Report:
    """Return one report of several climbs: the checks of the last one, with the refusals at the login.

    Args:
        target: with all of its accounts.
        refused: those that were refused, in their order.
        last: the climb that ended otherwise; None if there was none.
        withheld: the check for the accounts that were not tried; None if all were.
    """
    base = last or refused[-1].report
    checks = [check for check in base.checks if not refused or check is not refused[-1].check]
    if last is not None and last.target.credential is not None:
        checks = _named(checks, last.target.credential, refused)
    let_in = last is not None and any(check.step is Step.LOGIN and check.outcome in HELD for check in checks)
    told = _all_refused(refused) if last is None and withheld is None else _passed_over(refused, let_in=let_in)
    at = next((place for place, check in enumerate(checks) if check.step.height >= Step.LOGIN.height), len(checks))
    checks[at:at] = [*told, withheld] if withheld else told
    climbs = [*(one.report for one in refused), *([last] if last else [])]
    seconds = sum(one.seconds for one in climbs)
    joined = replace(base, target=target, checks=checks, started=climbs[0].started, seconds=seconds)
    for one in climbs:
        if one is not base:
            joined.footprint.add(one.footprint)
    return joined


def _all_refused(refused: Sequence[Refusal]) -> list[Check]:
    """Return the failed logins if no account is left.

    A refusal that is not certain leads: its account may be the right one, so the verdict is ``undecided``.
    """
    if not all(one.finding.cause.definite for one in refused):
        return [_told(refused, at, fails=not one.finding.cause.definite) for at, one in enumerate(refused)]
    checks = [_told(refused, at, fails=True) for at in range(len(refused))]
    findings = [check.finding for check in checks if check.finding is not None]
    alike = [one.detail for one in findings if one.cause is findings[0].cause]
    checks[0].finding = replace(findings[0], detail="; ".join(alike))  # an output shows one detail of each cause
    return checks


def _passed_over(refused: Sequence[Refusal], *, let_in: bool) -> list[Check]:
    """Return the refused logins if another account decides: they fail nothing, and have no cause if it is let in."""
    return [
        _told(refused, at, fails=False, has_cause=one.finding.cause.definite and not let_in)
        for at, one in enumerate(refused)
    ]


def _told(refused: Sequence[Refusal], at: int, *, fails: bool, has_cause: bool = True) -> Check:
    """Return the login of the refused account at a place, with its name and those refused until then."""
    one = refused[at]
    name = one.account.name
    return replace(
        one.check,
        outcome=Outcome.FAILED if fails else Outcome.SKIPPED,
        summary=f"{name!r}: {one.check.summary}",
        facts={**one.check.facts, CREDENTIAL.name: name, REFUSED_CREDENTIALS.name: _codes(refused[: at + 1])},
        finding=replace(one.finding, detail=f"{name!r}: {one.finding.detail}") if has_cause else None,
    )


def _named(checks: list[Check], account: Credential, refused: Sequence[Refusal]) -> list[Check]:
    """Return the checks of the last climb; its login says whose it was, and which accounts were refused before."""
    facts: Facts = {CREDENTIAL.name: account.name}
    facts |= {REFUSED_CREDENTIALS.name: _codes(refused)} if refused else {}
    return [
        replace(check, facts={**check.facts, **facts}, summary=f"{account.name!r}: {check.summary}")
        if check.step is Step.LOGIN and check.outcome is not Outcome.SKIPPED
        else check
        for check in checks
    ]


def _codes(refused: Sequence[Refusal]) -> dict[str, str]:
    return {one.account.name: one.finding.cause.code for one in refused}
