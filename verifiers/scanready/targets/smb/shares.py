"""Behind the login prompt of SMB: one login, one directory, and whether what is behind a DFS link can be reached."""

from __future__ import annotations

import contextlib

from scanready.causes import common, nt
from scanready.climb import peers_word
from scanready.climb.probe import ClimbEnded, Probe
from scanready.model import Check, Outcome, Step, bracketed
from scanready.net.stream import Stream

from . import causes, dialect, fixes, login, prompt
from .netbios import DIRECT
from .prompt import NoNtlm, Server

# A link leads to replicas, of which one is enough.
_MOST_PLACES = 4
_UNHEARD = (common.SILENT, common.HUNG_UP)


async def read(probe: Probe, server: Server, called: str | None) -> None:
    """Climb ``login`` and ``access``; where the path leads to another server, that one's prompt is climbed to.

    The credential is not sent there: nobody has named that server as a target.
    """
    options = probe.target.options
    where = login.Where(
        host=probe.host,
        address=server.address,
        port=probe.target.port,
        share=options.get("share"),
        path=options.get("path") or "",
        dialect=server.dialect,
        called=called,
        server=server.name,
        domain=server.domain,
        samba=server.samba,
        encrypts=server.encrypts,
    )
    seen = await _log_in(probe, where)
    followed = probe.depth is Step.ACCESS and seen.denied is not None and seen.denied.cause is nt.ELSEWHERE
    if followed and seen.referral:
        await _follow(probe, seen.referral)
    async with probe.step(Step.ACCESS) as rung:
        rung.check.facts.update(seen.facts)
        if seen.denied is not None:
            rung.judge_access(seen.denied)
        else:
            rung.ok(seen.read)


async def _log_in(probe: Probe, where: login.Where) -> login.Result:
    async with probe.step(Step.LOGIN) as rung:
        result = await probe.login(login.visit, where)
        if result.guest:
            rung.warn(nt.GUEST, f"{result.account} was let in as guest")
        else:
            rung.ok(f"logged in as {result.account}")
    return result


async def _follow(probe: Probe, places: list[str]) -> None:
    r"""Climb to the prompt of the first server that answers of those that have it (``\\server\share\...``).

    Raises:
        ClimbEnded: in any case, once that is told.
    """
    failed: list[Check] = []
    for place in places[:_MOST_PLACES]:
        check = await _asked(probe, place.strip("\\").partition("\\")[0])
        if check.outcome is Outcome.PASSED:
            for dead in failed:
                check.summary += f"; {dead.endpoint} would have had it, too, and is out of reach: {dead.summary}"
            probe.record(check)
            async with probe.step(Step.ACCESS) as rung:
                told = f"the path is a DFS link to {place}; that server answers, and was not logged in to"
                rung.stop(nt.ELSEWHERE, told, _as_target(place))
        failed.append(check)
    await _out_of_reach(probe, failed)


async def _asked(probe: Probe, host: str) -> Check:
    """Negotiate with the server, and ask for the prompt where there is one for NTLM."""

    async def connect() -> Stream:
        await peers_word.demand_host(probe, "the DFS link", host, DIRECT)
        return await probe.dial(host, DIRECT)

    checks: list[Check] = []
    with contextlib.suppress(ClimbEnded):
        async with probe.step(Step.HANDSHAKE, f"{bracketed(host)}:{DIRECT}", into=checks) as rung:
            talk = await dialect.negotiate(probe, await connect(), connect)
            rung.ok(f"a DFS link of the target leads here: speaks {talk.dialect}")
            try:
                await prompt.challenge(probe, talk)
                rung.ok("asks for a login")
            except NoNtlm as error:
                rung.ok(str(error))
            await probe.leave(talk.stream)
    return checks[0]


def _as_target(place: str) -> str:
    """The target to put into the inventory for that place."""
    host, share, *below = [*place.strip("\\").split("\\"), ""]
    if path := "/".join(filter(None, below)):
        return fixes.OTHER_FOLDER(host=host, share=share, path=path)
    return fixes.OTHER_SHARE(host=host, share=share)


async def _out_of_reach(probe: Probe, failed: list[Check]) -> None:
    """Tell that no server behind the link is to be had. What kept us from knowing outweighs what is definite."""
    told = "; ".join(f"{check.endpoint}: {check.finding.detail}" for check in failed if check.finding)
    check = next((check for check in failed if check.finding and not check.finding.cause.definite), failed[0])
    assert check.finding is not None, "who does not answer has a finding"
    cause = check.finding.cause
    if cause.definite and (cause in _UNHEARD or cause.step.height <= Step.CONNECT.height):
        cause = causes.DFS_TARGET_UNREACHABLE
    async with probe.step(Step.ACCESS, check.endpoint) as rung:
        said = f"the path is a DFS link, and its files are out of reach: {told}"
        rung.stop(cause, said, check.finding.fix, also=check.finding.also if cause is check.finding.cause else ())
