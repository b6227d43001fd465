"""The talk of this process with that of one login, from the job to its outcome."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import socket
import typing
from collections.abc import Sequence
from functools import partial
from typing import Any

from scanready.causes import common
from scanready.climb.explain import Failure, Unfinished
from scanready.climb.login_runner import LoginNetwork
from scanready.climb.login_trace import LoginTrace
from scanready.net.errors import ConnectError, StreamError
from scanready.net.system_errors import words_of

from . import memory, outcomes
from .codec import Causes, CodecError, decode
from .lent import Lent
from .messages import Message, MessageError, Unpacker, send_now
from .templates import Process

_CHUNK = 1 << 16
#: Names and places that one login may ask for.
_MOST_QUESTIONS = 64


class Conversation:
    """The talk with one process.

    Args:
        process: it waits for its job.
        trace: takes the notes of the login.
        causes: those that the login may fail with.
        network: answers its questions.
        lent: the connections that it may take.
        together: the logins of the run.
    """

    def __init__(
        self,
        process: Process,
        trace: LoginTrace | None,
        causes: Causes,
        network: LoginNetwork,
        lent: Sequence[Lent],
        together: memory.Together,
    ) -> None:
        self._process = process
        self._trace = trace
        self._causes = causes
        self._network = network
        self._lent = lent
        self._unpacker = Unpacker()
        self._questions = 0
        self._next_look: asyncio.TimerHandle | None = None
        self._together = together
        self._too_large = ""
        self._withheld: Failure | None = None
        for one in lent:
            one.within(network, self._give_up)

    async def send(self, message: Message, sockets: Sequence[socket.socket] = ()) -> None:
        """Send a message with sockets. A process that has ended is noticed when its answer is read."""
        channel = self._process.channel
        with contextlib.suppress(OSError):
            rest = send_now(channel, message, sockets, self._process.pid)
            if rest:
                await asyncio.get_running_loop().sock_sendall(channel, rest)

    async def result(self, hint: Any) -> Any:
        """Answer the login's questions until it ends; return what it returned, of type ``hint``, or raise its error.

        Once its secret was withheld that is the error, whatever else becomes of it.
        """
        try:
            while (message := await self._next()) is not None:
                if not await self._understood(message):
                    break
            if self._withheld is not None:
                raise self._withheld
            if message is not None:
                return outcomes.result_of(message, hint, self._causes)
        except (MessageError, CodecError) as error:
            raise Unfinished(common.LIMIT, f"the login's process sent what no login sends: {error}") from error
        if self._too_large:
            raise Unfinished(common.LIMIT, self._too_large)
        raise Unfinished(common.LIMIT, "the process of the login ended without an answer")

    def end(self) -> None:
        """Kill the process, and take the notes that it left."""
        if self._next_look is not None:
            self._next_look.cancel()
        self._together.forget(self)
        channel = self._process.channel
        with contextlib.suppress(OSError, MessageError, CodecError):
            channel.setblocking(False)
            while data := channel.recv(_CHUNK):
                self._unpacker.feed(data)
        with contextlib.suppress(MessageError, CodecError):
            while (message := self._unpacker.next()) is not None:
                if "note" in message:
                    self._note(message["note"])
        self._process.end()

    async def _next(self) -> Message | None:
        loop = asyncio.get_running_loop()
        while (message := self._unpacker.next()) is None:
            try:
                data = await loop.sock_recv(self._process.channel, _CHUNK)
            except OSError:
                return None
            if not data:
                return None
            self._unpacker.feed(data)
        return message

    async def _understood(self, message: Message) -> bool:
        """Act upon a message of a login that goes on; False for the one that ends it."""
        match message:
            case {"note": note}:
                self._note(note)
            case {"leaves": note, "parts": bool(parts)}:
                await self._let_leave(note, parts=parts)
            case {"ready": True}:
                self._look(memory.resident(self._process.pid))
            case {"resolve": [str(host), int(port)]}:
                await self._answer(self._resolve(host, port))
            case {"dial": [str(host), int(port), None | int() | float() as seconds]}:
                await self._answer(self._dial(host, port, seconds))
            case {"take": int(number)} if 0 <= number < len(self._lent):
                with await self._lent[number].hand_over() as sock:
                    await self.send({}, [sock])
            case _:
                return False
        return True

    async def _let_leave(self, note: Any, *, parts: bool) -> None:
        """Permit that the secret leaves, and take note of it; else end the login, or have it end its talk.

        Raises:
            Failure: ``login.withheld``, and nothing is left to be said to the server.
        """
        try:
            self._network.permit()
        except Failure as failure:
            if not parts or self._withheld is not None:
                raise
            self._withheld = failure
            await self.send({"withheld": True})
        else:
            self._note(note)
            await self.send({})

    def _give_up(self, failure: Failure) -> None:
        """Kill the login, whose secret was withheld by the connection that it took."""
        self._withheld = failure
        self._process.stop()

    def _note(self, note: Any) -> None:
        match note:
            case [str(name), value] if self._trace is not None and dataclasses.is_dataclass(self._trace):
                hints = typing.get_type_hints(type(self._trace))
                if name not in {field.name for field in dataclasses.fields(self._trace)}:
                    raise CodecError(f"the trace has no {name[:40]!r}")
                setattr(self._trace, name, decode(hints[name], value, self._causes))

    async def _answer(self, question: Any) -> None:
        self._questions += 1
        if self._questions > _MOST_QUESTIONS:
            question.close()
            raise Failure(common.LIMIT, f"the login asked more than {_MOST_QUESTIONS} times for a name or a connection")
        try:
            message, sockets = await question
        except socket.gaierror as error:
            message, sockets = _error("gaierror", error.errno or 0, error.strerror or str(error))
        except (StreamError, TimeoutError) as error:
            message, sockets = _error("timeout", 0, str(error) or "timed out")
        except OSError as error:
            message, sockets = _error("OSError", _number(error), words_of(error))
        with contextlib.ExitStack() as held:
            for sock in sockets:
                held.enter_context(sock)
            await self.send(message, sockets)

    async def _resolve(self, host: str, port: int) -> tuple[Message, list[socket.socket]]:
        found = await self._network.addresses(host, port)
        return {"addresses": [[int(family), list(where)] for family, where in found]}, []

    async def _dial(self, host: str, port: int, seconds: float | None) -> tuple[Message, list[socket.socket]]:
        stream = await self._network.dial(host, port, seconds)
        return {}, [stream.detach()]

    def _look(self, base: int | None) -> None:
        """Look at the size of the process, now and every few milliseconds, and kill it if it has grown too much."""
        now = memory.resident(self._process.pid)
        if base is None or now is None:
            return
        if now - base > memory.MOST:
            self._stop(outcomes.NO_MEMORY)
            return
        self._together.note(self, now - base, partial(self._stop, outcomes.NO_MEMORY_TOGETHER))
        if not self._too_large:
            self._next_look = asyncio.get_running_loop().call_later(memory.INTERVAL, self._look, base)

    def _stop(self, why: str) -> None:
        self._too_large = why
        self._process.stop()


def _number(error: OSError) -> int:
    """The errno for the library: EACCES is only what this host forbids, and not what a filter says through ICMPv6."""
    if isinstance(error, ConnectError) and error.icmp is not None and error.errno == errno.EACCES:
        return errno.EHOSTUNREACH
    return error.errno or errno.EIO


def _error(kind: str, number: int, text: str) -> tuple[Message, list[socket.socket]]:
    return {"error": [kind, number, text]}, []
