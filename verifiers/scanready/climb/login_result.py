"""The result that every login of a client library returns.

It stands below :mod:`scanready.clients` because :meth:`Probe.login` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from scanready.causes import common
from scanready.model import Facts, Scope

from .explain import Failure
from .login_trace import secret_left

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class LoginResult:
    """The findings of one accepted login. A refused login raises :class:`Failure` and returns nothing.

    Families that learn more at the login subclass it in their own login module.

    Attributes:
        read: what was read, in words; empty if nothing was.
        version: the server's version as the login learned it; empty if it did not.
        facts: what the login learned, under the names of the report's facts (``databases``, ``shares``, ``folders``).
        denied: why nothing could be read after the account was accepted; None if reading worked.
        expires: what the server says about the end of the password or the account, if it is near; otherwise empty.
        passwordless: True if the server let the account in without a check of its password.
        sent_on_to: places ("host:port") beyond the target's own that the login was sent on to, and that
            ``follow_redirects`` permitted; :meth:`Probe.login` fills it in.
    """

    read: str = ""
    version: str = ""
    facts: Facts = field(default_factory=dict)
    denied: Failure | None = None
    expires: str = ""
    passwordless: bool = False
    sent_on_to: list[str] = field(default_factory=list)


def before_the_secret(failure: Failure) -> Failure:
    """Return the failure of a login whose secret was not sent: a word on the account judges nothing then."""
    if failure.cause.scope is not Scope.ACCOUNT or not failure.cause.definite:
        return failure
    detail = f"before the secret was sent, the server answered: {failure.detail}"
    return Failure(common.LOGIN_NOT_JUDGED, detail, **failure.facts)


def login_result(found: T, where: object) -> T:
    """Return what the login at ``where`` returned, which may be another package's.

    Raises:
        Failure: ``login.not-judged``, the server accepted the account before it had the secret, which proves nothing.
        TypeError: it is no LoginResult.
    """
    if not isinstance(found, LoginResult):
        raise TypeError(f"the login returned {type(found).__name__}; it must return a LoginResult")
    if not found.passwordless and not secret_left(where):
        raise Failure(common.LOGIN_NOT_JUDGED, "the server accepted the account before the secret was sent")
    return found
