"""The lockout guard: at most one wrong password per account and run, wherever it is used.

The first login of a credential goes alone, as the canary; while it is under way
nobody else tries. Once it was accepted somewhere, others may run side by side;
once it was refused anywhere, it is withheld from everything that is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from .causes import common
from .explain import Failure
from .model import Credential, Owner


@dataclass(slots=True)
class _Account:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    accepted: bool = False
    refused_by: str | None = None


class LockoutGuard:
    """Keeps count of what became of each account in this run."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], _Account] = {}

    @asynccontextmanager
    async def attempt(self, credential: Credential, where: str) -> AsyncIterator[None]:
        """Hold the right to try ``credential`` once at ``where``; what happens inside decides its future.

        Raises:
            Failure: ``login.withheld``, because the credential was refused before.
        """
        account = self._accounts.setdefault(credential.guarded_by, _Account())
        if account.accepted:
            self._withhold(account, credential)
            async with self._watched(account, where):
                yield
            return
        async with account.turn:
            self._withhold(account, credential)
            async with self._watched(account, where):
                yield

    def _withhold(self, account: _Account, credential: Credential) -> None:
        if account.refused_by:
            raise Failure(
                common.LOGIN_WITHHELD,
                f"{account.refused_by} refused the credential {credential.name!r} earlier in this run; "
                "it was not tried again, to keep the account from being locked",
            )

    @asynccontextmanager
    async def _watched(self, account: _Account, where: str) -> AsyncIterator[None]:
        try:
            yield
        except Failure as failure:
            if failure.cause.owner is Owner.IDENTITY:
                account.refused_by = where
            raise
        else:
            account.accepted = True
