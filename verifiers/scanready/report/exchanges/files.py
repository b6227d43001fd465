"""File shares over SMB and NFS."""

from __future__ import annotations

from scanready.catalogue.exchange import Exchange
from scanready.model import Check, Report, Step

_SMB = "smbclient //{host}/{path} -p {port} -U {user} -c ls   # asks for the password, and counts as one attempt"
_NEGOTIATED = "smbclient -L {host} -p {port} -N -d 4   # tells what is negotiated; logs in as nobody"
_MOUNT = "mount -t nfs -o ro {host}:{path} /mnt && ls /mnt"


def _nfs(report: Report, check: Check) -> str:
    """The rungs of NFSv3 have endpoints of their own."""
    endpoint = check.endpoint.removesuffix("/tcp").removesuffix("/udp")
    if endpoint.endswith(":111"):
        return "rpcbind's DUMP: which program listens where"
    if check.endpoint.endswith(("/tcp", "/udp")):
        return "a NULL call to each program that rpcbind names there"
    if "nfs_versions" in check.facts or not report.facts.get("nfs_versions"):
        return "NULL calls of NFS 4, 3 and 2; then a COMPOUND without state for each minor version"
    return ""


FILES: dict[tuple[str, str], Exchange] = {
    ("smb", Step.HANDSHAKE): Exchange(
        "NEGOTIATE, SMB 2.0.2 to 3.1.1; SMB 1 on a second connection where that draws not a byte", _NEGOTIATED
    ),
    ("smb", Step.AUTH): Exchange("SESSION_SETUP with NTLM type 1, which names nobody", _NEGOTIATED),
    ("smb", Step.LOGIN): Exchange("the account by NTLM, once, on a connection of its own", _SMB),
    ("smb", Step.ACCESS): Exchange("the share was opened, one directory listed, one file opened for reading", _SMB),
    ("nfs", Step.HANDSHAKE): Exchange(_nfs, "rpcinfo -p {host}; rpcinfo -T tcp {host} nfs"),
    ("nfs", Step.AUTH): Exchange(
        "a call as a plain Unix user (AUTH_SYS)",
        "showmount -e {host}   # NFSv3; NFSv4: mount -t nfs4 -o ro,port={port} {host}:/ /mnt",
    ),
    ("nfs", Step.ACCESS): Exchange(
        "the walk to the export and READDIR (NFSv4), or MNT, ACCESS, READDIR and UMNT (NFSv3)", _MOUNT
    ),
}
