"""Causes that an NT status can give at a login and after it, where the common ones do not say it."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

_BY_HAND = "On the agent: smbclient //{host}/SHARE -U {user} -c ls   # asks for the password, and counts as one attempt"
_LOGON_EVENTS = (
    "On the target: Get-WinEvent -FilterHashtable @{LogName='Security'; Id=4625} -MaxEvents 5 | Format-List Message; "
    "Samba: log level = 1 auth_audit:3"
)

# the login -----------------------------------------------------------------------------------------------------------

GUEST = Cause(
    "smb.guest",
    Owner.SERVER,
    Step.LOGIN,
    "The server let the agent in as guest: it did not accept the account, and does not say so. Whatever a guest may "
    "read is all that a scan would find.",
    "Correct the account or its password; and switch the mapping off, so that a wrong one is refused: map to guest = "
    "never (Samba), or disable the account Guest (Windows).",
    "On the server: smbstatus -b (Samba), Get-SmbSession (Windows), while a client is connected with this account.",
    may_count=True,
)
WORKSTATION_NOT_LISTED = Cause(
    "smb.workstation-not-listed",
    Owner.IDENTITY,
    Step.LOGIN,
    "The account may log on from named workstations alone, and this agent's computer name is none of them.",
    "Add the agent's computer name to the account's workstations, or lift the restriction.",
    "On a domain controller: Get-ADUser {user} -Properties LogonWorkstations; on Samba: pdbedit -v -u {user}",
    scoped=Scope.PATH,
)
SELECTIVE_AUTHENTICATION = Cause(
    "smb.selective-authentication",
    Owner.SERVER,
    Step.LOGIN,
    "The account is of a trusted domain, and the trust lets it log on only where it is permitted expressly: not here.",
    "Give the account the right 'Allowed to authenticate' on the server's computer object.",
    "On a domain controller of the server's domain: Get-ADTrust -Filter * | Select Name, SelectiveAuthentication",
)
NO_LOGIN_POSSIBLE = Cause(
    "smb.no-login-possible",
    Owner.SERVER,
    Step.LOGIN,
    "The server does not permit NTLM, and offers no Kerberos: nobody can log in with an account.",
    "Permit NTLMv2 (Samba: ntlm auth = ntlmv2-only), or make the server a member of a domain.",
    "On the server: testparm -s --parameter-name='ntlm auth' (Samba); 'Restrict NTLM' in the security policy (Windows)",
)
SESSION_DENIED = Cause(
    "smb.session-denied",
    Owner.SERVER,
    Step.LOGIN,
    "The server ended the login with 'access denied', which does not judge the password: it restricts NTLM, or who may "
    "come over the network, or what sessions must be like.",
    "Look up the attempt in the server's security log, and permit what it names to the scan account.",
    _LOGON_EVENTS,
    definite=False,
)
TROUBLE = Cause(
    "smb.server-trouble",
    Owner.SERVER,
    Step.LOGIN,
    "The server could not do what was asked, for a reason of its own: it is out of resources, shuts down, or something "
    "behind it does not run. Account and share were not judged.",
    "Look at the server's log for the time of the check; then check again. Samba in a domain needs winbindd.",
    _BY_HAND,
    definite=False,
)
BROKEN_OFF = Cause(
    "smb.broken-off",
    Owner.SERVER,
    Step.LOGIN,
    "The server, or something on the way, ended the connection instead of an answer.",
    "Look at the server's log for the time of the check, and for a device between the two that inspects SMB. Windows "
    "that permits no NTLM may do this, too.",
    _BY_HAND,
    definite=False,
    may_count=True,
)
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
    "A restriction of the account forbids this logon: an empty password, a member of Protected Users, an "
    "authentication policy (error 0x52F), or a smart card that the account must use.",
    "Give the account a password, take it out of Protected Users or the policy (those forbid NTLM), or lift its demand "
    "for a smart card; a scan account of its own is better.",
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
    "Synchronise the clock that is wrong: w32tm /resync.",
    "On the target: w32tm /query /status; on the agent: date -u",
)

# what is read --------------------------------------------------------------------------------------------------------

NO_SHARE_NAMED = Cause(
    "smb.no-share-named",
    Owner.OPERATOR,
    Step.ACCESS,
    "The login works. The target names no share, and the server shows this account none, so nothing could be read; a "
    "share that is hidden or not listed can still be scanned.",
    "Name the share: smb://{host}/SHARE.",
    "On the agent: smbclient -L {host} -U {user}   # asks for the password, and counts as one attempt",
    definite=False,
)
SHARE_BROKEN = Cause(
    "smb.share-broken",
    Owner.SERVER,
    Step.ACCESS,
    "The server lists the share, and says that there is none of that name when it is to be opened: the directory that "
    "it stands for is gone, not mounted, or no directory. Nobody can read it.",
    "Mount or restore the directory on the server, correct the share's path, or delete the share.",
    "On the server: testparm -s --section-name=SHARE (Samba), Get-SmbShare SHARE | Format-List Path (Windows); then "
    "look whether that directory is there.",
)
SHARE_OF_ANOTHER_KIND = Cause(
    "smb.not-a-disk-share",
    Owner.OPERATOR,
    Step.ACCESS,
    "The share holds no files: it is a printer, or the server's pipes.",
    "Name a disk share.",
    "On the agent: smbclient -L {host} -U {user}   # asks for the password, and counts as one attempt",
)
ELSEWHERE = Cause(
    "smb.dfs-elsewhere",
    Owner.OPERATOR,
    Step.ACCESS,
    "The path is a link of a DFS namespace: its files are on another server, and which one could not be learned, or "
    "was not followed.",
    "Scan the share on the server that has it; the agent must reach that one, too.",
    r"On a Windows host: dfsutil client property state \\{host}\SHARE\LINK; on Samba: ls -l the link in the share",
    definite=False,
)
READ_FAILED = Cause(
    "smb.read-failed",
    Owner.SERVER,
    Step.ACCESS,
    "The login works, and reading failed for a reason that is neither a missing right nor a wrong name.",
    "Look up the status that the detail names; look at the server's file system and its log.",
    _BY_HAND,
    definite=False,
)
