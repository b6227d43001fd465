"""Climb for many targets at once: bounded, deadline-keeping, polite to each host, streaming.

Results come as they end; nothing of a finished target is kept. One loop, no
thread per target: threads are for name look-ups and for logins only.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from scanready.catalogue import TargetType, Verifier
from scanready.catalogue.option import USER
from scanready.causes import common, unproven
from scanready.climb.confidential import redact, secrets_in
from scanready.climb.early_dial import dial_early
from scanready.climb.farewells import grace_of
from scanready.climb.guard import LockoutGuard, Turn
from scanready.climb.login_runner import LoginRunner
from scanready.climb.port_memory import PortMemory
from scanready.climb.probe import Probe, RunContext
from scanready.model import (
    LADDER,
    Check,
    Credential,
    Finding,
    Footprint,
    Outcome,
    Report,
    Step,
    Target,
)
from scanready.net.dial_gate import NotBegun, gate_of
from scanready.net.resolve import Resolver
from scanready.net.threads import DaemonThreads
from scanready.run.settings import own_agent

from . import registry, timestamps
from .addressing import address_fixes
from .agent_step import AgentStep
from .any_type import Hosts, flat
from .canary import Canary, is_needed
from .conclusion import conclude
from .host_evidence import HostEvidence
from .host_places import HostPlaces
from .plugins.remarks import tell
from .plugins.stand_in import stand_in
from .ports import Ports
from .settings import PER_HOST, Settings
from .untried_login import record_untried_login

if TYPE_CHECKING:
    from .plugins.review import Review
    from .which_credential import HostRefusals

#: Concurrent checks at one host that was given without a type. Each check asks another port, and most ports are closed
#: or filtered. With only four at once, a host behind a firewall would take half a minute.
GUESSES_PER_HOST = 24
_LOGIN_THREADS = 32
#: Concurrent targets that may log in. A login over SSH takes 0.1 s nearby (measured) and some 20 round trips elsewhere.
#: With four for each thread, the last one waits for three others; with more, its time would run out in our own queue.
LOGINS = 4 * _LOGIN_THREADS
_NO_WAIT = contextlib.nullcontext()


class _TurnedBack(NamedTuple):
    """A climb that stopped before its login, because another login must first show whether the account is valid.

    Attributes:
        secret: the secret that the next climb needs a turn for.
        footprint: what the climb cost the target.
    """

    secret: str
    footprint: Footprint


class Run:
    """One run over many targets. Use as an async context manager; ``results`` streams.

    Args:
        guard: the outcomes of earlier logins, if this run continues another one.
        logins: concurrent targets that may log in.
    """

    def __init__(
        self, settings: Settings | None = None, guard: LockoutGuard | None = None, logins: int = LOGINS
    ) -> None:
        self.settings = settings or Settings()
        self.agent = self.settings.agent or own_agent()
        self._day = self.settings.day or datetime.datetime.now(datetime.UTC).date()
        self._stop = asyncio.Event()
        self._context = RunContext(
            registry.catalogue(),
            self.agent,
            Resolver(),
            guard or LockoutGuard(),
            DaemonThreads(_LOGIN_THREADS, "login"),
            _login_processes,
            self.settings.ca_file,
            self.settings.certificate_days,
            self.settings.tap,
            gate_of(self.settings.bounds),
        )
        self._ports = Ports()
        self._verifiers: dict[str, asyncio.Future[Verifier | None]] = {}
        self._places = HostPlaces()
        self._login_places = asyncio.Semaphore(logins)
        self.canary = Canary(self.settings, self._context)
        self._next_start = 0.0

    async def __aenter__(self) -> Run:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._context.close()

    #: The faults of other packages' types that other processes of the run have met: it has none.
    problems: tuple[str, ...] = ()

    @property
    def stopping(self) -> bool:
        """True once nothing new is begun."""
        return self._stop.is_set()

    @property
    def under_way(self) -> asyncio.Event:
        """Set once the first connection is begun."""
        return self._context.under_way

    def stop(self) -> None:
        """Start no new targets; those under way end as usual, unless they still wait for their first connection."""
        self._stop.set()
        if self._context.gate is not None:
            self._context.gate.stop()

    def renew(self) -> None:
        """Prepare another round of the same run: forget names, hosts and the agent, but not the outcomes of logins."""
        self._context.resolver.forget()
        self._context.cache.clear()
        self.canary.forget()

    async def results(self, targets: Sequence[Target]) -> AsyncGenerator[Report, None]:
        """Yield a report for each target, as each ends."""
        hosts, each = Hosts(targets, self._day), flat(targets)
        evidence = HostEvidence(each)
        self._ports.expect(each)
        self.expect(each)
        waiting = iter(each)
        done: asyncio.Queue[Report | None] = asyncio.Queue(maxsize=self.settings.concurrency)
        size = min(self.settings.concurrency, len(each))
        workers = [asyncio.create_task(self._work(waiting, done)) for _ in range(size)]
        try:
            working = size
            while working:
                report = await done.get()
                if report is None:
                    working -= 1
                else:
                    for told in map(hosts.settled, evidence.settled(report)):
                        if told is not None:
                            yield told
            for told in map(hosts.settled, evidence.rest()):
                if told is not None:
                    yield told
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            while not done.empty():  # room for every worker's last word, or those who wait for room would wait for ever
                done.get_nowait()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, waiting: Iterator[Target], done: asyncio.Queue[Report | None]) -> None:
        try:
            for target in waiting:
                await self._pace()
                report = await self._verify(target)
                if report is None:
                    break
                await done.put(report)
        finally:
            done.put_nowait(None) if not done.full() else await done.put(None)

    async def _pace(self) -> None:
        """Keep to ``rate`` new targets a second."""
        if self.settings.rate is None:
            return
        now = asyncio.get_running_loop().time()
        self._next_start = max(now, self._next_start + 1 / self.settings.rate)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), self._next_start - now)

    def conceal(self, secrets: Iterable[str]) -> None:
        """Mask these at every host, too: another process of this run may send them to a server."""
        self._context.secrets.add(secrets)

    def expect(self, targets: Iterable[Target]) -> None:
        """Take note of targets that are checked: a host may repeat to one of them what it heard from another."""
        known = self._context.secrets_at
        for target in targets:
            if secrets := secrets_in(target):
                known[target.host] = tuple(dict.fromkeys((*known.get(target.host, ()), *secrets)))
            for account in target.credentials if self._account(target) else ():
                self._context.guard.expect(account, target.host)

    async def verify(self, target: Target) -> Report:
        """Climb for one target, after those that share its port, with at most ``per_host`` at its host."""
        report: Report | None
        if target.tries:
            report = next(iter([one async for one in self.results([target])]), None)
        else:
            self.expect([target])
            report = await self._verify(target)
            report = report and HostEvidence([target]).settled(report)[0]
        if report is None:
            raise asyncio.CancelledError("the run was stopped")
        return report

    def _verify(self, target: Target) -> Coroutine[Any, Any, Report | None]:
        """Climb, or return None if the run was stopped while the target waited for its turn."""
        several = target.alternatives and self._account(target) is not None
        return self._verify_each(target) if several else self._verify_as(target)

    async def _verify_each(self, target: Target) -> Report | None:
        """Climb with one credential of the target after another, and report it as one climb."""
        from .which_credential import first_accepted  # few targets have more than one

        if (one := await first_accepted(target, self._verify_as, self._refusals)) is None:
            return None
        row = registry.catalogue()[target.type]
        return self._concluded(target, row, one.checks, one.footprint, one.started, one.seconds)

    def _concluded(
        self, target: Target, row: TargetType, checks: list[Check], footprint: Footprint, started: str, seconds: float
    ) -> Report:
        depth, day = self.settings.depth, self._day
        return conclude(
            self.agent, target, checks, footprint, row.proof, depth, started=started, seconds=seconds, day=day
        )

    @cached_property
    def _refusals(self) -> HostRefusals:
        from .which_credential import HostRefusals  # loaded with the first login

        return HostRefusals(self.settings.max_attempts)

    async def _verify_as(self, target: Target) -> Report | None:
        """Climb with the credential of the target, once more if another login must first decide about the account."""
        memory, account = self._ports.memory(target), self._account(target)
        if account is None:
            result = await self._visit(target, memory)
            assert not isinstance(result, _TurnedBack), "only a login is turned back"
            return result
        spent = Footprint()
        again_with: str | None = None
        while True:
            async with self._context.guard.turn(account, target.host, again_with=again_with) as turn:
                result = await self._visit(target, memory, turn)
            if not isinstance(result, _TurnedBack):
                break
            spent.add(result.footprint)
            again_with = result.secret  # one more climb for each secret of a verifier, at the most
        if result is not None:
            result.footprint.add(spent)
            self._refusals.take_note(result)
        return result

    async def _visit(self, target: Target, memory: PortMemory, turn: Turn | None = None) -> Report | _TurnedBack | None:
        """Climb once, or return None if the run was stopped while the target waited for its place."""
        host, most = self._at_host(target)
        await self._places.enter(host, most)
        try:
            if memory.alone and not self._wants_login_place(target):  # nearly always: nothing else to wait for
                return None if self.stopping else await self._climb(target, memory, turn)
            row = registry.catalogue().get(target.type)
            spoken = (row.speaks, row.tls) if row else ("", False)
            async with memory.turn(*spoken), self._login_place(target):
                return None if self.stopping else await self._climb(target, memory, turn)
        except NotBegun:
            return None
        finally:
            self._places.leave(host)

    def _account(self, target: Target) -> Credential | None:
        """The account that this climb may log in with."""
        if target.credential is None:
            return None
        row = registry.catalogue().get(target.type)
        return row.usable(target.credential) if row and self.settings.depth.height >= Step.LOGIN.height else None

    def _login_place(self, target: Target) -> contextlib.AbstractAsyncContextManager[object]:
        """Room among the logins, for those who will want one: waiting for it is not on the target's time."""
        return self._login_places if self._wants_login_place(target) else _NO_WAIT

    def _wants_login_place(self, target: Target) -> bool:
        wanted = bool(target.credential or USER.of(target.options))
        return wanted and self.settings.depth.height >= Step.AUTH.height

    def _at_host(self, target: Target) -> tuple[str, int]:
        """Return what stands for the target's host, and how many places that has."""
        if target.guessed and self.settings.per_host >= PER_HOST:
            return f"{target.host} as anything", GUESSES_PER_HOST
        return target.host, self.settings.per_host

    async def _climb(self, target: Target, memory: PortMemory, turn: Turn | None) -> Report | _TurnedBack | None:
        """Climb, or return None if the run was stopped before anything was contacted."""
        started = timestamps.now()
        verify = await self._verifier(target.type)
        row = (registry.catalogue().get(target.type) or stand_in(target.type, _no_verifier)).on(target.port)
        began, seconds, patience = self._time_of(target, row, memory)
        self._warm_up(target, row)
        early = None
        if seconds and self._is_dialled_early(target, row, memory):
            early = await dial_early(target, self._context, began, seconds - grace_of(seconds))
        probe = Probe(target, row, self._context, seconds, self.settings.depth, memory, patience, turn, early)
        if verify is None:
            probe.checks.append(_not_built(target))
        elif not seconds and memory.known(row, probe.endpoint) is None:
            probe.checks.append(_no_time_left(target))
        else:
            if early is not None and early.cut_short:
                await _end(probe, verify)
            first = AgentStep(verify)
            await probe.climb(first)
            if probe.not_begun:
                return None
            if probe.passage.waited:
                memory.guesses.stand_still(probe.passage.waited)
            review = _review_of(target.type)
            if probe.turned_back is not None:
                if review:
                    review.count(probe)  # the next climb tells what was wrong
                return _TurnedBack(probe.turned_back, probe.footprint)
            if review:
                review.begin(probe)
            tell(probe)
            first.conclude(probe)
            if review is None or review.conclude(probe):
                probe.remember()
            if is_needed(probe):
                await self.canary.ask(probe, verify, review)
            record_untried_login(probe, built_in=target.type in registry.catalogue().built_in)
        _complete(probe)
        address_fixes(probe)
        await redact(probe.checks, probe.redactor)
        seconds = asyncio.get_running_loop().time() - probe.started
        return self._concluded(target, row, probe.checks, probe.footprint, started, seconds)

    def _time_of(self, target: Target, row: TargetType, memory: PortMemory) -> tuple[float, float, float | None]:
        """Return the loop's time now, the seconds for a target from now on, and those for a first byte, if fewer."""
        now, seconds = asyncio.get_running_loop().time(), self.settings.timeout
        if not target.guessed or row.verifier is _no_verifier:
            return now, seconds, None
        likely = row.port == target.port or (row.server_first and not memory.silent)
        return now, *memory.guesses.turn(now, seconds, likely, memory.names(row), bool(memory.greeting))

    def _warm_up(self, target: Target, row: TargetType) -> None:
        """Have the libraries of the target's login load, if it will have one, while the handshake goes on."""
        if row.verifier is not _no_verifier and self._account(target):
            self._context.login_runner.warm(f"{row.home}.login")

    @staticmethod
    def _is_dialled_early(target: Target, row: TargetType, memory: PortMemory) -> bool:
        """Return whether the climb is known to begin with a connection: that of another package's type is not."""
        return row.begins_at_its_port(target) and memory.is_new and target.type in registry.catalogue().built_in

    async def _verifier(self, type_: str) -> Verifier | None:
        """Return the verifier of a type; its modules, up to 130 ms of computing (measured), load in a thread.

        Those of a plug-in were loaded before the run, in the main thread, where they can be interrupted.
        """
        if type_ not in registry.catalogue().built_in:
            return registry.verifier(type_)
        if type_ not in self._verifiers:
            self._verifiers[type_] = asyncio.get_running_loop().run_in_executor(None, _loaded, type_)
        loading = self._verifiers[type_]
        return loading.result() if loading.done() else await asyncio.shield(loading)


