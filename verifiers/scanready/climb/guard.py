"""The lockout guard: at most one wrong password per account and run, wherever it is used.

The first login of a credential goes alone, as the canary; while it is under way
nobody else tries. Once it was accepted somewhere, others may run side by side;
once it was refused anywhere, it is withheld from everything that is left. Of a
login that did not end nobody knows whether it counted: it is not repeated there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from scanready.causes import common
from scanready.model import Cause, Credential, Owner

from .explain import Failure

#: Told a credential, the host that counts, and the place as reasons name it.
Announce = Callable[[Credential, str, str], Awaitable[None]]

#: The login went out, and no answer came in time.
_UNANSWERED = (common.OUT_OF_TIME, common.TOO_SLOW)


@dataclass(slots=True)
class Attempt:
    """Describe one login in progress.

    Attributes:
        where: the endpoint.
        proof: set to False if the server asked for no secret, so that success proves nothing.
        pending: set to True while the login is sent and not answered: if it ends then, it may have counted.
    """

    where: str
    proof: bool = True
    pending: bool = False


@dataclass(slots=True)
class _Account:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    under_way: str = ""
    proven: set[str] = field(default_factory=set)
    unanswered: dict[str, str] = field(default_factory=dict)
    refused_by: str | None = None


class LockoutGuard:
    """Keeps count of what became of each account in this run.

    Args:
        announce: awaited before a login goes out, with the credential, the host and the place; for whoever writes down
            what was tried.
    """

    def __init__(self, announce: Announce | None = None) -> None:
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._announce = announce

    def note(self, credential: Credential, host: str, where: str, cause: Cause) -> None:
        """Take note of a login that was tried in an earlier part of this run, and of why it failed.

        ``common.OUT_OF_TIME`` stands for one of which nobody knows how it ended.
        """
        self._note(self._accounts.setdefault(credential.guarded_by, _Account()), host, where, cause)

    @asynccontextmanager
    async def attempt(
        self,
        credential: Credential,
        host: str,
        where: str,
        *,
        secret: str = "password",
        until: float | None = None,
    ) -> AsyncIterator[Attempt]:
        """Hold the right to try ``credential`` once at ``where``; what happens inside decides its future.

        Args:
            credential: the account and its secrets.
            host: who counts the attempt, whatever the port.
            where: as the reasons name it.
            secret: which one is tried; a key that was accepted proves no password.
            until: in the event loop's time, when waiting for one's turn ends.

        Raises:
            Failure: ``login.withheld``, because the credential was refused before, or not answered by this host;
                ``scanready.out-of-time`` while others tried it.
        """
        account = self._accounts.setdefault(credential.guarded_by, _Account())
        alone = secret not in account.proven
        if alone:
            await self._take_turn(account, credential, until)
        try:
            if alone and secret in account.proven:  # whoever went first has proven it: no need to go one by one
                account.turn.release()
                alone = False
            self._withhold(account, credential, host, secret)
            account.under_way = where
            if self._announce is not None:
                await self._announce(credential, host, where)
            async with self._watched(account, host, Attempt(where), secret) as attempt:
                yield attempt
        finally:
            if alone:
                account.turn.release()

    def remembered(self) -> list[dict[str, Any]]:
        """Return what became of each account, as JSON types, for :meth:`recall` in another process. No secrets."""
        return [
            {
                "account": list(key),
                "proven": sorted(account.proven),
                "unanswered": account.unanswered,
                "refused_by": account.refused_by,
            }
            for key, account in self._accounts.items()
        ]

    def recall(self, remembered: Iterable[Mapping[str, Any]]) -> None:
        """Add what another process remembered to what is known here. Nothing that was refused is forgotten."""
        for one in remembered:
            username, authority = one["account"]
            account = self._accounts.setdefault((username, authority), _Account())
            account.proven.update(one["proven"])
            account.unanswered |= one["unanswered"]
            account.refused_by = account.refused_by or one["refused_by"]

    async def _take_turn(self, account: _Account, credential: Credential, until: float | None) -> None:
        try:
            async with asyncio.timeout_at(until):
                await account.turn.acquire()
        except TimeoutError as error:
            raise Failure(
                common.OUT_OF_TIME,
                f"until the credential {credential.name!r} has been accepted once it is tried at one target at a time, "
                f"and {account.under_way} took so long that no time was left; it was not tried here",
            ) from error

    def _withhold(self, account: _Account, credential: Credential, host: str, secret: str) -> None:
        if account.refused_by:
            raise Failure(
                common.LOGIN_WITHHELD,
                f"{account.refused_by} refused the credential {credential.name!r} earlier in this run; "
                "it was not tried again, to keep the account from being locked",
            )
        if host in account.unanswered and secret not in account.proven:
            raise Failure(
                common.LOGIN_WITHHELD,
                f"{account.unanswered[host]} did not answer a login with the credential {credential.name!r} earlier in "
                "this run, and may have counted it as refused; it was not tried again at this host",
            )

    def _note(self, account: _Account, host: str, where: str, cause: Cause) -> None:
        if cause.owner is Owner.IDENTITY:
            account.refused_by = where
        elif cause in _UNANSWERED:
            account.unanswered[host] = where

    @asynccontextmanager
    async def _watched(self, account: _Account, host: str, attempt: Attempt, secret: str) -> AsyncIterator[Attempt]:
        try:
            yield attempt
        except Failure as failure:
            self._note(account, host, attempt.where, failure.cause)
            raise
        except TimeoutError:
            account.unanswered[host] = attempt.where
            raise
        else:
            if attempt.proof:
                account.proven.add(secret)
        finally:
            if attempt.pending:
                account.unanswered[host] = attempt.where
