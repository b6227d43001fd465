"""Fixes for SMB servers, and targets for the inventory (for NT statuses, see ``scanready.clients.nt_status``)."""

from __future__ import annotations

from scanready.remedies.fixes import IN_INVENTORY, Fix, on_target
from scanready.remedies.quoting import ADDRESS, BRACKETED_HOST, URL_NAME, URL_NAMES

_SHARE = URL_NAME.called("SHARE")

ALLOW_HOST = Fix(
    "    hosts allow = {agent}", at=on_target("in [global] of smb.conf; keep the hosts already listed"), agent=ADDRESS
)
#: A target for the inventory: the server and share behind a DFS link.
OTHER_SHARE = Fix("smb://{host}/{share}", at=IN_INVENTORY, host=BRACKETED_HOST, share=_SHARE)
OTHER_FOLDER = Fix(
    "smb://{host}/{share}?path={path}",
    at=IN_INVENTORY,
    host=BRACKETED_HOST,
    share=_SHARE,
    path=URL_NAMES,
)
#: These enable SMB 2: on Samba (since 3.6), on Windows 8, Server 2012 and newer, on Vista to Server 2008 R2.
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
