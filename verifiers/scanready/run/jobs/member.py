"""One further process of a run, seen from the first one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scanready.model import Credential

from .frames import FrameError, Message
from .gate import Gate
from .hands import Board, Hand
from .lots import Lot
from .process import Started, start
from .report_form import Reader
from .target_form import Accounts, target_form
from .wire import Wire

#: Reading a message that is none of ours raises these.
_NOT_OURS = (FrameError, ValueError, TypeError, KeyError, IndexError, AttributeError)
#: Seconds for the polite end of a process whose channel is closed.
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Briefing:
    """Hold the first message to each further process, and the means to read its answers.

    Attributes:
        begin: the first message; it has the secrets of the run.
        accounts: the credentials that ``begin`` has.
        credentials: the same, of this process.
        reader: reads its reports.
        gate: makes the gate of a process.
    """

    begin: Message
    accounts: Accounts
    credentials: list[Credential]
    reader: Reader
    gate: Callable[[Callable[[Message], None]], Gate]


class Member(Hand):
    """A process that climbs.

    Attributes:
        ready: it has begun.
        lots: what it was given, and has not done with.
        problems: the faults of other packages' types that it has met.

    Args:
        gone: called once it has ended by itself, with the reason.

    Raises:
        OSError: this host does not permit another process.
    """

    def __init__(self, places: int, briefing: Briefing, board: Board, gone: Callable[[Member, str], None]) -> None:
        super().__init__(places)
        self._briefing, self._board, self._gone = briefing, board, gone
        self.ready = self._closing = False
        self.lots: dict[int, Lot] = {}
        self.problems: list[str] = []
        self._number = 0
        self._fault = ""
        self._started: Started = start()
        self._talk, self._permits = Wire(self._started.talk), Wire(self._started.permits)
        self._gate = briefing.gate(self._talk.send)
        self._serving = asyncio.create_task(self._serve())
        self._serving.add_done_callback(self._served)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._started.process.pid

    def give(self, lot: Lot) -> None:
        """See :class:`Hand`."""
        self._number += 1
        self.lots[self._number] = lot
        forms = [target_form(target, self._briefing.accounts) for target in lot.targets]
        self._talk.send({"lot": self._number, "targets": forms})

    def stop(self) -> None:
        """See :class:`Hand`."""
        self._talk.send({"stop": True})

    def renew(self) -> None:
        """See :class:`Hand`."""
        self._talk.send({"renew": True})

    def trust(self, addresses: Iterable[str]) -> None:
        """See :class:`Hand`."""
        if self.ready:
            self._talk.send({"trust": list(addresses)})

    async def close(self) -> None:
        """Close its channels, at which it ends, and wait for that."""
        self._closing = True
        self._talk.close()
        self._permits.close()
        await asyncio.to_thread(self._started.end, _PATIENCE)
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)

    async def _serve(self) -> None:
        answering = asyncio.create_task(self._answer())
        try:
            async with contextlib.aclosing(self._talk.messages()) as messages:
                async for message in messages:
                    self._heed(message)
        except _NOT_OURS as error:
            self._fault = self._fault or f"it sent what is no message of ours: {type(error).__name__}"
        finally:
            answering.cancel()
            await self._gate.lose()
        if not self._closing:
            self._talk.close()
            self._permits.close()
            code = await asyncio.to_thread(self._started.end, _PATIENCE)
            self._gone(self, self._fault or _how(code))

    def _served(self, serving: asyncio.Task[None]) -> None:
        if not serving.cancelled() and (error := serving.exception()) is not None:
            self._board.failed(error)  # a fault of ours

    def _heed(self, message: Message) -> None:
        if self._gate.heed(message):
            return
        match message:
            case {"found": list(found)}:
                for number, place, form in found:
                    lot = self.lots[number]
                    self._board.found(self, lot, self._briefing.reader.report(form, lot.targets[place]))
            case {"done": int(number)}:
                self.problems = message.get("problems", self.problems)
                self._board.done(self, self.lots.pop(number))
            case {"trusted": list(addresses)}:
                self._board.trusted(self, addresses)
            case {"ready": _}:
                self._talk.send(self._briefing.begin)
                self.ready = True
                self._board.ready()
            case {"failed": str(why)}:
                self._fault = why
                raise FrameError(why)

    async def _answer(self) -> None:
        """Answer the last question before a secret leaves; the asker waits."""
        with contextlib.suppress(FrameError):
            async with contextlib.aclosing(self._permits.messages()) as questions:
                async for question in questions:
                    self._permits.send(self._gate.may_leave(question))


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"signal {-code}, {signal.Signals(-code).name}"
    return f"signal {-code}"
