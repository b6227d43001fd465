"""Find the refusal that a withheld login names: the lockout guard names its place, not its cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scanready.causes import common
from scanready.model import Credential, Finding, Outcome, Owner, Report, Scope, Step, Verdict, bracketed
from scanready.run.any_type import reports_of


@dataclass(frozen=True, slots=True)
class Refusal:
    """Hold one refused login: the agent that made it, the account, what it found, and the verdict of that."""

    agent: str
    account: Credential
    finding: Finding
    step: Step
    verdict: Verdict


class Refusals:
    """Hold the refused logins of an estate by their places.

    Args:
        reports: those of all targets, of every agent. They are read once, and not kept.
    """

    def __init__(self, reports: Iterable[Report] = ()) -> None:
        self._at: dict[str, list[Refusal]] = {}
        for report in reports:
            for one in reports_of(report):
                self._add(one)

    def _add(self, report: Report) -> None:
        account = report.target.credential
        if account is None:
            return
        for check in report.checks:
            found = check.finding
            if check.step is not Step.LOGIN or check.outcome is not Outcome.FAILED or found is None:
                continue
            # As in the lockout guard: only these are a refusal of the account, everywhere or at this host.
            if found.cause.scope is Scope.ACCOUNT or found.cause.owner is Owner.IDENTITY:
                verdict = Verdict.BLOCKED if found.cause.definite else Verdict.UNDECIDED
                refusal = Refusal(report.agent.name, account, found, check.step, verdict)
                target = report.target
                for place in {check.endpoint, f"{bracketed(target.host)}:{target.port}"}:
                    self._at.setdefault(place, []).append(refusal)

    def named_by(self, report: Report) -> Refusal | None:
        """Return the refusal that a report with ``login.withheld`` names; None if it names none that is known.

        A place may have refused several accounts. The one of the same credential counts, or else of the same account
        (a directory knows one account by several names); of several agents, the report's own comes first.
        """
        account, finding = report.target.credential, report.finding
        if account is None or finding is None or finding.cause.code != common.LOGIN_WITHHELD.code:
            return None
        place = finding.detail.partition(" ")[0]
        fitting = [one for one in self._at.get(place, ()) if _alike(one.account, account)]
        return min(
            fitting,
            key=lambda one: (
                one.account.name != account.name,
                one.agent != report.agent.name,
                one.agent,
                one.finding.cause.code,
                one.finding.detail,
            ),
            default=None,
        )


def _alike(one: Credential, other: Credential) -> bool:
    return one.name == other.name or _bare(one.username) == _bare(other.username)


def _bare(username: str) -> str:
    return (username.rpartition("\\")[2].partition("@")[0] or username).casefold()
