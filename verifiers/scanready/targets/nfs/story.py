"""Describe what a check of an NFS export sends on each step, with shell commands that do the same."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange, Sent
from scanready.model import Check, Report, Step

_MOUNT = "mount -t nfs -o ro {host}:{path} /mnt && ls /mnt"


def _handshake(report: Report, check: Check) -> str:
    """Name the call by the check's endpoint: rpcbind, an NFSv3 service on its own port, or NFS itself."""
    endpoint = check.endpoint.removesuffix("/tcp").removesuffix("/udp")
    if endpoint.endswith(":111"):
        return "DUMP to rpcbind (asks for services and their ports)"
    if check.endpoint.endswith(("/tcp", "/udp")):
        return "NULL calls to the services that rpcbind lists on this port"
    if "nfs_versions" in check.facts or not report.facts.get("nfs_versions"):
        return "NULL calls for NFS 4, 3 and 2; one stateless COMPOUND for each minor version of NFSv4"
    return ""


STORY: dict[str, dict[Step, Exchange]] = {
    "nfs": {
        Step.HANDSHAKE: Exchange(_handshake, "rpcinfo -p {host}; rpcinfo -T tcp {host} nfs"),
        Step.AUTH: Exchange(
            Sent("nothing; the earlier answers are enough", sys="calls as a plain Unix user (AUTH_SYS)"),
            "showmount -e {host}   # NFSv3; NFSv4: mount -t nfs4 -o ro,port={port} {host}:/ /mnt",
        ),
        Step.ACCESS: Exchange(
            Sent(v4="LOOKUP, ACCESS and READDIR of the export (NFSv4)", v3="MNT, READDIR and UMNT (NFSv3)"), _MOUNT
        ),
    },
}
