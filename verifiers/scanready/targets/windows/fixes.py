"""Fixes for a Windows host whose WMI an account must reach."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import ADDRESS, HOST, QUOTED_ACCOUNT

MAKE_ADMINISTRATOR = Fix('net localgroup Administrators "{account}" /add', account=QUOTED_ACCOUNT)
ALLOW_NAMESPACE = Fix(
    r"wmimgmt.msc: Root\CIMV2, Security: allow {account} Enable Account and Remote Enable", account=QUOTED_ACCOUNT
)
#: A line of the agent's hosts file.
NAME_IT = Fix("{address} {name}", address=ADDRESS.called("ADDRESS"), name=HOST.called("NAME"))
