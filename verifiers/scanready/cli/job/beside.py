"""Withhold what another run finds refused while this one is under way, over one store.

Two runs may begin at the same moment, as one of a timer and one of a person. Each of them has read a journal that does
not know of the other. So the journal is read again in the transaction that notes a login.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanready.climb.explain import Failure
from scanready.climb.withheld import before_this_run
from scanready.model import Credential
from scanready.run import timestamps
from scanready.run.refusals import bound
from scanready.wire.printable import visible

from .earlier import Binding, account_of

if TYPE_CHECKING:
    from scanready.climb.guard import LockoutGuard
    from scanready.store import Account, AccountRecord, Event

    from .policy import Policy


@dataclass(frozen=True, slots=True)
class Found:
    """Hold the login of another run with an account; ``is_under_way`` says that its outcome may come yet."""

    record: AccountRecord
    binding: Binding
    is_under_way: bool

    def failure(self, credential: Credential) -> Failure:
        """Return the failure of a login that is withheld for it."""
        event = self.binding.event
        if not self.is_under_way:
            refused_at = event.place if event.cause else ""
            detail = self.binding.detail(credential.name, self.record)
            return before_this_run(detail, refused_at, account_of(self.record))
        detail = (
            f"another run has a login with the credential {visible(credential.name, 120)!r} under way at "
            f"{visible(event.place, 200)}, and its outcome did not come in time; it is not tried at the same time, to "
            "protect the account"
        )
        return before_this_run(detail, "", account_of(self.record))

    def bind(self, guard: LockoutGuard, credential: Credential) -> None:
        """Withhold the credential from the rest of the run, too."""
        event, host = self.binding.event, self.binding.host
        is_refusal = event.cause is not None and not self.is_under_way
        guard.bind(credential, event.place, self.failure(credential).detail, host, refused=is_refusal)


class Beside:
    """Judge the logins of a run by what others did since it read the journal.

    Args:
        credentials: those of the run.
        records: the journal as this run has read it, without the logins that were under way then; what it says is
            bound already, as far as it binds.
    """

    def __init__(self, credentials: Collection[Credential], records: Sequence[AccountRecord], policy: Policy) -> None:
        self._sources = {(one.guarded_by, one.source) for one in credentials}
        self._known = {event for record in records for event, *_ in _events(record)}
        self._retry_after = policy.retry_after

    def judged(self, account: Account, host: str, records: Sequence[AccountRecord], run: int) -> Found | None:
        """Return what withholds a login; None if nothing does. A login that is under way comes last.

        An option that tries a credential once more does not: a login that is under way is that try.

        Args:
            host: the name or the address of the host.
            records: the journal as it is now.
            run: the row of this run, whose own logins count for nothing here.
        """
        key = Credential(account.credential, account.username, authority=account.authority).guarded_by
        now, found = timestamps.now(), list[Found]()
        for record in records:
            if account_of(record) != key or (key, record.source) not in self._sources:
                continue
            for event, where, tries, is_under_way in _events(record):
                if event.run == run or event in self._known or where not in (None, host.casefold()):
                    continue
                if (binds := bound(event.since, tries, self._retry_after, now)) is not None:
                    found.append(Found(record, Binding(event, where, binds.until, tries), is_under_way))
        return min(found, key=lambda one: one.is_under_way, default=None)


def _events(record: AccountRecord) -> Iterator[tuple[Event, str | None, int, bool]]:
    """Yield what speaks against an account: the event, the only host that it binds, its tries, and if it is open."""
    if record.refusals and record.refused:
        yield record.refused, None, record.refusals, False
    unproven = record.accepted is None or record.refusals > 0
    for login in record.logins:
        if login.event.cause is not None:
            yield login.event, login.host, login.tries, False
        elif unproven:
            yield login.event, None, login.tries, login.killed
