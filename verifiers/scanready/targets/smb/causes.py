"""Causes of SMB servers before any login, and of a DFS namespace after it (NT statuses: ``scanready.causes.nt``)."""

from __future__ import annotations

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

# which SMB it speaks --------------------------------------------------------------------------------------------------

SMB1_ONLY = Cause(
    "smb.smb1-only",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server supports only SMB 1. Windows no longer installs an SMB 1 client by default (since 2017). A "
    "Windows agent can read this server only if the SMB 1 client was added to the agent.",
    "Enable SMB 2 or 3 on the server (see the fix); this may need new firmware. Or copy the files to another server "
    "and scan the copy.",
    "On the agent: smbclient -L {host} -p {port} -N -m NT1 --option='client min protocol=NT1'   # -m SMB3 fails",
    wire="The server does not agree to a dialect in the agent's SMB2 NEGOTIATE. It answers an SMB1 NEGOTIATE on a "
    "second connection with NT LM 0.12.",
    also=(
        OtherOwner(
            Owner.AGENT,
            "If the server has nothing newer (Windows Server 2003 and older), add SMB 1 to a Windows agent: "
            "Enable-WindowsOptionalFeature -Online -FeatureName SMB1Protocol-Client. SMB 1 is insecure; weigh the risk "
            "first.",
        ),
    ),
)
NO_COMMON_DIALECT = Cause(
    "smb.no-common-dialect",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server speaks SMB but rejects every dialect from 2.0.2 to 3.1.1, and SMB 1.",
    "Permit SMB 2 or 3 on the server (Samba: server min protocol, server max protocol; Windows: "
    "Get-SmbServerConfiguration), with SHA-512 for 3.1.1.",
    "On the agent: smbclient -L {host} -p {port} -N -d 4   # prints the negotiation",
    wire="The server answers the SMB2 NEGOTIATE with an error such as STATUS_NOT_SUPPORTED, or not at all. It also "
    "rejects NT LM 0.12 in an SMB1 NEGOTIATE.",
)
REFUSED = Cause(
    "smb.refused",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server rejects the SMB session with an NT status before any user name is sent. It may accept other clients.",
    "Look up the NT status in the detail, and read the server's log at the time of the check.",
    "On the agent: smbclient -L {host} -p {port} -N -d 4",
    wire="The server answers the NEGOTIATE or the first SESSION_SETUP with an NT status other than success or "
    "STATUS_MORE_PROCESSING_REQUIRED.",
    definite=False,
)

# which clients it accepts ---------------------------------------------------------------------------------------------

HOST_DENIED = Cause(
    "smb.host-denied",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The server rejects connections from this agent's address: its list of permitted hosts does not include the agent "
    "(Samba: hosts allow, hosts deny).",
    "Add the agent's address to the server's or the share's list of permitted hosts.",
    "On the server: testparm -s --parameter-name='hosts allow'; search its log for 'Denied connection from'.",
    wire="The server sends a NetBIOS NEGATIVE SESSION RESPONSE (0x83) with error 0x81 (not listening for calling "
    "name).",
    scoped=Scope.PATH,
)
NETBIOS_NAME = Cause(
    "smb.netbios-name",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "The NetBIOS session service (139) rejects *SMBSERVER, a name that nearly all servers accept. The check could not "
    "find out the server's own NetBIOS name.",
    "In the inventory, address the target by its NetBIOS name. Or permit 137/udp from the agent to the server, so that "
    "the check can ask for that name. Better: open 445.",
    "On the agent: nmblookup -A {host}",
    wire="The server answers the SESSION REQUEST on 139 with a NEGATIVE SESSION RESPONSE, error 0x80 or 0x82. A node "
    "status request to 137/udp returns no name that works.",
)
NO_SESSION = Cause(
    "smb.no-netbios-session",
    Owner.SERVER,
    Step.HANDSHAKE,
    "The NetBIOS session service answers but does not open a session. The detail has the reason.",
    "On the server, check that the file service runs and that it is not out of sessions. If the server has SMB on 445, "
    "scan it there.",
    "On the agent: smbclient -L {host} -p {port} -N",
    wire="The server sends a NetBIOS NEGATIVE SESSION RESPONSE (0x83), or a RETARGET (0x84) to another address.",
)

# how to log in --------------------------------------------------------------------------------------------------------

NTLM_DISABLED = Cause(
    "smb.ntlm-disabled",
    Owner.SERVER,
    Step.AUTH,
    "The server does not accept NTLM, so only Kerberos is left. Kerberos requires an agent that can get a ticket from "
    "the domain, synchronised clocks, and a target that is addressed by its full domain name. IP addresses and local "
    "accounts do not work.",
    "On the server, permit NTLM from the agent ('Network security: Restrict NTLM: Incoming NTLM traffic').",
    r"On a Windows agent: klist get cifs/{host}. On the server: reg query "
    r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0 /v RestrictReceivingNTLMTraffic",
    wire="The SPNEGO mechTypes in the NEGOTIATE response do not include NTLMSSP. Or the SESSION_SETUP with an NTLMSSP "
    "NEGOTIATE is rejected, by an NT status such as STATUS_NOT_SUPPORTED or by SPNEGO.",
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
    "The clocks of server and agent differ by more than five minutes, the most that Kerberos permits. The server "
    "offers Kerberos. A scan that logs in with a domain account fails unless it can fall back to NTLM.",
    "If the server's clock is wrong, synchronise it: w32tm /resync /rediscover (Windows), chronyc makestep (Unix).",
    "On the agent: date -u. On the server: date -u (Windows: w32tm /query /status)",
    wire="The server's time (MsvAvTimestamp in the NTLMSSP CHALLENGE, or SystemTime in the NEGOTIATE response) differs "
    "from the agent's by more than 300 seconds.",
    also=(
        OtherOwner(
            Owner.AGENT,
            "If the agent's clock is wrong, synchronise it: w32tm /resync /rediscover, or chronyc makestep.",
        ),
    ),
)

# DFS links ------------------------------------------------------------------------------------------------------------

DFS_TARGET_UNREACHABLE = Cause(
    "smb.dfs-target-unreachable",
    Owner.NETWORK,
    Step.ACCESS,
    "The login works, but the path is a link in a DFS namespace. Its files are on another server, which this agent "
    "cannot reach. A scan follows the link and fails there.",
    "Permit TCP 445 from the agent to every server that the namespace refers to, and make the agent's DNS resolve "
    "their names. Or correct the link.",
    r"On a Windows agent: dfsutil client property state \\{host}\SHARE\LINK, then Test-NetConnection SERVER -Port 445",
    wire="The server answers a CREATE or TREE_CONNECT with an error and FSCTL_DFS_GET_REFERRALS with another server. "
    "The agent's connection to that server on 445 fails.",
)
