"""Where a Teradata system is to be met: its nodes by their COP names, and its HTTPS port.

A system of several nodes is known by one name, "td", and its nodes as "tdcop1", "tdcop2" ... (in "td.corp" the number
goes before the first dot). Drivers look for these names first and log on to any of them, so each must answer the agent.
"""

from __future__ import annotations

import asyncio

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Probe
from scanready.model import Check, Finding, Outcome, Step, bracketed, is_address
from scanready.net.stream import Stream, StreamError
from scanready.remedies.fixes import firewall_rule
from scanready.wire import WireError
from scanready.wire import teradata as wire

from . import causes

HTTPS = 443
#: Systems have more nodes than this, and a driver finds them all; so many tell whether the way to them is open.
MOST_COPS = 8
#: Seconds for each name, as share of what is left: a resolver that is slow to say no must not cost the climb.
_SHARE = 0.2
_CLOSED = (common.REFUSED, common.FILTERED, common.REJECTED)


async def connect(probe: Probe) -> tuple[Stream, dict[str, str]]:
    """Connect to the system, by its first COP where the name itself is none; also the address of each COP, by name.

    Raises:
        ClimbEnded: no node is to be had.
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
        last.summary = f"{probe.host} itself is no name, as usual; {first} is: {address}"
        last.facts["addresses"] = [address]
        async with probe.step(Step.CONNECT, f"{first}:{probe.target.port}") as rung:
            stream = await probe.dial(first, probe.target.port)
            rung.ok("connected")
        return stream, cops
    return stream, await _cops(probe)


async def _cops(probe: Probe) -> dict[str, str]:
    """The COP names that the agent's resolver knows, in turn, with the first address of each."""
    found: dict[str, str] = {}
    name, dot, domain = probe.host.partition(".")
    if is_address(probe.host) or probe.target.guessed:
        return found
    for number in range(1, MOST_COPS + 1):
        cop = f"{name}cop{number}{dot}{domain}"
        until = asyncio.get_running_loop().time() + probe.remaining * _SHARE
        try:
            (_, where), *_ = await probe.shared.resolver.addresses(cop, probe.target.port, until)
        except (TimeoutError, OSError):  # no such name, or nobody who says so in time
            break
        found[cop] = str(where[0])
    return found


async def look_at_other_cops(probe: Probe, cops: dict[str, str], met: str) -> None:
    """Ask every other node for its configuration, side by side; one that does not answer limits.

    ``met`` is the address that answered already.
    """
    others = [name for name, address in cops.items() if address != met]
    told: list[list[Check]] = [[] for _ in others]
    await asyncio.gather(*(_ask(probe, name, cops[name], into) for name, into in zip(others, told, strict=True)))
    for checks in told:
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
            rule = firewall_rule(probe.agent_address, address, probe.target.port)
            rung.warn(causes.COP_UNREACHABLE, f"{getattr(error, 'detail', None) or error}", rule)
            return
        version = answer.database if isinstance(answer, wire.Configuration) else f"code {answer.code}"
        rung.ok(f"another node of the system answers: {version}")


async def look_at_https(probe: Probe) -> bool:
    """See whether drivers could use HTTPS; told, never judged. Returns true if TLS answers there."""
    if probe.target.port == HTTPS or probe.remaining < 1:
        return False
    check = Check(Step.CONNECT, f"{bracketed(probe.host)}:{HTTPS}", Outcome.SKIPPED, "")
    try:
        stream = await probe.dial(probe.address or probe.host, HTTPS)
        session = await stream.start_tls(probe.host)
        check.summary = f"{session.version} answers on the HTTPS port too"
        check.facts["https_port"] = HTTPS
        await probe.leave(stream)
    except (Failure, StreamError, WireError, OSError) as error:
        check.summary = f"the HTTPS port is not to be had: {getattr(error, 'detail', error)}"
    probe.record(check)
    return bool(check.facts)


async def _only_https(probe: Probe) -> None:
    """1025 is closed to us: if 443 is not, nobody can tell without a driver whether that is enough."""
    failed = [check for check in probe.checks if check.finding and check.finding.cause in _CLOSED]
    asked = not (probe.target.explicit_port or probe.target.guessed)
    if not failed or not asked or not await look_at_https(probe):
        return
    for check in failed:
        assert check.finding is not None
        said = f"{check.finding.detail}; TLS answers on {HTTPS}"
        check.finding = Finding(causes.HTTPS_ONLY, said, check.finding.fix)
