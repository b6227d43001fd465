"""NFS on its own port: which versions are there, and whether they take a plain Unix user."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import Probe
from scanready.climb.rung import Rung
from scanready.model import Outcome, Step
from scanready.net.stream import PeerClosed, StreamError
from scanready.wire import WireError
from scanready.wire.rpc import message, nfs4

from . import causes, refusals
from .rpc_talk import Calls, Datagrams, null, read
from .version3 import ThirdVersion

_FOURTH = 4
#: Seconds for NFS over UDP where TCP has come to nothing, most of the time already being gone: asked twice; and for
#: a question on which nothing depends.
_LAST_TRY = 2.0


@dataclass(slots=True)
class Offered:
    """The versions that answered on the port, as administrators write them: 3, 4.0, 4.1, 4.2.

    ``said`` is the range that the server names, ``refused`` the first refusal of a version; ``root`` its answer about
    its root, in NFSv4.0.
    """

    versions: list[str] = field(default_factory=list)
    said: str = ""
    refused: Failure | None = None
    root: nfs4.Result | message.Reply | None = None

    def has(self, version: int) -> bool:
        """Whether any of that major version answered."""
        return any(offered.startswith(str(version)) for offered in self.versions)


def identity(probe: Probe) -> tuple[bytes, int]:
    """The Unix credential to ask with, and its uid: the operator's, or this process's own."""
    own = getattr(os, "geteuid", lambda: 0)(), getattr(os, "getegid", lambda: 0)()
    uid, gid = probe.target.options.get("uid", own[0]), probe.target.options.get("gid", own[1])
    return message.auth_sys(probe.shared.agent.name, uid, gid), uid


async def versions(probe: Probe, calls: Calls, candidates: tuple[int, ...] = (_FOURTH, 3)) -> Offered:
    """Ask for the versions, newest first, and for NFSv2 if there is nothing newer; leaves no state at the server.

    Raises:
        Failure: the program is not NFS, or refuses.
    """
    wanted = probe.target.options.get("nfs_version")
    offered = Offered()
    for version in (_FOURTH,) if wanted == _FOURTH else (*candidates, 2):
        if version == 2 and offered.versions and wanted != 2:
            continue
        reply = await null(calls, nfs4.PROGRAM, version)
        if reply.state is message.State.VERSION_MISMATCH:
            offered.said = f"{reply.low} to {reply.high}"
        elif reply.state is not message.State.SUCCESS:
            offered.refused = offered.refused or refusals.of_reply(reply, f"NFSv{version}: {reply}")
        elif version == _FOURTH and wanted in (None, _FOURTH):
            await _minors(probe, calls, offered)
        else:
            offered.versions.append(str(version))
    if offered.refused and not offered.versions:
        raise offered.refused
    offered.versions.sort()
    return offered


async def _minors(probe: Probe, calls: Calls, offered: Offered) -> None:
    """A question in each minor version; 4.1 and later want a session first, and say so: that is an answer too."""
    credential, _ = identity(probe)
    for minor in nfs4.MINORS:
        operations = nfs4.ROOT, nfs4.ATTRIBUTES
        arguments = nfs4.compound(minor, *operations)
        try:
            reply = await calls.call(nfs4.PROGRAM, nfs4.VERSION, nfs4.COMPOUND, arguments, credential)
        except PeerClosed as error:
            detail = "NFSv4 answers, and hangs up on the first question: a Linux server does so if its rpc.mountd hangs"
            raise Failure(causes.REFUSED, detail) from error
        if reply.state is message.State.AUTH_ERROR:  # it has not looked at the minor version
            offered.versions.append("4")
            offered.root = reply
            return
        if reply.state is not message.State.SUCCESS:
            offered.refused = offered.refused or refusals.of_reply(reply, f"NFSv4.{minor}: {reply}")
            continue
        result = _results(reply, operations)
        if result.status != nfs4.MINOR_MISMATCH:
            offered.versions.append(f"4.{minor}")
            offered.root = result if minor == 0 else offered.root


async def compound(probe: Probe, calls: Calls, credential: bytes, *operations: bytes) -> nfs4.Result:
    """Carry out operations in NFSv4.0.

    Raises:
        Failure: the call itself is refused.
    """
    arguments = nfs4.compound(0, *operations)
    reply = await calls.call(nfs4.PROGRAM, nfs4.VERSION, nfs4.COMPOUND, arguments, credential)
    if reply.state is not message.State.SUCCESS:
        raise refusals.of_call(probe, calls, reply)
    return _results(reply, operations)


def _results(reply: message.Reply, operations: tuple[bytes, ...]) -> nfs4.Result:
    """Read the results of a COMPOUND of ``operations``."""
    return read(lambda results: nfs4.parse(results, operations), reply)


async def over_udp(probe: Probe) -> tuple[Datagrams, Offered] | None:
    """Ask for NFSv3 and older over UDP, where TCP came to nothing; None if that brings nothing either.

    If it answers, the failed connections limit: a mount over UDP is possible, and many clients do not try it.
    """
    failed = [check for check in probe.checks if check.outcome is Outcome.FAILED]
    hopeless = [check for check in failed if check.step is not Step.CONNECT or not _may_differ(check.finding)]
    asked_for = probe.target.options.get("nfs_version") != _FOURTH and not probe.target.guessed
    if not failed or hopeless or not asked_for or probe.depth is Step.CONNECT:
        return None
    calls = Datagrams(probe, probe.target.port, _LAST_TRY)
    try:
        offered = await versions(probe, calls, (3,))
    except (Failure, StreamError, WireError, OSError):
        return None
    for at, check in enumerate(probe.checks):  # each a new one: others on the port share those that are there
        if check in failed:
            summary = f"{check.summary} (NFS answers over UDP)"
            probe.checks[at] = replace(check, outcome=Outcome.WARNED, summary=summary)
    probe.address = next(check.facts["addresses"][0] for check in probe.checks if "addresses" in check.facts)
    return calls, offered


def _may_differ(finding: object) -> bool:
    return getattr(finding, "cause", None) in (common.FILTERED, common.REFUSED, common.REJECTED)


async def prompt(probe: Probe, rung: Rung, calls: Calls, offered: Offered, third: ThirdVersion | None) -> None:
    """Say which flavors we may come with: all that NFS has for a login prompt.

    Raises:
        Failure: not with a plain Unix user, which is all that the scanner's mount has.
    """
    wanted = probe.target.options.get("nfs_version")
    try:
        fourth = offered.has(_FOURTH) and wanted in (None, _FOURTH)
        flavors = await (_fourth(probe, calls, offered) if fourth else _older(probe, calls, offered))
    except Failure as failure:
        mountable = third is not None and third.mountd is not None and offered.has(3)
        if not mountable or failure.cause is causes.NOT_FOR_AGENT:
            raise
        if "export" in probe.target.options:
            rung.ok(f"NFSv4: {failure.detail}; NFSv3 may still be mounted")
        else:
            rung.warn(failure.cause, failure.detail, failure.fix, also=failure.also, **failure.facts)
        return
    rung.ok(f"asks for no login; takes {', '.join(flavors)}", auth_methods=flavors)
    if "export" not in probe.target.options and not (fourth and await _shows_something(probe, calls, offered)):
        _warn_of_others_exports(probe, rung, third)


async def _shows_something(probe: Probe, calls: Calls, offered: Offered) -> bool:
    """Whether NFSv4 has anything for this agent, for all it tells: others' exports are not in its root."""
    if not isinstance(offered.root, nfs4.Result):
        return True
    credential, _ = identity(probe)
    try:
        async with asyncio.timeout(_LAST_TRY):
            listing = await compound(probe, calls, credential, nfs4.ROOT, nfs4.READDIR)
    except (Failure, StreamError, WireError, OSError):
        return True
    return listing.status != nfs4.OK or listing.names != ()


