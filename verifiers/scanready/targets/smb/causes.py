"""Causes that an SMB server can give before any login, and a DFS namespace after it. An NT status's are in ``nt``."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

# which SMB it speaks --------------------------------------------------------------------------------------------------

SMB1_ONLY = Cause(
    "smb.smb1-only",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server speaks nothing newer than SMB 1. Windows has had no SMB 1 client installed by default since 2017, so a "
    "Windows agent reads this server only if the feature was added to it.",
    "Switch SMB 2 or 3 on at the server, with new firmware if need be; or scan a copy of the files elsewhere.",
    "On the agent: smbclient -L {host} -p {port} -N -m NT1 --option='client min protocol=NT1'   # -m SMB3 fails",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Add SMB 1 to a Windows agent, knowing what that opens, where the server has nothing newer (Windows Server "
            "2003 and older): Enable-WindowsOptionalFeature -Online -FeatureName SMB1Protocol-Client",
        ),
    ),
)
NO_COMMON_DIALECT = Cause(
    "smb.no-common-dialect",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server speaks SMB, and takes none of the dialects 2.0.2 to 3.1.1, nor SMB 1.",
    "Permit SMB 2 or 3 on the server (Samba: server min protocol, server max protocol; Windows: "
    "Get-SmbServerConfiguration), with SHA-512 for 3.1.1.",
    "On the agent: smbclient -L {host} -p {port} -N -d 4   # tells what is negotiated",
)
REFUSED = Cause(
    "smb.refused",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server answers in SMB, and with an NT status that refuses to go on before anybody has been named. Whether it "
    "treats other clients so, too, is not known.",
    "Look up the status that the detail names, and the server's log at the time of the check.",
    "On the agent: smbclient -L {host} -p {port} -N -d 4",
    definite=False,
)

# who may come ---------------------------------------------------------------------------------------------------------

HOST_DENIED = Cause(
    "smb.host-denied",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server does not listen to this agent's address: its list of hosts leaves it out (Samba: hosts allow, hosts "
    "deny).",
    "Put the agent's address on the list, for the server or for the share.",
    "On the server: testparm -s --parameter-name='hosts allow'; its log says 'Denied connection from' the agent.",
    scoped=Scope.PATH,
)
NETBIOS_NAME = Cause(
    "smb.netbios-name",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The NetBIOS session service (139) knows none of the names it was asked for: it does not take *SMBSERVER, which "
    "nearly all do, and what its own name is could not be learnt.",
    "Name the target by its NetBIOS name; or permit the agent 137/udp to it, which tells that name; better, open 445.",
    "On the agent: nmblookup -A {host}",
)
NO_SESSION = Cause(
    "smb.no-netbios-session",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The NetBIOS session service answers, and gives no session; the detail has its reason.",
    "Look whether the server's file service runs and has sessions left; what has SMB on 445 is better scanned there.",
    "On the agent: smbclient -L {host} -p {port} -N",
)

# how to log in --------------------------------------------------------------------------------------------------------

NTLM_DISABLED = Cause(
    "smb.ntlm-disabled",
    Owner.SERVER,
    Step.AUTH,
    "The server does not take NTLM. Kerberos is left: that needs an agent that can ask the domain for a ticket, clocks "
    "in step, and the target by its full domain name. A target addressed by its IP address cannot be logged in to, nor "
    "can a local account.",
    "Permit NTLM from the agent ('Network security: Restrict NTLM: Incoming NTLM traffic').",
    r"On a Windows agent: klist get cifs/{host}. On the server: reg query "
    r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0 /v RestrictReceivingNTLMTraffic",
    also=(
        OtherOwner(
            Owner.OPERATOR, "Address the target by its full domain name, from an agent that is a member of the domain."
        ),
    ),
)
CLOCK_SKEW = Cause(
    "smb.clock-skew",
    Owner.SERVER,
    Step.AUTH,
    "The clocks of server and agent differ by more than five minutes, which is all that Kerberos permits, and the "
    "server offers Kerberos: a scan that logs in with a domain account fails where NTLM does not take its place.",
    "Synchronise the server's clock, if it is wrong: w32tm /resync /rediscover (Windows), chronyc makestep (Unix).",
    "On the agent: date -u. On the server: date -u (Windows: w32tm /query /status)",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Synchronise the agent's clock, if it is wrong: w32tm /resync /rediscover, or chronyc makestep.",
        ),
    ),
)

# where the files are --------------------------------------------------------------------------------------------------

DFS_TARGET_UNREACHABLE = Cause(
    "smb.dfs-target-unreachable",
    Owner.NETWORK,
    Step.ACCESS,
    "The login works, and the path is a link of a DFS namespace: its files are on another server, which this agent "
    "cannot reach. A scan follows the link, and fails there.",
    "Permit the agent 445 to every server that the namespace leads to, and let it resolve their names; or correct the "
    "link.",
    r"On a Windows agent: dfsutil client property state \\{host}\SHARE\LINK, then Test-NetConnection SERVER -Port 445",
)