async def _end(probe: Probe, verify: Verifier) -> NoReturn:
    """End a connection that came into being as its task was cancelled, as its protocol does: by a climb without time.

    Raises:
        asyncio.CancelledError: always.
    """
    probe.deadline = asyncio.get_running_loop().time()
    await probe.climb(verify)
    raise asyncio.CancelledError


def _loaded(type_: str) -> Verifier | None:
    """Load what a climb of a type begins with, and return its verifier."""
    row = registry.catalogue()[type_]
    row.part("requirements")
    if row.takes_a_relay:
        from . import proxy_note  # noqa: F401 - what the agent step loads for such a type
    return registry.verifier(type_)


def _login_processes() -> LoginRunner:
    """Return what logins run in; most checks have no login, and load nothing of it."""
    from scanready.clients.login_process.processes import LoginProcesses

    return LoginProcesses()


def _review_of(type_: str) -> Review | None:
    """Return what judges the climbs of another package's type; None for a built-in one, whose words have tests."""
    if (origin := registry.origin(type_)) is None:
        return None
    from .plugins.review import Review

    return Review(origin)


async def _no_verifier(_: Probe) -> None:
    """Stand in for the verifier of an unknown type; never called."""


def _not_built(target: Target) -> Check:
    finding = Finding(unproven.NOT_BUILT, f"no verifier for {target.type} in this version; nothing was contacted")
    return Check(Step.AGENT, target.type, Outcome.FAILED, finding.detail, {}, finding)


