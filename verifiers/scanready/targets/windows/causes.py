"""Causes of Windows hosts: the endpoint mapper and dynamic ports before any login; DCOM and WMI after it."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

# the endpoint mapper --------------------------------------------------------------------------------------------------

NO_DCOM = Cause(
    "windows.no-dcom",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "This host has an endpoint mapper without DCOM, so it cannot be scanned over WMI. Every Windows host offers DCOM "
    "there. Samba and storage servers do not.",
    "Scan the host with the type that fits it: smb for its file shares, unix for the host itself. If it does run "
    "Windows, find the device that answers in its place.",
    "On another Windows host: Get-CimInstance Win32_OperatingSystem -CimSession (New-CimSession {host} -SessionOption "
    "(New-CimSessionOption -Protocol Dcom)); portqry -n {host} -e {port}",
    wire="The server's bind_ack on {port} has the endpoint mapper interface, but rejects IObjectExporter and "
    "IRemoteSCMActivator (abstract syntax not supported).",
)
RPC_REFUSED = Cause(
    "windows.rpc-refused",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The endpoint mapper rejects anonymous RPC calls from this agent. The cause is an RPC filter on the host "
    "or a firewall that inspects RPC. The endpoint mapper may accept calls with a credential; this check had "
    "none.",
    "On the target, run netsh rpc filter show filter, and delete or narrow the filter that matches the agent "
    "or anonymous callers.",
    "On another Windows host: portqry -n {host} -e {port}",
    wire="The server answers the agent's bind without authentication on {port} with a bind_nak or a fault.",
    scoped=Scope.PATH,
    also=(OtherOwner(Owner.OPERATOR, "Give the target a credential, then check again."),),
)
NAT_OR_MULTIHOMED = Cause(
    "windows.nat-or-multihomed",
    Owner.NETWORK,
    Step.HANDSHAKE,
    "The names and addresses that the host gives to DCOM clients do not match the address that this agent uses. There "
    "is NAT between them, or the host has several networks. A DCOM client connects to the names and addresses it is "
    "given. Its login then works, but its later calls go to the wrong address.",
    "In DNS, make the name that the host gives itself resolve to the address that the agent uses.",
    "On the target: hostname; ipconfig. On the agent: nslookup NAME, with the name from hostname",
    wire="No string binding for TCP in the ServerAlive2 response is the address that the agent connected to, or a name "
    "that resolves to it.",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Add the host to the agent's hosts file (see the fix), or scan it from an agent on its side of the NAT.",
        ),
        OtherOwner(Owner.OPERATOR, "In the inventory, address the host by the name that it gives itself."),
    ),
)

# how to log in --------------------------------------------------------------------------------------------------------

NTLM_REFUSED = Cause(
    "windows.ntlm-refused",
    Owner.SERVER,
    Step.AUTH,
    "The endpoint mapper rejects NTLM logins, so only Kerberos is left. Kerberos requires an agent that can reach a "
    "domain controller, and a target that is addressed by its full domain name. IP addresses and local accounts do "
    "not work.",
    "On the host, permit NTLM from the agent in the policy 'Network security: Restrict NTLM: Incoming NTLM traffic'.",
    r"On the target: reg query HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0 /v RestrictReceivingNTLMTraffic; "
    "Get-WinEvent -LogName Microsoft-Windows-NTLM/Operational -MaxEvents 5",
    wire="The server answers a bind that carries an NTLMSSP NEGOTIATE with a bind_nak or a fault; it sends no "
    "NTLMSSP CHALLENGE.",
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
    "The clocks of host and agent differ by more than five minutes, the most that Kerberos permits. A scan that logs "
    "in with a domain account fails.",
    "If the host's clock is wrong, synchronise it: w32tm /resync /rediscover.",
    "On the target: w32tm /query /status; on the agent: date -u",
    wire="MsvAvTimestamp in the host's NTLMSSP CHALLENGE differs from the agent's clock by more than 300 seconds.",
    also=(
        OtherOwner(
            Owner.AGENT,
            "If the agent's clock is wrong, synchronise it: w32tm /resync /rediscover, or chronyc makestep.",
        ),
    ),
)

# dynamic ports --------------------------------------------------------------------------------------------------------

DYNAMIC_PORT_BLOCKED = Cause(
    "windows.dynamic-port-blocked",
    Owner.NETWORK,
    Step.CONNECT,
    "The endpoint mapper on 135 answers, but the dynamic port that it (or a DCOM activation) returned does not. A "
    "firewall between agent and host permits 135 and blocks the dynamic ports. WMI uses one of the dynamic ports.",
    "On the firewall, permit TCP 49152-65535 from the agent to the host (1024-65535 up to Windows Server 2003 R2).",
    "On the agent: nc -vz -w 5 {host} PORT (on Windows: Test-NetConnection {host} -Port PORT); on the target: "
    "Get-NetTCPConnection -State Listen -LocalPort PORT; netsh int ipv4 show dynamicport tcp",
    wire="The agent's SYN to the dynamic port gets no answer, an ICMP error or a RST. The SYN to 135 is answered with "
    "a SYN-ACK.",
    also=(
        OtherOwner(
            Owner.SERVER,
            "Enable the rules for WMI in the host's own firewall (see the fix). Or give WMI a fixed port, TCP 24158, "
            "and have the network permit it: winmgmt /standalonehost & net stop winmgmt /y & net start winmgmt. If "
            "only that rule group is enabled, WMI's port may be open although other dynamic ports are closed. A check "
            "with a credential tests WMI's own port.",
        ),
    ),
)
DYNAMIC_PORT_REFUSED = Cause(
    "windows.dynamic-port-refused",
    Owner.NETWORK,
    Step.CONNECT,
    "A port that the endpoint mapper lists refuses the connection. Either a firewall sends the reset, or the service "
    "has ended or listens on another address of the host. The check cannot tell which.",
    "On the firewall, permit the dynamic ports from the agent (see the fix).",
    "On the target: Get-NetTCPConnection -State Listen -LocalPort PORT; if it listens, a firewall resets.",
    wire="The agent's SYN to a port from the endpoint mapper's list is answered with a RST.",
    definite=False,
    also=(OtherOwner(Owner.OPERATOR, "Give the check a credential: it then tests WMI's own port."),),
)
FIXED_PORT_REFUSED = Cause(
    "windows.fixed-port-refused",
    Owner.SERVER,
    Step.CONNECT,
    "The fixed port of WMI that the inventory states refuses the connection, or no RPC service answers there. WMI may "
    "listen only while it is in use, may have no fixed port, or has another one. A firewall that sends the reset looks "
    "the same. Reports say that Server 2025 ignores the setting.",
    "On the host, give WMI its fixed port and restart it: winmgmt /standalonehost & net stop winmgmt /y & net start "
    "winmgmt. Port 24158 is usual; dcomcnfg shows another one (Windows Management and Instrumentation, Endpoints).",
    "On the target: Get-NetTCPConnection -State Listen -LocalPort PORT; sc qc winmgmt shows whether it is standalone.",
    wire="The agent's SYN to the fixed port is answered with a RST, or its bind there gets no RPC answer.",
    definite=False,
    also=(
        OtherOwner(
            Owner.OPERATOR,
            "Correct `wmi_port` of the target in the inventory, or give the check a credential: it then starts WMI.",
        ),
    ),
)
WMI_PORT_DIFFERS = Cause(
    "windows.wmi-port-differs",
    Owner.SERVER,
    Step.ACCESS,
    "WMI listens on another port than the fixed one that the inventory states. Firewall rules that were made from the "
    "inventory do not cover it, and a dynamic port changes with each start of WMI.",
    "On the host, give WMI its fixed port and restart it: winmgmt /standalonehost & net stop winmgmt /y & net start "
    "winmgmt. Port 24158 is usual; dcomcnfg shows another one (Windows Management and Instrumentation, Endpoints).",
    "On the target: sc qc winmgmt shows whether it is standalone; Get-NetTCPConnection -State Listen",
    wire="The string binding in the response to RemoteCreateInstance has another port than the inventory states.",
    also=(OtherOwner(Owner.OPERATOR, "If the host is right, correct or remove `wmi_port` in the inventory."),),
)
DYNAMIC_RANGE_UNKNOWN = Cause(
    "windows.dynamic-range-unknown",
    Owner.OPERATOR,
    Step.CONNECT,
    "The check cannot tell whether the dynamic ports are open. The host reveals WMI's own port only after a login, and "
    "its other ports gave no clear result. Some hosts do not show their port list to anonymous callers.",
    "Give the check a credential: it then starts WMI and tests WMI's own port.",
    "On another Windows host: portqry -n {host} -e 135, then Test-NetConnection {host} -Port with one of the ports "
    "listed",
    wire="The responses to ept_lookup and ept_map hold no dynamic TCP port. Or the listed ports give different "
    "results, such as a SYN-ACK from one and silence from the other. Or an open port sends no RPC answer to a bind.",
    definite=False,
)

# the logon -----------------------------------------------------------------------------------------------------------

LOGON_WORKSTATION = Cause(
    "windows.logon-workstation",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account may log on only from listed workstations. The check's library cannot send a workstation name, so it "
    "is unknown whether this agent is on the list.",
    "Add the agent's computer name to the account's workstations, or remove the restriction. Then scan from the agent.",
    "On a domain controller: Get-ADUser {user} -Properties LogonWorkstations",
    wire="After the NTLMSSP AUTHENTICATE the server answers with fault 0x531 (ERROR_INVALID_WORKSTATION).",
    definite=False,
    scoped=Scope.PATH,
)

# DCOM ----------------------------------------------------------------------------------------------------------------

ACTIVATION_DENIED = Cause(
    "windows.activation-denied",
    Owner.SERVER,
    Step.ACCESS,
    "The host accepted the account but does not let it start WMI over the network (DCOM remote activation, 0x5 or "
    "0x80070005). The account is not an administrator on the host, or the host's DCOM limits exclude it.",
    "Make the account a local administrator of the host (a scan copies its engine there). If a policy forbids that, "
    "add it to Distributed COM Users and grant Remote Launch, Remote Activation and Remote Access in the limits of "
    "dcomcnfg.",
    "On the target: net localgroup Administrators; look for event 10016 or 10036 in the System log for the time of the "
    "check.",
    wire="The server accepts the NTLM logon and ServerAlive2, then answers RemoteCreateInstance or a later call with "
    "fault 0x5, or with 0x80070005 in an encrypted response.",
)
REMOTE_UAC = Cause(
    "windows.remote-uac",
    Owner.SERVER,
    Step.ACCESS,
    "The host accepted the local account but does not let it start WMI over the network. Remote UAC removes a local "
    "administrator's rights in network logons. An account that is not an administrator gets the same error.",
    "Use a domain account that is a local administrator. Or turn off remote UAC on this host with the fix. Weigh the "
    "risk: the password of any local administrator then gives full access to this host from the network.",
    r"On the target: net localgroup Administrators; "
    r"reg query HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System /v LocalAccountTokenFilterPolicy",
    wire="The server accepts the NTLM logon of a local account, then answers RemoteCreateInstance or a later call with "
    "fault 0x5, or with 0x80070005 in an encrypted response.",
)
NO_TCP_BINDING = Cause(
    "windows.no-tcp-binding",
    Owner.SERVER,
    Step.ACCESS,
    "WMI was started, but the host does not offer it on a TCP port. Its DCOM is restricted to other protocols.",
    "On the host, add 'Connection-oriented TCP/IP' to DCOM's default protocols (dcomcnfg, My Computer, Properties).",
    r"On the target: reg query HKLM\SOFTWARE\Microsoft\Rpc /v 'DCOM Protocols'   # ncacn_ip_tcp must be there",
    wire="RemoteCreateInstance succeeds, but its encrypted response has no string binding for ncacn_ip_tcp. The agent "
    "opens no second connection.",
)

# WMI -----------------------------------------------------------------------------------------------------------------

WMI_NOT_RUNNING = Cause(
    "windows.wmi-not-running",
    Owner.SERVER,
    Step.ACCESS,
    "The host accepted the account, but WMI does not start there: its service is disabled, hangs or fails.",
    "Start the service Winmgmt and set its start type to automatic. If it hangs, end its process or restart the host.",
    "On the target: sc query winmgmt; sc qc winmgmt; look for event 10010 in the System log",
    wire="An encrypted response to RemoteCreateInstance or to a WMI call holds 0x80080005, 0x80070422, 0x8007041D or "
    "0x80041033.",
)
WMI_DAMAGED = Cause(
    "windows.wmi-damaged",
    Owner.SERVER,
    Step.ACCESS,
    "WMI runs, but a standard part of it is missing or does not work. Its repository, its registration or its provider "
    "is damaged.",
    "Repair WMI on the host with the fix. If that does not help, run winmgmt /resetrepository there. It deletes the "
    "entries that other software has registered in WMI.",
    "On the target: winmgmt /verifyrepository; Get-CimInstance Win32_OperatingSystem",
    wire="An encrypted response to RemoteCreateInstance or to a WMI call holds WBEM_S_FALSE without an object, or an "
    "HRESULT such as 0x80040154 or 0x80041010 (see the detail).",
)
NAMESPACE_DENIED = Cause(
    "windows.namespace-denied",
    Owner.SERVER,
    Step.ACCESS,
    r"The account may start WMI, but may not use the namespace root\cimv2 over the network (0x80041003).",
    r"On the host, grant the account Enable Account and Remote Enable on root\cimv2, or make it a local administrator.",
    r"On the target: open wmimgmt.msc, WMI Control, Properties, Security, Root\CIMV2, Security",
    wire="An encrypted response to a WMI call (usually NTLMLogin) holds 0x80041003 (WBEM_E_ACCESS_DENIED).",
)
NAMESPACE_MISSING = Cause(
    "windows.namespace-missing",
    Owner.SERVER,
    Step.ACCESS,
    r"WMI on this host has no namespace root\cimv2 (0x8004100E). Every Windows host has one, so the WMI repository is "
    "damaged or is being rebuilt.",
    "If a Windows upgrade is running, wait until it has finished. Then repair the repository with the fix.",
    r"On the target: Get-CimInstance -Namespace root -ClassName __Namespace",
    wire="An encrypted response to a WMI call (usually NTLMLogin) holds 0x8004100E (WBEM_E_INVALID_NAMESPACE).",
)
WMI_ERROR = Cause(
    "windows.wmi-error",
    Owner.SERVER,
    Step.ACCESS,
    "DCOM or WMI returned an error that scanready has no specific cause for. The detail has its number.",
    "Look up the number (certutil -error 0x...). On the host, read the log Microsoft-Windows-WMI-Activity/Operational "
    "at the time of the check.",
    "On the target: Get-CimInstance Win32_OperatingSystem; on another Windows host the same with -ComputerName and "
    "DCOM",
    wire="The server answers an RPC call with a fault or an HRESULT, or the bind before it with a bind_nak (see the "
    "detail).",
)
BROKEN_OFF = Cause(
    "windows.session-broken-off",
    Owner.SERVER,
    Step.ACCESS,
    "The host or a device on the path closed the connection before the host answered an RPC call.",
    "Look for a device between agent and host that inspects RPC. On the host, read the System log at the time of the "
    "check.",
    "On another Windows host: Get-CimInstance Win32_OperatingSystem -ComputerName {host} (with -CimSession over DCOM)",
    wire="A FIN or RST arrives where an RPC response is due, or the agent's second connection to {port} fails.",
    may_count=True,
)
