"""Keep the state of one connection to MySQL or MariaDB, so that it can always be ended without being counted.

Measured on MariaDB 10.11: a connection that ends before the server has refused a login counts towards
``max_connect_errors`` (after the greeting, in TLS, at the request for another plugin, even with COM_QUIT). A refused
login does not count. Therefore :meth:`Talk.finish`, the farewell, continues where the check stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from functools import partial
from typing import TypeVar

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.farewells import FAREWELL
from scanready.climb.probe import Probe, Rung
from scanready.model import INVENTED_USER, Facts, Step
from scanready.net.events import record
from scanready.net.stream import PeerClosed, ReadTimeout, Stream, StreamError, TlsError
from scanready.net.tls import TlsSession
from scanready.wire import Cursor, Reader, Steps, WireError, stepwise
from scanready.wire import mysql as wire
from scanready.wire.printable import printable

from . import causes
from .statements import WHO_ARE_WE

T = TypeVar("T")

#: The most requests for another plugin to answer; real servers send one.
_MOST_ROUNDS = 8

# The server delays the greeting for a reverse lookup of the agent's address; a working resolver needs milliseconds.
SLOW_GREETING = 2.0

Greeting = wire.Greeting | wire.AncientGreeting | wire.ServerError
LoginAnswer = wire.Ok | wire.ServerError | wire.AuthSwitch | wire.AuthMore


@stepwise
def read_greeting(cursor: Cursor) -> Steps[tuple[Greeting, bytes]]:
    """Read the server's first packet; return it with its raw bytes, which pymysql reads again.

    Raises:
        WireError: the packet is not a valid greeting.
    """
    greeting = yield from wire.read_greeting.steps(cursor)
    return greeting, cursor.passed()


class Talk:
    """Exchange packets over one stream.

    ``heard`` has the raw bytes of the greeting, ``plugins`` the authentication plugins that the server asked for, its
    default first.
    """

    def __init__(self, probe: Probe) -> None:
        self.heard = b""
        self.plugins: list[str] = []
        self._probe = probe
        self._stream: Stream | None = None
        self._greeting: wire.Greeting | None = None
        self._securing: asyncio.Task[TlsSession] | None = None
        self._sequence = 1  # of the next packet, ours or theirs
        self._asked = False
        self._let_in = False
        self._over = False
        self._taken = False

    @property
    def taken(self) -> bool:
        """Whether the connection was handed on: to a client library, or to the farewell."""
        return self._taken

    def begin(self, stream: Stream) -> None:
        """Use this connection."""
        self._stream = stream

    async def listen(self) -> Greeting:
        """Read the server's first packet.

        Raises:
            WireError, StreamError: as :meth:`Stream.receive`.
        """
        answer, self.heard = await self._receive(read_greeting)
        if isinstance(answer, wire.Greeting):
            self._greeting = answer
            self.plugins = [answer.auth_plugin or "mysql_native_password"]
        else:
            self._over = True
        return answer

    async def start_tls(self, rung: Rung) -> None:
        """Ask for TLS and do the handshake on ``rung``.

        An unfinished handshake counts towards ``max_connect_errors``. Therefore a handshake that the check cancels, or
        has no time for, continues until the farewell.

        Raises:
            TlsError, PeerClosed, ReadTimeout, WireError, TimeoutError: as :meth:`Stream.start_tls`.
            Failure: the server sent an error in clear text instead of its part of the handshake.
        """
        assert self._stream is not None
        assert self._greeting is not None
        record("ssl")
        await self._stream.send(wire.ssl_request(self._greeting.capabilities))
        self._sequence = 2
        deadline = self._stream.deadline
        self._stream.deadline += FAREWELL
        # Created without `create_task`, which would end the task together with the check.
        self._securing = asyncio.Task(self._probe.start_tls(self._stream, rung))
        since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.shield(self._securing)
        except TlsError as error:
            if (answer := wire.error_instead_of_tls(error.heard)) is None:
                raise
            self._over = True
            raise refusal(answer) from error
        except TimeoutError as error:
            if self._stream.encrypted:  # this side is still computing
                raise
            raise _no_answer(self._stream, deadline - since) from error
        self._stream.deadline = deadline

    async def be_refused(self) -> wire.Ok | wire.ServerError:
        """Log in as an invented user until the server's final answer; continue an interrupted login.

        Raises:
            WireError, StreamError: as :meth:`Stream.receive`.
        """
        assert self._stream is not None
        assert self._greeting is not None
        if not self._asked:
            self._asked = True
            record("probe")
            self._probe.footprint.probe_logins += 1
            capabilities, tls = self._greeting.capabilities, self._stream.encrypted
            await self._stream.send(
                wire.login(INVENTED_USER, self.plugins[0], self._sequence, capabilities=capabilities, tls=tls)
            )
            self._sequence += 1
        for _ in range(_MOST_ROUNDS):
            answer: LoginAnswer = await self._receive(partial(wire.read_login_answer, expected=self._sequence))
            match answer:
                case wire.AuthMore(data=b"\x03"):  # accepted from the server's cache; an Ok follows
                    self._sequence += 1
                    continue
                case wire.AuthSwitch(plugin=plugin) if plugin not in self.plugins:
                    self.plugins.append(plugin)
                case wire.Ok():
                    self._let_in = True
                    return answer
                case wire.ServerError():
                    self._over = True
                    return answer
            self._sequence = answer.sequence + 2
            await self._stream.send(wire.auth_switch_answer(answer.sequence))
        raise WireError(f"the server asks for a plugin for the {_MOST_ROUNDS}th time")

    async def who_are_we(self) -> str | wire.ServerError:
        """Ask an open session for its account; return it as ``user@host`` and end the session.

        Raises:
            WireError, StreamError: as :meth:`Stream.receive`.
        """
        assert self._stream is not None
        record("query")
        await self._stream.send(wire.query(WHO_ARE_WE))
        try:
            return await self._receive(wire.read_query_answer)
        finally:
            with contextlib.suppress(StreamError):  # the server logs sessions that the client does not end
                await self._leave()

    async def _leave(self) -> None:
        assert self._stream is not None
        self._over = True
        await self._stream.send(wire.quit())

    async def take(self) -> Stream:
        """Hand the connection to a client library, which ends it.

        Raises:
            Failure: the check is over, and the farewell uses the connection.
        """
        if self._taken:
            raise Failure(common.OUT_OF_TIME, "the time ran out before the login could start")
        self._taken = True
        assert self._stream is not None
        return self._stream

    def _left_to_finish(self) -> Awaitable[object]:
        """Return the running handshake and drop the reference to it, since its error refers back to this object."""
        securing, self._securing = self._securing, None
        assert securing is not None
        return securing

    async def finish(self, stream: Stream) -> None:
        """Finish the login with a refusal, wherever the check stopped, unless a client library has the connection."""
        if stream is not self._stream:  # another address of the same name, or a connection without any request
            spare = Talk(self._probe)
            spare.begin(stream)
            return await spare.finish(stream)
        if self._over or self._taken:
            return None
        self._taken = True
        try:
            if self._securing is not None:
                await self._left_to_finish()
            if self._greeting is None:
                await self.listen()
            if not self._over and not self._let_in:
                await self.be_refused()
            if not self._over and self._let_in:
                await self._leave()
        finally:
            if self._greeting is not None and not self._over:
                self._confess()
        return None

    def _confess(self) -> None:
        check = self._probe.checks[-1]
        check.facts["aborted"] = 1
        check.summary += (
            "; the agent closed the connection early: this counts once for max_connect_errors (default 100)"
        )

    async def _receive(self, reader: Reader[T]) -> T:
        assert self._stream is not None
        try:
            return await self._stream.receive(reader)
        except (WireError, PeerClosed):
            self._over = True  # nothing more can be sent to this peer
            raise


async def greeted(probe: Probe, talk: Talk) -> wire.Greeting:
    """Check ``handshake``: read the greeting, or identify another service."""
    async with probe.step(Step.HANDSHAKE) as rung:
        clock = asyncio.get_running_loop().time()
        try:
            answer = await talk.listen()
        except ReadTimeout as silent:
            if silent.heard or silent.hasty:
                raise
            hint = "MySQL also waits like this for a slow reverse DNS lookup: see skip_name_resolve"
            rung.stop(common.SILENT, f"connected, but the server sent nothing ({hint})")
        if isinstance(answer, wire.ServerError):
            raise refusal(answer)
        if isinstance(answer, wire.AncientGreeting):
            rung.stop(causes.ANCIENT_PROTOCOL, f"speaks protocol 9, version {printable(answer.version)}")
        named = f"{answer.product} " if answer.product else "version "
        rung.ok(f"speaks the MySQL protocol (10), {named}{printable(answer.version)}", version=answer.version)
        if answer.product:
            rung.check.facts["product"] = answer.product
        if (waited := asyncio.get_running_loop().time() - clock) > SLOW_GREETING:
            rung.ok(f"the greeting took {waited:.1f} s, usually due to the server's reverse DNS: see skip_name_resolve")
    return answer


def refusal(error: wire.ServerError) -> Failure:
    """Return the failure for an error that is the same for every client."""
    from . import fixes  # no packet waits for what only a refusal needs

    cause = causes.BEFORE_THE_GREETING.get(error.code) or causes.of_state(error.code, error.message)
    cause = cause or causes.SERVER_ERROR
    fix = fixes.FORGET_HOSTS() if cause is causes.HOST_BLOCKED else None
    seen_as = wire.host_seen(error.message)
    facts: Facts = (
        {"agent_seen_as": seen_as} if seen_as else {}
    )  # only the server knows how it sees the agent: NAT and names cannot be guessed
    return Failure(cause, f"{printable(error.message)} (error {error.code})", fix, error_code=error.code, **facts)


def _no_answer(stream: Stream, seconds: float) -> ReadTimeout:
    """Return the error of a TLS handshake that the peer did not finish within ``seconds``."""
    late = ReadTimeout("no answer within the time left", stream.heard, seconds, spoke=True)
    late.securing = True
    return late
