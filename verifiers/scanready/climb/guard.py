"""Guard accounts against lockouts: at most one wrong password per account and run, wherever it is used.

The first login with an account is made by itself. Once a server has accepted it, others run side by side; once one has
refused the account, it is withheld from everything that is left. A login without an answer may have counted as a wrong
password: it is not repeated at that host, and after a few such logins the account is not tried anywhere.

"Accepted" is one server's word, and a server that accepts whatever it is given must not have an account locked. Where
the inventory names the authority that judges the account, one refusal counts everywhere; so the logins side by side are
no more than twice the hosts that have accepted it, until those are many.

A host that has not judged the account is a case of its own, even if other hosts have accepted it: the first login there
is made by itself, and one refusal ends the tries there. A host is known by its address: it may have many names.

The guard decides at the moment of the login. :mod:`scanready.climb.turns` decides before that who climbs at all, so
that no server waits with an open connection for another server's answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from scanready.causes import common
from scanready.model import Cause, Credential, Owner, host_of
from scanready.net.stream import PeerClosed, ReadTimeout

from .attempt import Attempt, ProcessLost, by_library
from .explain import Failure, Unfinished
from .journal import NOT_SENT, Effect, Journal, effect_of, effect_of_failure
from .turns import Turn, Turns, TurnTaken

__all__ = ["Attempt", "LockoutGuard", "ProcessLost", "Turn", "TurnTaken", "by_library"]


#: Hosts that accepted an account whose authority is known, from which on nothing limits its logins side by side.
ESTABLISHED = 16

#: Logins without an outcome that an unproven account is worth. Each may have counted as a wrong password, and
#: directories that lock accounts rarely do so before the fifth.
MOST_OPEN = 3


@dataclass(slots=True, eq=False)
class _Account:
    """Hold one account's history in this run; places by host.

    Attributes:
        proven: the secrets that a server accepted.
        accepted: the hosts of those servers, by address where that is known.
        judged_alike: whether one authority is known to judge the account everywhere.
        under_way: logins with a proven secret that are not answered yet.
        unanswered: logins that may have counted, and have no outcome.
        barred: refusals that hold for the host only.
        refused_by: the place whose refusal holds everywhere.
        earlier: by place, what happened there before this run, and the place again if it was a refusal.
        lost: by place, what to say of a login of this run whose process has ended.
    """

    turns: Turns = field(default_factory=Turns)
    proven: set[str] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)
    judged_alike: bool = False
    under_way: int = 0
    unanswered: dict[str, str] = field(default_factory=dict)
    barred: dict[str, str] = field(default_factory=dict)
    refused_by: str | None = None
    earlier: dict[str, tuple[str, str]] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)

    @property
    def given_up(self) -> bool:
        """True once no secret is tried any more that no server has accepted."""
        return self.refused_by is not None or len(self.open_at) >= MOST_OPEN

    @property
    def open_at(self) -> list[str]:
        """The logins without an outcome, each once."""
        return list(dict.fromkeys(self.unanswered.values()))

    @property
    def most_at_once(self) -> int | None:
        """The number of logins with a proven secret that are made side by side; None if nothing limits them."""
        if not self.judged_alike or self.given_up or len(self.accepted) >= ESTABLISHED:
            return None
        return max(1, 2 * len(self.accepted))

    @property
    def crowded(self) -> bool:
        """True while as many logins are under way as the hosts that accepted the account are good for."""
        return self.most_at_once is not None and self.under_way >= self.most_at_once

    def settle(self) -> None:
        """End all waiting, once the account was judged or is not tried any more."""
        if self.proven or self.given_up:
            self.turns.decide(self.most_at_once)


#: A host's name or address, user, password and key: the host judges them alike, whatever the inventory calls the
#: credential.
_Secret = tuple[str, str, str | None, str | None]


def _secret(credential: Credential, host: str) -> _Secret:
    return host.casefold(), credential.username.casefold(), credential.password, credential.key_file


#: Stands for the climbs at each host that has judged its secret: nothing limits them.
_JUDGED = Turns(decided=True)


class _Place(NamedTuple):
    """Identify a host by the target's name for it, and by its address."""

    host: str
    address: str

    @classmethod
    def of(cls, host: str, address: str | None = None) -> _Place:
        """Return a place; a name is one however its letters are written."""
        return cls(host.casefold(), (address or host).casefold())

    def found_in(self, places: Mapping[str, str]) -> str | None:
        """Return what ``places`` has for the host under either."""
        return places.get(self.host) or places.get(self.address)


