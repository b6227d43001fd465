"""NFS 2049; NFSv3 needs rpcbind on 111 and the ports it gives out besides.

    we                                          server
    2049: NULL of versions 2, 3, 4           -> which there are; then a stateless COMPOUND for each minor version
    111, over TCP and UDP: DUMP              -> which program listens where                        (NFSv3 only)
    each port of mountd, nlockmgr, status,
    rquotad and nfs, over TCP and UDP: NULL  -> it can be reached                                  (NFSv3 only)
    with an export: the walk there, and READDIR (v4); or MNT, READDIR, UMNT (v3)
    FIN                                      ->                                     (neither end logs anything)

NFS asks for no login: reading the export is all the proof there is, and all that is needed. Everything is asked from a
source port below 1024 where this process may have one, since exports are `secure` by default.
"""

from __future__ import annotations

from ..causes import nfs as causes
from ..explain import Failure
from ..handshakes import nfs as shared
from ..handshakes.nfs_v3 import ThirdVersion, look_around
from ..handshakes.rpc_talk import Talk
from ..model import Step
from ..probe import Probe


async def verify(probe: Probe) -> None:
    """Climb to the versions, around NFSv3's further ports, and into the export if one is named."""
    wanted = probe.target.options.get("nfs_version")
    talk = Talk(await probe.connect(privileged=True))
    async with probe.step(Step.HANDSHAKE) as rung:
        offered = await shared.versions(probe, talk)
        rung.saw(f"speaks NFS {', '.join(offered.versions)}", nfs_versions=list(offered.versions), product="NFS")
        rung.check.facts["source_port_below_1024"] = talk.stream.privileged
        if (wanted and not offered.has(wanted)) or not offered.versions:
            there = ", ".join(offered.versions) or offered.said or "none that we know"
            rung.blocked(causes.VERSION_NOT_OFFERED, f"NFS {wanted or ''} is not offered; there is {there}")
    third = None
    if wanted != 4:
        third = await _third_version(probe, wanted, offered)
    async with probe.step(Step.AUTH) as rung:
        rung.saw("NFS asks for no login; the server looks at address, port and Unix user", auth_methods=["sys"])
    if export := probe.target.options.get("export"):
        await _read(probe, talk, export, wanted, offered, third)
    else:
        async with probe.step(Step.ACCESS) as rung:
            rung.skip("no export is named, so nothing was read")


async def _third_version(probe: Probe, wanted: int | None, offered: shared.Offered) -> ThirdVersion:
    """Ask for everything that NFSv3 needs beside 2049; it is needed if there is no NFSv4, or NFSv3 was asked for."""
    old = offered.has(3) or offered.has(2)
    third = await look_around(probe, needed=wanted in (2, 3) or not offered.has(4), on_2049=old)
    for check in third.checks:
        if check.step.height <= probe.depth.height:
            probe.record(check)
    ports = [check.endpoint.rpartition(":")[2] for check in third.checks if check.outcome == "passed"]
    async with probe.step(Step.HANDSHAKE) as rung:
        if not old:
            rung.skip("NFSv3 is not offered: NFSv4 needs port 2049 alone")
        elif third.mountd is not None:
            rung.saw("NFSv3 can be mounted", ports=ports)
        else:
            rung.skip("NFSv3 cannot be mounted: its mount daemon is out of reach")
        if third.exports is not None:
            rung.check.facts["exports"] = [export.path for export in third.exports]
    return third


async def _read(
    probe: Probe, talk: Talk, export: str, wanted: int | None, offered: shared.Offered, third: ThirdVersion | None
) -> None:
    """Read the export in the best version; in NFSv3, where paths may differ, if NFSv4 does not know it."""
    can_mount = third is not None and third.mountd is not None and wanted in (None, 3) and offered.has(3)
    async with probe.step(Step.ACCESS) as rung:
        refusal: Failure | None = None
        read: shared.Read | None = None
        if wanted in (None, 4) and "4.0" in offered.versions:
            try:
                read = await shared.read_v4(probe, talk, export, third)
            except Failure as failure:
                refusal = failure
        if read is None and can_mount and third is not None:
            read = await shared.read_v3(probe, talk, export, third)
            if refusal is not None:
                rung.saw("not reached over NFSv4")
        if read is None and refusal is None and (wanted == 3 or not offered.has(4)):
            rung.skip("NFSv3 cannot be mounted")
            return
        if read is None:
            raise refusal or shared.unreachable(offered)
        rung.check.facts["flavors"] = shared.flavor_names(read.flavors)
        if read.denied is not None:
            rung.denied(read.denied)
        else:
            rung.saw(read.summary)
