"""The ladder: everything a verifier author meets.

A verifier is a coroutine that climbs::

    async def verify(probe: Probe) -> None:
        stream = await probe.connect(farewell=say_goodbye)
        async with probe.step(Step.HANDSHAKE) as rung:
            greeting = await stream.receive(read_greeting)
            rung.saw(f"speaks {greeting.product}", product=greeting.product)

A step starts the clock, records exactly one check, turns whatever goes wrong
into a cause, and ends the climb there. What one can say on a rung: ``saw``,
``warn``, ``skip``, ``unmet`` (failed, but climb on), ``unsure`` (tried with an
identity we invented) and ``blocked`` (failed, the climb ends).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from . import certificates
from .catalogue import TargetType
from .causes import common
from .connect import dial_all
from .explain import Failure, explain
from .guard import LockoutGuard
from .model import Agent, Cause, Check, Finding, Footprint, Outcome, Step, Target, bracketed
from .resolve import Resolver
from .rung import ClimbEnded, Rung
from .stream import Address, Stream, StreamError, Tap
from .tlspolicy import TlsSession
from .wire import WireError

__all__ = ["ClimbEnded", "Farewell", "Observation", "Probe", "Rung", "Surroundings"]

T = TypeVar("T")

#: How a talk is ended when the climb is over, so that the server neither logs an error nor counts an offence.
Farewell = Callable[[Stream], Awaitable[None]]

# What is kept back of a target's time for ending politely, as a share and in seconds at the most.
_GRACE_SHARE, _GRACE_MOST = 0.05, 0.5
# With these a login never came to the account: nothing to log in with, or kept back by our own rules.
_NOT_TRIED = (common.DRIVER_MISSING, common.LOGIN_WITHHELD)


@dataclass(slots=True)
class Observation:
    """What is known of one (host, port) that several target types share, so that it is contacted once."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    dialled: list[Check] = field(default_factory=list)
    answers: bool = True
    spoke: tuple[str, bool] | None = None
    silent: bool = False
    shared: dict[object, tuple[list[Check], object]] = field(default_factory=dict)


@dataclass(slots=True)
class Surroundings:
    """What all probes of a run share. ``logins`` is the pool in which client libraries block."""

    agent: Agent
    resolver: Resolver
    guard: LockoutGuard
    logins: ThreadPoolExecutor
    ca_file: str | None = None
    tap: Callable[[Target], Tap] | None = None


