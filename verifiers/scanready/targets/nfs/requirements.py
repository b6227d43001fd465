"""Requirements of the scanner for NFS file shares."""

from __future__ import annotations

from scanready.catalogue.requirement import Condition, Requirement, Requirements, Seen
from scanready.model import Target

from .options import PINNED

_SECTION = "Proxy Agent Network Requirements, Network Storage"


def _version_3(target: Target, known: Seen) -> bool | None:
    version = str(target.options.get("nfs_version") or "")
    if version:
        return version.startswith(("2", "3"))
    offered = known.facts.get("nfs_versions")
    if isinstance(offered, list) and offered and not any(str(one).startswith(("2", "3")) for one in offered):
        return False
    asked = any(port == 111 for _, port, _ in known.endpoints)
    return True if asked and len(known.endpoints) > 3 else None


_VERSION_3 = Condition("NFSv3 and older", _version_3)
#: rpcbind names the ports of four services besides NFS itself.
_SERVICES = Condition("NFSv3 and older: mountd, nlockmgr (lockd), status (statd) and rquotad", _version_3)

REQUIREMENTS = {
    "nfs": Requirements(
        (
            Requirement("2049", "tcp", f'{_SECTION}: "NFS server", "NFSv4 requires only port 2049 (TCP only)."'),
            Requirement("2049", "udp", f'{_SECTION}: "2049 (TCP or UDP)"', _VERSION_3),
            Requirement("111", "tcp,udp", f'{_SECTION}: "111 (TCP or UDP)"', _VERSION_3),
            Requirement(
                "dynamic",
                "tcp,udp",
                f'{_SECTION}: "Dynamic ports assigned by rpcbind."',
                _SERVICES,
                tuple(option.name for option in PINNED),
            ),
        )
    ),
}
