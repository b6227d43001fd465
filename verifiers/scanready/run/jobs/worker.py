"""A further process of a run: climb for the targets that come, send reports, and ask before each login.

It ends with the first process: the channel closes, the open talks are ended politely, and nothing is sent any more that
needs the first one's permission.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import replace
from typing import NoReturn

from scanready.causes import common
from scanready.model import Check, Finding, Outcome, Report, Step, Target, Verdict
from scanready.redaction import Redactor, redacting
from scanready.run import registry
from scanready.run.collector import tune_collector
from scanready.run.engine import Run

from .asking import AskingGuard, Permits
from .frames import Message, framed
from .process import channels
from .profile_form import profile_of
from .report_form import Writer
from .target_form import Accounts, accounts_of, settings_of, target_of
from .wire import Wire

#: Reports that are sent together, and the seconds and characters for which they wait for others.
_MOST, _SECONDS, _CHARACTERS = 32, 0.005, 1 << 18
#: Characters of one report. Those of a built-in type have some thousand.
_LONGEST = 8 << 20
#: Seconds for the polite end of open talks once the first process is gone.
_FAREWELLS = 3.0


def main() -> NoReturn:
    """Serve the first process until it closes the channel."""
    code = 1
    try:
        talk, permits = channels()
        asyncio.run(_serve(talk, permits))
        code = 0
    finally:
        os._exit(code)


async def _serve(talk: socket.socket, permits: socket.socket) -> None:
    wire = Wire(talk)
    wire.send({"ready": os.getpid()})
    async with contextlib.aclosing(wire.messages()) as messages:
        begin = await anext(messages, None)
        if begin is None:
            return
        with redacting(Redactor(dict.fromkeys(begin["secrets"]))):
            worker = Worker(wire, permits, begin)
            try:
                async with worker.run:
                    async for message in messages:
                        worker.heed(message)
                    await worker.leave()
                os._exit(0)  # the end of the event loop would wait for threads of look-ups, which may hang
            except Exception as error:
                wire.send({"failed": f"{type(error).__name__}: {error}"[:500]})
                await wire.sent()
                raise


class Worker:
    """Climb for the lots of targets that come.

    Args:
        wire: the channel to the first process.
        permits: the channel of the last questions.
        begin: the first message: settings, accounts, secrets, and the profile to judge by.
    """

    def __init__(self, wire: Wire, permits: socket.socket, begin: Message) -> None:
        registry.judge_by(profile_of(begin["profile"]))
        for name in begin["types"]:
            registry.catalogue().get(name)
        tune_collector()
        self._wire = wire
        self._accounts = accounts_of(begin["accounts"])
        self._guard = AskingGuard(Accounts(self._accounts), self._ask, Permits(permits))
        self.run = Run(settings_of(begin["settings"]), self._guard, begin["logins"])
        self.run.conceal(begin["secrets"])
        self.run.canary.when_trusted = self._trust
        self._writer = Writer()
        self._climbing: set[asyncio.Task[None]] = set()
        self._texts: list[str] = []
        self._characters = 0
        self._timer: asyncio.TimerHandle | None = None
        self._trusted: list[str] = []
        self._problems = len(registry.problems())

    def heed(self, message: Message) -> None:
        """Act upon a message of the first process."""
        if self._guard.answered(message):
            return
        match message:
            case {"lot": int(number), "targets": list(forms)}:
                targets = [target_of(form, self._accounts) for form in forms]
                self._climbing.add(climb := asyncio.create_task(self._climb(number, targets)))
                climb.add_done_callback(self._climbed)
            case {"trust": list(addresses)}:
                self.run.canary.trust(addresses)
            case {"stop": True}:
                self.run.stop()
            case {"renew": True}:
                self.run.renew()

    async def leave(self) -> None:
        """End what is under way; each open talk has its polite end."""
        for climb in self._climbing:
            climb.cancel()
        if self._climbing:
            await asyncio.wait(self._climbing, timeout=_FAREWELLS)

    async def _climb(self, number: int, targets: list[Target]) -> None:
        places = {id(target): place for place, target in enumerate(targets)}
        async with contextlib.aclosing(self.run.results(targets)) as reports:
            async for report in reports:
                self._send(f"[{number},{places[id(report.target)]},{self._text(report)}]")
        self._flush()
        done: Message = {"done": number}
        if self._problems != len(problems := registry.problems()):
            self._problems = len(problems)
            done["problems"] = problems
        self._wire.send(done)

    def _climbed(self, climb: asyncio.Task[None]) -> None:
        """A fault of ours in a climb ends this process; the first one gives its targets to another."""
        self._climbing.discard(climb)
        if not climb.cancelled() and (error := climb.exception()) is not None:
            self._wire.send({"failed": f"{type(error).__name__}: {error}"[:500]})

    def _text(self, report: Report) -> str:
        try:
            text = self._writer.text(report)
        except (ValueError, TypeError, RecursionError) as error:
            return self._writer.text(_unsendable(report, f"a fact has no form in JSON ({type(error).__name__})"))
        if len(text) > _LONGEST:
            return self._writer.text(_unsendable(report, f"the report has more than {_LONGEST} characters"))
        return text

    def _send(self, text: str) -> None:
        self._texts.append(text)
        self._characters += len(text)
        if len(self._texts) >= _MOST or self._characters >= _CHARACTERS:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._texts:
            self._wire.send_bytes(framed(f'{{"found":[{",".join(self._texts)}]}}'))
            self._texts.clear()
            self._characters = 0
        if self._trusted:
            self._wire.send({"trusted": self._trusted})
            self._trusted = []

    def _trust(self, address: str) -> None:
        self._trusted.append(address)

    def _ask(self, message: Message) -> None:
        self._wire.send(message)


def _unsendable(report: Report, why: str) -> Report:
    """Return what takes the place of a report that no message can hold."""
    if report.types:
        return replace(report, types=tuple(_unsendable(one, why) for one in report.types))
    finding = Finding(common.LIMIT, f"the result could not be passed on to the process that shows it: {why}")
    check = Check(Step.AGENT, report.target.type, Outcome.FAILED, finding.detail, {}, finding)
    judged = replace(report, verdict=Verdict.UNDECIDED, reached=None, finding=finding, finding_step=Step.AGENT)
    return replace(judged, facts={}, checks=[check])
