"""Ask the SQL Server Browser (UDP 1434) on which port an instance listens.

No answer proves nothing: the Browser may be stopped, a firewall may drop the request, or the instance may be hidden.
One request asks about the instance. If there is no answer, a second request asks about all instances: its answer
distinguishes an unknown instance from a Browser that cannot be reached.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import NoReturn

from scanready.causes import common
from scanready.climb import peers_word
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe, Rung
from scanready.model import Check, Finding, Outcome, Step, bracketed
from scanready.net.sockets import Address, source_address
from scanready.net.stream import ConnectError, StreamError, UdpTimeout
from scanready.remedies.fixes import firewall_rule
from scanready.wire import UnknownValue, WireError, ssrp, tds7

from . import causes, fixes
from .prelogin import Place, ask, own_name

PORT = 1434
#: Ports below this one belong to system services (RFC 6335); no instance listens there.
_SYSTEM = 1024
#: Seconds to wait for each answer. The request is sent at once and again after one and two seconds.
PATIENCE = 2.2
#: Causes that may mean that the instance listens on another port. A Windows firewall drops packets to closed ports.
_ELSEWHERE = (common.REFUSED, common.FILTERED, common.REJECTED, common.OTHER_PROTOCOL, causes.INSTANCE_MISMATCH)


async def find(probe: Probe, instance: str) -> Place:
    """Check ``resolve`` and ``connect`` for the Browser; return the host and port where the instance listens."""
    async with probe.step(Step.RESOLVE, probe.host) as rung:
        addresses = await probe.shared.resolver.addresses(probe.host, PORT, probe.deadline)
        rung.ok(", ".join(str(where[0]) for _, where in addresses), addresses=[str(w[0]) for _, w in addresses])
    async with probe.step(Step.CONNECT, f"{bracketed(probe.host)}:{PORT}/udp") as rung:
        try:
            found = await _asked(probe, ssrp.about(instance))
        except ValueError as error:
            rung.stop(causes.INSTANCE_UNKNOWN, str(error))
        except UdpTimeout as silence:
            if silence.hasty:
                raise
            await _unknown(probe, rung, instance, addresses[0])
        except ConnectError as error:
            why = probe.explain(error, Step.CONNECT)
            if why.cause is common.REFUSED:
                rung.stop(causes.BROWSER_OFF, why.detail)
            rung.stop(why.cause, why.detail, _rule(probe, addresses[0]) if why.cause is common.REJECTED else None)
        named = next((one for one in found if one.name.upper() == instance.upper()), None)
        if named is None:
            rung.stop(causes.INSTANCE_UNKNOWN, f"the Browser lists {_names(found)} but not {instance}")
        if named.tcp is None and named.unknown_tcp:
            raise UnknownValue("the TCP port that the Browser reports", named.unknown_tcp)
        if named.tcp is None:
            rung.stop(causes.TCP_DISABLED, f"the Browser reports no TCP port for {instance}")
        answer = f"the SQL Server Browser reports that {named.name} of {named.server} listens on {named.tcp}"
        rung.check.facts.update(instance=named.name, server_name=named.server, ports=[named.tcp])
        if not_its := _not_its_port(probe, named.tcp):
            rung.stop(common.NOT_FOLLOWED, f"{answer}, {not_its}; `port:` at the target permits it")
        rung.ok(answer)
    return Place(probe.host, named.tcp)


async def _unknown(probe: Probe, rung: Rung, instance: str, address: Address) -> NoReturn:
    try:
        known = await _asked(probe, ssrp.ALL)
    except ConnectError as error:  # the first request got no answer, this one is refused
        why = probe.explain(error, Step.CONNECT)
        rung.stop(causes.BROWSER_OFF if why.cause is common.REFUSED else why.cause, why.detail)
    except UdpTimeout:
        detail = (
            f"the SQL Server Browser does not answer, so the port of {instance} is unknown. The Browser may be stopped "
            "or blocked, or the instance may be hidden. With `port:` at the target the Browser is not needed"
        )
        rung.stop(common.UDP_SILENT, detail, _rule(probe, address))
    rung.stop(causes.INSTANCE_UNKNOWN, f"the Browser lists {_names(known)} but not {instance}")


def _rule(probe: Probe, address: Address) -> str:
    source = source_address(address) or probe.agent_address
    return firewall_rule(source, str(address[1][0]), PORT, "udp")


async def suggest(probe: Probe, instance: str) -> None:
    """Look for the right port after a check that failed at a port, and add it to the finding.

    Ask the Browser once and connect once to the port it names. The result changes the finding; it is not a new check.
    """
    at = next((at for at, check in enumerate(probe.checks) if _may_be_elsewhere(check)), None)
    if at is None or probe.depth.height < Step.AUTH.height or probe.target.guessed or probe.remaining < PATIENCE / 2:
        return
    with contextlib.suppress(StreamError, WireError, ValueError, OSError, Failure):
        found = await _asked(probe, ssrp.about(instance) if instance else ssrp.ALL)
        # A target without an instance means the default instance, if the host has one.
        listening = sorted((one for one in found if one.tcp), key=lambda one: own_name(one.name) != "")
        if listening:
            probe.checks[at] = await _compared(probe, probe.checks[at], listening[0])


async def _compared(probe: Probe, check: Check, instance: ssrp.Instance) -> Check:
    port = instance.tcp
    assert check.finding is not None, "the caller passes only failed checks"
    assert port is not None, "the caller passes only instances that listen on TCP"
    answer = f"the SQL Server Browser reports that {instance.name} listens on {port}"
    if port == probe.target.port:
        detail = f"{check.finding.detail}; {answer}, so a device between agent and server blocks it"
        return replace(check, summary=detail, finding=replace(check.finding, detail=detail))
    if why := _not_its_port(probe, port):
        detail = f"{check.finding.detail}; {answer}, {why}"
        return replace(check, summary=detail, finding=replace(check.finding, detail=detail))
    try:
        stream = await probe.dial(probe.address or probe.host, port)
        server = await ask(stream, tds7.Encryption.OFF, "")
    except (Failure, StreamError, WireError) as error:
        detail = f"{check.finding.detail}; {answer}, where no SQL Server answers: {getattr(error, 'detail', error)}"
        return replace(check, summary=detail, finding=replace(check.finding, detail=detail))
    detail = f"{check.finding.detail}; {answer}, where {server.name} answers"
    fix = fixes.OTHER_PORT(host=probe.host, port=port)
    facts = {**check.facts, "ports": [port], "instance": instance.name}
    return replace(check, summary=detail, finding=Finding(causes.OTHER_PORT, detail, fix), facts=facts)


def _not_its_port(probe: Probe, port: int) -> str:
    """Return why scanready does not connect to the port that the Browser names; empty if an instance may use it."""
    name = peers_word.other_service(probe, port, probe.row.speaks) or ("a system service" if port < _SYSTEM else "")
    return f"a port of {name}: nothing was sent there" if name else ""


def _may_be_elsewhere(check: Check) -> bool:
    return check.outcome is Outcome.FAILED and check.finding is not None and check.finding.cause in _ELSEWHERE


async def _asked(probe: Probe, question: bytes) -> tuple[ssrp.Instance, ...]:
    return await probe.ask(probe.address or probe.host, PORT, question, ssrp.read_answer, seconds=PATIENCE)


def _names(found: tuple[ssrp.Instance, ...]) -> str:
    return ", ".join(one.name for one in found[:20]) or "no instance"
