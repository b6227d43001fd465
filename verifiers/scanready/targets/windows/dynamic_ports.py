"""Infer from one or two listed ports whether the dynamic ports of a Windows host are open.

The host reveals WMI's own port only after a login. Without one, a port in the endpoint mapper's list stands for the
whole range. At most two ports are tried. Two that are both silent, or both reset, show that the range is blocked. Two
different results, or a single reset, show nothing.
"""

from __future__ import annotations

import asyncio
import uuid
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
from .options import WMI_PORT

Version = tuple[int, int, int]

#: Windows' dynamic ports since Vista and Server 2008 (version 6.0), and before (MaxUserPort's default).
NEW, OLD = range(49152, 65536), range(1025, 5001)
#: The requirements' ranges in the notation of firewall rules.
_RULES = {NEW: "49152-65535", OLD: "1024-65535"}
_SIX = 6
#: IWbemLevel1Login, the first interface of WMI that a scan uses ([MS-WMI] 1.9). A port of another interface refuses it.
_WMI: dcerpc.Syntax = (uuid.UUID("f309ad18-d86a-11d0-a075-00c04fb68820"), 0, 0)
#: Seconds after which the second port is dialled in parallel with the first: longer than any answer takes.
_SECOND = 1.0
_SAID_NO = (common.FILTERED, common.REJECTED, common.UNREACHABLE)


@dataclass(slots=True)
class Tried:
    """Hold one port's result: a connection, or the failure."""

    service: epm.Tower
    stream: Stream | None = None
    failure: Failure | None = None

    @property
    def detail(self) -> str:
        """Describe the result, with the port."""
        result = self.failure.detail.split(": ", 1)[-1] if self.failure else "connected"
        return f"{self.service.port}: {result}"


def is_old(version: Version | None) -> bool:
    """Return True for Windows up to Server 2003 R2; a host without a known version counts as newer."""
    return version is not None and version[0] < _SIX


def candidates(services: Sequence[epm.Tower], *, old: bool, foreign: Container[int]) -> list[epm.Tower]:
    """Choose one or two services to test: in the default range of the version, else in any configured range."""
    wanted = OLD if old else NEW
    fit = [service for service in services if (service.port or 0) >= OLD.start and service.port not in foreign]
    inside = [service for service in fit if service.port in wanted]
    return (inside or fit)[:2]


async def inferred(probe: Probe, portrait: Portrait, *, old: bool) -> None:
    """Add a check for the dynamic range; its endpoint is the first port tested."""
    foreign = peers_word.other_services(probe)
    host = probe.address or probe.host
    if (fixed := WMI_PORT.of(probe.target.options)) is not None:
        await _fixed(probe, host, fixed, foreign)
        return
    asked = candidates(portrait.listing.services, old=old, foreign=foreign)
    port = asked[0].port if asked else "dynamic ports"
    async with probe.step(Step.CONNECT, f"{bracketed(host)}:{port}") as rung:
        if not asked:
            rung.warn(causes.DYNAMIC_RANGE_UNKNOWN, f"no dynamic port to test ({_why_none(portrait, foreign)})")
            return
        tried = await _try(probe, host, asked)
        _judge(probe, rung, tried)
        if (first := next((one for one in tried if one.stream), None)) is not None and not rung.check.finding:
            await _speaks_rpc(rung, first)
        for one in tried:
            if one.stream is not None:
                await probe.leave(one.stream)


async def _fixed(probe: Probe, host: str, port: int, foreign: Mapping[int, str]) -> None:
    """Add a check for WMI's fixed port. Nothing is inferred: it is the port that a scan uses."""
    async with probe.step(Step.CONNECT, f"{bracketed(host)}:{port}") as rung:
        if port in foreign:
            raise Failure(common.NOT_FOLLOWED, f"`wmi_port` is the port of {foreign[port]}: nothing was sent there")
        one = await _dial(probe, host, epm.Tower(_WMI, port))
        if (failure := one.failure) is not None:
            rules = firewall_rule(probe.agent_address, host, port)
            if failure.cause in _SAID_NO:
                detail = f"WMI's fixed port {one.detail}; the endpoint mapper on {probe.target.port} answers"
                rung.stop(causes.DYNAMIC_PORT_BLOCKED, detail, rules, also=fixes.ON_THE_HOST)
            if failure.cause is not common.REFUSED:
                raise failure
            rung.warn(causes.FIXED_PORT_REFUSED, f"WMI's fixed port {one.detail}", rules)
            return
        assert one.stream is not None, "a port without a failure is connected"
        try:
            answer = await _rpc_answer(one)
        except (StreamError, WireError) as error:
            detail = f"{port} (`wmi_port`) is open, but no RPC service answers there: {error}"
            rung.warn(causes.FIXED_PORT_REFUSED, detail)
        else:
            rung.ok(f"WMI's fixed port {port} (`wmi_port`) is open and speaks RPC{answer}", dynamic_port=port)
        await probe.leave(one.stream)


