"""Are the dynamic ports of a Windows open? Inferred from one or two ports that its endpoint mapper lists.

WMI's own port is told to a login alone. Without one, a listed port of the right range stands for the range: never more
than two are dialled. Two that agree are a sign, be they silent or reset; two that differ are none, nor is one reset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from scanready.causes import common
from scanready.climb import peers_word
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Step, bracketed
from scanready.net.stream import Stream, StreamError
from scanready.remedies.fixes import firewall_rule, together
from scanready.wire import WireError, dcerpc, epm

from . import causes, endpoint_mapper, fixes
from .answers import Portrait

Version = tuple[int, int, int]

#: What Windows gives out since Vista and Server 2008 (version 6.0), and before (MaxUserPort's default).
NEW, OLD = range(49152, 65536), range(1025, 5001)
#: The document's ranges, as rules want them.
_RULES = {NEW: "49152-65535", OLD: "1024-65535"}
_SIX = 6
#: Seconds after which a second port is dialled, side by side with the first: longer than any answer takes.
_SECOND = 1.0
_SAID_NO = (common.FILTERED, common.REJECTED, common.UNREACHABLE)


@dataclass(slots=True)
class Tried:
    """One port: a connection, or why there is none."""

    service: epm.Tower
    stream: Stream | None = None
    failure: Failure | None = None

    @property
    def detail(self) -> str:
        """In words, with the port."""
        said = self.failure.detail.split(": ", 1)[-1] if self.failure else "connected"
        return f"{self.service.port}: {said}"


def is_old(version: Version | None) -> bool:
    """Whether it is a Windows up to Server 2003 R2; one that tells no version is taken for a newer one."""
    return version is not None and version[0] < _SIX


def candidates(services: Sequence[epm.Tower], *, old: bool, foreign: Container[int]) -> list[epm.Tower]:
    """The one or two services to ask: of the range that the version has, else of whatever range was configured."""
    wanted = OLD if old else NEW
    fit = [service for service in services if (service.port or 0) >= OLD.start and service.port not in foreign]
    inside = [service for service in fit if service.port in wanted]
    return (inside or fit)[:2]


async def inferred(probe: Probe, portrait: Portrait, *, old: bool) -> None:
    """Climb a rung for the range; its endpoint is the first port that was asked."""
    foreign = peers_word.other_services(probe)
    asked = candidates(portrait.listing.services, old=old, foreign=foreign)
    host = probe.address or probe.host
    port = asked[0].port if asked else "dynamic ports"
    async with probe.step(Step.CONNECT, f"{bracketed(host)}:{port}") as rung:
        if not asked:
            rung.warn(causes.DYNAMIC_RANGE_UNKNOWN, f"no dynamic port is known ({_why_none(portrait, foreign)})")
            return
        tried = await _try(probe, host, asked)
        _judge(probe, rung, tried)
        if (first := next((one for one in tried if one.stream), None)) is not None and not rung.check.finding:
            await _speaks_rpc(rung, first)
        for one in tried:
            if one.stream is not None:
                await probe.leave(one.stream)


def _why_none(portrait: Portrait, foreign: Mapping[int, str]) -> str:
    left = ", ".join(f"{port} ({foreign[port]})" for port in portrait.listing.ports if port in foreign)
    if left:
        return f"the endpoint mapper lists ports of other services only, to which nothing was sent: {left}"
    return portrait.listing.refused or "the endpoint mapper lists none"


async def _try(probe: Probe, host: str, asked: Sequence[epm.Tower]) -> list[Tried]:
    """Dial the first; and the second, if the first has not connected within :data:`_SECOND`."""
    async with asyncio.TaskGroup() as group:
        first = group.create_task(_dial(probe, host, asked[0]))
        await asyncio.wait({first}, timeout=_SECOND)
        if len(asked) == 1 or (first.done() and first.result().stream is not None):
            return [await first]
        return [await _dial(probe, host, asked[1]), await first][::-1]


async def _dial(probe: Probe, host: str, service: epm.Tower) -> Tried:
    assert service.port is not None
    try:
        return Tried(service, await probe.dial(host, service.port))
    except Failure as failure:
        return Tried(service, failure=failure)


def _judge(probe: Probe, rung: Rung, tried: Sequence[Tried]) -> None:
    """Say what the ports say together.

    Raises:
        Failure: they are blocked, or a limit of ours kept the answer.
    """
    said = "; ".join(one.detail for one in tried)
    failures = [one.failure for one in tried if one.failure is not None]
    if not failures:
        return
    if ours := next((failure for failure in failures if failure.cause not in (*_SAID_NO, common.REFUSED)), None):
        raise ours
    rules = rules_for(probe, [one.service.port or 0 for one in tried])
    if all(failure.cause in _SAID_NO for failure in failures) and len(failures) == len(tried):
        detail = f"{said}; listed by the endpoint mapper on {probe.target.port}, which answers. That WMI's own port is "
        detail += "blocked likewise is inferred from that"
        rung.stop(causes.DYNAMIC_PORT_BLOCKED, detail, rules, also=fixes.ON_THE_HOST)
    only_reset = all(failure.cause is common.REFUSED for failure in failures)
    if only_reset and len(failures) == len(tried) > 1:
        detail = (
            f"{said}; the host itself lists both as its services', so that something resets in its place. That WMI's "
        )
        detail += "own port is reset likewise is inferred from that"
        rung.stop(causes.DYNAMIC_PORT_BLOCKED, detail, rules, also=fixes.ON_THE_HOST)
    if len(failures) == len(tried):
        rung.warn(causes.DYNAMIC_PORT_REFUSED if only_reset else causes.DYNAMIC_RANGE_UNKNOWN, said, rules)
    elif any(failure.cause in _SAID_NO for failure in failures):
        rung.warn(causes.DYNAMIC_RANGE_UNKNOWN, f"of two listed ports one is open: {said}", rules)
    else:
        rung.ok(said)  # a service that has ended since: the other one's word is enough


def rules_for(probe: Probe, ports: Sequence[int]) -> str | None:
    """The rules to permit: each port that was seen, then the whole range it is of."""
    address = probe.address or probe.host
    spans = dict.fromkeys(_RULES[span] for port in ports for span in _RULES if port in span)
    return together(firewall_rule(probe.agent_address, address, which) for which in [*map(str, ports), *spans])


async def _speaks_rpc(rung: Rung, one: Tried) -> None:
    """Bind to the listed service: only RPC shows that it was the host that connected, and no firewall in its place."""
    assert one.stream is not None
    port, interface = one.service.port, one.service.interface
    one.stream.wait_for_first_byte(endpoint_mapper.PATIENCE)
    try:
        await endpoint_mapper.Talk(one.stream).bind(b"", dcerpc.Context(0, interface))
    except endpoint_mapper.Refused as refused:
        said = f" ({refused})"
    except (StreamError, WireError) as error:
        rung.warn(causes.DYNAMIC_RANGE_UNKNOWN, f"{port} is open, and no RPC service answers there: {error}")
        return
    else:
        said = ""
    span = next((_RULES[span] for span in _RULES if port in span), "the range that this host is configured for")
    rung.ok(
        f"port {port}, which the mapper lists, is open and speaks RPC{said}; that {span} is open, WMI's port with it, "
        "is inferred from that",
        dynamic_port=port,
        inferred=True,
    )
