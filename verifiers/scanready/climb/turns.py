"""Decide which targets climb with an account that no server has judged yet.

One login decides about an account, so only one is made while its result is unknown. Two rules limit the cost of this. A
target waits before it connects, not on an open connection, because a server that has sent its greeting would count the
silence. A target that does not reach its login delays the others only briefly: each :data:`HEAD_START` without a
decision doubles the number that may climb.

The same holds for an account that few servers have accepted, where a limit is given: then more than one climb at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

#: Seconds before a second climb begins beside the first. A login in the same network needs 0.1 s, and a dead host never
#: reaches its login.
HEAD_START = 0.5
#: More doublings than any number of targets needs.
_MOST_DOUBLINGS = 20


class TurnTaken(BaseException):
    """Stop a climb at its login, because another login decides about the account first; the engine climbs again.

    It is no ``Exception``: a verifier that catches those must not take it for a fault of the target.

    Attributes:
        secret: the secret that the climb wanted to try.
    """

    def __init__(self, secret: str) -> None:
        super().__init__(secret)
        self.secret = secret


@dataclass(slots=True, eq=False)
class Turn:
    """One climb's place. The climb that holds a reserved turn makes the next login.

    Attributes:
        there: its place among the climbs at its host; None where the host has judged the account.
    """

    there: Turn | None = None


@dataclass(slots=True, eq=False)
class _Waiting:
    """``needless`` is None for a turn that is not reserved; else it says that no reservation is needed any more."""

    place: asyncio.Future[None]
    turn: Turn
    needless: Callable[[], bool] | None

    @property
    def reserves(self) -> bool:
        return self.needless is not None and not self.needless()


@dataclass(slots=True, eq=False)
class Turns:
    """The climbs and the login under way for one account. Used on one event loop at a time.

    Attributes:
        decided: the account was judged, so no target needs to wait for that. Set by :meth:`decide`.
        limit: how many may climb side by side once it was; None for all.
    """

    decided: bool = False
    limit: int | None = None
    _login: bool = False
    _reserved_by: Turn | None = None
    _climbing: int = 0
    _since: float = 0.0
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """True if no target climbs or waits, and nothing was decided."""
        return not (self.decided or self._climbing or self._waiting or self._login)

    def decide(self, limit: int | None = None) -> None:
        """Let all targets climb from now on, or so many at once."""
        if limit != self.limit:
            self._since = asyncio.get_running_loop().time() if limit is not None else 0.0
        self.decided, self.limit = True, limit
        self._admit()

    def is_reserved_by(self, turn: Turn | None) -> bool:
        """True if the next login is that climb's."""
        return turn is not None and self._reserved_by is turn

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Turn]:
        """Wait for a place, and hold it while the climb goes on."""
        turn = Turn()
        if self.decided and self.limit is None:
            yield turn
            return
        await self._wait(turn, None)
        try:
            yield turn
        finally:
            self._climbing -= 1
            self._admit()

    @asynccontextmanager
    async def reserve(self, needless: Callable[[], bool] = lambda: False) -> AsyncIterator[Turn]:
        """Wait until no login is under way; until this climb ends, no other one makes a login.

        Once ``needless`` returns True there is nothing to reserve: those that wait climb side by side. It is asked
        again at each :meth:`decide`.
        """
        turn = Turn()
        await self._wait(turn, needless)
        try:
            yield turn
        finally:
            self._climbing -= 1
            self._end_reservation(turn)
            self._admit()

    @contextmanager
    def log_in(self, turn: Turn, secret: str) -> Iterator[None]:
        """Hold the one login.

        Raises:
            TurnTaken: another climb holds it.
            RuntimeError: this climb holds it already: a verifier makes one login at a time.
        """
        if self._login and self._reserved_by is turn:
            raise RuntimeError("a second login was begun while the first was under way")
        if self._login or self._reserved_by not in (None, turn):
            raise TurnTaken(secret)
        self._login = True
        try:
            yield
        finally:
            self._login = False
            self._since = asyncio.get_running_loop().time()
            self._admit()

    async def _wait(self, turn: Turn, needless: Callable[[], bool] | None) -> None:
        waiting = _Waiting(asyncio.get_running_loop().create_future(), turn, needless)
        if needless is not None:  # it has waited before
            self._waiting.appendleft(waiting)
        else:
            self._waiting.append(waiting)
        self._admit()
        try:
            await waiting.place
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            else:
                self._climbing -= 1
                self._end_reservation(turn)
            self._admit()
            raise

    def _admit(self) -> None:
        """Give a place to each that waits, as far as there are places."""
        for waiting in list(self._waiting) if self.decided and self.limit is None else self._first():
            if not self._is_free(waiting):
                continue
            self._waiting.remove(waiting)
            self._climbing += 1
            if waiting.reserves:
                self._reserved_by = waiting.turn
            if not waiting.place.done():
                waiting.place.set_result(None)
        self._look_again()

    def _first(self) -> Iterator[_Waiting]:
        """Yield the first that waits, as long as it may go."""
        while self._waiting and self._is_free(self._waiting[0]):
            yield self._waiting[0]

    def _is_free(self, waiting: _Waiting) -> bool:
        if self._login or self._reserved_by is not None:
            return self.decided and not waiting.reserves and self._has_room()
        return waiting.reserves or self._has_room()

    def _has_room(self) -> bool:
        """Whether one more may climb."""
        if self.decided and self.limit is None:
            return True
        now = asyncio.get_running_loop().time()
        if not self._climbing:
            self._since = now
        doublings = min(_MOST_DOUBLINGS, int((now - self._since) / HEAD_START))
        return self._climbing < (self.limit or 1) << doublings

    def _look_again(self) -> None:
        """Look again when the next doubling is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and (self.limit is not None or (not self._login and self._reserved_by is None)):
            self._timer = asyncio.get_running_loop().call_later(HEAD_START, self._admit)

    def _end_reservation(self, turn: Turn) -> None:
        if self._reserved_by is turn:
            self._reserved_by = None
