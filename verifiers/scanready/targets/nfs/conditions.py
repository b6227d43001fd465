"""Decide when a line of a scanner's requirements applies to an NFS file share."""

from __future__ import annotations

from scanready.catalogue.requirement import Condition, Seen, by_name
from scanready.model import Target


def _version_3(target: Target, known: Seen) -> bool | None:
    version = str(target.options.get("nfs_version") or "")
    if version:
        return version.startswith(("2", "3"))
    offered = known.facts.get("nfs_versions")
    if isinstance(offered, list) and offered and not any(str(one).startswith(("2", "3")) for one in offered):
        return False
    asked = any(port == 111 for _, port, _ in known.endpoints)
    return True if asked and len(known.endpoints) > 3 else None


CONDITIONS = by_name(
    Condition("NFSv3 and older", _version_3, "version-3"),
    # rpcbind names the ports of four services besides NFS itself.
    Condition(
        "NFSv3 and older: mountd, nlockmgr (lockd), status (statd) and rquotad", _version_3, "version-3-services"
    ),
)
