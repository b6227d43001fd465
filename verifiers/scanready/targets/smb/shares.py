"""Check an SMB server with a credential: one login, one directory, and the server behind a DFS link."""

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

# A DFS link lists replicas; one reachable replica is enough.
_MOST_PLACES = 4
_UNHEARD = (common.SILENT, common.HUNG_UP)


async def read(probe: Probe, server: Server, called: str | None) -> None:
    """Check the steps ``login`` and ``access``; if the path is on another server, check that server's login prompt.

    The credential is not sent to the other server, because the inventory does not name it as a target.
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
    result = await _log_in(probe, where)
    followed = probe.depth is Step.ACCESS and result.denied is not None and result.denied.cause is nt.ELSEWHERE
    if followed and result.referral:
        await _follow(probe, result.referral)
    async with probe.step(Step.ACCESS) as rung:
        rung.check.facts.update(result.facts)
        if result.denied is not None:
            rung.judge_access(result.denied)
        else:
            rung.ok(result.read)


async def _log_in(probe: Probe, where: login.Where) -> login.Result:
    async with probe.step(Step.LOGIN) as rung:
        result = await probe.login(login.visit, where)
        if result.guest:
            rung.warn(nt.GUEST, f"the server logged in {result.account} as guest")
        else:
            rung.ok(f"logged in as {result.account}")
    return result


async def _follow(probe: Probe, places: list[str]) -> None:
    r"""Check the login prompts of the link's servers (``\\server\share\...``) until one answers.

    Raises:
        ClimbEnded: always, after the result is recorded.
    """
    failed: list[Check] = []
    for place in places[:_MOST_PLACES]:
        check = await _asked(probe, place.strip("\\").partition("\\")[0])
        if check.outcome is Outcome.PASSED:
            for dead in failed:
                check.summary += f"; the replica {dead.endpoint} cannot be reached: {dead.summary}"
            probe.record(check)
            async with probe.step(Step.ACCESS) as rung:
                detail = f"the path is a DFS link to {place}; that server answers, but no login was tried there"
                rung.stop(nt.ELSEWHERE, detail, _as_target(place))
        failed.append(check)
    await _out_of_reach(probe, failed)


async def _asked(probe: Probe, host: str) -> Check:
    """Negotiate with the server, and ask for the NTLM login prompt if it has one."""

    async def connect() -> Stream:
        await peers_word.demand_host(probe, "the DFS link", host, DIRECT)
        return await probe.dial(host, DIRECT)

    checks: list[Check] = []
    with contextlib.suppress(ClimbEnded):
        async with probe.step(Step.HANDSHAKE, f"{bracketed(host)}:{DIRECT}", into=checks) as rung:
            talk = await dialect.negotiate(probe, await connect(), connect)
            rung.ok(f"the server of the DFS link: speaks {talk.dialect}")
            try:
                await prompt.challenge(probe, talk)
                rung.ok("login prompt")
            except NoNtlm as error:
                rung.ok(str(error))
            await probe.leave(talk.stream)
    return checks[0]


def _as_target(place: str) -> str:
    """Return the inventory's target for ``place``."""
    host, share, *below = [*place.strip("\\").split("\\"), ""]
    if path := "/".join(filter(None, below)):
        return fixes.OTHER_FOLDER(host=host, share=share, path=path)
    return fixes.OTHER_SHARE(host=host, share=share)


async def _out_of_reach(probe: Probe, failed: list[Check]) -> None:
    """Report that no server of the link can be reached; an indefinite cause takes precedence over a definite one."""
    details = "; ".join(f"{check.endpoint}: {check.finding.detail}" for check in failed if check.finding)
    check = next((check for check in failed if check.finding and not check.finding.cause.definite), failed[0])
    assert check.finding is not None, "a failed check has a finding"
    cause = check.finding.cause
    if cause.definite and (cause in _UNHEARD or cause.step.height <= Step.CONNECT.height):
        cause = causes.DFS_TARGET_UNREACHABLE
    async with probe.step(Step.ACCESS, check.endpoint) as rung:
        detail = f"the path is a DFS link, and no server of the link can be reached: {details}"
        rung.stop(cause, detail, check.finding.fix, also=check.finding.also if cause is check.finding.cause else ())
