"""Give a verifier its steps: everything that a verifier author uses.

A verifier is a coroutine that climbs::

    async def verify(probe: Probe) -> None:
        stream = await probe.connect(farewell=say_goodbye)
        async with probe.step(Step.HANDSHAKE) as rung:
            greeting = await stream.receive(read_greeting)
            rung.ok(f"speaks {greeting.product}", product=greeting.product)

A step starts the clock, records exactly one check, turns whatever goes wrong into a cause, and ends the climb there.
Verbs of a rung: ``ok``, ``warn``, ``skip``, ``fail`` (failed, but climb on), ``inconclusive`` (tried with an identity
we invented) and ``stop`` (failed, the climb ends).
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from scanready.catalogue import TargetType
from scanready.causes import common
from scanready.model import Check, Credential, Finding, Footprint, Outcome, Step, Target, bracketed
from scanready.net import datagram
from scanready.net.dial_gate import NotBegun
from scanready.net.passage import Passage
from scanready.net.resolve import NoTurn
from scanready.net.sockets import Address
from scanready.net.stream import Stream
from scanready.net.tls import TlsSession
from scanready.wire.printable import MOST_EVIDENCE, printable

from . import bounds, channel
from .confidential import concealed
from .confinement import confined, finding_of
from .contact import Contact
from .dial_all import Dialled, dial_all
from .early_dial import Early
from .explain import Failure, explain, only
from .farewells import FAREWELL, Farewell, Farewells, farewell_within, grace_of, latest_farewell
from .guard import Attempt, Turn, TurnTaken, by_library
from .login_network import OwnPlaces
from .login_result import LoginResult, login_result
from .login_trust import LoginTrust
from .port_memory import PortMemory
from .run_context import RunContext
from .rung import ClimbEnded, Rung
from .sharing import share
from .shown_certificates import ShownCertificates
from .trace import bounded, trace_of

__all__ = ["ClimbEnded", "Farewell", "PortMemory", "Probe", "RunContext", "Rung"]

T = TypeVar("T")
Where = TypeVar("Where")
Result = TypeVar("Result", bound=LoginResult)
Dead = list[Check] | None

# A climb sets these attributes. All others are restored after it, because a verifier may have changed them.
_SET_ON_THE_WAY = ("source", "address", "_entered", "_dialled")
# With these causes no login reached the account: there is no driver, or our own rules withheld the login.
_NOT_TRIED = (common.DRIVER_MISSING, common.LOGIN_WITHHELD)


class Probe:
    """Climb for one target: connect, dial, log in and record checks. Owns the connections that it opened.

    The engine makes one for each target; a verifier only receives it.

    Attributes:
        target: what is checked; ``probe.target.options`` are its options.
        row: its target type.
        depth: the last step that is asked and judged. Entering a later rung ends the climb.
        checks: what was recorded so far.
        footprint: what was counted so far. A verifier adds the connections that its own client library opens.
        contact: the evidence that a target was contacted, and answered; the probe writes it.
        deadline: the end of the target's time, in the event loop's clock (s).
        source: this agent's address on the first connection; None before it.
        address: the target's address that was reached; None before it.
        shared: what all probes of a run share.
        redactor: hides the secrets of the target.
        port_memory: what is known of the target's port.
        passage: where connections wait for their turns; the climb's time stands still meanwhile.
        shown: the certificates that were judged so far.

    Args:
        seconds: the whole target's time; every wait ends within it.
        patience: seconds for a peer's first byte, if less than the whole time.
        turn: the climb's place among those that may log in with the account.
        early: the result of dialling before the climb, which continues with it.
    """

    def __init__(
        self,
        target: Target,
        row: TargetType,
        shared: RunContext,
        seconds: float,
        depth: Step,
        port_memory: PortMemory,
        patience: float | None = None,
        turn: Turn | None = None,
        early: Early | None = None,
    ) -> None:
        self.target, self.row, self.shared = target, row, shared
        self.depth, self.port_memory = depth, port_memory
        self.checks: list[Check] = []
        self.footprint, self.contact = Footprint(), Contact()
        early = early or Early(asyncio.get_running_loop().time(), Passage(shared.gate))
        self.passage, self.started = early.passage, early.began + early.passage.waited
        self.grace = grace_of(seconds)
        self.deadline = self.started + seconds - self.grace
        self.source = self.address = None  # type: str | None
        self._endpoint = bracketed(target.host) + (f":{target.port}" if target.port else "")
        self._entered = Step.AGENT  # an error between two rungs belongs to it
        self._patience, self._turn = patience, turn
        self._owed = Farewells(farewell_within(seconds), latest_farewell(self.started, seconds))
        self.tap = shared.tap(target) if shared.tap else None
        self.redactor = shared.redactor_for(target)
        self._proofs = list[bool]()  # of each accepted login: whether the server checked the secret
        self.shown = ShownCertificates(target, shared.ca_file, shared.certificate_days)
        #: The secret at which another login with the account stopped the climb: climb again, with a turn for it.
        self.turned_back: str | None = None
        self.not_begun = False  # true if the run was stopped before anything was contacted
        self.passage.when_moved(partial(_move, weakref.ref(self)))
        self._looked_up, self._dialled = early.looked_up, early.dialled(self.deadline, self.tap)
        for stream in self._dialled.alive if self._dialled else ():
            self._own(None, stream)

    @property
    def host(self) -> str:
        """The target's name or address, as the inventory has it."""
        return self.target.host

    @property
    def endpoint(self) -> str:
        """Return ``host:port``; only the host if a broken plug-in leaves the port unknown."""
        return self._endpoint

    @property
    def credential(self) -> Credential | None:
        """Return the account if a login can be tried with it, else None: a user name only leads to the login prompt."""
        return self.row.usable(self.target.credential)

    @property
    def logs_in(self) -> bool:
        """True if there is a credential to log in with, and the depth includes the login."""
        return self.credential is not None and self.depth.height >= Step.LOGIN.height

    @property
    def remaining(self) -> float:
        """Return the seconds left of this target's time, never negative."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    @property
    def agent_address(self) -> str:
        """Return this agent's address on the way to the target, as a firewall rule or access list names it."""
        return self.source or next(iter(self.shared.agent.addresses), "AGENT-ADDRESS")

    def step(self, step: Step, endpoint: str | None = None, into: list[Check] | None = None) -> Rung:
        """Enter a rung: ``async with probe.step(Step.AUTH) as rung``.

        The checks are appended to ``into`` in place of ``probe.checks``, so that endpoints that are asked concurrently
        are reported in a fixed order. ``endpoint`` is "host:port"; the target's own by default.
        """
        checks = self.checks if into is None else into
        bounds.require_room(checks, self.contact)
        where = endpoint or self.endpoint
        self._entered = step
        return Rung(self.row, self.depth, self.shared.signatures, step, where, checks, self._proofs, self.passage)

    def quote(self, text: str, most: int = MOST_EVIDENCE) -> str:
        """Return a peer's words for a sentence: printable, cut, without secrets. A verifier judges the text itself."""
        return printable(text, most)

    def explain(self, error: BaseException, step: Step) -> Finding:
        """Return the cause of ``error`` at ``step``, for an error that a verifier catches itself."""
        return explain(error, step, self.row.speaks, self.shared.signatures)

    async def connect(self, farewell: Farewell | None = None, *, privileged: bool = False) -> Stream:
        """Climb ``resolve`` and ``connect``: dial every address of the name, and record a check for each.

        ``farewell`` ends the talk wherever the climb stops; ``privileged`` asks for what :attr:`Stream.privileged` is.

        Raises:
            ClimbEnded: no address answered, or the port is known to speak another protocol.
        """
        if known := self.port_memory.known(self.row, self.endpoint):
            self.checks.extend(known)
            raise ClimbEnded
        first = len(self.checks)
        async with self.step(Step.RESOLVE, self.host) as rung:
            rung.add_seconds(self._looked_up)
            addresses = await self._resolve(self.host, self.target.port)
            rung.ok(", ".join(str(where[0]) for _, where in addresses), addresses=[str(w[0]) for _, w in addresses])
        self.contact.at(self.host, self.target.port, addresses)
        dialled, self._dialled = self._dialled or await self._dial(addresses, farewell, privileged), None
        self.checks.extend(dialled.checks)
        self.source = self.source or dialled.source
        self._count(len(dialled.alive))
        self._owed.settle_on(dialled.alive, farewell)
        self.port_memory.note_dialled(self.checks[first:], answers=bool(dialled.alive))
        if not dialled.alive:
            raise ClimbEnded
        stream, *spares = dialled.alive
        self.address, self.port_memory.stream, self._entered = stream.peer, stream, Step.HANDSHAKE
        stream.wait_for_first_byte(self._patience)
        await self._owed.part_from(spares, self.remaining)
        if self.depth is Step.CONNECT:
            raise ClimbEnded
        return stream

    async def addresses(self, host: str, port: int) -> list[str]:
        """Resolve another host name, inside a rung of the caller.

        Raises:
            Failure: the resolver had no turn within the time.
            socket.gaierror, TimeoutError: the name was not resolved.
        """
        return [str(where[0]) for _, where in await self._resolve(host, port)]

    async def dial(
        self, host: str, port: int, farewell: Farewell | None = None, *, privileged: bool = False, dead: Dead = None
    ) -> Stream:
        """Connect to another endpoint than the target's own (a proxy, a broker's port), inside a rung of the caller.

        If some addresses answer and others do not, a check for each of the others is appended to ``dead``.

        Raises:
            Failure: no address answered; it has the cause of the first one.
            socket.gaierror, TimeoutError: the name was not resolved.
        """
        addresses = await self._resolve(host, port)
        self.contact.at(host, port, addresses)
        dialled = await self._dial(addresses, farewell, privileged)
        self._count(len(dialled.alive))
        await self._owed.part_from(dialled.alive[1:], self.remaining)
        if not dialled.alive:
            refused = dialled.checks[0].finding
            assert refused is not None, "a failed dial has a finding"
            raise Failure(refused.cause, f"{dialled.checks[0].endpoint}: {refused.detail}", refused.fix)
        self.source = self.source or dialled.source
        if dead is not None:
            dead += [check for check in dialled.checks if check.outcome is not Outcome.PASSED]
        return dialled.alive[0]

    async def ask(
        self,
        host: str,
        port: int,
        question: bytes,
        reader: Callable[[bytes], T | None],
        *,
        seconds: float = 3.0,
        privileged: bool = False,
    ) -> T:
        """Ask over UDP inside a rung of the caller; repeat the question every second for at most ``seconds``.

        ``reader`` receives each datagram whole, and returns None if it answers another question. The footprint counts
        one connection, as a firewall on the way does.

        Raises:
            UdpTimeout: no answer; that proves nothing.
            ConnectError: an ICMP message rejected the question.
            WireError: the reader raised it.
            socket.gaierror, TimeoutError: the name was not resolved.
        """
        bounds.require_connection(self.contact)
        address, *_ = await self._resolve(host, port)
        self.contact.at(host, port, [address])
        self._count(1)
        end = min(self.deadline, asyncio.get_running_loop().time() + seconds)
        answer = await datagram.ask(address, question, reader, end, self.tap, privileged, self.passage)
        self.contact.note_answer()
        return answer

    async def start_tls(self, stream: Stream, rung: Rung, alpn: tuple[str, ...] = ()) -> TlsSession:
        """Do the TLS handshake on this rung and judge version and certificate.

        Each fault of the certificate is a check of its own. It warns if the scanner's client for this type verifies
        certificates, else it is a fact. ``alpn`` lists the protocols to offer.
        """
        session = await stream.start_tls(self.host, alpn)
        self.judge_tls(session, rung)
        return session

    def judge_tls(self, session: TlsSession, rung: Rung, name: str | None = None) -> None:
        """Judge a finished TLS handshake, ours or a client library's (see :meth:`start_tls`).

        ``name`` is the name that the certificate must have, if not the target's host.
        """
        self.shown.report(session, name or self.host, rung, verifies=self.row.requirements.verifies_certificate)

    async def login(
        self,
        visit: Callable[[Where, Credential, float], Result],
        where: Where,
        *,
        secret: str = "password",
        dials: int = 0,
        hosts: Sequence[str] = (),
    ) -> Result:
        """Log in once with a blocking client library, in its own process, under the lockout guard and the deadline.

        The library's connections are opened for it, and counted; they lead to the target's own addresses, to ``hosts``
        and to what its option ``follow_redirects`` permits, and nowhere else. A ``visit`` that another process cannot
        find (a function within another one, or of a script), that does not declare what it returns, or whose ``where``
        cannot be pickled, runs in a thread: nothing can end that, and its connections are its own.

        Args:
            visit: the login; it gets ``where``, the credential, and the seconds that are left.
            where: what the family's login needs to know; a :class:`scanready.climb.login_trace.LoginTrace` in it
                records what the login did. It counts as an attempt once that says that the secret has left.
            secret: which secret of the credential is tried ("password" or "key").
            dials: connections that the library opens past Python's ``socket``; they are counted if the login was tried.
            hosts: further hosts that belong to this login, such as a proxy.

        Raises:
            Failure: the cause that ``visit`` recognised; ``login.withheld``; ``scanready.limit``, too much memory.
            TimeoutError: the library did not return in time.
        """
        credential, before = self.credential, self.footprint.login_attempts
        assert credential is not None, "a login needs a credential"
        if self.shared.login_runner.runs(visit, (where, credential)):
            await asyncio.wait_for(self.shared.login_runner.prepare(visit), self.remaining)
        try:
            async with self.attempt(secret) as going:
                places = self._places(hosts, going.permit)
                with by_library(going, where):
                    result = await self.shared.run_client(visit, (where, credential), places, self.deadline, self.grace)
                    result.sent_on_to, going.proof = places.followed, not login_result(result, where).passwordless
                return result
        finally:
            self._count(dials * (self.footprint.login_attempts - before))

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return ``function(*arguments, seconds)`` of a client library, as :meth:`login` runs and ends it; no guard."""
        return await self.shared.run_client(function, arguments, self._places(), self.deadline, self.grace)

    @contextlib.asynccontextmanager
    async def attempt(self, secret: str = "password") -> AsyncIterator[Attempt]:
        """Guard one try of the credential, for a login that the verifier speaks itself.

        Raises:
            Failure: ``login.withheld``, or a password that no protocol can carry.
            TimeoutError: no time is left for it; the attempt is not counted.
            TurnTaken: another login decides about the account first. It is no Exception: let it pass.
        """
        if self.remaining <= 0:
            raise TimeoutError("no time is left for a login")
        credential = self.credential
        assert credential is not None, "a login needs a credential"
        if self.row.needs_trust:
            self.about_to_send_over_tls()
        channel.permit_password(credential)
        guard, where = self.shared.guard, (self.host, self.endpoint, secret)
        async with guard.attempt(credential, *where, turn=self._turn, address=self.address) as going:
            self.footprint.login_attempts += 1
            try:
                yield going
                self._proofs.append(going.proof and going.sent)
            except Failure as failure:
                going.sent &= going.left or failure.cause not in _NOT_TRIED or "tried" in failure.facts
                raise
            finally:
                self.footprint.login_attempts -= not going.sent

    async def of_agent(self, name: str, look: Callable[[], T]) -> T:
        """Return the result of ``look``, a blocking function that examines this agent; run it once for all targets.

        ``name`` is the key under which the result is kept.

        Raises:
            TimeoutError: it did not return within as many seconds as are left of this target's time.
        """
        return await self.shared.of_agent(name, look, self.remaining + self.grace, self.passage)

    def about_to_send_in_clear(self, travels: str = "in clear text") -> None:
        """Call before a password goes where a peer or a listener can read it; ``travels`` says how it would.

        Raises:
            Failure: ``login.withheld``, unless the target's option ``allow_cleartext`` permits it.
        """
        channel.permit_cleartext(self.target, travels)

    def about_to_send_over_tls(self, host: str | None = None) -> None:
        """Call before a secret goes to ``host`` (the target's own by default), whose certificate was judged.

        :meth:`attempt` and :meth:`login` do so for types whose scanner verifies certificates.

        Raises:
            Failure: ``login.withheld``, unless it proves who receives the secret, or ``allow_untrusted`` permits it.
        """
        self.shown.permit(host or self.host)

    def login_trust(self, host: str | None = None) -> LoginTrust:
        """Return the certificates that ``host`` (the target's own by default) may show to a login's own connection."""
        return self.shown.trust(host or self.host)

    async def share(self, key: object, climb: Callable[[Probe], Awaitable[T]]) -> T:
        """Run ``climb`` once for all target types on this (host, port); the others get the same checks and result.

        ``key`` names the question, including every option of the target that changes it.

        Raises:
            ClimbEnded: the shared climb ended early.
        """
        return await share(self, key, climb)

    async def leave(self, stream: Stream) -> None:
        """Close a connection politely now, not at the end of the climb."""
        await self._owed.leave(stream)

    def record(self, check: Check) -> None:
        """Add a check that was made without a rung."""
        bounds.require_room(self.checks, self.contact)
        self.checks.append(check)

    async def _resolve(self, host: str, port: int) -> list[Address]:
        try:
            return await self.shared.resolver.addresses(host, port, self.deadline)
        except NoTurn as error:
            raise Failure(common.OUT_OF_TIME, str(error)) from error

    async def _dial(self, addresses: list[Address], farewell: Farewell | None, privileged: bool = False) -> Dialled:
        """Dial them all; each connection is ours to end politely from the moment it is there."""
        bounds.require_connection(self.contact)
        self.shared.under_way.set()
        own = partial(self._own, farewell)
        return await dial_all(addresses, self.deadline, self.tap, own, privileged, self.passage)

    def _own(self, farewell: Farewell | None, new: Stream) -> None:
        self._owed.owe(new, farewell)
        self.contact.opened(new)
        new.when_secured = self.shown.loading(self.deadline + self.grace)

    def _places(self, hosts: Sequence[str] = (), permit: Callable[[], None] | None = None) -> OwnPlaces:
        own = self.target, self.row, self.address, self.shared.resolver, self.deadline
        return OwnPlaces(*own, hosts, lambda _: self._count(1), self.shared.catalogue, permit, self.passage)

    def _count(self, connections: int) -> None:
        self.footprint.connections += connections
        self.contact.connections += connections

    async def answers(self) -> bool:
        """Only dial. After True the caller must climb, which uses the open connections."""
        try:
            self._dialled = await self._dial(await self._resolve(self.host, self.target.port), None)
        except (Failure, OSError):  # a name that is not resolved, a time that is over
            return False
        except asyncio.CancelledError:
            await self._owed.leave_all()
            raise
        return bool(self._dialled.alive)

    async def climb(self, verify: Callable[[Probe], Awaitable[None]]) -> None:
        """Run a verifier to its end and leave politely, however it ended. Raises only on cancellation.

        A verifier that does not end is cancelled when the target's time is over, and abandoned if it ignores that.
        """
        passage, before = self.passage, self.passage.waited
        ours = {name: value for name, value in vars(self).items() if name not in _SET_ON_THE_WAY}
        end = self.deadline + self.grace + FAREWELL  # a talk that is left within the climb has its polite end, too
        with concealed(self.redactor, self.tap, self.checks):
            try:
                try:
                    await confined(verify(self), end, passage)
                finally:  # the report rests on them
                    stood = passage.waited - before
                    vars(self).update(ours, started=ours["started"] + stood, deadline=ours["deadline"] + stood)
                    await self._owed.leave_all()
            except ClimbEnded:
                pass
            except TurnTaken as taken:
                self.turned_back = taken.secret
            except NotBegun:
                self.not_begun = True
            except Exception as error:  # noqa: BLE001  # a verifier's bug must not end the run of others
                ended = finding_of(error, self.row.name, self._entered)
                found = bounded(ended or self.explain(only(error), self._entered))
                trace = trace_of(error) if found.cause is common.BUG else ""
                check = Check(self._entered, self.endpoint, Outcome.FAILED, found.detail, finding=found, trace=trace)
                self.checks.append(check)

    def remember(self) -> None:
        """Note for the other types on this port what it spoke; after the climb, once its checks can be trusted."""
        if not self.row.relay(self.target):  # else it was the proxy that spoke
            self.port_memory.note_spoken(self.row, self.endpoint, self.checks)
            self.port_memory.note_greeting(self.shared.signatures, self.checks, guessed=self.target.guessed)


def _move(climbing: weakref.ref[Probe], seconds: float) -> None:
    """Have a climb begin and end later by ``seconds``; its passage does not keep it."""
    if (probe := climbing()) is not None:
        probe.started, probe.deadline = probe.started + seconds, probe.deadline + seconds
        probe._owed.move(seconds)
