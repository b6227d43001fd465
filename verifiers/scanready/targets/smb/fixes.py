"""Fixes for an SMB server, and entries of the inventory; those of an NT status are in the statuses' own table."""

from __future__ import annotations

from scanready.remedies.fixes import IN_INVENTORY, Fix, on_target
from scanready.remedies.quoting import ADDRESS, BRACKETED_HOST, URL_NAME, URL_NAMES

_SHARE = URL_NAME.called("SHARE")

ALLOW_HOST = Fix(
    "    hosts allow = {agent}", at=on_target("in [global] of smb.conf, beside the hosts that are there"), agent=ADDRESS
)
#: A target of the inventory: where a DFS link leads.
OTHER_SHARE = Fix("smb://{host}/{share}", at=IN_INVENTORY, host=BRACKETED_HOST, share=_SHARE)
OTHER_FOLDER = Fix(
    "smb://{host}/{share}?path={path}",
    at=IN_INVENTORY,
    host=BRACKETED_HOST,
    share=_SHARE,
    path=URL_NAMES,
)
#: What has SMB 2 switched on: Samba (since 3.6), Windows 8 and Server 2012, the two before; older ones never had it.
SAMBA_NEWER = Fix(
    "    server min protocol = SMB2_02\n    server max protocol = SMB3", at=on_target("in [global] of smb.conf")
)
WINDOWS_NEWER = Fix(
    "Set-SmbServerConfiguration -EnableSMB2Protocol $true -Force", at=on_target("in PowerShell as an administrator")
)
VISTA_NEWER = Fix(
    r"Set-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters' SMB2 -Type DWORD -Value 1 "
    "-Force   # then restart",
    at=on_target("in PowerShell as an administrator"),
)
