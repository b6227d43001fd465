"""Windows host, agentless: WMI over DCOM, 135 and the dynamic ports.

    agent                                      server
    135: bind                             ->
                                          <-   an endpoint mapper with DCOM; without it, the host is not Windows
    ServerAlive2, ept_lookup              ->
                                          <-   names and addresses, services and their ports
    NTLM type 1                           ->
                                          <-   NTLM type 2 (names, build, clock): the login prompt
    a listed dynamic port: bind           ->
                                          <-   RPC: the range seems open, judged by one port

With a credential the check infers nothing: it starts WMI and connects to WMI's own port. Windows up to Server 2003 R2
also needs 139 and 445.
"""

from __future__ import annotations

import asyncio

from scanready.causes import common
from scanready.climb import peers_word
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Probe
from scanready.model import Step, bracketed

from . import answers, causes, dynamic_ports, endpoint_mapper, login
from .options import WMI_PORT

#: Ports that the requirements demand for Server 2003 R2 and older.
_OLD_PORTS = (139, 445)
#: After these causes no login was tried, so the dynamic ports are inferred instead.
_NOT_TRIED = (common.DRIVER_MISSING, common.LOGIN_WITHHELD)


async def verify(probe: Probe) -> None:
    """Check up to the login prompt and a dynamic port; with a credential, up to one object read over WMI."""
    logs_in = probe.logs_in
    talk = endpoint_mapper.Talk(await probe.connect())
    async with probe.step(Step.HANDSHAKE) as rung:
        talks = await answers.report_product(probe, rung, talk, logs_in=logs_in)
    if talks:
        await _as_a_stranger(probe, talk, logs_in=logs_in)
    elif logs_in:
        await _log_in(probe, named=False)


async def _as_a_stranger(probe: Probe, talk: endpoint_mapper.Talk, *, logs_in: bool) -> None:
    async with probe.step(Step.HANDSHAKE) as rung:
        portrait = await answers.portrayed(probe, rung, talk)
    async with probe.step(Step.AUTH) as rung:
        reply = await answers.report_prompt(probe, rung, talk, portrait)
    await probe.leave(talk.stream)
    old = dynamic_ports.is_old(reply.version if reply else None)
    if old:
        await _old_ports(probe)
    if not logs_in:
        await dynamic_ports.inferred(probe, portrait, old=old)
        return
    try:
        await _log_in(probe, named=reply is not None)
    except ClimbEnded:
        found = probe.checks[-1].finding
        if found is not None and found.cause in _NOT_TRIED:
            await dynamic_ports.inferred(probe, portrait, old=old)
        raise


async def _old_ports(probe: Probe) -> None:
    """Connect to 139 and 445 in parallel; the requirements ask only for open ports, so nothing is sent.

    A scan needs one of the two: if one is open, the failure of the other is skipped or a warning.
    """
    host = probe.address or probe.host

    async def reach(port: int) -> Failure | None:
        try:
            await probe.leave(await probe.dial(host, port))
        except Failure as failure:
            return failure
        return None

    failures = await asyncio.gather(*map(reach, _OLD_PORTS))
    for port, failure in zip(_OLD_PORTS, failures, strict=True):
        async with probe.step(Step.CONNECT, f"{bracketed(host)}:{port}") as rung:
            if failure is None:
                rung.ok("connected; a scan of this Windows version uses this port")
            elif all(failures):
                rung.fail(failure.cause, failure.detail, failure.fix, also=failure.also)
            elif failure.cause is common.REFUSED:
                rung.skip(f"{failure.detail}; the other port (139 or 445) is open")
            else:
                rung.warn(failure.cause, failure.detail, failure.fix, also=failure.also)


async def _log_in(probe: Probe, *, named: bool) -> None:
    target = probe.target
    where = login.Where(
        probe.address or target.host,
        probe.agent_address,
        target.port,
        other_services=peers_word.other_services(probe),
    )
    async with probe.step(Step.LOGIN) as rung:
        try:
            result = await probe.login(login.visit, where)
        finally:
            probe.footprint.login_attempts += max(0, where.trace.logons - 1)  # the first is already counted
        names = {} if named else {"server_name": result.server_name, "domain": result.domain}
        rung.ok(f"logged on as {probe.credential.username if probe.credential else ''}", **names)
    where_wmi_is = f"{bracketed(where.address)}:{result.port}" if result.port else None
    async with probe.step(Step.ACCESS, where_wmi_is) as rung:
        if result.denied is not None:
            raise Failure(
                result.denied.cause,
                result.denied.detail,
                result.denied.fix,
                also=result.denied.also,
                **result.denied.facts,
            )
        rung.ok(f"read {result.read}", os=result.os, version=result.version, dynamic_port=result.port)
        fixed = WMI_PORT.of(target.options)
        if fixed is not None and fixed != result.port:
            detail = f"WMI is on port {result.port}, and the inventory says {fixed} (`wmi_port`)"
            rung.warn(causes.WMI_PORT_DIFFERS, detail)
    if result.advice:
        async with probe.step(Step.ACCESS, f"{bracketed(where.address)}:{where.smb_port}") as rung:
            rung.skip(f"advice: {result.advice}")
