"""Behind the login prompt of SMB: one login, one directory, and the other servers that a DFS namespace leads to."""

from __future__ import annotations

import contextlib

from ..causes import common, nt
from ..causes import smb as causes
from ..logins import smb as login
from ..model import Check, Step, bracketed
from ..probe import ClimbEnded, Probe
from ..stream import Stream
from . import smb, smb_prompt
from .smb_netbios import DIRECT
from .smb_prompt import NoNtlm, Server

# A link leads to replicas, of which one is enough, and may lead to another namespace.
_MOST_PLACES, _MOST_HOPS = 4, 3
_UNHEARD = (common.SILENT, common.HUNG_UP)


async def read(probe: Probe, server: Server, called: str | None) -> None:
    """Climb ``login`` and ``access``, at the target and wherever its namespace leads."""
    options = probe.target.options
    share, path = options.get("share"), options.get("path") or ""
    where = _where(server, probe.host, probe.target.port, share, path, called)
    seen = await _log_in(probe, where)
    for _ in range(_MOST_HOPS if probe.depth is Step.ACCESS else 0):
        if seen.denied is None or seen.denied.cause is not nt.ELSEWHERE or not seen.referral:
            break
        where = await _follow(probe, seen)
        seen = await _log_in(probe, where)
    async with probe.step(Step.ACCESS, _endpoint(where)) as rung:
        rung.check.facts.update(seen.facts)
        if seen.denied is not None:
            rung.denied(seen.denied)
        else:
            rung.saw(seen.read)


def _where(
    server: Server, host: str, port: int, share: str | None, path: str, called: str | None = None
) -> login.Where:
    return login.Where(
        host=host,
        address=server.address,
        port=port,
        share=share,
        path=path,
        dialect=server.dialect,
        called=called,
        server=server.name,
        domain=server.domain,
        samba=server.samba,
    )


def _endpoint(where: login.Where) -> str:
    return f"{bracketed(where.host)}:{where.port}"


async def _log_in(probe: Probe, where: login.Where) -> login.Seen:
    trace = login.Trace()
    async with probe.step(Step.LOGIN, _endpoint(where)) as rung:
        try:
            seen = await probe.login(login.visit, where, probe.target.credential, probe.remaining, trace)
        finally:
            probe.footprint.connections += trace.connections
        if seen.guest:
            rung.warn(nt.GUEST, f"{seen.account} was let in as guest")
        else:
            rung.saw(f"logged in as {seen.account}")
    return seen


async def _follow(probe: Probe, seen: login.Seen) -> login.Where:
    """Do the handshake with the first of the servers that answers; if none does, the climb ends."""
    failed: list[Check] = []
    for place in seen.referral[:_MOST_PLACES]:
        host, _, rest = place.strip("\\").partition("\\")
        share, _, path = rest.partition("\\")
        checks: list[Check] = []
        with contextlib.suppress(ClimbEnded):
            async with probe.step(Step.HANDSHAKE, f"{bracketed(host)}:{DIRECT}", into=checks) as rung:
                talk, server = await _shake_hands(probe, host)
                rung.saw(f"the namespace leads here, to the share {share}: speaks {talk.dialect}")
            for dead in failed:
                checks[0].summary += f"; {dead.endpoint} would have had it, too, and does not answer: {dead.summary}"
            probe.checks += checks
            return _where(server, host, DIRECT, share, path)
        failed += checks
    raise await _out_of_reach(probe, failed)


async def _shake_hands(probe: Probe, host: str) -> tuple[smb.Talk, Server]:
    """Negotiate, and ask for the prompt where there is one for NTLM."""

    async def connect() -> Stream:
        return await probe.dial(host, DIRECT)

    talk = await smb.negotiate(probe, await connect(), connect)
    said = software = None
    with contextlib.suppress(NoNtlm):
        said, software = await smb_prompt.challenge(probe, talk)
    await probe.leave(talk.stream)
    return talk, smb_prompt.server_of(talk, said, smb_prompt.identity(said, software, talk))


async def _out_of_reach(probe: Probe, failed: list[Check]) -> ClimbEnded:
    """Tell that no server behind the link is to be had. What kept us from knowing outweighs what is definite."""
    told = "; ".join(f"{check.endpoint}: {check.finding.detail}" for check in failed if check.finding)
    check = next((check for check in failed if check.finding and not check.finding.cause.definite), failed[0])
    assert check.finding is not None, "who does not answer has a finding"
    cause = check.finding.cause
    if cause.definite and (cause in _UNHEARD or cause.step.height <= Step.CONNECT.height):
        cause = causes.DFS_TARGET_UNREACHABLE
    with contextlib.suppress(ClimbEnded):
        async with probe.step(Step.ACCESS, check.endpoint) as rung:
            rung.blocked(cause, f"the path is a DFS link, and its files are out of reach: {told}", check.finding.fix)
    return ClimbEnded()
