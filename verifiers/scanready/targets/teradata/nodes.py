"""Find the nodes of a Teradata system by their COP names, and its HTTPS port.

A system with several nodes has one name, "td", and its nodes are "tdcop1", "tdcop2" and so on (in "td.corp" the number
is before the first dot). Drivers look up these names first and log on to any of them, so each node must answer the
agent.
"""

from __future__ import annotations

import asyncio

from scanready.causes import common, fleet
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Probe
from scanready.model import Check, Finding, Outcome, Step, bracketed, is_address
from scanready.net.stream import Stream, StreamError
from scanready.remedies.fixes import firewall_rule
from scanready.wire import WireError
from scanready.wire import teradata as wire

from . import causes

HTTPS = 443
#: The most nodes to check. Systems can have more, but this many show whether the network path is open.
MOST_COPS = 8
#: Share of the remaining time for each name, so that a slow resolver does not use up the check's time.
_SHARE = 0.2
_CLOSED = (common.REFUSED, common.FILTERED, common.REJECTED)


async def connect(probe: Probe) -> tuple[Stream, dict[str, str]]:
    """Connect to the system, or to its first COP if its own name does not resolve; also return the COPs' addresses.

    Raises:
        ClimbEnded: no node can be reached.
    """
    try:
        stream = await probe.connect()
    except ClimbEnded:
        last = probe.checks[-1]
        if last.finding is None or last.finding.cause is not common.NOT_FOUND:
            await _only_https(probe)
            raise
        cops = await _cops(probe)
        if not cops:
            raise
        first, address = next(iter(cops.items()))
        last.outcome, last.finding = Outcome.PASSED, None
        last.summary = f"{probe.host} does not resolve, as usual for Teradata; {first} resolves to {address}"
        last.facts["addresses"] = [address]
        async with probe.step(Step.CONNECT, f"{first}:{probe.target.port}") as rung:
            stream = await probe.dial(first, probe.target.port)
            rung.ok("connected")
        return stream, cops
    return stream, await _cops(probe)


async def _cops(probe: Probe) -> dict[str, str]:
    """Return the COP names that the agent's resolver knows, in order, with the first address of each."""
    found: dict[str, str] = {}
    name, dot, domain = probe.host.partition(".")
    if is_address(probe.host) or probe.target.guessed:
        return found
    for number in range(1, MOST_COPS + 1):
        cop = f"{name}cop{number}{dot}{domain}"
        until = asyncio.get_running_loop().time() + probe.remaining * _SHARE
        try:
            (_, where), *_ = await probe.shared.resolver.addresses(cop, probe.target.port, until)
        except (TimeoutError, OSError):  # no such name, or no answer in time
            break
        found[cop] = str(where[0])
    return found


async def look_at_other_cops(probe: Probe, cops: dict[str, str], met: str) -> None:
    """Ask every other node for its configuration in parallel; a node that does not answer makes the target limited.

    ``met`` is the address that has already answered.
    """
    others = [name for name, address in cops.items() if address != met]
    results: list[list[Check]] = [[] for _ in others]
    await asyncio.gather(*(_ask(probe, name, cops[name], into) for name, into in zip(others, results, strict=True)))
    for checks in results:
        for check in checks:
            probe.record(check)


async def _ask(probe: Probe, name: str, address: str, into: list[Check]) -> None:
    async with probe.step(Step.CONNECT, f"{name}:{probe.target.port}", into) as rung:
        try:
            stream = await probe.dial(address, probe.target.port)
            await stream.send(wire.config_request())
            answer: wire.Configuration | wire.Refusal = await stream.receive(wire.read_answer)
            await probe.leave(stream)
        except (Failure, StreamError, WireError, OSError) as error:
            if isinstance(error, Failure) and error.cause is fleet.NOT_ALLOWED:  # the node itself was not asked
                rung.inconclusive(error.cause, error.detail)
                return
            rule = firewall_rule(probe.agent_address, address, probe.target.port)
            rung.warn(causes.COP_UNREACHABLE, f"{getattr(error, 'detail', None) or error}", rule)
            return
        version = answer.database if isinstance(answer, wire.Configuration) else f"code {answer.code}"
        rung.ok(f"another node of the system answers: {version}")


async def look_at_https(probe: Probe) -> bool:
    """Check whether drivers could use HTTPS; return True if TLS works there. The result never changes the verdict."""
    if probe.target.port == HTTPS or probe.remaining < 1:
        return False
    check = Check(Step.CONNECT, f"{bracketed(probe.host)}:{HTTPS}", Outcome.SKIPPED, "")
    try:
        stream = await probe.dial(probe.address or probe.host, HTTPS)
        session = await stream.start_tls(probe.host)
        check.summary = f"{session.version} works on the HTTPS port"
        check.facts["https_port"] = HTTPS
        await probe.leave(stream)
    except (Failure, StreamError, WireError, OSError) as error:
        check.summary = f"the HTTPS port is not available: {getattr(error, 'detail', error)}"
    probe.record(check)
    return bool(check.facts)


async def _only_https(probe: Probe) -> None:
    """Change the finding of a closed port 1025 if TLS works on 443; only a driver could confirm that 443 is enough."""
    failed = [check for check in probe.checks if check.finding and check.finding.cause in _CLOSED]
    asked = not (probe.target.explicit_port or probe.target.guessed)
    if not failed or not asked or not await look_at_https(probe):
        return
    for check in failed:
        assert check.finding is not None
        detail = f"{check.finding.detail}; TLS works on port {HTTPS}"
        check.finding = Finding(causes.HTTPS_ONLY, detail, check.finding.fix)
