"""Answer another process of the run that wants to log in: the lockout guard is here, and only here.

The guard does not know where a login runs. For each turn and each login of the other process, a task here stands in the
guard's own context; what the other process reports of its end is raised there again. So the rules, and the journal of
the accounts, are those of one process. A login whose process ends is neither: :class:`ProcessLost`.

other process                                   this one
turn: account, host                      ->     waits for the guard
                                         <-     go
try: account, host, address              ->     the guard decides, and its note is stored
                                         <-     go, or no: `login.withheld`
may the secret leave (another channel)   ->     the guard is asked again
                                         <-     yes, or no
tried: what came of it                   ->     the guard learns it
leave: the climb is over                 ->
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from scanready.catalogue.facts import REFUSAL_AMBIGUOUS
from scanready.causes import common
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.guard import Attempt, LockoutGuard, ProcessLost, Turn, TurnTaken
from scanready.model import Credential

from .frames import Message
from .report_form import Causes

#: How a login ended that was not accepted and not refused: without an answer, or for another reason.
SILENT, OTHER = "silent", "other"


class _Ended(Exception):
    """The login ended for a reason that says nothing about the account."""


@dataclass(slots=True)
class _Turn:
    task: asyncio.Task[None] | None = None
    turn: Turn | None = None
    left: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Login:
    ended: asyncio.Future[Message]
    task: asyncio.Task[None] | None = None
    going: Attempt | None = None


class Gate:
    """Serve one other process.

    Args:
        guard: decides.
        accounts: the credentials of the run, as the other process numbers them.
        send: sends a message to it.
    """

    def __init__(self, guard: LockoutGuard, accounts: Sequence[Credential], send: Callable[[Message], None]) -> None:
        self._guard, self._accounts, self._send = guard, accounts, send
        self._causes = Causes()
        self._turns: dict[int, _Turn] = {}
        self._logins: dict[int, _Login] = {}

    def heed(self, message: Message) -> bool:
        """Act upon a message; return False if it is none about a login."""
        match message:
            case {"turn": int(number), "account": int(place), "host": str(host), "again": None | str() as again}:
                self._turns[number] = held = _Turn()
                held.task = _task(self._hold_turn(number, held, self._accounts[place], host, again))
            case {"leave": int(number)}:
                self._leave(number)
            case {"try": int(number)}:
                self._logins[number] = login = _Login(asyncio.get_running_loop().create_future())
                login.task = _task(self._hold_login(number, login, message))
            case {"tried": int(number)}:
                open_ = self._logins.get(number)  # None if the guard's answer and the end of the climb have crossed
                if open_ is not None and not open_.ended.done():
                    open_.ended.set_result(message)
            case _:
                return False
        return True

    def may_leave(self, message: Message) -> Message:
        """Return the answer to a process that is about to send a secret; it has the number of the question."""
        return self._permission(message) | {"question": message.get("question")}

    def _permission(self, message: Message) -> Message:
        login = self._logins.get(message.get("leaves", -1))
        if login is None or login.going is None:
            return {"no": [common.LOGIN_WITHHELD.code, "the login was over before its secret left", {}]}
        try:
            login.going.permit()
        except Failure as failure:
            return {"no": _said(failure)}
        return {"yes": True}

    async def lose(self) -> None:
        """End all turns and logins: the other process is gone, and the outcome of its logins is unknown."""
        for login in self._logins.values():
            if login.ended.done():
                continue
            if login.going is None:  # it had no leave to begin
                login.ended.set_result({"end": OTHER})
            else:
                login.ended.set_exception(ProcessLost)
        open_ = [login.task for login in self._logins.values() if login.task is not None]
        await asyncio.gather(*open_, return_exceptions=True)
        turns = [held.task for held in self._turns.values() if held.task is not None]
        for task in turns:
            task.cancel()
        await asyncio.gather(*turns, return_exceptions=True)
        self._turns.clear()

    def _leave(self, number: int) -> None:
        held = self._turns.pop(number)
        if held.turn is None and held.task is not None:
            held.task.cancel()
        held.left.set()

    async def _hold_turn(self, number: int, held: _Turn, credential: Credential, host: str, again: str | None) -> None:
        async with self._guard.turn(credential, host, again_with=again) as held.turn:
            self._send({"go": number})
            await held.left.wait()

    async def _hold_login(self, number: int, login: _Login, asked: Message) -> None:
        credential, turn = self._accounts[asked["account"]], self._turns.get(asked["of"] or -1)
        where = credential, asked["host"], asked["where"], asked["secret"]
        try:
            async with self._guard.attempt(
                *where, turn=turn.turn if turn else None, address=asked["address"]
            ) as login.going:
                self._send({"go": number})
                self._end(login.going, await login.ended)
        except TurnTaken:
            self._send({"taken": number})
        except (Failure, RuntimeError) as error:
            if login.going is None:
                self._send({"no": number, "said": _said(error) if isinstance(error, Failure) else str(error)})
        except (ProcessLost, TimeoutError, _Ended):
            pass  # the guard has learned it
        finally:
            del self._logins[number]

    def _end(self, going: Attempt, end: Message) -> None:
        """Raise here what the login ended with there."""
        for name in ("proof", "pending", "sent", "noted"):
            setattr(going, name, bool(end.get(name)))
        match end.get("end"):
            case None:
                return
            case {"cause": form, "detail": str(detail), "unfinished": unfinished, "ambiguous": ambiguous}:
                try:
                    cause = self._causes.of(form)
                except (ValueError, KeyError, TypeError) as error:
                    raise ProcessLost from error  # this process cannot tell what it says of the account
                failure = (Unfinished if unfinished else Failure)(cause, detail)
                failure.facts = {REFUSAL_AMBIGUOUS.name: True} if ambiguous is True else {}
                raise failure
            case "silent":
                raise TimeoutError
            case _:
                raise _Ended


def _said(failure: Failure) -> list[Any]:
    return [failure.cause.code, failure.detail, dict(failure.facts)]


def _task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work)