def _why_none(portrait: Portrait, foreign: Mapping[int, str]) -> str:
    left = ", ".join(f"{port} ({foreign[port]})" for port in portrait.listing.ports if port in foreign)
    if left:
        return f"the endpoint mapper lists only ports of other services, which were not contacted: {left}"
    return portrait.listing.refused or "the endpoint mapper lists none"


async def _try(probe: Probe, host: str, asked: Sequence[epm.Tower]) -> list[Tried]:
    """Dial the first port, and the second one if the first has not connected within :data:`_SECOND`."""
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
    """Judge the results of all tested ports together.

    Raises:
        Failure: the ports are blocked, or a limit of the agent prevented the test.
    """
    results = "; ".join(one.detail for one in tried)
    failures = [one.failure for one in tried if one.failure is not None]
    if not failures:
        return
    if ours := next((failure for failure in failures if failure.cause not in (*_SAID_NO, common.REFUSED)), None):
        raise ours
    rules = rules_for(probe, [one.service.port or 0 for one in tried])
    if all(failure.cause in _SAID_NO for failure in failures) and len(failures) == len(tried):
        detail = f"{results}; the endpoint mapper on {probe.target.port} answers and lists these ports. Inferred: "
        detail += "WMI's own port is blocked too"
        rung.stop(causes.DYNAMIC_PORT_BLOCKED, detail, rules, also=fixes.ON_THE_HOST)
    only_reset = all(failure.cause is common.REFUSED for failure in failures)
    if only_reset and len(failures) == len(tried) > 1:
        detail = f"{results}; the host lists both as ports of its services, so a firewall sends the resets. Inferred: "
        detail += "WMI's own port is blocked too"
        rung.stop(causes.DYNAMIC_PORT_BLOCKED, detail, rules, also=fixes.ON_THE_HOST)
    if len(failures) == len(tried):
        rung.warn(causes.DYNAMIC_PORT_REFUSED if only_reset else causes.DYNAMIC_RANGE_UNKNOWN, results, rules)
    elif any(failure.cause in _SAID_NO for failure in failures):
        rung.warn(causes.DYNAMIC_RANGE_UNKNOWN, f"only one of two listed ports is open: {results}", rules)
    else:
        rung.ok(results)  # one service has ended since it registered: the other port is enough


def rules_for(probe: Probe, ports: Sequence[int]) -> str | None:
    """Return the firewall rules for each tested port, and for the ranges that these ports are in."""
    address = probe.address or probe.host
    spans = dict.fromkeys(_RULES[span] for port in ports for span in _RULES if port in span)
    return together(firewall_rule(probe.agent_address, address, which) for which in [*map(str, ports), *spans])


async def _speaks_rpc(rung: Rung, one: Tried) -> None:
    """Bind to the listed service: an RPC answer proves that the host, not a firewall, accepted the connection."""
    port = one.service.port
    try:
        answer = await _rpc_answer(one)
    except (StreamError, WireError) as error:
        rung.warn(causes.DYNAMIC_RANGE_UNKNOWN, f"{port} is open, but no RPC service answers there: {error}")
        return
    span = next((_RULES[span] for span in _RULES if port in span), "the range configured on this host")
    rung.ok(
        f"port {port} from the endpoint mapper's list is open and speaks RPC{answer}. Inferred: {span} is open, and so "
        "is WMI's port",
        dynamic_port=port,
        inferred=True,
    )


async def _rpc_answer(one: Tried) -> str:
    """Bind to the service; return an empty text if it takes up its interface, else its refusal in brackets.

    Raises:
        StreamError, WireError: no RPC service answers.
    """
    assert one.stream is not None, "the port is connected"
    one.stream.wait_for_first_byte(endpoint_mapper.PATIENCE)
    try:
        await endpoint_mapper.Talk(one.stream).bind(b"", dcerpc.Context(0, one.service.interface))
    except endpoint_mapper.Refused as refused:
        return f" ({refused})"
    return ""
