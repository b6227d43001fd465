"""Fixes for an NFS server: lines of /etc/exports and of hosts.allow."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import ADDRESS, BRACKETED_ADDRESS, EXPORTED_PATH

EXPORT = Fix("{path} {agent}(ro,sync,no_subtree_check)", path=EXPORTED_PATH, agent=ADDRESS)
EXPORT_TO_ROOT = Fix("{path} {agent}(ro,sync,no_subtree_check,no_root_squash)", path=EXPORTED_PATH, agent=ADDRESS)
ALLOW_RPCBIND = Fix("rpcbind: {agent}", agent=BRACKETED_ADDRESS)
