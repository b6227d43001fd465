"""Run each login in a process of its own, which can be ended: at its deadline, for its memory, or with this process.

this process                    template of a module             the login
"fork"                      ->  forks                        ->  its number
job, connections            ------------------------------->
                            <-------------------------------     "ready": the libraries are loaded, limits hold
looks at its size every 50 ms
                            <-------------------------------     notes; names, places to dial; the secret leaves
addresses, connections, yes ------------------------------->
                            <-------------------------------     what it returned or raised
kills it                ->      reaps it
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.login_runner import LoginNetwork
from scanready.climb.login_trace import trace_in

from . import codec, job, memory, resting, templates
from .causes_of import causes_of
from .conversation import Conversation
from .surroundings import given
from .templates import Process, ProcessEnded, Templates

#: Processes that logins are forked from may have ended when they are asked: by themselves after a rest, or killed.
_TRIES = 3


class LoginProcesses:
    """Runs functions of client libraries, each call in a process of its own. ``close`` ends them all.

    See :class:`scanready.climb.login_runner.LoginRunner`.
    """

    def __init__(self) -> None:
        self._kept: Templates | None = None
        self._together = memory.Together()

    def runs(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
        """Whether another process finds the function, knows what it returns, and can be given its arguments."""
        name = job.name_of(function)
        if name is None or "return" not in function.__annotations__:
            return False
        with contextlib.suppress(job.JobError):
            job.pack(name, arguments)
            return True
        return False

    def warm(self, module: str) -> None:
        """Start what logins are forked from, while the climb goes on."""
        if templates.FORKS and module in sys.modules:
            with contextlib.suppress(OSError):  # a limit of this host, which the login meets again and reports
                self._templates().begin(module)

    async def prepare(self, function: Callable[..., Any]) -> None:
        """Have the libraries of the function's module loaded."""
        if templates.FORKS:
            with contextlib.suppress(ProcessEnded):  # it is made anew when the login runs
                await self._templates().of(function.__module__)

    async def run(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], end: float, kill: float, network: LoginNetwork
    ) -> Any:
        """See :class:`scanready.climb.login_runner.LoginRunner`."""
        name = job.name_of(function)
        assert name is not None, "the caller asks first"
        packed, lent = job.pack(name, arguments)
        hint = codec.returned_by(function)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout_at(kill):
            process = await self._begun(function.__module__)
            talk = Conversation(process, trace_in(arguments), causes_of(function), network, lent, self._together)
            try:
                seconds = end - loop.time()
                if seconds <= 0:  # which libraries would take for sockets that do not wait at all
                    raise TimeoutError("no process was ready for the login in time")
                network.permit()
                await talk.send(
                    {
                        "job": base64.b64encode(packed).decode(),
                        "seconds": seconds,
                        "surroundings": given(self._kept.environment if self._kept is not None else os.environ),
                    }
                )
                return await talk.result(hint)
            finally:
                talk.end()
                for one in lent:
                    await one.end()

    def close(self) -> None:
        """Let what logins are forked from rest: no login runs any more."""
        if self._kept is not None:
            resting.put(self._kept)
            self._kept = None

    def _templates(self) -> Templates:
        if self._kept is None:
            self._kept = resting.take()
        return self._kept

    async def _begun(self, module: str) -> Process:
        """Return a process that waits for its job; one that is there too late is ended."""
        # Made without `create_task`: it serves other climbs too, and must not end with this one.
        beginning = asyncio.Task(self._forked(module) if templates.FORKS else self._spawned())
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(_end)
            raise

    async def _forked(self, module: str) -> Process:
        for _ in range(_TRIES):
            kept = self._templates()
            try:
                return await (await kept.of(module)).fork({"fork": "login"})
            except ProcessEnded:
                if await kept.ended(module) and self._kept is kept:
                    self._kept = None
                    kept.close()
        raise _ends_again("the process that logins are forked from")

    async def _spawned(self) -> Process:
        for _ in range(_TRIES):
            with contextlib.suppress(ProcessEnded):
                return await templates.spawned()
        raise _ends_again("the process of a login")


def _ends_again(which: str) -> Failure:
    detail = f"{which} ends again and again: this host may be short of memory, or permit no further process"
    return Failure(common.LIMIT, detail)


def _end(beginning: asyncio.Task[Process]) -> None:
    if not beginning.cancelled() and beginning.exception() is None:
        beginning.result().end()