def _no_time_left(target: Target) -> Check:
    detail = f"the other types tried on this port used up the time; check {target} by itself"
    return Check(Step.CONNECT, target.type, Outcome.FAILED, detail, {}, Finding(common.OUT_OF_TIME, detail))


def _complete(probe: Probe) -> None:
    """Add the reason to every rung above the last one that was climbed."""
    climbed = {check.step for check in probe.checks}
    top = next((at for at in range(len(LADDER) - 1, -1, -1) if LADDER[at] in climbed), -1)
    missing = [step for step in probe.row.steps_of(probe.target) if step not in LADDER[: top + 1]]
    failed = next((check for check in reversed(probe.checks) if check.outcome is Outcome.FAILED), None)
    for step in missing:
        if step.height > probe.depth.height:
            reason = f"not asked: depth is {probe.depth}"
        elif failed is not None:
            reason = f"not reached: stopped at {failed.step}"
        elif probe.target.credential is None:
            reason = "no credential was given"
        elif probe.target.credential.is_unused:
            reason = "not asked: no login is made (--no-login)"
        elif probe.credential is None:
            secret = "password or key" if probe.row.takes_keys else "password"
            reason = f"no {secret} was given for {probe.target.credential.name}"
        else:
            reason = "not reached"
        probe.checks.append(Check(step, probe.endpoint, Outcome.SKIPPED, reason))


async def verify(target: Target, settings: Settings | None = None) -> Report:
    """Check one target whose arguments are checked; :func:`scanready.verify` is the same for any."""
    async with Run(settings) as run:
        return await run.verify(target)


async def verify_all(targets: Sequence[Target], settings: Settings | None = None) -> AsyncIterator[Report]:
    """Check many targets whose arguments are checked; :func:`scanready.verify_all` is the same for any."""
    async with Run(settings) as run:
        async for report in run.results(targets):
            yield report
