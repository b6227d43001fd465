"""Say what a journal of logins gets to know: each intent before the secret leaves, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from scanready.causes import common
from scanready.model import Cause, Credential, Owner, Scope

from .explain import Failure

#: The outcome that the journal gets of a login that ended before its secret left: nothing is known of the account.
NOT_SENT = common.LOGIN_WITHHELD.code


#: The fact of a refusal that may be about the agent's address: another agent may try the account once more.
AMBIGUOUS = "refusal_ambiguous"


class Effect(StrEnum):
    """Say what the end of a login means for the account."""

    PROVEN = "proven"
    REFUSED = "refused"
    REFUSED_OR_ADDRESS = "refused, or this agent's address is"
    REFUSED_HERE = "refused here"
    UNKNOWN = "unknown"
    NOTHING = "nothing"


class Journal(Protocol):
    """Write down what becomes of each login, so that a killed run repeats none of them.

    ``host`` is a name or an address: a login is noted for both.
    """

    async def intend(self, credential: Credential, host: str, where: str) -> None:
        """Return once the note is where a killed process cannot lose it; the secret leaves after that.

        Raises:
            Failure: the note was not taken in time; the login is not made.
        """

    def conclude(self, credential: Credential, host: str, cause: str, effect: Effect) -> None:
        """Note the cause that the login failed with ("" if accepted), and what that means for the account."""


def effect_of_failure(failure: Failure, *, local: bool) -> Effect:
    """Return what a failed login means; see :func:`effect_of`."""
    effect = effect_of(failure.cause, local=local)
    if effect is Effect.REFUSED and failure.facts.get(AMBIGUOUS) is True:
        return Effect.REFUSED_OR_ADDRESS
    return effect


def effect_of(cause: Cause, *, local: bool) -> Effect:
    """Return what a failed login means; ``local`` says that a wrong password here is none elsewhere."""
    if cause.scope is Scope.ACCOUNT and not (local and cause is common.LOGIN_REFUSED):
        return Effect.REFUSED
    if cause.owner is Owner.IDENTITY:
        return Effect.REFUSED_HERE
    return Effect.UNKNOWN if cause.may_count else Effect.NOTHING
