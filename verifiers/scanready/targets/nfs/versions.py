"""Check NFS on its own port: its versions, and whether they accept a plain Unix user."""

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
#: Seconds for each of two attempts over UDP after TCP has failed and most of the time is spent; also the limit for a
#: question that does not affect the verdict.
_LAST_TRY = 2.0


@dataclass(slots=True)
class Offered:
    """Hold the versions that answered on the port, in the usual notation: 3, 4.0, 4.1, 4.2.

    ``supported`` is the range that the server reports, ``refused`` its first other error for a version, and ``root``
    its answer about its root in NFSv4.0.
    """

    versions: list[str] = field(default_factory=list)
    supported: str = ""
    refused: Failure | None = None
    root: nfs4.Result | message.Reply | None = None

    def has(self, version: int) -> bool:
        """Return True if any minor version of that major version answered."""
        return any(offered.startswith(str(version)) for offered in self.versions)


#: Uid and gid of the anonymous user, as Windows' NFS client has them for a user who is mapped to none: -2.
_ANONYMOUS = 0xFFFFFFFE


def identity(probe: Probe) -> tuple[bytes, int]:
    """Return the Unix credential for the calls and its uid: those of the target, or this process's own.

    A process without a uid calls as Windows' NFS client does, and not as root.
    """
    own = [getattr(os, name, lambda: _ANONYMOUS)() for name in ("geteuid", "getegid")]
    uid, gid = probe.target.options.get("uid", own[0]), probe.target.options.get("gid", own[1])
    return message.auth_sys(probe.shared.agent.name, uid, gid), uid


async def versions(probe: Probe, calls: Calls, candidates: tuple[int, ...] = (_FOURTH, 3)) -> Offered:
    """Ask for the versions, newest first, and for NFSv2 if there is nothing newer; leave no state on the server.

    Raises:
        Failure: the program is not NFS, or rejects the calls.
    """
    wanted = probe.target.options.get("nfs_version")
    offered = Offered()
    for version in (_FOURTH,) if wanted == _FOURTH else (*candidates, 2):
        if version == 2 and offered.versions and wanted != 2:
            continue
        reply = await null(calls, nfs4.PROGRAM, version)
        if reply.state is message.State.VERSION_MISMATCH:
            offered.supported = offered.supported or f"{reply.low} to {reply.high}"
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
    """Send a COMPOUND in each minor version; 4.1 and later require a session, and that error proves the version."""
    credential, _ = identity(probe)
    for minor in nfs4.MINORS:
        operations = nfs4.ROOT, nfs4.ATTRIBUTES
        arguments = nfs4.compound(minor, *operations)
        try:
            reply = await calls.call(nfs4.PROGRAM, nfs4.VERSION, nfs4.COMPOUND, arguments, credential)
        except PeerClosed as error:
            detail = "NFSv4 answers NULL but closes the connection on the first COMPOUND; a Linux server does this if "
            detail += "its rpc.mountd hangs"
            raise Failure(causes.REFUSED, detail) from error
        if reply.state is message.State.AUTH_ERROR:  # the server has not read the minor version
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
    if not offered.versions and not offered.refused:
        offered.supported = f"NFS 4, but none of the minor versions {', '.join(map(str, nfs4.MINORS))}"


async def compound(probe: Probe, calls: Calls, credential: bytes, *operations: bytes) -> nfs4.Result:
    """Run operations in NFSv4.0.

    Raises:
        Failure: the server rejects the call itself.
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
    """Try NFSv3 and older over UDP after TCP failed; return None if UDP fails too.

    If UDP answers, the failed TCP connections become warnings: a mount over UDP works, but many clients do not try it.
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
    for at, check in enumerate(probe.checks):  # replaced, not changed: other targets on the port share these checks
        if check in failed:
            summary = f"{check.summary} (NFS answers over UDP)"
            probe.checks[at] = replace(check, outcome=Outcome.WARNED, summary=summary)
    probe.address = next(check.facts["addresses"][0] for check in probe.checks if "addresses" in check.facts)
    return calls, offered


