"""NFS on 2049; NFSv3 also needs rpcbind on 111 and the ports that rpcbind reports.

    agent                                       server
    2049: NULL of versions 4, 3, 2           -> the versions; then a stateless COMPOUND for each minor version
    111, over TCP and UDP: DUMP              -> the services and their ports                       (NFSv3 only)
    each port of mountd, nlockmgr, status,
    rquotad and nfs, over TCP and UDP: NULL  -> the port can be reached                            (NFSv3 only)
    with an export: LOOKUPs and READDIR (v4), or MNT, ACCESS, READDIR, UMNT (v3)
    FIN                                      ->                                     (neither end logs anything)

NFS has no login, so the proof is to read the export. All calls come from a source port below 1024 if this process may
use one, since exports are `secure` by default. The requirement is "2049 (TCP or UDP)": if the TCP connection fails,
NFSv3 is tried over UDP.
"""

from __future__ import annotations

from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.probe import ClimbEnded, Probe
from scanready.climb.rung import Rung
from scanready.model import Outcome, Step
from scanready.net.events import record

from . import causes, refusals, versions
from .export import read_v3, read_v4
from .rpc_talk import Calls, Talk
from .version3 import ThirdVersion, look_around

#: NFSv4 results for a path that take precedence over a failure in NFSv3.
_CERTAIN = (common.ACCESS_NOT_FOUND, causes.KERBEROS_ONLY)


async def verify(probe: Probe) -> None:
    """Check the versions, NFSv3's other ports, and the export if the target names one."""
    wanted = probe.target.options.get("nfs_version")
    offered: versions.Offered | None = None
    try:
        calls: Calls = Talk(await probe.connect(privileged=True))
    except ClimbEnded:
        if (over_udp := await versions.over_udp(probe)) is None:
            raise
        calls, offered = over_udp
    async with probe.step(Step.HANDSHAKE) as rung:
        offered = offered or await versions.versions(probe, calls)
        rung.ok(f"speaks NFS {', '.join(offered.versions)}", nfs_versions=list(offered.versions), product="NFS")
        rung.check.facts["source_port_below_1024"] = calls.privileged
        if (wanted and not offered.has(wanted)) or not offered.versions:
            versions_there = ", ".join(offered.versions) or offered.supported or "no known version"
            asked_for = f"NFS {wanted}" if wanted else "NFS 2, 3 or 4"
            rung.stop(causes.VERSION_NOT_OFFERED, f"the server does not offer {asked_for}; it offers {versions_there}")
    third = await _third_version(probe, offered) if offered.has(3) or offered.has(2) else None
    async with probe.step(Step.AUTH) as rung:
        await versions.prompt(probe, rung, calls, offered, third)
    async with probe.step(Step.ACCESS) as rung:
        if export := probe.target.options.get("export"):
            await _read(probe, rung, calls, export, offered, third)
        else:
            rung.skip("the target names no export, so nothing was read")


async def _third_version(probe: Probe, offered: versions.Offered) -> ThirdVersion:
    """Check everything that NFSv3 needs besides 2049; required if there is no NFSv4, or if the target names NFSv3."""
    wanted = probe.target.options.get("nfs_version")
    version = wanted or (3 if offered.has(3) else 2)
    third = await look_around(probe, needed=bool(wanted) or not offered.has(4), version=version)
    for check in third.checks:
        probe.record(check)
    async with probe.step(Step.HANDSHAKE) as rung:
        if third.mountd is not None:
            rung.ok(f"the mount daemon for NFSv{version} answers")
        else:
            rung.skip(f"NFSv{version} cannot be mounted: no mount daemon answers")
        answering = [check for check in third.checks if check.outcome is Outcome.PASSED]
        rung.check.facts["ports"] = [check.endpoint.rpartition(":")[2] for check in answering]
        if third.exports is not None:
            rung.check.facts["exports"] = [export.path for export in third.exports]
    return third


async def _read(
    probe: Probe, rung: Rung, calls: Calls, export: str, offered: versions.Offered, third: ThirdVersion | None
) -> None:
    """Read the export in the newest version; if NFSv4 does not have the path, try NFSv3, whose paths may differ."""
    wanted = probe.target.options.get("nfs_version")
    refusal: Failure | None = None
    if wanted in (None, 4) and "4.0" in offered.versions:
        try:
            record("v4")
            rung.ok(await read_v4(probe, calls, export, third))
            return
        except Failure as failure:
            refusal = failure
    denied = refusal is not None and refusal.cause is common.ACCESS_DENIED  # it exists: NFSv3 has the same files
    if third is not None and third.mountd is not None and wanted in (None, 3) and offered.has(3) and not denied:
        try:
            record("v3")
            rung.ok(await read_v3(probe, calls, export, third))
            if refusal is not None:
                rung.ok(f"not over NFSv4 ({refusal.detail})")
            return
        except Failure as failure:
            refusal = refusal if refusal is not None and refusal.cause in _CERTAIN else failure
    if refusal is not None:
        refusals.judge_denied(probe, rung, refusal)
    elif third is not None and any(check.outcome is Outcome.FAILED for check in third.checks):
        rung.skip("the export cannot be mounted")
    else:
        raise versions.unspoken(offered)
