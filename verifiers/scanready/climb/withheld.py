"""Say why the lockout guard withholds a credential: the failures ``login.withheld``.

Two facts have the endpoint and the account of a refusal, so that a report can be joined with the refusal that it names.
A third has the endpoint of a login of this run whose outcome is unknown: the result of that login may not say so.
An account is the guard's key of it: the user, and the authority or else the name of the credential.
"""

from __future__ import annotations

from collections.abc import Iterable

from scanready.catalogue.facts import REFUSED_ACCOUNT, REFUSED_AT, UNANSWERED_AT
from scanready.causes import common
from scanready.model import Facts

from .explain import Failure

Account = tuple[str, str]


def facts_of(place: str, account: Account) -> Facts:
    """Return the facts of a login that is withheld; none if no ``place`` is known to have refused the account."""
    return {REFUSED_AT.name: place, REFUSED_ACCOUNT.name: list(account)} if place else {}


def _unanswered_at(place: str) -> Facts:
    return {UNANSWERED_AT.name: place}


def before_this_run(detail: str, place: str, account: Account) -> Failure:
    """Return the failure for a login of an earlier run; ``place`` is empty if it had no answer."""
    return Failure(common.LOGIN_WITHHELD, detail, **facts_of(place, account))


def lost(detail: str, place: str) -> Failure:
    """Return the failure for a login of this run at ``place`` whose process has ended."""
    return Failure(common.LOGIN_WITHHELD, detail, **_unanswered_at(place))


def everywhere(place: str, name: str, account: Account) -> Failure:
    """Return the failure for a refusal at ``place`` that holds for all hosts."""
    detail = (
        f"{place} refused the account of the credential {name!r} earlier in this run; "
        "it was not tried again, to protect the account from a lockout"
    )
    return before_this_run(detail, place, account)


def here(place: str, name: str, account: Account) -> Failure:
    """Return the failure for a refusal at ``place`` that holds for its host only."""
    detail = f"{place} refused the credential {name!r} earlier in this run; it was not tried again at this host"
    return before_this_run(detail, place, account)


def by_another_name(place: str, name: str, account: Account, refused_at: str) -> Failure:
    """Return the failure for a secret that another credential has as well.

    ``account`` is that of the other credential; ``refused_at`` is empty if its login at ``place`` had no answer.
    """
    detail = (
        f"{place} did not accept the same account and secret earlier in this run, under another credential name than "
        f"{name!r}; they were not tried again at this host"
    )
    return before_this_run(detail, refused_at, account)


def unanswered(place: str, name: str) -> Failure:
    """Return the failure for a login without an answer at this host."""
    return Failure(
        common.LOGIN_WITHHELD,
        f"{place} did not answer a login with the credential {name!r} earlier in "
        "this run, and may have counted it as a failed login; it was not tried again at this host",
        **_unanswered_at(place),
    )


def too_often_unanswered(places: Iterable[str], name: str) -> Failure:
    """Return the failure for as many logins without an answer as an account is worth."""
    return Failure(
        common.LOGIN_WITHHELD,
        f"{', '.join(places)} did not answer a login with the credential {name!r}, and each "
        "may have counted it as a failed login; it was not tried again in this run",
    )
