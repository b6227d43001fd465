"""Causes of Windows hosts: the endpoint mapper and dynamic ports before any login; DCOM and WMI after it."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

# the endpoint mapper --------------------------------------------------------------------------------------------------

NO_DCOM = Cause(
    "windows.no-dcom",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "An endpoint mapper without DCOM: not WMI-scannable. Samba, storage and other servers that are not Windows have "
    "one too; every Windows offers DCOM on it.",
    "Scan this host as what it is: as smb its shares, as unix the host itself. If it is a Windows, something on the "
    "way answers in its place.",
    "On another Windows: Get-CimInstance Win32_OperatingSystem -CimSession (New-CimSession {host} -SessionOption "
    "(New-CimSessionOption -Protocol Dcom)); portqry -n {host} -e {port}",
)
RPC_REFUSED = Cause(
    "windows.rpc-refused",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The endpoint mapper does not talk with this agent before a login: an RPC filter of the host, or a firewall that "
    "inspects RPC. Whether it talks with an account is not known without one.",
    "On the target: netsh rpc filter show filter, and delete or narrow the filter that names the agent or anonymous "
    "callers; or give a credential.",
    "On another Windows: portqry -n {host} -e {port}",
    scoped=Scope.PATH,
)
NAT_OR_MULTIHOMED = Cause(
    "windows.nat-or-multihomed",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "The host gives DCOM clients names and addresses to call it at, and none of them leads to the address by which "
    "this agent reached it: there is address translation in between, or the host has several networks. A DCOM client "
    "calls what it is given: its login works, and then its calls go astray.",
    "Let DNS resolve a name that the host gives itself to the address that the agent reaches, and address the host by "
    "it; or scan it from an agent on its own side of the translation.",
    "On the target: hostname; ipconfig. On the agent: nslookup the host's own name",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Name the host in the agent's hosts file, as the fix does.",
        ),
        OtherOwner(Owner.OPERATOR, "Address the host in the inventory by the name that it gives itself."),
    ),
)

# how to log in --------------------------------------------------------------------------------------------------------

NTLM_REFUSED = Cause(
    "windows.ntlm-refused",
    Owner.SERVER,
    Step.AUTH,
    "The endpoint mapper refuses to begin an NTLM login. With Kerberos alone the scan needs an agent that knows the "
    "domain, and the target by its full name; an address, or a local account, does not work.",
    "Permit NTLM from the agent in the policy 'Network security: Restrict NTLM: Incoming NTLM traffic' of the host.",
    r"On the target: reg query HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0 /v RestrictReceivingNTLMTraffic; "
    "Get-WinEvent -LogName Microsoft-Windows-NTLM/Operational -MaxEvents 5",
    also=(
        OtherOwner(
            Owner.OPERATOR, "Address the target by its full domain name, from an agent that is a member of the domain."
        ),
    ),
)
CLOCK_SKEW = Cause(
    "windows.clock-skew",
    Owner.SERVER,
    Step.AUTH,
    "The clocks of host and agent differ by more than five minutes, which is all that Kerberos permits: a scan that "
    "logs in with a domain account fails.",
    "Synchronise the host's clock, if it is wrong: w32tm /resync /rediscover.",
    "On the target: w32tm /query /status; on the agent: date -u",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Synchronise the agent's clock, if it is wrong: w32tm /resync /rediscover, or chronyc makestep.",
        ),
    ),
)

# dynamic ports --------------------------------------------------------------------------------------------------------

DYNAMIC_PORT_BLOCKED = Cause(
    "windows.dynamic-port-blocked",
    Owner.NETWORK,
    Step.CONNECT,
    "The endpoint mapper on 135 answers, and the port that it or an activation names does not: a firewall between the "
    "two lets 135 through, and not the dynamic ports, of which WMI is given one.",
    "Permit the agent TCP 49152-65535 to the host (1024-65535 up to Windows Server 2003 R2).",
    "On the agent: nc -vz -w 5 {host} PORT (a Windows: Test-NetConnection {host} -Port PORT); on the target: "
    "Get-NetTCPConnection -State Listen -LocalPort PORT; netsh int ipv4 show dynamicport tcp",
    also=(
        OtherOwner(
            Owner.SERVER,
            "Enable the host's own firewall rules for WMI, as the fix does. Or give WMI a port of its own, which the "
            "network permits: winmgmt /standalonehost & net stop winmgmt /y & net start winmgmt (TCP 24158). Where "
            "only that rule group is enabled, WMI's port may be open though others are not: with a credential, the "
            "very port is asked.",
        ),
    ),
)
DYNAMIC_PORT_REFUSED = Cause(
    "windows.dynamic-port-refused",
    Owner.NETWORK,
    Step.CONNECT,
    "Ports that the endpoint mapper lists answer with a reset: a firewall resets in the host's place, or the services "
    "behind them have ended or listen on another of the host's addresses. Which of them was not to be told.",
    "Permit the agent the dynamic ports with the fix.",
    "On the target: Get-NetTCPConnection -State Listen -LocalPort PORT; if it listens, a firewall resets.",
    definite=False,
    also=(OtherOwner(Owner.OPERATOR, "Give a credential: with it, WMI's own port is asked."),),
)
DYNAMIC_RANGE_UNKNOWN = Cause(
    "windows.dynamic-range-unknown",
    Owner.OPERATOR,
    Step.CONNECT,
    "Whether the dynamic ports are open is not known: WMI's own port is told to a login alone, and nothing else gave a "
    "clear sign. The host may hide its list from strangers, as it well may.",
    "Give a credential: with it, WMI is started and its very port asked.",
    "On another Windows: portqry -n {host} -e 135, then Test-NetConnection {host} -Port with one of the ports listed",
    definite=False,
)

# the logon -----------------------------------------------------------------------------------------------------------

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
