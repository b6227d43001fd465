"""Find the refusal that a withheld login names: the lockout guard names the place and the account, not the cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scanready.catalogue.facts import REFUSED_ACCOUNT, REFUSED_AT
from scanready.causes import common
from scanready.model import Check, Credential, Finding, Outcome, Owner, Report, Scope, Step, Target, Verdict, bracketed
from scanready.run.any_type import reports_of
from scanready.run.tried_credentials import credential_of

#: An endpoint, and the lockout guard's key of an account.
_Key = tuple[str, tuple[str, str]]
_NOWHERE: _Key = "", ("", "")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold one refused login: the agent that made it, the account, what it found, and the verdict of that."""

    agent: str
    account: Credential
    finding: Finding
    step: Step
    verdict: Verdict


class Refusals:
    """Hold the refused logins of an estate by their endpoints and accounts.

    Args:
        reports: those of all targets, of every agent. They are read once, and not kept.
    """

    def __init__(self, reports: Iterable[Report] = ()) -> None:
        self._at: dict[_Key, list[Refusal]] = {}
        for report in reports:
            for one in reports_of(report):
                self._add(one)

    def _add(self, report: Report) -> None:
        for check in report.checks:
            found = check.finding
            account = credential_of(report, check)
            if account is None or check.step is not Step.LOGIN or check.outcome is not Outcome.FAILED or found is None:
                continue
            # As in the lockout guard: only these are a refusal of the account, everywhere or at this host.
            if found.cause.scope is Scope.ACCOUNT or found.cause.owner is Owner.IDENTITY:
                verdict = Verdict.BLOCKED if found.cause.definite else Verdict.UNDECIDED
                refusal = Refusal(report.agent.name, account, found, check.step, verdict)
                self._at.setdefault((_endpoint(report.target), account.guarded_by), []).append(refusal)

    def named_by(self, report: Report) -> Refusal | None:
        """Return the refusal that a report with ``login.withheld`` names; None if it names none that is known.

        Its facts have the place and the account, and both must be equal. The account is the one that the guard counts:
        the same user of the same authority. A refusal of the same credential comes before others, and then one of
        the report's own agent.
        """
        account, finding = report.target.credential, report.finding
        if account is None or finding is None or finding.cause.code != common.LOGIN_WITHHELD.code:
            return None
        keys = (_named(check) for check in report.checks if check.finding is finding)
        return min(
            self._at.get(next(keys, None) or _NOWHERE, ()),
            key=lambda one: (
                one.account.name != account.name,
                one.agent != report.agent.name,
                one.agent,
                one.finding.cause.code,
                one.finding.detail,
            ),
            default=None,
        )


def _named(check: Check) -> _Key | None:
    """Return the place and the account that a check names. It may come from a file of another host."""
    match check.facts.get(REFUSED_AT.name), check.facts.get(REFUSED_ACCOUNT.name):
        case str() as place, [str() as user, str() as authority]:
            return place, (user, authority)
    return None


def _endpoint(target: Target) -> str:
    """Return the place of a target, as the lockout guard names it."""
    host = bracketed(target.host)
    return f"{host}:{target.port}" if target.port else host
