"""Refuse a list of credentials that would try one account twice: each wrong password counts for the account."""

from __future__ import annotations

from collections.abc import Sequence

from scanready.catalogue.wrong import shown
from scanready.model import Credential


def tried_twice(accounts: Sequence[Credential]) -> dict[int, str]:
    """Return the problem of each account that an earlier one may be, by its place in the list."""
    found = {}
    for place, account in enumerate(accounts):
        if same := next((first for first in accounts[:place] if _may_be_one(first, account)), None):
            found[place] = _words(same, account)
    return found


def _may_be_one(first: Credential, second: Credential) -> bool:
    if first.name == second.name or first.guarded_by == second.guarded_by:
        return True
    same_user = bool(first.username) and first.username.casefold() == second.username.casefold()
    return same_user and (first.authority is None or second.authority is None)


def _words(first: Credential, second: Credential) -> str:
    if first.name == second.name:
        return f"the credential {shown(first.name)} is named twice"
    return (
        f"{shown(first.name)} and {shown(second.name)} are both the user {shown(second.username)}: a second wrong "
        "password may lock the account; keep one of them"
    )
