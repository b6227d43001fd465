"""Fixes for Windows hosts: accounts, WMI, the host's firewall and the agent's hosts file."""

from __future__ import annotations

from scanready.model import Owner
from scanready.remedies.fixes import Fix, on_agent, on_target
from scanready.remedies.quoting import ADDRESS, HOST, QUOTED_ACCOUNT

_ADMINISTRATOR = on_target("in a command prompt as an administrator")

MAKE_ADMINISTRATOR = Fix('net localgroup Administrators "{account}" /add', at=_ADMINISTRATOR, account=QUOTED_ACCOUNT)
ALLOW_NAMESPACE = Fix(
    r"Root\CIMV2, Security: allow {account} Enable Account and Remote Enable",
    at=on_target("in wmimgmt.msc as an administrator"),
    account=QUOTED_ACCOUNT,
)
#: A line of the agent's hosts file.
NAME_IT = Fix(
    "{address} {name}",
    at=on_agent("in the hosts file (/etc/hosts; System32/drivers/etc/hosts)"),
    address=ADDRESS.called("ADDRESS"),
    name=HOST.called("NAME"),
)
LIFT_REMOTE_UAC = Fix(
    r"reg add HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System "
    "/v LocalAccountTokenFilterPolicy /t REG_DWORD /d 1 /f",
    at=_ADMINISTRATOR,
)
START_WMI = Fix(
    "sc config winmgmt start= auto & net start winmgmt",
    at=_ADMINISTRATOR,
)
REPAIR_WMI = Fix(
    "winmgmt /verifyrepository & winmgmt /salvagerepository",
    at=_ADMINISTRATOR,
)
REGISTER_CLASSES = Fix(
    r"mofcomp %windir%\system32\wbem\cimwin32.mof & mofcomp %windir%\system32\wbem\cimwin32.mfl & net stop winmgmt /y "
    "& net start winmgmt",
    at=_ADMINISTRATOR,
)
REGISTER_WMI = Fix(
    r"regsvr32 /s %windir%\system32\wbem\wmisvc.dll & net stop winmgmt /y & net start winmgmt",
    at=_ADMINISTRATOR,
)
PERMIT_WMI = Fix(
    'netsh advfirewall firewall set rule group="windows management instrumentation (wmi)" new enable=yes',
    at=_ADMINISTRATOR,
)
#: The fix for the host's administrator if dynamic ports are blocked.
ON_THE_HOST = ((Owner.SERVER, PERMIT_WMI()),)