def _may_differ(finding: object) -> bool:
    return getattr(finding, "cause", None) in (common.FILTERED, common.REFUSED, common.REJECTED)


async def prompt(probe: Probe, rung: Rung, calls: Calls, offered: Offered, third: ThirdVersion | None) -> None:
    """Report the accepted security flavors, which NFS has in place of a login prompt.

    Raises:
        Failure: the server rejects plain Unix users, and the scanner's mount has nothing else.
    """
    wanted = probe.target.options.get("nfs_version")
    try:
        fourth = offered.has(_FOURTH) and wanted in (None, _FOURTH)
        flavors = await (_fourth(probe, calls, offered) if fourth else _older(probe, calls, offered))
    except Failure as failure:
        mountable = third is not None and third.mountd is not None and offered.has(3)
        if not mountable and failure.cause is common.ACCESS_DENIED:
            refusals.judge_denied(probe, rung, failure)
            return
        if not mountable or failure.cause is causes.NOT_FOR_AGENT:
            raise
        if "export" in probe.target.options:
            rung.ok(f"NFSv4: {failure.detail}; a mount with NFSv3 may still work")
        else:
            rung.warn(failure.cause, failure.detail, failure.fix, also=failure.also, **failure.facts)
        return
    rung.ok(f"no login; accepts security flavor {', '.join(flavors)}", auth_methods=flavors)
    if "export" not in probe.target.options and not (fourth and await _shows_something(probe, calls, offered)):
        _warn_of_others_exports(probe, rung, third)


async def _shows_something(probe: Probe, calls: Calls, offered: Offered) -> bool:
    """Return False if the NFSv4 root is empty for this agent; exports for other hosts do not appear in it."""
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
    """Warn if every export is for other hosts, by the mount daemon's list or by the empty NFSv4 root."""
    if third is not None and third.exports is not None:
        refusals.warn_of_others_exports(probe, rung, third.exports)
    elif third is None:
        rung.warn(causes.NOT_FOR_AGENT, "the NFSv4 root is empty for this agent")


async def _fourth(probe: Probe, calls: Calls, offered: Offered) -> list[str]:
    if isinstance(offered.root, message.Reply):
        raise refusals.of_call(probe, calls, offered.root)
    if offered.root is None:
        return ["sys"]
    credential, uid = identity(probe)
    asked_again = (*nfs4.LATER, nfs4.ACCES)  # the access step asks again, for the export
    waits = offered.root.status in asked_again and "export" in probe.target.options
    if offered.root.status != nfs4.OK and not waits:
        raise refusals.Wish(probe, "/", calls, None, uid).of_walk(offered.root)
    parts = refusals.parts(probe.target.options.get("export", "/"))
    if not parts:
        return ["sys"]
    walk = [nfs4.ROOT, *map(nfs4.lookup, parts[:-1]), nfs4.secinfo(parts[-1])]
    security = await compound(probe, calls, credential, *walk)
    if security.status != nfs4.OK:
        return ["sys"]  # the root's flavor; a wrong path is reported when it is read
    refusals.refuse_kerberos_only(security.flavors)
    return refusals.flavor_names(security.flavors)


async def _older(probe: Probe, calls: Calls, offered: Offered) -> list[str]:
    credential, _ = identity(probe)
    reply = await null(calls, nfs4.PROGRAM, 3 if offered.has(3) else 2, credential)
    if reply.state is not message.State.SUCCESS:
        raise refusals.of_call(probe, calls, reply)
    return ["sys"]


def unspoken(offered: Offered) -> Failure:
    """Return the failure for a server whose versions this check cannot read."""
    if offered.has(_FOURTH):
        why = "to read with NFSv4.1 or later, a client must open a session, and this check does not"
    else:
        why = "this check cannot read with NFSv2"
    return Failure(common.LIMIT, f"the server offers NFS {', '.join(offered.versions)}; {why}")
