"""Describe what a check of an NFS export sends on each step, with the shell lines that ask the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent
from scanready.model import Check, Report, Step

_MOUNT = "mount -t nfs -o ro {host}:{path} /mnt && ls /mnt"


def _handshake(report: Report, check: Check) -> str:
    """Name the call by the check's endpoint: rpcbind, an NFSv3 program of its own port, or NFS itself."""
    endpoint = check.endpoint.removesuffix("/tcp").removesuffix("/udp")
    if endpoint.endswith(":111"):
        return "rpcbind's DUMP: which program listens where"
    if check.endpoint.endswith(("/tcp", "/udp")):
        return "a NULL call to each program that rpcbind names there"
    if "nfs_versions" in check.facts or not report.facts.get("nfs_versions"):
        return "NULL calls of NFS 4, 3 and 2; then a COMPOUND without state for each minor version"
    return ""


STORY: dict[str, dict[Step, Exchange]] = {
    "nfs": {
        Step.HANDSHAKE: Exchange(_handshake, "rpcinfo -p {host}; rpcinfo -T tcp {host} nfs"),
        Step.AUTH: Exchange(
            Sent("nothing more: the answers before say it", sys="calls as a plain Unix user (AUTH_SYS)"),
            "showmount -e {host}   # NFSv3; NFSv4: mount -t nfs4 -o ro,port={port} {host}:/ /mnt",
        ),
        Step.ACCESS: Exchange(
            Sent(v4="the walk to the export, and its names (NFSv4)", v3="MNT, its names and UMNT (NFSv3)"), _MOUNT
        ),
    },
}
