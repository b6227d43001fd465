"""Tell what became of each account of a run: accepted or refused, where and when. Nothing comes from a secret."""

from __future__ import annotations

from typing import Any

from scanready.causes import common
from scanready.model import Check, Outcome, Owner, Report, Scope, Step
from scanready.run.any_type import reports_of

#: The most entries of one run. One account that each host judges by itself has an entry a host.
_MOST = 100_000


class Accounts:
    """Collect the logins of a run from its results."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str | None, str | None, str], str] = {}

    def add(self, report: Report) -> None:
        """Take note of the logins of a result."""
        for one in reports_of(report):
            for check in one.checks:
                if one.target.credential is not None and check.step is Step.LOGIN and len(self._found) < _MOST:
                    self._add(one, check)

    def _add(self, report: Report, check: Check) -> None:
        account, outcome = report.target.credential, _outcome(check)
        if account is None or outcome == "":
            return
        key = account.name, account.username, account.authority, outcome, check.endpoint
        self._found[key] = max(report.started, self._found.get(key, ""))

    def as_list(self) -> list[dict[str, Any]]:
        """Return an entry for each account, outcome and place.

        ``outcome`` is "accepted", the code of the cause of a refusal, or None where it is not known whether the server
        counted the login. ``when`` is the beginning of the newest such result, UTC ISO 8601.
        """
        return [
            {"credential": name, "user": user, "authority": authority, "outcome": outcome, "where": where, "when": when}
            for (name, user, authority, outcome, where), when in self._found.items()
        ]


def _outcome(check: Check) -> str | None:
    """Return the outcome as :meth:`Accounts.as_list` has it; empty if the check says nothing about the account."""
    if check.outcome in (Outcome.PASSED, Outcome.WARNED):
        return "accepted"
    cause = check.finding.cause if check.finding else None
    if check.outcome is Outcome.SKIPPED or cause is None or cause is common.LOGIN_WITHHELD:
        return ""
    if cause.scope is Scope.ACCOUNT or cause.owner is Owner.IDENTITY:
        return cause.code
    return None if cause.may_count else ""