def _warn_of_others_exports(probe: Probe, rung: Rung, third: ThirdVersion | None) -> None:
    """NFSv4 has nothing for this agent, or is not there: the mount daemon's list, if there is one, tells more."""
    if third is not None and third.exports is not None:
        refusals.warn_of_others_exports(probe, rung, third.exports)
    elif third is None:
        rung.warn(causes.NOT_FOR_AGENT, "the root of NFSv4 shows this agent nothing")


async def _fourth(probe: Probe, calls: Calls, offered: Offered) -> list[str]:
    if isinstance(offered.root, message.Reply):
        raise refusals.of_call(probe, calls, offered.root)
    if offered.root is None:
        return ["sys"]
    credential, uid = identity(probe)
    waits = offered.root.status in nfs4.LATER and "export" in probe.target.options  # it is asked again where it is read
    if offered.root.status != nfs4.OK and not waits:
        raise refusals.Wish(probe, "/", calls, None, uid).of_walk(offered.root)
    parts = refusals.parts(probe.target.options.get("export", "/"))
    if not parts:
        return ["sys"]
    walk = [nfs4.ROOT, *map(nfs4.lookup, parts[:-1]), nfs4.secinfo(parts[-1])]
    security = await compound(probe, calls, credential, *walk)
    if security.status != nfs4.OK:
        return ["sys"]  # of the root; what is wrong with the path is told where it is read
    refusals.refuse_kerberos_only(security.flavors)
    return refusals.flavor_names(security.flavors)


async def _older(probe: Probe, calls: Calls, offered: Offered) -> list[str]:
    credential, _ = identity(probe)
    reply = await null(calls, nfs4.PROGRAM, 3 if offered.has(3) else 2, credential)
    if reply.state is not message.State.SUCCESS:
        raise refusals.of_call(probe, calls, reply)
    return ["sys"]


def unspoken(offered: Offered) -> Failure:
    """No version in which we could read."""
    if offered.has(_FOURTH):
        why = "reading in NFSv4.1 and later needs a session at the server, which this tool does not open"
    else:
        why = "this tool does not read in NFSv2"
    return Failure(common.LIMIT, f"the server offers NFS {', '.join(offered.versions)}; {why}")
