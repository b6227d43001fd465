"""Causes that an NT status reports at the login and after it, in addition to the common ones."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

_LOG_IN_MANUALLY = (
    "On the agent: smbclient //{host}/SHARE -U {user} -c ls   # asks for the password, and counts as one attempt"
)
_LOGON_EVENTS = (
    "On the target: Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4625} -MaxEvents 5 | Format-List Message; "
    "Samba: log level = 1 auth_audit:3"
)

# the login -----------------------------------------------------------------------------------------------------------

GUEST = Cause(
    "smb.guest",
    Owner.SERVER,
    Step.LOGIN,
    "The server did not accept the account and logged the agent in as guest, without an error. A scan reads only what "
    "a guest may read.",
    "Correct the account or its password. Disable the guest mapping, so that the server rejects a wrong account: "
    "set map to guest = never in smb.conf (Samba), or disable the account Guest (Windows).",
    "On the server: smbstatus -b (Samba), Get-SmbSession (Windows), while a client is connected with this account.",
    may_count=True,
    wire="The server's SESSION_SETUP response is STATUS_SUCCESS with the guest flag (SMB2_SESSION_FLAG_IS_GUEST).",
)
WORKSTATION_NOT_LISTED = Cause(
    "smb.workstation-not-listed",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account may log on only from listed workstations, and this agent's computer name is not in the list.",
    "Add the agent's computer name to the account's workstations, or remove the restriction.",
    "On a domain controller: Get-ADUser {user} -Properties LogonWorkstations; on Samba: pdbedit -v -u {user}",
    scoped=Scope.PATH,
    wire="The server answers the NTLM AUTHENTICATE message with STATUS_INVALID_WORKSTATION (0xC0000070), or the same "
    "error in DCE/RPC.",
)
SELECTIVE_AUTHENTICATION = Cause(
    "smb.selective-authentication",
    Owner.SERVER,
    Step.LOGIN,
    "The account is from a trusted domain, and the trust uses selective authentication. The account may not log on to "
    "this server.",
    "Grant the account the right 'Allowed to authenticate' on the server's computer object.",
    "On a domain controller of the server's domain: Get-ADTrust -Filter * | Select Name, SelectiveAuthentication",
    wire="The server answers the NTLM AUTHENTICATE message with STATUS_AUTHENTICATION_FIREWALL_FAILED (0xC0000413), or "
    "the same error in DCE/RPC.",
)
NO_LOGIN_POSSIBLE = Cause(
    "smb.no-login-possible",
    Owner.SERVER,
    Step.LOGIN,
    "The server does not permit NTLM and offers no Kerberos. No account can log in.",
    "Permit NTLMv2 (Samba: ntlm auth = ntlmv2-only), or join the server to a domain.",
    "On the server: testparm -s --parameter-name='ntlm auth' (Samba); 'Restrict NTLM' in the security policy (Windows)",
    wire="The SPNEGO token of the NEGOTIATE response lists no Kerberos. NTLMSSP is also missing, or the server "
    "rejects it in SESSION_SETUP.",
)
SESSION_DENIED = Cause(
    "smb.session-denied",
    Owner.SERVER,
    Step.LOGIN,
    "The server ended the login with 'access denied', which says nothing about the password. It restricts NTLM, the "
    "accounts that may log on over the network, or the properties of a session.",
    "Look up the attempt in the server's security log. Permit the right or session named there for the scan account.",
    _LOGON_EVENTS,
    definite=False,
    wire="The server answers the agent's SESSION_SETUP request with STATUS_ACCESS_DENIED (0xC0000022).",
)
TROUBLE = Cause(
    "smb.server-trouble",
    Owner.SERVER,
    Step.LOGIN,
    "The server reports an internal problem: it is out of resources or shutting down, or a service it needs is not "
    "running. It did not check the account or the share.",
    "Check the server's log at the time of the check. Then check again. Samba in a domain needs winbindd.",
    _LOG_IN_MANUALLY,
    definite=False,
    wire="The server answers an SMB request with a status such as STATUS_INSUFFICIENT_RESOURCES (0xC000009A) or "
    "STATUS_INTERNAL_ERROR (0xC00000E5).",
)
BROKEN_OFF = Cause(
    "smb.broken-off",
    Owner.SERVER,
    Step.LOGIN,
    "The server, or a device in the path, closed the connection without answering.",
    "Check the server's log at the time of the check. Look for a device in the path that inspects SMB. Windows that "
    "does not permit NTLM may also do this.",
    _LOG_IN_MANUALLY,
    definite=False,
    may_count=True,
    wire="A FIN or RST answers an SMB request such as SESSION_SETUP, or the server reports that it ended the session "
    "(STATUS_USER_SESSION_DELETED, 0xC0000203).",
)
LOGON_UNEXPLAINED = Cause(
    "windows.logon-unexplained",
    Owner.IDENTITY,
    Step.LOGIN,
    "Windows rejected the logon with an error that does not name a reason (0x721 comes from its security package). "
    "The account or password may be wrong, NTLM may be forbidden, or the host cannot reach its domain.",
    "Look up the reason of the failed logon in the host's Security log (event 4625, field Status), or in the domain "
    "controller's (4776).",
    "On the target: Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4625} -MaxEvents 5 | Format-List Message",
    definite=False,
    may_count=True,
    wire="The server answers the NTLM AUTHENTICATE message with an unlisted status in SMB, or with a DCE/RPC fault "
    "such as 0x721.",
)
LOGON_HOURS = Cause(
    "windows.logon-hours",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account may not log on at this hour.",
    "Permit the hours of the scan in the account's logon hours.",
    "On a domain controller: net user {user} /domain   # logon hours allowed",
    scoped=Scope.ACCOUNT,
    wire="The server answers the NTLM AUTHENTICATE message with STATUS_INVALID_LOGON_HOURS (0xC000006F), or the same "
    "error in DCE/RPC.",
)
LOGON_RIGHT = Cause(
    "windows.logon-right",
    Owner.SERVER,
    Step.LOGIN,
    "The password is right, but the host's policy does not allow the account to log on over the network (error 0x569).",
    "Grant the account the right 'Access this computer from the network', and remove it from 'Deny access to this "
    "computer from the network'. Security baselines often deny local accounts.",
    "On the target: secedit /export /areas USER_RIGHTS /cfg rights.txt, then look at SeNetworkLogonRight and "
    "SeDenyNetworkLogonRight",
    wire="The server answers the NTLM AUTHENTICATE message with STATUS_LOGON_TYPE_NOT_GRANTED (0xC000015B) in SMB, or "
    "with the DCE/RPC fault 0x569.",
)
ACCOUNT_RESTRICTED = Cause(
    "windows.account-restricted",
    Owner.IDENTITY,
    Step.LOGIN,
    "A restriction of the account forbids this logon: an empty password, membership in Protected Users, an "
    "authentication policy (error 0x52F), or a required smart card.",
    "Give the account a password. Remove it from Protected Users and from the authentication policy (both forbid "
    "NTLM), or remove the smart card requirement. A dedicated scan account is better.",
    "On a domain controller: Get-ADUser {user} -Properties MemberOf, AuthenticationPolicy, UserAccountControl",
    scoped=Scope.ACCOUNT,
    wire="The server answers the NTLM AUTHENTICATE message with STATUS_ACCOUNT_RESTRICTION (0xC000006E) or a similar "
    "status in SMB, or with the DCE/RPC fault 0x52F.",
)
NO_LOGON_SERVER = Cause(
    "windows.no-logon-server",
    Owner.SERVER,
    Step.LOGIN,
    "The host cannot check the account with its domain: no domain controller answers it, or the trust is broken.",
    "Repair the host's connection to its domain controllers (DNS, network, time), or its machine account: "
    "Test-ComputerSecureChannel -Repair.",
    "On the target: nltest /sc_verify:DOMAIN",
    wire="The server answers the NTLM AUTHENTICATE message with STATUS_NO_LOGON_SERVERS (0xC000005E), a trust failure "
    "such as 0xC000018D, or the same error in DCE/RPC.",
)
NTLM_BLOCKED = Cause(
    "windows.ntlm-blocked",
    Owner.SERVER,
    Step.LOGIN,
    "The host or its domain does not permit NTLM, and scanready logs in only with NTLM. A scanner that is a member of "
    "the domain may log on with Kerberos; this was not tried.",
    "Exempt the host in 'Network security: Restrict NTLM', or scan it by its full name from a member of its domain.",
    "On the target: Get-WinEvent -LogName Microsoft-Windows-NTLM/Operational -MaxEvents 5",
    definite=False,
    wire="The server offers no NTLMSSP, answers NTLM with STATUS_NTLM_BLOCKED (0xC0000418) or STATUS_NOT_SUPPORTED "
    "(0xC00000BB), or rejects the DCE/RPC bind (bind_nak).",
)
CLOCK_DIFFERS = Cause(
    "windows.clock-differs",
    Owner.SERVER,
    Step.LOGIN,
    "The host rejects the logon because the clocks differ (error 0x576). Agent, host and domain controllers must "
    "agree.",
    "Synchronise the clock that is wrong: w32tm /resync.",
    "On the target: w32tm /query /status; on the agent: date -u",
    wire="The server answers the NTLM AUTHENTICATE message with STATUS_TIME_DIFFERENCE_AT_DC (0xC0000133) in SMB, or "
    "with the DCE/RPC fault 0x576.",
)

# the data ------------------------------------------------------------------------------------------------------------

NO_SHARE_NAMED = Cause(
    "smb.no-share-named",
    Owner.OPERATOR,
    Step.ACCESS,
    "The login works, but the inventory names no share and the server lists none for this account. Nothing was read. "
    "A hidden or unlisted share can still be scanned.",
    "Name the share: smb://{host}/SHARE.",
    "On the agent: smbclient -L {host} -U {user}   # asks for the password, and counts as one attempt",
    definite=False,
    wire="The login succeeds; NetShareEnum on the pipe srvsvc returns no disk share, or an error.",
)
SHARE_BROKEN = Cause(
    "smb.share-broken",
    Owner.SERVER,
    Step.ACCESS,
    "The server lists the share but cannot open it: its directory is deleted, not mounted, or not a directory. No "
    "account can read it.",
    "Mount or restore the directory on the server, correct the share's path, or delete the share.",
    "On the server: testparm -s --section-name=SHARE (Samba), Get-SmbShare SHARE | Format-List Path (Windows). Then "
    "check that the directory exists.",
    wire=(
        "NetShareEnum lists the share; the server answers TREE_CONNECT to it with STATUS_BAD_NETWORK_NAME (0xC00000CC)."
    ),
)
SHARE_OF_ANOTHER_KIND = Cause(
    "smb.not-a-disk-share",
    Owner.OPERATOR,
    Step.ACCESS,
    "The share holds no files: it is a printer or the server's named pipes.",
    "Name a disk share.",
    "On the agent: smbclient -L {host} -U {user}   # asks for the password, and counts as one attempt",
    wire=(
        "The TREE_CONNECT response has a ShareType other than disk, or the status STATUS_BAD_DEVICE_TYPE (0xC00000CB)."
    ),
)
ELSEWHERE = Cause(
    "smb.dfs-elsewhere",
    Owner.OPERATOR,
    Step.ACCESS,
    "The path is a DFS link: its files are on another server. That server could not be determined, or the check did "
    "not continue there.",
    "Scan the share on the server that has it. The agent must reach that server.",
    r"On a Windows host: dfsutil client property state \\{host}\SHARE\LINK; on Samba: ls -l the link in the share",
    definite=False,
    wire="The server answers CREATE with STATUS_PATH_NOT_COVERED (0xC0000257), or TREE_CONNECT to a DFS namespace with "
    "STATUS_BAD_NETWORK_NAME.",
)
READ_FAILED = Cause(
    "smb.read-failed",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, but reading failed for a reason other than a missing right or a wrong name.",
    "Look up the status named in the detail. Check the server's file system and its log.",
    _LOG_IN_MANUALLY,
    definite=False,
    wire="The login succeeds; the server answers a TREE_CONNECT, CREATE or QUERY_DIRECTORY request with a status such "
    "as STATUS_SHARING_VIOLATION (0xC0000043).",
)
