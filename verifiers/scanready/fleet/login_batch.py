"""Log in for a coordinator: look up secrets on this agent, note each login before its secret leaves, report its end.

A login that was begun before this process, and has no outcome, is withheld when its batch is delivered again. A secret
that a server accepted before this process began, in the same run, is still the proven one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from scanready.catalogue.option import FOLLOW_REDIRECTS
from scanready.causes import common
from scanready.climb.confidential import secrets_in
from scanready.climb.explain import Failure
from scanready.climb.guard import LockoutGuard
from scanready.climb.journal import Effect
from scanready.inventory.agent_accounts import AgentAccounts, NoSuchCredential
from scanready.inventory.problems import InventoryError
from scanready.model import Credential, Target
from scanready.redaction import Redactor
from scanready.store import AccountRecord, StoreError
from scanready.wire.printable import visible

from .account_book import AccountBook
from .account_history import History
from .earlier_logins import EarlierLogins, Hindrance, Judge
from .journal import Journal, JournalError, LoginRow
from .login_end import End, LoginEnd
from .messages import Batch, Login
from .seen_secrets import SeenSecrets

#: Seconds that a login waits for its note, and is not made without it.
_PATIENCE = 6.0
#: Runs whose guards are kept. A run that comes back later finds the refusals in the journal.
_RUNS = 16
_ENDS: Mapping[str | None, End] = {
    None: End.UNKNOWN,
    Effect.PROVEN.value: End.ACCEPTED,
    Effect.REFUSED.value: End.REFUSED,
    Effect.REFUSED_OR_ADDRESS.value: End.AMBIGUOUS,
    Effect.REFUSED_HERE.value: End.REFUSED_HERE,
    Effect.UNKNOWN.value: End.UNKNOWN,
    Effect.NOTHING.value: End.NOT_SENT,
}
_OTHER = (
    "this agent has another secret for the credential {!r} than the one that was accepted in this run, and no server "
    "has judged it: start a new run, which tries it once first"
)
_WRITTEN = (
    "the file of the credential {!r} was written again after its secret was accepted in this run, and no server has "
    "judged what it has now: start a new run, which tries it once first"
)
#: Seconds that a login of another process with the account may take, and between two looks at it.
_OTHER_PATIENCE, _LOOK = 9.0, 0.1


class RunGuard(LockoutGuard):
    """The guard of one run.

    Attributes:
        earlier: what bound an account (its key) before the run or beside it, at a host or everywhere.
        judges: says of the logins with an account (its key) what others did since the run met it.
    """

    def __init__(self, logbook: Logbook) -> None:
        super().__init__(logbook)
        self.judges: dict[tuple[str, str], Judge] = {}
        self.met: set[tuple[str, str]] = set()
        self.earlier: dict[tuple[tuple[str, str], str | None], tuple[str, str]] = {}
        self._secrets: dict[tuple[tuple[str, str], bool], Credential] = {}

    def is_other_secret(self, credential: Credential) -> bool:
        """Return True if this account was accepted in this run with another secret: no server has judged this one.

        Otherwise the secret is the one that later batches are compared with.
        """
        kind = credential.guarded_by, credential.key_file is not None
        account = self._accounts.get(credential.guarded_by)
        before = self._secrets.get(kind)
        if account is None or not account.proven or before is None:
            self._secrets[kind] = credential
            return False
        return _secret_of(before) != _secret_of(credential)

    def knows(self, credential: Credential) -> bool:
        """Return whether a server accepted a secret of this account in this run, as far as this process knows."""
        account = self._accounts.get(credential.guarded_by)
        return account is not None and bool(account.proven)

    def bind(
        self, credential: Credential, where: str, detail: str, host: str | None = None, *, refused: bool = True
    ) -> None:
        """See :meth:`LockoutGuard.bind`."""
        self.earlier.setdefault((credential.guarded_by, host and host.casefold()), (where if refused else "", detail))
        super().bind(credential, where, detail, host, refused=refused)

    def bind_again(self, credential: Credential, row: LoginRow) -> None:
        """Withhold an account at the host of a login that this agent made for the same batch, and did not report."""
        where, word = visible(row.place, 200), repr(visible(credential.name, 120))
        refused = _ENDS.get(row.effect, End.UNKNOWN) is not End.UNKNOWN
        if not refused:
            detail = (
                f"{where} may have counted a login with the credential {word}: the agent ended before its outcome was "
                "known; it is not repeated in this run"
            )
        else:
            detail = f"{where} refused the credential {word} earlier in this run; it was not tried again at this host"
        super().bind(credential, row.place, detail, row.host, refused=refused)


@dataclass(frozen=True, slots=True)
class _Entered:
    """The batch of a login."""

    run: str
    batch: str
    guard: RunGuard


_CURRENT: ContextVar[_Entered] = ContextVar("batch")


class Logbook:
    """Note each login of a batch in the agent's own file and in its journal of accounts; in order, in one thread."""

    def __init__(self, journal: Journal, book: AccountBook, warn: Callable[[str], None], known: SeenSecrets) -> None:
        self._journal, self._book, self._warn, self._seen = journal, book, warn, known
        self._thread = ThreadPoolExecutor(1, "logbook")

    async def intend(self, credential: Credential, host: str, where: str) -> None:
        """See :class:`scanready.climb.journal.Journal`. A login of another process with the account comes first."""
        entered, until = _CURRENT.get(), time.monotonic() + _OTHER_PATIENCE
        while (found := await self._noted(entered, credential, host, where)) is not None:
            if not found.is_under_way or time.monotonic() >= until:
                found.bind(entered.guard, credential)
                raise found.failure(credential)
            await asyncio.sleep(_LOOK)

    async def _noted(self, entered: _Entered, credential: Credential, host: str, where: str) -> Hindrance | None:
        """Return None once a login is noted; or what withholds it."""
        run, batch = entered.run, entered.batch
        judge = entered.guard.judges.get(credential.guarded_by)

        def note() -> Hindrance | None:
            found = self._book.intend(credential, host, where, run, judge)
            if found is None:
                try:
                    self._journal.intend(run, batch, credential.name, host, where)
                except JournalError:
                    self._book.conclude(credential, host, common.LOGIN_WITHHELD.code, Effect.NOTHING, run)
                    raise
            return found

        def take_back(done: Future[Hindrance | None]) -> None:
            if not done.cancelled() and done.exception() is None and done.result() is None:
                self._conclude(entered, credential, host, common.LOGIN_WITHHELD.code, Effect.NOTHING)

        future = self._thread.submit(note)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await asyncio.wrap_future(future)
        except BaseException as error:  # the note may be written later, and no login follows
            future.add_done_callback(take_back)
            if isinstance(error, (TimeoutError, StoreError, JournalError)):
                why = str(error) or f"its note was not written within {_PATIENCE:.0f} s"
                raise Failure(common.LIMIT, f"no login was made: {why}") from error
            raise

    def conclude(self, credential: Credential, host: str, cause: str, effect: Effect) -> None:
        """See :class:`scanready.climb.journal.Journal`."""
        self._conclude(_CURRENT.get(), credential, host, cause, effect)

    def _conclude(self, entered: _Entered, credential: Credential, host: str, cause: str, effect: Effect) -> None:
        run, batch = entered.run, entered.batch
        if effect not in (Effect.PROVEN, Effect.NOTHING):
            self._seen.refuse(credential)

        def note() -> None:
            try:
                self._journal.conclude(run, batch, credential.name, host, effect.value)
                self._book.conclude(credential, host, cause, effect, run)
            except (StoreError, JournalError) as error:
                self._warn(f"the end of a login with {credential.name} was not noted, so it counts as unknown: {error}")

        self._thread.submit(note)

    def rows(self, run: str, batch: str) -> list[LoginRow]:
        """Return the logins of a batch, after all entries before this call."""
        return self._thread.submit(self._journal.logins, run, batch).result()

    def records(self) -> Sequence[AccountRecord]:
        """Return the history of all accounts, after all entries before this call.

        Raises:
            StoreError: the file cannot be read.
        """
        return self._thread.submit(self._book.records).result()

    def settled(self) -> Sequence[AccountRecord]:
        """Return :meth:`records` without the logins that other processes are making.

        Raises:
            StoreError: the file cannot be read.
        """
        return self._thread.submit(self._book.settled).result()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch whose targets have their secrets.

    Attributes:
        guard: that of its logins.
        denied: the logins that are not made, by credential and host.
        rows: the logins that were begun when the batch was delivered before.
        proofs: what servers accepted in this run, as :meth:`LockoutGuard.recall` takes it.
    """

    batch: Batch
    guard: RunGuard
    denied: Mapping[tuple[str, str], LoginEnd]
    rows: Sequence[LoginRow]
    proofs: Sequence[Mapping[str, Any]]


class LoginDesk:
    """Prepare the login batches of an agent, and report how their logins ended.

    Args:
        earlier: the rules about logins outside the run of a batch.
    """

    def __init__(
        self, journal: Journal, book: AccountBook, earlier: EarlierLogins, warn: Callable[[str], None]
    ) -> None:
        self._earlier, self._warn, self._journal = earlier, warn, journal
        self._seen = SeenSecrets()
        self._logbook = Logbook(journal, book, warn, self._seen)
        self._guards: OrderedDict[str, RunGuard] = OrderedDict()
        self._prepared: dict[tuple[str, str], Prepared] = {}
        self._lock = threading.Lock()

    def prepare(self, batch: Batch) -> Prepared:
        """Look up the secrets of a batch as they are now; a target that gets none is left out."""
        with self._lock:
            guard = self._guard(batch.run)
            made = self._made(batch, guard)
            self._prepared[batch.run, batch.batch] = made
        return made

    def masked(self, batch: Batch, text: str) -> str:
        """Return a text about a batch without its secrets."""
        with self._lock:
            prepared = self._prepared.get((batch.run, batch.batch))
        targets = [target for _, target in prepared.batch.targets] if prepared else []
        return Redactor(dict.fromkeys(secret for target in targets for secret in secrets_in(target))).peer(text)

    def enter(self, batch: Batch) -> None:
        """Let the logins of this task, and of the tasks that it makes, be those of a batch that was prepared.

        Call it in the event loop, for the guard belongs to it, and when the batch has its turn: the journal of accounts
        knows by then what became of the logins of other runs.

        Raises:
            StoreError: the journal of accounts cannot be read.
        """
        with self._lock:
            made = self._prepared[batch.run, batch.batch]
        _CURRENT.set(_Entered(batch.run, batch.batch, made.guard))
        guard, login = made.guard, made.batch.login
        assert login is not None, "it is a batch with logins"
        credentials = {one.credential for _, one in made.batch.targets if one.credential is not None}
        for row in made.rows:
            for credential in credentials:
                if row.credential == credential.name and row.effect not in (Effect.PROVEN.value, Effect.NOTHING.value):
                    guard.bind_again(credential, row)
        guard.recall(made.proofs)
        fresh = {one for one in credentials if one.guarded_by not in guard.met}
        bound = {one for one in fresh if not self._seen.is_other_than_refused(one)}
        if fresh:
            records = self._logbook.settled()
            self._earlier.bind(guard, bound, records, login)
            judge = self._earlier.judge(fresh, records, login)
            guard.judges |= dict.fromkeys((one.guarded_by for one in fresh), judge)
        guard.met |= {one.guarded_by for one in fresh}

    def keep_ends(self, batch: Batch) -> None:
        """Keep what :meth:`ends` returns for a batch that is finished: this process knows why a login was not made."""
        text = json.dumps([dataclasses.asdict(one) for one in self._ends(batch)])
        self._journal.keep_ends(batch.run, batch.batch, text)

    def ends(self, batch: Batch) -> tuple[LoginEnd, ...]:
        """Return what became of each login of a batch, one for each credential and host at least."""
        kept = self._journal.ends(batch.run, batch.batch)
        if kept is None:
            return self._ends(batch)
        return tuple(LoginEnd(**one | {"end": End(one["end"])}) for one in json.loads(kept))

    def _ends(self, batch: Batch) -> tuple[LoginEnd, ...]:
        rows = self._logbook.rows(batch.run, batch.batch)
        with self._lock:
            prepared = self._prepared.pop((batch.run, batch.batch), None)
        asked = {(one.credential.name, one.host): one.credential for _, one in batch.targets if one.credential}
        found: dict[tuple[str, str, End], LoginEnd] = {}
        for row in _of_targets(rows, asked):
            end, host = _ENDS.get(row.effect, End.UNKNOWN), _own_host(row, asked)
            found.setdefault((row.credential, row.place, end), LoginEnd(row.credential, host, end, row.place[:1000]))
        answered = {(end.credential, end.host) for end in found.values()}
        others = [_unmade(prepared, one, host) for (_, host), one in asked.items() if (one.name, host) not in answered]
        return (*found.values(), *others)

    def _guard(self, run: str) -> RunGuard:
        guard = self._guards.pop(run, None) or RunGuard(self._logbook)
        self._guards[run] = guard
        while len(self._guards) > _RUNS:
            self._guards.popitem(last=False)
        return guard

    def _made(self, batch: Batch, guard: RunGuard) -> Prepared:
        assert batch.login is not None, "it is a batch with logins"
        found = _Secrets(guard, batch.login, lambda name: self._journal.proven(batch.run, name), self._seen)
        try:
            found.history = History(self._logbook.records(), self._seen)  # without the journal no login is made
            found.own = AgentAccounts()
        except (InventoryError, StoreError) as error:
            found.broken = _line(error)
            self._warn(f"no login is made: {found.broken}")
        targets: list[tuple[int, Target]] = []
        denied: dict[tuple[str, str], LoginEnd] = {}
        for place, target in batch.targets:
            account = found.of(target)
            if isinstance(account, LoginEnd):
                denied[account.credential, account.host] = account
            else:
                targets.append((place, with_account(target, account)))
        rows = self._logbook.rows(batch.run, batch.batch)
        return Prepared(dataclasses.replace(batch, targets=tuple(targets)), guard, denied, rows, found.proofs)


class _Secrets:
    """Look up each credential of a batch once; a target gets its credential, or the reason why it has none.

    Args:
        proven_at: returns the places that accepted a credential in this run, before this process too.
    """

    def __init__(
        self, guard: RunGuard, login: Login, proven_at: Callable[[str], list[str]], known: SeenSecrets
    ) -> None:
        self._guard, self._login, self._proven_at, self._seen = guard, login, proven_at, known
        self.own: AgentAccounts | None = None
        self.history = History((), known)
        self.broken = ""
        self.proofs: list[Mapping[str, Any]] = []
        self._found: dict[tuple[str, tuple[str, str]], Credential | tuple[End, str]] = {}

    def of(self, target: Target) -> Credential | LoginEnd:
        """Return the credential of a target with its secrets, or the end of its login."""
        asked = target.credential
        if asked is None:
            return LoginEnd("-", target.host, End.UNABLE, detail="the target has no credential")
        if self.own is None:
            return LoginEnd(asked.name, target.host, End.UNUSABLE, detail=self.broken)
        key = asked.name, asked.guarded_by
        if key not in self._found:
            self._found[key] = self._looked_up(asked, self.own)
        found = self._found[key]
        if isinstance(found, tuple):
            return LoginEnd(asked.name, target.host, found[0], detail=found[1])
        try:
            for host in _hosts(target):
                self.own.demand_place(asked, host)
        except NoSuchCredential as error:
            return LoginEnd(asked.name, target.host, End.NOT_PERMITTED, detail=_line(error))
        if not self.history.is_newer(found, target.host, self._login, time.time(), time.monotonic()):
            return LoginEnd(asked.name, target.host, End.HELD)
        return found

    def _looked_up(self, asked: Credential, own: AgentAccounts) -> Credential | tuple[End, str]:
        try:
            found = own.resolved(asked)
        except NoSuchCredential as error:
            return End.UNABLE, _line(error)
        except InventoryError as error:
            return End.UNUSABLE, _line(error)
        self._seen.see(found, time.monotonic())
        if self._guard.is_other_secret(found):
            return End.UNUSABLE, _OTHER.format(visible(asked.name, 120))
        if not self._guard.knows(found) and (places := self._proven_at(asked.name)):
            # This process has begun since: the secret itself is not kept, and where it comes from is.
            if self.history.is_changed(found):
                return End.UNUSABLE, _WRITTEN.format(visible(asked.name, 120))
            if proof := self.history.proof(found, places):
                self.proofs.append(proof)
        return found


def _secret_of(credential: Credential) -> tuple[str | None, ...]:
    return credential.password, credential.key_file, credential.key_passphrase


def with_account(target: Target, account: Credential) -> Target:
    """Return a target whose credential has its secrets."""
    tries = tuple(dataclasses.replace(one, credential=account) for one in target.tries)
    return dataclasses.replace(target, credential=account, tries=tries)


def _hosts(target: Target) -> Iterator[str]:
    """Yield the hosts that a login at this target may send its secret to."""
    yield target.host
    for one in target.tries or (target,):
        yield from (host for host in str(FOLLOW_REDIRECTS.of(one.options) or "").split(",") if host)


def _of_targets(rows: Sequence[LoginRow], asked: Collection[tuple[str, str]]) -> list[LoginRow]:
    """Return the logins, each once: it is noted for the name of its host, and then for the address that was met."""
    names = {(name, host.casefold()) for name, host in asked}
    noted = {(row.credential, row.place) for row in rows if (row.credential, row.host) in names}
    return [row for row in rows if (row.credential, row.host) in names or (row.credential, row.place) not in noted]


def _own_host(row: LoginRow, asked: Mapping[tuple[str, str], Credential]) -> str:
    """Return the host of the target that a login was made for, as far as that is known."""
    hosts = [host for name, host in asked if name == row.credential]
    return next((host for host in hosts if host.casefold() == row.host), hosts[0] if len(hosts) == 1 else row.host)


def _unmade(prepared: Prepared | None, asked: Credential, host: str) -> LoginEnd:
    """Return the end of a login that was not made."""
    if prepared is None:
        return LoginEnd(asked.name, host, End.NOT_SENT)
    if denied := prepared.denied.get((asked.name, host)):
        return denied
    for place, end in ((None, End.EARLIER), (host.casefold(), End.EARLIER_HERE)):
        if bound := prepared.guard.earlier.get((asked.guarded_by, place)):
            return LoginEnd(asked.name, host, end, bound[0][:1000], bound[1][:1000])
    return LoginEnd(asked.name, host, End.NOT_SENT)


def _line(error: Exception) -> str:
    return visible(" ".join(str(error).split()), 800)
