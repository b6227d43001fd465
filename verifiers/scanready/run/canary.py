"""The canary: ask an unused port of a host, since a device that answers there answers for every port.

Nearly always nothing accepts the connection. That needs a socket and no climb; the socket on which something does
accept is the one on which the canary climbs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from scanready.causes import unproven
from scanready.climb.early_dial import Early
from scanready.climb.farewells import grace_of
from scanready.climb.port_memory import PortMemory, speaks
from scanready.climb.probe import Probe, RunContext
from scanready.model import Check, Finding, Outcome, Step, Target, Verdict, bracketed, judge
from scanready.net.dial import accepting
from scanready.net.errors import LEAST_SILENCE
from scanready.net.passage import Passage
from scanready.net.resolve import literal

from .settings import CANARY_PORT, Settings

if TYPE_CHECKING:
    from .plugins.review import Review

#: The least time of the canary in seconds, if the climb has used up the target's time.
_LEAST = 0.25
#: Seconds that the canary may stay silent, and that its climb may take beyond twice the time of the real one. A device
#: that answers for every port does so immediately; this allows for one lost packet and some load.
_SILENCE = LEAST_SILENCE


class Canary:
    """Ask each host of a run once."""

    def __init__(self, settings: Settings, context: RunContext) -> None:
        self._settings, self._context = settings, context
        self._trusted: set[str] = set()
        #: Called with the address of each name that is trusted: it may have other names.
        self.when_trusted: Callable[[str], object] = lambda _: None

    def trust(self, addresses: Iterable[str]) -> None:
        """Ask these hosts no more: another process of this run has."""
        self._trusted.update(addresses)

    def forget(self) -> None:
        """Ask every host again."""
        self._trusted.clear()

    async def ask(self, probe: Probe, verify: Callable[[Probe], Awaitable[None]], review: Review | None) -> None:
        """Ask, if that is permitted; where the answer is part of the proof, it is a check in any case.

        Args:
            review: judges the climbs of another package's type.
        """
        same_answer = await self._same_answer(probe, verify, review) if self._settings.canary else None
        if not probe.row.by_connection or same_answer:
            return
        where = f"{bracketed(probe.host)}:{CANARY_PORT}"
        if same_answer is None:
            detail = f"it is not known whether port {CANARY_PORT} accepts connections, too"
            finding = Finding(unproven.NEIGHBOUR_UNKNOWN, detail)
            probe.checks.append(Check(Step.HANDSHAKE, where, Outcome.WARNED, detail, {}, finding))
        else:
            probe.checks.append(Check(Step.HANDSHAKE, where, Outcome.PASSED, "does not accept connections"))

    async def _same_answer(
        self, probe: Probe, verify: Callable[[Probe], Awaitable[None]], review: Review | None
    ) -> bool | None:
        """Check an unused port in the same way: a device that answers there answers for every port.

        A refused or silent canary clears the host for the whole run. An accepted canary is climbed to the handshake,
        since SYN proxies accept every port although a real service is behind the real one. Return True if it gives the
        same answer, None if that is unclear.
        """
        host = probe.address or probe.host
        if host in self._trusted:
            return False
        canary = await self._accepted(host, probe)
        if canary is None:  # the usual case, without a climb
            self._trusted |= {host, probe.host}  # types may share a port; then only the first dialled an address
            if host != probe.host:
                self.when_trusted(host)
            return False
        await canary.climb(verify)
        if review:
            review.canary(probe, canary)
        probe.footprint.connections += canary.footprint.connections
        probe.footprint.probe_logins += canary.footprint.probe_logins
        proof = min(Step.HANDSHAKE, probe.row.proof, key=lambda step: step.height)
        same_answer = False
        for check in canary.checks:
            if check.step is proof and speaks(check):
                same_answer = True
                finding = Finding(unproven.FALSE_OPEN, f"port {CANARY_PORT} gives the same answer: {check.summary}")
                probe.checks.append(Check(Step.HANDSHAKE, check.endpoint, Outcome.WARNED, finding.detail, {}, finding))
        unclear = any(check.finding and not check.finding.cause.definite for check in canary.checks)
        return same_answer or (None if unclear else False)

    async def _accepted(self, host: str, probe: Probe) -> Probe | None:
        """Return the canary with its open connection, None if nothing accepts one; a socket shows that of an address.

        Even after a slow climb, the canary gets no more than the target's time.
        """
        began, stood = asyncio.get_running_loop().time(), probe.passage.waited
        taken = began - probe.started
        seconds = min(2 * taken + _SILENCE, max(self._settings.timeout - taken, _LEAST))
        early = address = None
        with contextlib.suppress(OSError):  # the zone of an IPv6 address is gone: that is found again, as of a name
            address = literal(host, CANARY_PORT)
        if address is not None:
            sock = await accepting(address, began + min(_SILENCE, seconds - grace_of(seconds)), probe.passage)
            if sock is None:
                return None
            began += probe.passage.waited - stood
            took = asyncio.get_running_loop().time() - began
            early = Early(began, Passage(self._context.gate), address=address, sock=sock, seconds=took)
        # An option may have named another host; the canary goes to the same place.
        target = Target(host, probe.target.type, CANARY_PORT, probe.row.at_its_host(probe.target))
        canary = Probe(target, probe.row, self._context, seconds, Step.HANDSHAKE, PortMemory(), early=early)
        canary.redactor = probe.redactor  # the host may echo secrets here as well
        canary.passage.begun = True
        if early is not None:
            return canary
        with contextlib.suppress(TimeoutError):
            async with canary.passage.within(_SILENCE):
                return canary if await canary.answers() else None
        return None


def is_needed(probe: Probe) -> bool:
    """Return True if the verdict rests only on an answer; an accepted login is proof enough."""
    row = probe.row
    verdict, _ = judge(probe.checks, row.proof)
    logged_in = any(check.step is Step.LOGIN and check.outcome is Outcome.PASSED for check in probe.checks)
    proxied = row.relay(probe.target) is not None  # the proxy would be asked, not the host
    asked = not (logged_in or proxied or row.hostless)
    return verdict in (Verdict.READY, Verdict.SCANNABLE, Verdict.LIMITED) and asked
