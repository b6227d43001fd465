"""Causes of Windows hosts that show before any login: the endpoint mapper, what it says of the host, dynamic ports."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

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
    "Address the host by a name that it gives itself, and let this name resolve to the reachable address on the agent "
    "(DNS, or the fix in its hosts file); or scan it from an agent on its own side of the translation.",
    "On the target: hostname; ipconfig. On the agent: nslookup the host's own name",
)

# how to log in --------------------------------------------------------------------------------------------------------

NTLM_REFUSED = Cause(
    "windows.ntlm-refused",
    Owner.SERVER,
    Step.AUTH,
    "The endpoint mapper refuses to begin an NTLM login. With Kerberos alone the scan needs an agent that knows the "
    "domain, and the target by its full name; an address, or a local account, does not work.",
    "Address the target by its full domain name from an agent that is a member of the domain; or permit NTLM from the "
    "agent in the policy 'Network security: Restrict NTLM: Incoming NTLM traffic' of the host.",
    r"On the target: reg query HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0 /v RestrictReceivingNTLMTraffic; "
    "Get-WinEvent -LogName Microsoft-Windows-NTLM/Operational -MaxEvents 5",
)
CLOCK_SKEW = Cause(
    "windows.clock-skew",
    Owner.SERVER,
    Step.AUTH,
    "The clocks of host and agent differ by more than five minutes, which is all that Kerberos permits: a scan that "
    "logs in with a domain account fails.",
    "Synchronise whichever is wrong: w32tm /resync /rediscover on a Windows, chronyc makestep on a Unix.",
    "On the target: w32tm /query /status; on the agent: date -u",
)

# dynamic ports --------------------------------------------------------------------------------------------------------

DYNAMIC_PORT_BLOCKED = Cause(
    "windows.dynamic-port-blocked",
    Owner.NETWORK,
    Step.CONNECT,
    "The endpoint mapper on 135 answers, and the port that it or an activation names does not: a firewall between the "
    "two lets 135 through, and not the dynamic ports, of which WMI is given one.",
    "Permit the agent TCP 49152-65535 to the host (1024-65535 up to Windows Server 2003 R2), on the network and in the "
    'host\'s own firewall: netsh advfirewall firewall set rule group="windows management instrumentation (wmi)" new '
    "enable=yes. Or give WMI a port of its own, and permit that: winmgmt /standalonehost & net stop winmgmt /y & net "
    "start winmgmt (TCP 24158). Where that rule group alone is enabled, WMI's port may be open though others are not: "
    "with a credential, the very port is asked.",
    "On the agent: nc -vz -w 5 {host} PORT (a Windows: Test-NetConnection {host} -Port PORT); on the target: "
    "Get-NetTCPConnection -State Listen -LocalPort PORT; netsh int ipv4 show dynamicport tcp",
)
DYNAMIC_PORT_REFUSED = Cause(
    "windows.dynamic-port-refused",
    Owner.NETWORK,
    Step.CONNECT,
    "Ports that the endpoint mapper lists answer with a reset: a firewall resets in the host's place, or the services "
    "behind them have ended or listen on another of the host's addresses. Which of them was not to be told.",
    "Permit the agent the dynamic ports with the fix; or give a credential, and WMI's own port is asked.",
    "On the target: Get-NetTCPConnection -State Listen -LocalPort PORT; if it listens, a firewall resets.",
    definite=False,
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