class Probe:
    """One climb for one target. Owns the connections it opened.

    Args:
        seconds: the whole target's time; every wait ends within it.
        depth: the last step that is asked and judged.
    """

    def __init__(
        self, target: Target, row: TargetType, around: Surroundings, seconds: float, depth: Step, seen: Observation
    ) -> None:
        self.target = target
        self.row = row
        self.around = around
        self.depth = depth
        self.seen = seen
        self.checks: list[Check] = []
        self.footprint = Footprint()
        self.started = asyncio.get_running_loop().time()
        grace = min(_GRACE_MOST, seconds * _GRACE_SHARE)
        self.deadline = self.started + seconds - grace
        self.grace = grace
        self.source: str | None = None
        self.address: str | None = None
        self._open: list[tuple[Stream, Farewell | None]] = []
        self._tap = around.tap(target) if around.tap else None

    # what a verifier asks -------------------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The target's name or address, as the inventory has it."""
        return self.target.host

    @property
    def endpoint(self) -> str:
        """``host:port``."""
        return f"{bracketed(self.target.host)}:{self.target.port}"

    @property
    def remaining(self) -> float:
        """Seconds left of this target's time, never negative."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    @property
    def agent_address(self) -> str:
        """This agent's address towards the target, as a rule or access list must name it."""
        return self.source or (self.around.agent.addresses[0] if self.around.agent.addresses else "AGENT-ADDRESS")

    def step(self, step: Step, endpoint: str | None = None) -> Rung:
        """Enter a rung: ``async with probe.step(Step.AUTH) as rung``."""
        return Rung(self, step, endpoint or self.endpoint)

    async def connect(self, farewell: Farewell | None = None) -> Stream:
        """Climb ``resolve`` and ``connect``; every address of the name is dialled, and each is a check.

        ``farewell`` ends the talk politely at whatever step the climb stops.

        Raises:
            ClimbEnded: no address answered; or the port is known to speak something else.
        """
        if known := self._known():
            self.checks.extend(known)
            raise ClimbEnded
        first = len(self.checks)
        async with self.step(Step.RESOLVE, self.host) as rung:
            addresses = await self._resolve(self.host, self.target.port)
            rung.saw(", ".join(str(where[0]) for _, where in addresses), addresses=[str(w[0]) for _, w in addresses])
        dialled = await dial_all(addresses, self.deadline, self._tap)
        self.checks.extend(dialled.checks)
        self.source = self.source or dialled.source
        self.footprint.connections += len(dialled.alive)
        self._open.extend((stream, farewell) for stream in dialled.alive)
        self.seen.dialled = self.checks[first:]
        self.seen.answers = bool(dialled.alive)
        if not dialled.alive:
            raise ClimbEnded
        stream, *spares = dialled.alive
        self.address = stream.peer
        for spare in spares:
            await self.leave(spare)
        if self.depth is Step.CONNECT:
            raise ClimbEnded
        return stream

    async def dial(self, host: str, port: int) -> Stream:
        """Connect to another endpoint than the target's own (a proxy, a redirect) on a rung of the caller's.

        Raises:
            Failure: no address of it answered; the first one's cause.
            socket.gaierror, TimeoutError: the name was not resolved.
        """
        addresses = await self._resolve(host, port)
        dialled = await dial_all(addresses, self.deadline, self._tap)
        self.footprint.connections += len(dialled.alive)
        self._open.extend((stream, None) for stream in dialled.alive)
        for spare in dialled.alive[1:]:
            await self.leave(spare)
        if not dialled.alive:
            refused = dialled.checks[0].finding
            assert refused is not None, "who does not answer has a finding"
            raise Failure(refused.cause, f"{dialled.checks[0].endpoint}: {refused.detail}", refused.fix)
        return dialled.alive[0]

    async def start_tls(self, stream: Stream, rung: Rung, alpn: tuple[str, ...] = ()) -> TlsSession:
        """Do the TLS handshake on this rung and judge version and certificate.

        Each fault of the certificate is a check of its own; it warns where the
        type's client verifies certificates, else it is told as a fact.
        """
        session = await stream.start_tls(self.host, alpn)
        self.judge_tls(session, rung)
        return session

    def judge_tls(self, session: TlsSession, rung: Rung) -> None:
        """Judge a finished TLS handshake, ours or a client library's (see :meth:`start_tls`)."""
        judgement = certificates.judge(session, self.host, self.around.ca_file)  # cached by certificate
        rung.saw(
            f"{session.version} {session.cipher}", tls=session.version, tls_cipher=session.cipher, **judgement.facts
        )
        if session.old:
            rung.followed_by(self._fault(common.TLS_VERSION, f"only {session.version}", warns=True))
        for cause, detail in judgement.faults:
            rung.followed_by(self._fault(cause, detail, warns=self.row.verifies_certificate))

    async def login(self, attempt: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking login of :mod:`scanready.logins` in the pool, under the lockout guard and the deadline.

        Raises:
            Failure: what the login recognised; ``login.withheld``.
            TimeoutError: the library did not come back in time.
        """
        credential = self.target.credential
        assert credential is not None, "a login needs a credential"
        async with self.around.guard.attempt(credential, self.endpoint):
            self.footprint.login_attempts += 1
            running = asyncio.get_running_loop().run_in_executor(self.around.logins, attempt, *arguments)
            try:
                return await asyncio.wait_for(running, self.remaining + self.grace)
            except Failure as failure:
                if failure.cause in _NOT_TRIED:
                    self.footprint.login_attempts -= 1
                raise

    def about_to_send_in_clear(self) -> None:
        """Call before a password goes over an unencrypted connection.

        Raises:
            Failure: ``login.withheld``, unless the target's option ``allow_cleartext`` permits it.
        """
        if not self.target.options.get("allow_cleartext"):
            raise Failure(
                common.LOGIN_WITHHELD,
                "the password would travel in clear text; `allow_cleartext: true` at the target permits it",
            )

    async def share(self, key: object, climb: Callable[[Probe], Awaitable[T]]) -> T:
        """Climb once for all target types that meet on this (host, port); the others get the same checks.

        ``key`` names what is asked, the parts of the target that change it included.

        Raises:
            ClimbEnded: the shared climb ended early, now or then.
        """
        key = key, self.depth, self.row.speaks, self.row.tls
        if key in self.seen.shared:
            checks, result = self.seen.shared[key]
            self.checks.extend(checks)
            if isinstance(result, ClimbEnded):
                raise ClimbEnded
            return result  # type: ignore[return-value]  # what climb() returned under the same key
        first = len(self.checks)
        result = None
        try:
            result = await climb(self)
            return result
        except ClimbEnded as ended:
            result = ended
            raise
        finally:
            if result is not None:
                self.seen.shared[key] = self.checks[first:], result

    async def leave(self, stream: Stream) -> None:
        """End a talk now, politely, instead of at the end of the climb."""
        for entry in [entry for entry in self._open if entry[0] is stream]:
            self._open.remove(entry)
            await self._say_goodbye(*entry)

    def handed_over(self, stream: Stream) -> None:
        """A client library owns the connection from here on (see :meth:`Stream.detach`)."""
        self._open = [entry for entry in self._open if entry[0] is not stream]

    def record(self, check: Check) -> None:
        """Add a check that has no rung of its own."""
        self.checks.append(check)

    async def _resolve(self, host: str, port: int) -> list[Address]:
        async with asyncio.timeout_at(self.deadline):
            return await self.around.resolver.addresses(host, port)

    # the climb, run by the engine -----------------------------------------------------------------------------------

    async def climb(self, verify: Callable[[Probe], Awaitable[None]]) -> None:
        """Run a verifier to its end and leave politely, however it ended. Raises only on cancellation."""
        try:
            try:
                await verify(self)
            finally:
                while self._open:
                    await self._say_goodbye(*self._open.pop(0))
        except ClimbEnded:
            pass
        except Exception as error:  # noqa: BLE001  # the only one: a verifier's bug must not end the run of others
            step = self.checks[-1].step if self.checks else Step.AGENT
            found = explain(error, step, self.row.speaks)
            self.checks.append(Check(step, self.endpoint, Outcome.FAILED, found.detail, finding=found))
        self._remember()

    async def _say_goodbye(self, stream: Stream, farewell: Farewell | None) -> None:
        patience = max(self.grace, 0.1)
        stream.deadline = min(stream.deadline, asyncio.get_running_loop().time()) + patience
        try:
            if farewell is not None:
                # The verdict stands: a peer that spoils the farewell changes nothing.
                with contextlib.suppress(StreamError, WireError, OSError):
                    async with asyncio.timeout(patience):
                        await farewell(stream)
        finally:
            await stream.close()

    def _remember(self) -> None:
        """Note what the port spoke, for the other types that share it."""
        for check in self.checks:
            if check.step is Step.HANDSHAKE and check.outcome in (Outcome.PASSED, Outcome.WARNED):
                self.seen.spoke = self.row.speaks, self.row.tls
            if check.finding and check.finding.cause is common.SILENT and self.row.server_first:
                self.seen.silent = True
            if "speaks" in check.facts:
                self.seen.spoke = check.facts["speaks"], False

    def _known(self) -> list[Check] | None:
        """What an earlier climb on this port already answers, without another connection."""
        if not self.seen.answers:
            return self.seen.dialled
        speaks, tls = self.seen.spoke or (self.row.speaks, self.row.tls)
        tls_at_last = speaks == "tls" and self.row.tls  # heard by a type that began in clear
        if (speaks, tls) != (self.row.speaks, self.row.tls) and not tls_at_last:
            found = Finding(common.OTHER_PROTOCOL, f"this port speaks {speaks}{' over TLS' if tls else ''}")
        elif self.seen.silent and self.row.server_first:
            found = Finding(common.SILENT, "connected, and not one byte came (heard once for all types on this port)")
        else:
            return None
        return [*self.seen.dialled, Check(Step.HANDSHAKE, self.endpoint, Outcome.FAILED, found.detail, finding=found)]

    def _fault(self, cause: Cause, detail: str, *, warns: bool) -> Check:
        finding = Finding(cause, detail) if warns else None
        outcome = Outcome.WARNED if warns else Outcome.PASSED
        told = detail if warns else f"{detail} (told as a fact: usual clients of this type do not verify)"
        return Check(Step.TLS, self.endpoint, outcome, told, {"certificate_fault": cause.code}, finding)
