"""Tell what became of each account of a run: accepted or refused, where and when. Nothing comes from a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from scanready.catalogue.facts import ACCOUNT_PROVEN, REFUSAL_AMBIGUOUS, UNANSWERED_AT
from scanready.causes import common
from scanready.model import Check, Credential, Outcome, Owner, Report, Scope, Step
from scanready.run.any_type import reports_of
from scanready.run.tried_credentials import credential_of, refused_code

#: The most entries of one run. One account that each host judges by itself has an entry a host.
_MOST = 100_000
_ACCEPTED = "accepted"


class _Login(NamedTuple):
    """Identify what an entry is about; ``outcome`` is as :meth:`Accounts.as_list` has it."""

    name: str
    user: str
    authority: str | None
    outcome: str | None
    where: str
    agent: str
    ambiguous: bool


class Accounts:
    """Collect the logins of a run from its results.

    Args:
        in_a_row: how many refusals earlier runs had in a row, by the account's key of the lockout guard.
    """

    def __init__(self, in_a_row: Mapping[tuple[str, str], int] | None = None) -> None:
        self._found: dict[_Login, str] = {}
        self._in_a_row = in_a_row or {}

    def add(self, report: Report) -> None:
        """Take note of the logins of a result."""
        for one in reports_of(report):
            for check in one.checks:
                account = credential_of(one, check) if check.step is Step.LOGIN else None
                if account is not None and len(self._found) < _MOST:
                    self._add(one, account, check)

    def _add(self, report: Report, account: Credential, check: Check) -> None:
        if (outcome := _outcome(check)) == "":
            return
        ambiguous = check.facts.get(REFUSAL_AMBIGUOUS.name) is True
        names = account.name, account.username, account.authority
        where = str(check.facts.get(UNANSWERED_AT.name) or check.endpoint) if outcome is None else check.endpoint
        key = _Login(*names, outcome, where, report.agent.name, ambiguous)
        self._found[key] = max(report.started, self._found.get(key, ""))

    def as_list(self) -> list[dict[str, Any]]:
        """Return an entry for each account, outcome and place.

        ``outcome`` is "accepted" by a server that checked the password or key, the code of the cause of a refusal, or
        None where it is not known whether the server counted the login. ``when`` is the beginning of the newest such
        result, UTC ISO 8601. An acceptance has ``proven``, which is True. The others have ``tries``, the number of
        refused logins in a row, and ``ambiguous``, True if the refusal may be about the agent's address.
        """
        return [self._entry(login, when) for login, when in self._found.items()]

    def _entry(self, login: _Login, when: str) -> dict[str, Any]:
        entry = {"credential": login.name, "user": login.user, "authority": login.authority, "outcome": login.outcome}
        entry |= {"where": login.where, "when": when, "agent": login.agent}
        if login.outcome == _ACCEPTED:
            return entry | {"proven": True}
        account = Credential(login.name, login.user, authority=login.authority)
        return entry | {"ambiguous": login.ambiguous, "tries": 1 + self._in_a_row.get(account.guarded_by, 0)}


def _outcome(check: Check) -> str | None:
    """Return the outcome as :meth:`Accounts.as_list` has it; empty if the check says nothing about the account."""
    if check.outcome in (Outcome.PASSED, Outcome.WARNED):
        # A server that lets in anybody says nothing about the account, and a result without the fact does not say.
        return _ACCEPTED if check.facts.get(ACCOUNT_PROVEN.name) is True else ""
    cause = check.finding.cause if check.finding else None
    if cause is common.LOGIN_WITHHELD and check.facts.get(UNANSWERED_AT.name):
        return None  # a process that was lost in the login left no result of it
    if passed_over := refused_code(check):
        return passed_over if passed_over != common.LOGIN_WITHHELD.code else ""
    if check.outcome is Outcome.SKIPPED or cause is None or cause is common.LOGIN_WITHHELD:
        return ""
    if cause.scope is Scope.ACCOUNT or cause.owner is Owner.IDENTITY:
        return cause.code
    return None if cause.may_count else ""