class LockoutGuard:
    """Keep count of what became of each account in this run.

    Args:
        journal: records each login; None if no record outlives the process.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._journal = journal
        self._names: dict[_Secret, set[tuple[str, str]]] = {}
        self._one_by_one: dict[_Secret, asyncio.Lock] = {}
        self._at_hosts: dict[_Secret, Turns] = {}
        self._met_at: dict[_Secret, _Secret] = {}

    def expect(self, credential: Credential, host: str) -> None:
        """Take note that a target at ``host`` has ``credential``: the host may know the account by a second name.

        ``host`` is a name or an address.
        """
        self._names.setdefault(_secret(credential, host), set()).add(credential.guarded_by)

    def bind(
        self, credential: Credential, where: str, detail: str, host: str | None = None, *, refused: bool = True
    ) -> None:
        """Withhold a credential that was refused at ``where`` before this run.

        Args:
            credential: the account.
            where: the endpoint that refused it, or did not answer.
            detail: the sentence that ``login.withheld`` has; it begins with ``where``.
            host: the only host that it binds; None for all of its authority.
            refused: False if the login there had no answer.
        """
        account = self._account(credential)
        there = (host_of(where) if host is None else host).casefold()
        if account.refused_by is not None or (host is not None and there in account.barred):
            return
        account.earlier[where] = detail, where if refused else ""
        account.barred.setdefault(there, where)  # that host may know the account by another name
        if host is None:
            account.refused_by = where
        account.settle()

    def note(self, credential: Credential, host: str, where: str, cause: Cause) -> None:
        """Take note of a login of an earlier part of this run that failed with ``cause``.

        ``common.OUT_OF_TIME`` stands for one whose outcome is unknown.
        """
        self.expect(credential, host)
        self._note(self._account(credential), _Place.of(host), where, cause, local=False)

    def turn(
        self, credential: Credential | None, host: str = "", *, again_with: str | None = None
    ) -> AbstractAsyncContextManager[Turn]:
        """Wait until a climb that may log in with ``credential`` should begin; hold its turn while it climbs.

        Enter it before the target's clock starts: the wait is not part of the target's time. ``again_with`` names the
        secret at which :class:`TurnTaken` stopped the climb; the new turn includes the right to try it. Climbs at one
        ``host`` that have the same secret by two names go one after another.
        """
        return nullcontext(Turn()) if credential is None else self._turn(credential, host, again_with)

    @asynccontextmanager
    async def _turn(self, credential: Credential, host: str, again_with: str | None) -> AsyncIterator[Turn]:
        account = self._account(credential)

        def needless() -> bool:
            return account.given_up or (again_with in account.proven and not account.crowded)

        place = account.turns.reserve(needless) if again_with else account.turns.take()
        async with self._in_line(credential, host), place as turn:
            if not host or account.refused_by is not None:
                yield turn
                return
            async with self._there(credential, host, again_with) as turn.there:
                yield turn

    @asynccontextmanager
    async def _there(self, credential: Credential, host: str, again_with: str | None) -> AsyncIterator[Turn | None]:
        """Hold a place among the climbs at one host, until it has judged the secret.

        A climb that was turned back before makes the next login there, by the address that it met.
        """
        key = _secret(credential, host)
        async with self._held_at(self._met_at.get(key, key) if again_with else key) as turns:
            if turns.decided:
                yield None
                return
            async with turns.reserve(lambda: turns.decided) if again_with else turns.take() as there:
                yield there

    @asynccontextmanager
    async def _held_at(self, key: _Secret) -> AsyncIterator[Turns]:
        """The climbs at one host; forgotten once there are none, since a run may have many hosts that judge nothing."""
        turns = self._at_hosts.setdefault(key, Turns())
        try:
            yield turns
        finally:
            if turns.idle and self._at_hosts.get(key) is turns:
                del self._at_hosts[key]

    def _in_line(self, credential: Credential, host: str) -> AbstractAsyncContextManager[object]:
        secret = _secret(credential, host)
        if len(self._names.get(secret, ())) < 2:
            return nullcontext()
        return self._one_by_one.setdefault(secret, asyncio.Lock())

    @asynccontextmanager
    async def attempt(
        self,
        credential: Credential,
        host: str,
        where: str,
        secret: str = "password",
        *,
        turn: Turn | None = None,
        address: str | None = None,
    ) -> AsyncIterator[Attempt]:
        """Hold the right to try ``credential`` once at ``where``; what happens inside decides its future.

        Args:
            credential: the account and its secrets.
            host: the host that counts the attempt, whatever the port, by the name that the target has.
            where: the endpoint, as reasons name it.
            address: of that host; None where it is not known, as behind a proxy.
            secret: which one is tried; an accepted key proves no password.
            turn: the turn that the climb holds; None if it holds none.

        Raises:
            Failure: ``login.withheld``: the account was refused before, or a login with it had no answer.
            TurnTaken: another login decides about this account; climb again once it has ended.
        """
        account = self._account(credential)
        at = _Place.of(host, address)
        self.expect(credential, at.address)

        def permit() -> None:
            self._withhold(account, credential, at, secret)

        permit()
        going = Attempt(where, permit=permit)
        async with self._first_at(credential, at, secret, turn):
            if secret in account.proven:
                if account.crowded and not account.turns.is_reserved_by(turn):
                    raise TurnTaken(secret)
                account.under_way += 1
                try:
                    async with self._sent(account, credential, at, going, secret) as attempt:
                        yield attempt
                finally:
                    account.under_way -= 1
                return
            with account.turns.log_in(turn or Turn(), secret):
                async with self._sent(account, credential, at, going, secret) as attempt:
                    yield attempt

    @asynccontextmanager
    async def _first_at(
        self, credential: Credential, at: _Place, secret: str, turn: Turn | None
    ) -> AsyncIterator[None]:
        """Hold the one login at a host that has not judged the secret.

        Raises:
            TurnTaken: another climb holds it.
        """
        key = _secret(credential, at.address)
        async with self._held_at(key) as turns:
            if turns.decided:
                yield
                return
            with ExitStack() as held:
                try:
                    held.enter_context(turns.log_in((turn and turn.there) or Turn(), secret))
                except TurnTaken:
                    self._met_at[_secret(credential, at.host)] = key
                    raise
                yield

    def remembered(self) -> list[dict[str, Any]]:
        """Return what became of each account, as JSON types, for :meth:`recall` in another process. No secrets."""
        return [
            {
                "account": list(key),
                "proven": sorted(account.proven),
                "accepted": sorted(account.accepted),
                "unanswered": account.unanswered,
                "barred": account.barred,
                "refused_by": account.refused_by,
            }
            for key, account in self._accounts.items()
        ]

    def recall(self, remembered: Iterable[Mapping[str, Any]]) -> None:
        """Add the history that another process remembered. No refusal is forgotten."""
        for one in remembered:
            username, authority = one["account"]
            account = self._accounts.setdefault((username, authority), _Account())
            account.proven.update(one["proven"])
            account.accepted.update(one.get("accepted", ()))
            account.unanswered |= one["unanswered"]
            account.barred |= one.get("barred", {})
            account.refused_by = account.refused_by or one["refused_by"]
            account.settle()

    def _account(self, credential: Credential) -> _Account:
        account = self._accounts.setdefault(credential.guarded_by, _Account())
        account.judged_alike = account.judged_alike or credential.authority is not None
        return account

    def _withhold(self, account: _Account, credential: Credential, at: _Place, secret: str) -> None:
        from . import withheld

        name, key = credential.name, credential.guarded_by
        if bound := account.refused_by or at.found_in(account.barred):
            if bound in account.lost:
                raise withheld.lost(account.lost[bound], bound)
            if earlier := account.earlier.get(bound):
                raise withheld.before_this_run(*earlier, key)
            raise (withheld.everywhere if account.refused_by else withheld.here)(bound, name, key)
        for other_key, other in self._other_names(credential, at):
            if place := at.found_in(other.barred):
                refused_at = other.earlier[place][1] if place in other.earlier else place
                refused_at = "" if place in other.lost else refused_at
                raise withheld.by_another_name(place, name, other_key, refused_at)
            if secret not in account.proven and (place := at.found_in(other.unanswered)):
                raise withheld.by_another_name(place, name, other_key, "")
        if secret in account.proven:
            return
        if where := at.found_in(account.unanswered):
            raise withheld.unanswered(where, name)
        if len(account.open_at) >= MOST_OPEN:
            raise withheld.too_often_unanswered(account.open_at, name)

    def _other_names(self, credential: Credential, at: _Place) -> list[tuple[tuple[str, str], _Account]]:
        names = set[tuple[str, str]]().union(*(self._names.get(_secret(credential, one), ()) for one in at))
        names.discard(credential.guarded_by)
        return [(name, self._accounts[name]) for name in sorted(names) if name in self._accounts]

    def _note(self, account: _Account, at: _Place, where: str, cause: Cause, *, local: bool) -> None:
        """Remember a failed login; ``local`` says that a wrong password here is none elsewhere."""
        effect = effect_of(cause, local=local)
        if effect is Effect.REFUSED:
            account.refused_by = where
        if effect in (Effect.REFUSED, Effect.REFUSED_HERE):
            account.barred |= dict.fromkeys(at, where)
        if cause.may_count:
            account.unanswered |= dict.fromkeys(at, where)
        account.settle()

    def _break_off(
        self, account: _Account, credential: Credential, at: _Place, attempt: Attempt, secret: str, error: BaseException
    ) -> None:
        """Take note of a login that ended with neither an answer nor a cause."""
        if isinstance(error, ProcessLost):
            attempt.pending = attempt.sent = True
            self._withhold_lost(account, credential, at, attempt.where, everywhere=secret not in account.proven)
            return  # its note in the journal stays open, as that of a run that was killed
        attempt.pending = attempt.pending or isinstance(error, (TimeoutError, PeerClosed, ReadTimeout))
        left = attempt.pending and attempt.sent
        end = (common.OUT_OF_TIME.code, Effect.UNKNOWN) if left else (NOT_SENT, Effect.NOTHING)
        self._conclude(credential, at, *end)

    def _withhold_lost(
        self, account: _Account, credential: Credential, at: _Place, where: str, *, everywhere: bool
    ) -> None:
        """Withhold an account whose login was lost, as after a run that was killed."""
        detail = (
            f"the process that logged in at {where} with the credential {credential.name!r} ended before it had an "
            "answer; that login may have counted as a failed one, so the credential was not tried again"
            f"{'' if everywhere else ' at this host'}"
        )
        account.lost[where] = detail
        account.barred |= dict.fromkeys(at, where)
        if everywhere:
            account.refused_by = account.refused_by or where

    def _settle_at(self, credential: Credential, at: _Place) -> None:
        """End all waiting at a host that has judged the secret."""
        for one in at:
            key = _secret(credential, one)
            if (turns := self._at_hosts.get(key)) is not None:
                turns.decide()
            self._at_hosts[key] = _JUDGED

    def _conclude(self, credential: Credential, at: _Place, cause: str, effect: Effect) -> None:
        if self._journal is not None:
            for one in dict.fromkeys(at):
                self._journal.conclude(credential, one, cause, effect)

    async def _intend(self, credential: Credential, at: _Place, where: str) -> None:
        """Note a login by the name and the address of its host; take the first note back if there is no second."""
        noted: list[str] = []
        if self._journal is None:
            return
        try:
            for one in dict.fromkeys(at):
                await self._journal.intend(credential, one, where)
                noted.append(one)
        except BaseException:
            for one in noted:
                self._journal.conclude(credential, one, NOT_SENT, Effect.NOTHING)
            raise

    @asynccontextmanager
    async def _sent(
        self, account: _Account, credential: Credential, at: _Place, attempt: Attempt, secret: str
    ) -> AsyncIterator[Attempt]:
        await self._intend(credential, at, attempt.where)
        try:
            attempt.permit()  # the note took its time
        except Failure:
            self._conclude(credential, at, NOT_SENT, Effect.NOTHING)
            raise
        try:
            yield attempt
        except Failure as failure:
            if not attempt.sent:
                self._conclude(credential, at, NOT_SENT, Effect.NOTHING)
                raise
            is_open = isinstance(failure, Unfinished)
            attempt.pending = attempt.pending or is_open
            # The secret was accepted elsewhere, and nothing says that one directory judges both: another account here.
            local = secret in account.proven and credential.authority is None
            effect = effect_of_failure(failure, local=local)
            if attempt.pending and effect is Effect.NOTHING:
                effect = Effect.UNKNOWN
            self._conclude(credential, at, (common.OUT_OF_TIME if is_open else failure.cause).code, effect)
            self._note(account, at, attempt.where, failure.cause, local=local)
            if failure.cause.owner is Owner.IDENTITY:
                self._settle_at(credential, at)
            raise
        except BaseException as error:
            self._break_off(account, credential, at, attempt, secret, error)
            raise
        else:
            proven = attempt.proof and attempt.sent
            self._conclude(credential, at, "", Effect.PROVEN if proven else Effect.NOTHING)
            if proven:
                account.proven.add(secret)
                account.accepted.add(at.address)
                self._settle_at(credential, at)
        finally:
            if attempt.pending and attempt.sent:
                account.unanswered |= dict.fromkeys(at, attempt.where)
            account.settle()
