"""Causes that a WMI login to a Windows host can give: the logon, DCOM, WMI."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

# the logon -----------------------------------------------------------------------------------------------------------

LOGON_UNEXPLAINED = Cause(
    "windows.logon-unexplained",
    Owner.IDENTITY,
    Step.LOGIN,
    "Windows ended the logon with an error that does not say why (0x721 is its security package's): account or "
    "password may be wrong, NTLM not permitted, or the host unable to ask its domain.",
    "Look up the failed logon in the host's Security log (event 4625, field Status), or in the domain controller's "
    "(4776); it has the reason.",
    "On the target: Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4625} -MaxEvents 5 | Format-List Message",
    definite=False,
    may_count=True,
)
LOGON_HOURS = Cause(
    "windows.logon-hours",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account may not log on at this hour.",
    "Permit the hours of the scan in the account's logon hours.",
    "On a domain controller: net user {user} /domain   # logon hours allowed",
    scoped=Scope.ACCOUNT,
)
LOGON_WORKSTATION = Cause(
    "windows.logon-workstation",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account may log on from named workstations alone. This login cannot name one (a limit of its library), so "
    "whether this agent is among them is not known.",
    "Add the agent's computer name to the account's workstations, or lift the restriction; then scan from the agent.",
    "On a domain controller: Get-ADUser {user} -Properties LogonWorkstations",
    definite=False,
    scoped=Scope.PATH,
)
LOGON_RIGHT = Cause(
    "windows.logon-right",
    Owner.SERVER,
    Step.LOGIN,
    "The password is right, but the host's policy does not let the account log on from the network (error 0x569).",
    "Give the account the right 'Access this computer from the network', and take it out of 'Deny access to this "
    "computer from the network'; local accounts are often denied by a security baseline.",
    "On the target: secedit /export /areas USER_RIGHTS /cfg rights.txt, then look at SeNetworkLogonRight and "
    "SeDenyNetworkLogonRight",
)
ACCOUNT_RESTRICTED = Cause(
    "windows.account-restricted",
    Owner.IDENTITY,
    Step.LOGIN,
    "A restriction of the account forbids this logon: an empty password, a member of Protected Users, or an "
    "authentication policy (error 0x52F).",
    "Give the account a password, and take it out of Protected Users or the policy: those forbid NTLM.",
    "On a domain controller: Get-ADUser {user} -Properties MemberOf, AuthenticationPolicy, UserAccountControl",
    scoped=Scope.ACCOUNT,
)
NO_LOGON_SERVER = Cause(
    "windows.no-logon-server",
    Owner.SERVER,
    Step.LOGIN,
    "The host cannot ask its domain about the account: no domain controller answers it, or their trust is broken.",
    "Repair the host's way to its domain controllers (DNS, network, time), or its machine account: "
    "Test-ComputerSecureChannel -Repair.",
    "On the target: nltest /sc_verify:DOMAIN",
)
NTLM_BLOCKED = Cause(
    "windows.ntlm-blocked",
    Owner.SERVER,
    Step.LOGIN,
    "The host, or its domain, does not permit NTLM, which is all that this login speaks. A scanner that is a member of "
    "the domain may log on with Kerberos; that was not tried.",
    "Exempt the host in 'Network security: Restrict NTLM', or scan it by its full name from a member of its domain.",
    "On the target: Get-WinEvent -LogName Microsoft-Windows-NTLM/Operational -MaxEvents 5",
    definite=False,
)
CLOCK_DIFFERS = Cause(
    "windows.clock-differs",
    Owner.SERVER,
    Step.LOGIN,
    "The host refuses the logon because clocks differ (error 0x576): agent, host and domain controllers must agree.",
    "Synchronise the clock of whoever is wrong: w32tm /resync.",
    "On the target: w32tm /query /status; on the agent: date -u",
)

# DCOM ----------------------------------------------------------------------------------------------------------------

ACTIVATION_DENIED = Cause(
    "windows.activation-denied",
    Owner.SERVER,
    Step.ACCESS,
    "The host accepted the account, but does not let it start WMI over the network (DCOM remote activation, 0x5 or "
    "0x80070005): it is not an administrator there, or the host's DCOM limits leave it out.",
    "Make the account a local administrator of the host (a scan copies its engine there). Where policy forbids that: a "
    "member of Distributed COM Users, with Remote Launch, Remote Activation and Remote Access in dcomcnfg's limits.",
    "On the target: net localgroup Administrators; event 10016 or 10036 in the System log at the time of the check.",
)
REMOTE_UAC = Cause(
    "windows.remote-uac",
    Owner.SERVER,
    Step.ACCESS,
    "The host accepted the local account, but does not let it start WMI over the network. Windows takes a local "
    "administrator's rights away when it comes over the network (remote UAC); to the agent that looks like an account "
    "that is no administrator at all.",
    "Use a domain account that is a local administrator. Or lift the filter on this host with the fix; weigh it: every "
    "local administrator's password then opens this host from the network.",
    r"On the target: net localgroup Administrators; "
    r"reg query HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System /v LocalAccountTokenFilterPolicy",
)
#: What lifts that filter.
LIFT_REMOTE_UAC = (
    r"reg add HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System "
    "/v LocalAccountTokenFilterPolicy /t REG_DWORD /d 1 /f"
)
NO_TCP_BINDING = Cause(
    "windows.no-tcp-binding",
    Owner.SERVER,
    Step.ACCESS,
    "WMI was started, but the host offers it over no TCP port: its DCOM is restricted to other protocols.",
    "Put 'Connection-oriented TCP/IP' among DCOM's default protocols on the host.",
    r"On the target: reg query HKLM\SOFTWARE\Microsoft\Rpc /v 'DCOM Protocols'   # ncacn_ip_tcp must be there",
)

# WMI -----------------------------------------------------------------------------------------------------------------

WMI_NOT_RUNNING = Cause(
    "windows.wmi-not-running",
    Owner.SERVER,
    Step.ACCESS,
    "The host accepted the account, but WMI does not start there: its service is disabled, hangs, or fails.",
    "Start the service Winmgmt, and set it to start by itself; if it hangs, end its process or restart the host.",
    "On the target: sc query winmgmt; sc qc winmgmt; event 10010 in the System log",
)
#: What starts it.
START_WMI = "sc config winmgmt start= auto & net start winmgmt"
WMI_DAMAGED = Cause(
    "windows.wmi-damaged",
    Owner.SERVER,
    Step.ACCESS,
    "WMI runs, but what every Windows has in it is not there or does not work: its repository, its registration or its "
    "provider is damaged.",
    "Repair WMI on the host with the fix; if that does not help, winmgmt /resetrepository (which loses what other "
    "software has registered there).",
    "On the target: winmgmt /verifyrepository; Get-CimInstance Win32_OperatingSystem",
)
#: What repairs the repository, and what registers the classes of Windows again.
REPAIR_WMI = "winmgmt /verifyrepository & winmgmt /salvagerepository"
REGISTER_CLASSES = (
    r"mofcomp %windir%\system32\wbem\cimwin32.mof & mofcomp %windir%\system32\wbem\cimwin32.mfl & net stop winmgmt /y "
    "& net start winmgmt"
)
REGISTER_WMI = r"regsvr32 /s %windir%\system32\wbem\wmisvc.dll & net stop winmgmt /y & net start winmgmt"
NAMESPACE_DENIED = Cause(
    "windows.namespace-denied",
    Owner.SERVER,
    Step.ACCESS,
    r"The account may start WMI, but not use the namespace root\cimv2 over the network (0x80041003).",
    r"Give the account Enable Account and Remote Enable on root\cimv2, or make it a local administrator.",
    r"On the target: wmimgmt.msc, WMI Control, Properties, Security, Root\CIMV2, Security",
)
NAMESPACE_MISSING = Cause(
    "windows.namespace-missing",
    Owner.SERVER,
    Step.ACCESS,
    r"WMI has no namespace root\cimv2 (0x8004100E), which every Windows has: its repository is damaged or being "
    "rebuilt.",
    "Wait until an upgrade under way has finished; then repair the repository with the fix.",
    r"On the target: Get-CimInstance -Namespace root -ClassName __Namespace",
)
WMI_ERROR = Cause(
    "windows.wmi-error",
    Owner.SERVER,
    Step.ACCESS,
    "DCOM or WMI answered with an error that has no cause of its own here; the detail has its number.",
    "Look the number up (certutil -error 0x...), and the host's log Microsoft-Windows-WMI-Activity/Operational at the "
    "time of the check.",
    "On the target: Get-CimInstance Win32_OperatingSystem; on another Windows the same with -ComputerName and DCOM",
)
BROKEN_OFF = Cause(
    "windows.session-broken-off",
    Owner.SERVER,
    Step.ACCESS,
    "The host, or something on the way, ended the connection instead of an answer.",
    "Look for a device that inspects RPC between agent and host, and into the host's System log at the time of the "
    "check.",
    "On another Windows: Get-CimInstance Win32_OperatingSystem -ComputerName {host} (with -CimSession over DCOM)",
    may_count=True,
)
