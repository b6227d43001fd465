"""Fixes for an NFS server: lines of /etc/exports and of hosts.allow."""

from __future__ import annotations

from scanready.remedies.fixes import Fix, on_target
from scanready.remedies.quoting import ADDRESS, BRACKETED_ADDRESS, EXPORTED_PATH

_EXPORTS = on_target("in /etc/exports; then run exportfs -ra")

EXPORT = Fix("{path} {agent}(ro,sync,no_subtree_check)", at=_EXPORTS, path=EXPORTED_PATH, agent=ADDRESS)
EXPORT_TO_ROOT = Fix(
    "{path} {agent}(ro,sync,no_subtree_check,no_root_squash)", at=_EXPORTS, path=EXPORTED_PATH, agent=ADDRESS
)
ALLOW_RPCBIND = Fix("rpcbind: {agent}", at=on_target("in /etc/hosts.allow"), agent=BRACKETED_ADDRESS)
