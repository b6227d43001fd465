"""Define what an agent asks about logins outside its run: the rules are those of ``verify``, which live elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from scanready.climb.explain import Failure
from scanready.climb.guard import LockoutGuard
from scanready.model import Credential
from scanready.store import Account, AccountRecord

from .messages import Login


class Hindrance(Protocol):
    """A login outside the run that withholds one of it."""

    @property
    def is_under_way(self) -> bool:
        """Return whether its outcome may come yet."""

    def failure(self, credential: Credential) -> Failure:
        """Return the failure of the login that is withheld."""

    def bind(self, guard: LockoutGuard, credential: Credential) -> None:
        """Withhold the credential from the rest of the run, too."""


#: Says what withholds a login: its account and host, the journal as it is now, and the number of the run in it.
Judge = Callable[[Account, str, Sequence[AccountRecord], int], Hindrance | None]


class EarlierLogins(Protocol):
    """The rules about logins outside a run."""

    def bind(
        self,
        guard: LockoutGuard,
        credentials: Collection[Credential],
        records: Sequence[AccountRecord],
        login: Login,
    ) -> None:
        """Tell the guard of a run which accounts earlier runs of this agent found refused, as far as that binds now."""

    def judge(self, credentials: Collection[Credential], records: Sequence[AccountRecord], login: Login) -> Judge:
        """Return what judges the logins of a run by what others did since ``records`` was read."""
