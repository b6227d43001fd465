"""The lockout guard of a process that decides nothing itself: it asks the one that does; see ``gate``."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from scanready.catalogue.facts import REFUSAL_AMBIGUOUS
from scanready.causes import common
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.guard import Attempt, LockoutGuard, Turn, TurnTaken
from scanready.model import Credential
from scanready.net.stream import PeerClosed, ReadTimeout

from .frames import FrameError, Frames, Message, frame
from .gate import OTHER, SILENT
from .report_form import Causes
from .target_form import Accounts

#: Seconds for the answer to the last question before a secret leaves; it takes a few milliseconds. The climbs of this
#: process wait for it, too.
PATIENCE = 10.0
#: Characters of the words that a server refused a login with; the guard needs only their cause.
_MOST_DETAIL = 1000
#: Stands for the end of a login that the gate did not let begin.
_NEVER = object()


@dataclass(slots=True, eq=False)
class _NumberedTurn(Turn):
    number: int = 0


class AskingGuard(LockoutGuard):
    """Ask for each turn and each login, and report the end of each.

    Args:
        accounts: the credentials of the run.
        send: sends a message to the process that decides.
        permits: the channel of the last questions.
    """

    def __init__(self, accounts: Accounts, send: Callable[[Message], None], permits: Permits) -> None:
        super().__init__()
        self._places, self._send, self._permits = accounts, send, permits
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._causes = Causes()

    def answered(self, message: Message) -> bool:
        """Take the answer to a question; return False if the message is none."""
        number = message.get("go") or message.get("no") or message.get("taken")
        if not isinstance(number, int):
            return False
        if (asked := self._asked.pop(number, None)) is not None and not asked.done():
            asked.set_result(message)
        return True

    def expect(self, credential: Credential, host: str) -> None:
        """The process that decides knows all targets of the run."""

    @asynccontextmanager
    async def turn(
        self, credential: Credential | None, host: str = "", *, again_with: str | None = None
    ) -> AsyncIterator[Turn]:
        """See :class:`LockoutGuard`."""
        if credential is None:
            yield Turn()
            return
        number, place = next(self._numbers), self._places.place(credential)
        try:
            await self._answer(number, {"turn": number, "account": place, "host": host, "again": again_with})
            yield _NumberedTurn(number=number)
        finally:
            self._asked.pop(number, None)
            self._send({"leave": number})

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
        """See :class:`LockoutGuard`."""
        number = next(self._numbers)
        going = Attempt(where, sent=False, permit=lambda: self._permits.demand(number))
        asked = {"try": number, "account": self._places.place(credential), "host": host, "where": where}
        asked |= {"secret": secret, "of": turn.number if isinstance(turn, _NumberedTurn) else None, "address": address}
        end: Any = OTHER
        try:
            answer = await self._answer(number, asked)
            if "go" not in answer:
                end = _NEVER
                raise self._refused(answer, secret)
            going.sent, end = True, None
            yield going
        except BaseException as error:
            end = self._end_of(error) if end is None else end
            raise
        finally:
            self._asked.pop(number, None)
            if end is not _NEVER:
                self._send({"tried": number, "end": end, **_flags(going)})

    async def _answer(self, number: int, question: Message) -> Message:
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self._send(question)
        return await answer

    def _refused(self, answer: Message, secret: str) -> BaseException:
        match answer:
            case {"taken": _}:
                return TurnTaken(secret)
            case {"said": [str(code), str(detail), dict(facts)]}:
                return Failure(self._causes.find(code) or common.LOGIN_WITHHELD, detail, **facts)
        return RuntimeError(str(answer.get("said")))

    def _end_of(self, error: BaseException) -> Message | str:
        """Return what the gate raises in its place."""
        if not isinstance(error, Failure):
            return SILENT if isinstance(error, (TimeoutError, PeerClosed, ReadTimeout)) else OTHER
        return {
            "cause": self._causes.form(error.cause),
            "detail": error.detail[:_MOST_DETAIL],
            "unfinished": isinstance(error, Unfinished),
            "ambiguous": error.facts.get(REFUSAL_AMBIGUOUS.name) is True,
        }


def _flags(going: Attempt) -> Message:
    return {name: getattr(going, name) for name in ("proof", "pending", "sent", "noted")}


class Permits:
    """Ask whether a secret may leave, right before it does; the asker cannot wait for the event loop.

    The process that decides may be late: it is suspended, or its output is not read. That costs the login that asked,
    and no later one.

    Args:
        sock: the channel.
        patience: seconds for one answer.
    """

    def __init__(self, sock: socket.socket, patience: float = PATIENCE) -> None:
        self._sock, self._patience = sock, patience
        self._frames = Frames()
        self._questions = itertools.count(1)
        self._asking = threading.Lock()
        self._causes = Causes()

    def demand(self, number: int) -> None:
        """Return if the secret of a login may leave.

        Raises:
            Failure: ``login.withheld``; also if there is no answer.
        """
        with self._asking:
            answer = self._answer(number)
        match answer:
            case {"yes": True}:
                return
            case {"no": [str(code), str(detail), dict(facts)]}:
                raise Failure(self._causes.find(code) or common.LOGIN_WITHHELD, detail, **facts)
        detail = "the process that protects the accounts of this run did not answer; the secret was not sent"
        raise Failure(common.LOGIN_WITHHELD, detail)

    def _answer(self, number: int) -> Message:
        question, end = next(self._questions), time.monotonic() + self._patience
        try:
            self._sock.settimeout(self._patience)
            self._sock.sendall(frame({"leaves": number, "question": question}))
            while (left := end - time.monotonic()) > 0:
                self._sock.settimeout(left)
                if not (data := self._sock.recv(4096)):
                    break
                # A late answer to an earlier question is not taken for this one's: the account may be refused since.
                if found := [message for message in self._frames.feed(data) if message.get("question") == question]:
                    return found[0]
        except TimeoutError:
            pass
        except (OSError, FrameError):
            self._sock.close()
        return {}
