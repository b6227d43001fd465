"""One run of several processes: it has the methods of :class:`scanready.run.engine.Run` that a command uses.

Lots of hosts wait here, and each process takes the next one when it has room: a slow host keeps no process from its
share of the others. All limits of the run are divided: concurrent targets, new targets a second, and logins.
"""

from __future__ import annotations

import asyncio
import datetime
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from functools import partial

from scanready.climb.confidential import secrets_in
from scanready.climb.guard import LockoutGuard
from scanready.model import Credential, Report, Target
from scanready.run import registry
from scanready.run.any_type import flat
from scanready.run.engine import LOGINS, Run
from scanready.run.settings import Settings

from .gate import Gate
from .groups import at_once, by_host, divided, shares
from .hands import Hand, OwnHand
from .lots import Lot, lots_again, lots_of
from .member import Briefing, Member
from .profile_form import profile_form
from .report_form import Reader
from .target_form import Accounts, settings_form
from .undone import undone

#: A target at which so many processes have ended is not given to a further one.
_MOST_LOST = 2
#: Seconds after which this process waits no longer for the others to begin.
_LATE = 10.0
#: Processes that are started in the place of those that ended.
_MOST_STARTS = 8


class Crew:
    """Check targets with ``jobs`` processes, this one included. Use as an async context manager.

    Args:
        settings: of the run; ``agent`` and ``day`` are set, and ``tap`` is not.
        guard: decides about all logins, those of the other processes, too.
        targets: all targets of the run; there are no more processes than hosts.
        warn: called with a line for people.
    """

    def __init__(
        self,
        settings: Settings,
        guard: LockoutGuard,
        jobs: int,
        targets: Sequence[Target],
        warn: Callable[[str], None],
    ) -> None:
        limits = [limit for limit in (settings.concurrency, settings.half_open, settings.per_net) if limit is not None]
        count = max(1, min(jobs, len(by_host(targets)), *limits))
        self._settings, self._guard, self._warn = settings, guard, warn
        self._places, self._logins = shares(settings.concurrency, count), shares(max(LOGINS, count), count)
        self._divided = divided(settings, count)
        run = Run(self._divided[0], guard, self._logins[0])
        self._own = OwnHand(run, self._places[0], self)
        self._secrets = list(dict.fromkeys(secret for one in flat(targets) for secret in secrets_in(one)))
        self._briefed = self._brief(flat(targets))
        self._members: list[Member] = []
        self._begun = False
        self._starts_left = _MOST_STARTS
        self._waiting: deque[Lot] = deque()
        self._staying: deque[Lot] = deque()
        self._again: deque[Lot] = deque()
        self._open: set[Lot] = set()
        self._found: deque[tuple[Hand | None, Lot, Report]] = deque()
        self._news = asyncio.Event()
        self._error: BaseException | None = None
        self._problems: dict[str, None] = {}
        self._fair, self._alone_from = 0, 0.0

    async def __aenter__(self) -> Crew:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(self._own.close(), *(member.close() for member in self._members))
        await self._own.run.__aexit__()

    @property
    def problems(self) -> tuple[str, ...]:
        """The faults of other packages' types that the other processes met."""
        return tuple(self._problems)

    @property
    def under_way(self) -> asyncio.Event:
        """Set once this process has begun its first connection."""
        return self._own.run.under_way

    def stop(self) -> None:
        """Start no new targets; those under way end as usual."""
        for hand in self._hands:
            hand.stop()
        self._news.set()

    def renew(self) -> None:
        """Prepare another round of the same run; see :meth:`Run.renew`."""
        for hand in self._hands:
            hand.renew()

    async def results(self, targets: Sequence[Target]) -> AsyncGenerator[Report, None]:
        """Yield a report for each target, as each ends."""
        self._own.run.expect(flat(targets))
        self._own.run.conceal(self._secrets)
        self._lay_out(targets)
        self._begin()
        try:
            while self._error is None:
                self._deal()
                while self._found:
                    hand, lot, report = self._found.popleft()
                    freed = lot.leave(report.target)
                    if hand is not None:
                        hand.free(freed)
                    yield report
                    self._deal()
                if self._is_over():
                    return
                self._news.clear()
                await self._news.wait()
            raise self._error
        finally:
            for waiting in (self._waiting, self._staying, self._again):
                waiting.clear()

    # The reports of the hands.

    def found(self, hand: Hand | None, lot: Lot, report: Report) -> None:
        """See :class:`scanready.run.jobs.hands.Board`."""
        if lot.left.pop(id(report.target), None) is not None:
            self._found.append((hand, lot, report))
            self._news.set()

    def done(self, hand: Hand, lot: Lot) -> None:
        """See :class:`scanready.run.jobs.hands.Board`."""
        self._open.discard(lot)
        if lot.left and not self._stopping:
            self._put_back(lot, "before it was done")
        if isinstance(hand, Member):
            self._problems |= dict.fromkeys(hand.problems)
        self._news.set()

    def ready(self) -> None:
        """See :class:`scanready.run.jobs.hands.Board`."""
        self._news.set()

    def failed(self, error: BaseException) -> None:
        """See :class:`scanready.run.jobs.hands.Board`."""
        self._error = self._error or error
        self._news.set()

    def trusted(self, hand: Hand, addresses: Iterable[str]) -> None:
        """See :class:`scanready.run.jobs.hands.Board`."""
        for other in self._hands:
            if other is not hand:
                other.trust(addresses)

    @property
    def _hands(self) -> list[Hand]:
        return [self._own, *self._members]

    @property
    def _stopping(self) -> bool:
        return self._own.run.stopping

    def _lay_out(self, targets: Sequence[Target]) -> None:
        groups = by_host(targets)
        for lot in lots_of(groups, at_once(len(groups), len(self._places)), self._settings.per_host):
            (self._staying if lot.stays else self._waiting).append(lot)
        self._fair = -(-len(targets) // len(self._places))

    def _is_over(self) -> bool:
        if self._found or self._open:
            return False
        return self._stopping or not (self._waiting or self._staying or self._again)

    def _deal(self) -> None:
        """Give each process the next lot, in turns, as long as it has room."""
        dealt = not self._stopping
        while dealt:
            dealt = self._deal_own()
            for member in self._members:
                dealt |= member.ready and self._deal_next(member, (self._again, self._waiting))

    def _deal_own(self) -> bool:
        # Before the others have begun, which takes some tenths of a second, it leaves them their share.
        late = asyncio.get_running_loop().time() >= self._alone_from
        fair = late or self._own.climbed < self._fair or all(member.ready for member in self._members)
        return self._deal_next(self._own, (self._staying, self._waiting) if fair else (self._staying,))

    def _deal_next(self, hand: Hand, waiting: Iterable[deque[Lot]]) -> bool:
        for lots in waiting:
            if lots:
                if not hand.has_room(lots[0]):
                    return False
                lot = lots.popleft()
                self._open.add(lot)
                hand.take(lot)
                hand.give(lot)
                return True
        return False

    # The other processes.

    def _brief(self, targets: Sequence[Target]) -> Briefing:
        agent, day = self._settings.agent, self._settings.day
        assert agent is not None, "the run knows its agent"
        assert isinstance(day, datetime.date), "the run knows its day"
        by_form: dict[int, Credential] = {id(one): one for target in targets for one in target.credentials}
        accounts = Accounts(by_form.values())
        begin = {
            "settings": settings_form(self._divided[-1]),
            "logins": self._logins[-1],
            "accounts": accounts.forms,
            "secrets": self._secrets,
            "profile": profile_form(registry.judge()),
            "types": list(dict.fromkeys(target.type for target in targets)),
        }
        credentials = accounts.distinct
        return Briefing(begin, accounts, credentials, Reader(agent, day), partial(Gate, self._guard, credentials))

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            for _ in self._places[1:]:
                self._start()
            loop = asyncio.get_running_loop()
            self._alone_from = loop.time() + _LATE
            loop.call_later(_LATE, self._news.set)

    def _start(self) -> bool:
        try:
            self._members.append(Member(self._places[-1], self._briefed, self, self._gone))
        except OSError as error:
            self._warn(
                f"--jobs: a further process cannot be started ({error.strerror or error}); the run goes on without"
            )
            return False
        return True

    def _gone(self, member: Member, how: str) -> None:
        """Check the unfinished targets of a process that ended by itself again."""
        self._members.remove(member)
        lots = list(member.lots.values())
        self._open.difference_update(lots)
        if not self._stopping:
            unfinished = sum(len(lot.left) for lot in lots)
            self._warn(_ended(member.pid, how, unfinished))
            if member.ready and self._starts_left > 0:
                self._starts_left -= 1
                self._start()
            for lot in lots:
                self._put_back(lot, how)
            while self._again and not self._members:
                self._give_up(
                    self._again.popleft(), f"the process that checked it ended ({how}), and there is no other"
                )
        self._news.set()

    def _put_back(self, lot: Lot, how: str) -> None:
        for again in lots_again(lot, by_host(lot.left.values()), self._settings.per_host):
            if again.lost < _MOST_LOST:
                self._again.append(again)
            else:
                self._give_up(again, f"the process that checked it ended ({how}), as one before it")

    def _give_up(self, lot: Lot, why: str) -> None:
        for target in lot.targets:
            self.found(None, lot, undone(target, self._settings, why))


def _ended(pid: int, how: str, unfinished: int) -> str:
    targets = "1 unfinished target is" if unfinished == 1 else f"{unfinished} unfinished targets are"
    again = f"; its {targets} checked again" if unfinished else ""
    return f"--jobs: process {pid} ended ({how}){again}"
