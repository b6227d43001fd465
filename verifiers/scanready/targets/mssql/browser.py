"""The SQL Server Browser (UDP 1434): on which port an instance listens, or on which one it listens instead.

Its silence proves nothing: it may not run, a firewall may drop the question, and a hidden instance is not told of.
One question is sent about the instance; only if that is not answered, another one about all of them, which tells an
unknown instance from a Browser that nobody hears.
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
from scanready.wire import WireError, ssrp, tds7

from . import causes, fixes
from .prelogin import Place, ask, own_name

PORT = 1434
#: Below it are the ports of system services, where no instance listens (RFC 6335).
_SYSTEM = 1024
#: Seconds for each question: it is sent at once and after one and two seconds.
PATIENCE = 2.2
#: What may mean that the instance listens elsewhere. A Windows firewall is silent for ports where nobody listens.
_ELSEWHERE = (common.REFUSED, common.FILTERED, common.REJECTED, common.OTHER_PROTOCOL, causes.INSTANCE_MISMATCH)


async def find(probe: Probe, instance: str) -> Place:
    """Climb ``resolve`` and ``connect`` at the Browser; return where the instance listens."""
    async with probe.step(Step.RESOLVE, probe.host) as rung:
        addresses = await probe.shared.resolver.addresses(probe.host, PORT, probe.deadline)
        rung.ok(", ".join(str(where[0]) for _, where in addresses), addresses=[str(w[0]) for _, w in addresses])
    async with probe.step(Step.CONNECT, f"{bracketed(probe.host)}:{PORT}/udp") as rung:
        try:
            found = await _told(probe, ssrp.about(instance))
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
            rung.stop(causes.INSTANCE_UNKNOWN, f"the Browser tells of {_names(found)}, asked for {instance}")
        if named.tcp is None:
            rung.stop(causes.TCP_DISABLED, f"the Browser tells no TCP port of {instance}")
        told = f"the SQL Server Browser says: {named.name} of {named.server} listens on {named.tcp}"
        rung.check.facts.update(instance=named.name, server_name=named.server, ports=[named.tcp])
        if not_its := _not_its_port(probe, named.tcp):
            rung.stop(common.NOT_FOLLOWED, f"{told}, {not_its}; `port:` at the target permits it")
        rung.ok(told)
    return Place(probe.host, named.tcp)


async def _unknown(probe: Probe, rung: Rung, instance: str, address: Address) -> NoReturn:
    try:
        known = await _told(probe, ssrp.ALL)
    except ConnectError as error:  # it answered the first question with silence, and this one with a refusal
        why = probe.explain(error, Step.CONNECT)
        rung.stop(causes.BROWSER_OFF if why.cause is common.REFUSED else why.cause, why.detail)
    except UdpTimeout:
        detail = (
            f"the SQL Server Browser does not answer, so the port of {instance} is not known. It may be stopped, or "
            "blocked, or the instance hidden; `port:` at the target does without it"
        )
        rung.stop(common.UDP_SILENT, detail, _rule(probe, address))
    rung.stop(causes.INSTANCE_UNKNOWN, f"the Browser tells of {_names(known)}, and nothing of {instance}")


def _rule(probe: Probe, address: Address) -> str:
    source = source_address(address) or probe.agent_address
    return firewall_rule(source, str(address[1][0]), PORT, "udp")


async def suggest(probe: Probe, instance: str) -> None:
    """After a climb that ended at a port: if the Browser names another one, and SQL Server answers there, say so.

    One question and one connection, and no check of their own: the finding is what changes.
    """
    at = next((at for at, check in enumerate(probe.checks) if _may_be_elsewhere(check)), None)
    if at is None or probe.depth.height < Step.AUTH.height or probe.target.guessed or probe.remaining < PATIENCE / 2:
        return
    with contextlib.suppress(StreamError, WireError, ValueError, OSError, Failure):
        found = await _told(probe, ssrp.about(instance) if instance else ssrp.ALL)
        # Asked for no instance, it is the default one that is meant, if there is one.
        listening = sorted((one for one in found if one.tcp), key=lambda one: own_name(one.name) != "")
        if listening:
            probe.checks[at] = await _compared(probe, probe.checks[at], listening[0])


async def _compared(probe: Probe, check: Check, instance: ssrp.Instance) -> Check:
    port = instance.tcp
    assert check.finding is not None, "only failed checks are looked at"
    assert port is not None, "only listening instances are"
    said = f"the SQL Server Browser says that {instance.name} listens on {port}"
    if port == probe.target.port:
        detail = f"{check.finding.detail}; {said}, so something on the way keeps us from it"
        return replace(check, summary=detail, finding=replace(check.finding, detail=detail))
    if why := _not_its_port(probe, port):
        detail = f"{check.finding.detail}; {said}, {why}"
        return replace(check, summary=detail, finding=replace(check.finding, detail=detail))
    try:
        stream = await probe.dial(probe.address or probe.host, port)
        answer = await ask(stream, tds7.Encryption.OFF, "")
    except (Failure, StreamError, WireError) as error:
        detail = f"{check.finding.detail}; {said}, where no SQL Server answers: {getattr(error, 'detail', error)}"
        return replace(check, summary=detail, finding=replace(check.finding, detail=detail))
    detail = f"{check.finding.detail}; {said}, and {answer.name} answers there"
    fix = fixes.OTHER_PORT(host=probe.host, port=port)
    facts = {**check.facts, "ports": [port], "instance": instance.name}
    return replace(check, summary=detail, finding=Finding(causes.OTHER_PORT, detail, fix), facts=facts)


def _not_its_port(probe: Probe, port: int) -> str:
    """Why nothing is sent to a port on the Browser's word; empty if an instance may have it."""
    name = peers_word.other_service(probe, port, probe.row.speaks) or ("a system service" if port < _SYSTEM else "")
    return f"a port that {name} has: nothing was sent there" if name else ""


def _may_be_elsewhere(check: Check) -> bool:
    return check.outcome is Outcome.FAILED and check.finding is not None and check.finding.cause in _ELSEWHERE


async def _told(probe: Probe, question: bytes) -> tuple[ssrp.Instance, ...]:
    return await probe.ask(probe.address or probe.host, PORT, question, ssrp.read_answer, seconds=PATIENCE)


def _names(found: tuple[ssrp.Instance, ...]) -> str:
    return ", ".join(one.name for one in found[:20]) or "no instance"
