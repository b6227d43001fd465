"""Translate SMB's NT statuses at the login, at a share and at a path into causes and fixes.

WMI reports the same conditions as Win32 errors, which the package of the Windows target maps to these statuses.

Sources: [MS-ERREF] 2.3.1 for the names; [MS-SMB2] 3.3.5.5, 3.3.5.7 and 3.3.5.9 for the situation of each status; Samba
4.17 for measurements (all accounts of the lab).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scanready.causes import common, nt
from scanready.climb.explain import Failure
from scanready.model import Cause
from scanready.remedies.fixes import Fix, on_target
from scanready.remedies.quoting import (
    POWERSHELL_TEXT,
    QUOTED_ACCOUNT,
    QUOTED_PATH,
    SECTION,
    SHELL_PATH,
    SHELL_USER,
    USER_WORD,
)

SUCCESS = 0
ACCESS_DENIED = 0xC0000022
PATH_NOT_COVERED = 0xC0000257
BAD_NETWORK_NAME = 0xC00000CC
NO_MORE_FILES, NO_SUCH_FILE = 0x80000006, 0xC000000F
NAME_NOT_FOUND, PATH_NOT_FOUND = 0xC0000034, 0xC000003A
SHARING_VIOLATION = 0xC0000043
NTLM_NOT_PERMITTED = frozenset({0xC0000418, 0xC00000BB})

_LOGON_HOURS, _WORKSTATION, _PASSWORD_EXPIRED, _DISABLED = 0xC000006F, 0xC0000070, 0xC0000071, 0xC0000072
_LOGON_TYPE, _ACCOUNT_EXPIRED, _MUST_CHANGE, _LOCKED_OUT = 0xC000015B, 0xC0000193, 0xC0000224, 0xC0000234
_CLOCKS, _TRUST_OF_HOST = 0xC0000133, 0xC000018D

#: Statuses that end a login: name, cause, and text.
LOGIN: Mapping[int, tuple[str, Cause, str]] = {
    0xC000006D: ("LOGON_FAILURE", common.LOGIN_REFUSED, "unknown account or wrong password"),
    0xC000006A: ("WRONG_PASSWORD", common.LOGIN_REFUSED, "wrong password"),
    0xC0000064: ("NO_SUCH_USER", common.LOGIN_REFUSED, "no such account"),
    0xC0000062: ("INVALID_ACCOUNT_NAME", common.LOGIN_REFUSED, "not a valid account name"),
    0xC00000DF: ("NO_SUCH_DOMAIN", common.LOGIN_REFUSED, "no such domain"),
    _LOCKED_OUT: ("ACCOUNT_LOCKED_OUT", common.LOGIN_LOCKED, "the account is locked out"),
    _DISABLED: ("ACCOUNT_DISABLED", common.LOGIN_LOCKED, "the account is disabled"),
    _PASSWORD_EXPIRED: ("PASSWORD_EXPIRED", common.LOGIN_EXPIRED, "the password has expired"),
    _MUST_CHANGE: ("PASSWORD_MUST_CHANGE", common.LOGIN_EXPIRED, "the password must be changed first"),
    _ACCOUNT_EXPIRED: ("ACCOUNT_EXPIRED", common.LOGIN_EXPIRED, "the account has expired"),
    _LOGON_HOURS: ("INVALID_LOGON_HOURS", nt.LOGON_HOURS, "the account may not log on at this hour"),
    _WORKSTATION: (
        "INVALID_WORKSTATION",
        nt.WORKSTATION_NOT_LISTED,
        "the account is not permitted on this workstation",
    ),
    0xC000006E: ("ACCOUNT_RESTRICTION", nt.ACCOUNT_RESTRICTED, "the account has a restriction"),
    0xC00002FA: ("SMARTCARD_LOGON_REQUIRED", nt.ACCOUNT_RESTRICTED, "the account may log on by smart card only"),
    0xC000006C: ("PASSWORD_RESTRICTION", nt.ACCOUNT_RESTRICTED, "the password violates a restriction"),
    _LOGON_TYPE: ("LOGON_TYPE_NOT_GRANTED", nt.LOGON_RIGHT, "the account has no right to log on from the network"),
    0xC0000413: (
        "AUTHENTICATION_FIREWALL_FAILED",
        nt.SELECTIVE_AUTHENTICATION,
        "the trust does not let the account authenticate here",
    ),
    _CLOCKS: ("TIME_DIFFERENCE_AT_DC", nt.CLOCK_DIFFERS, "the clocks of the server and its domain controller differ"),
    0xC000005E: ("NO_LOGON_SERVERS", nt.NO_LOGON_SERVER, "the server could not reach a domain controller"),
    0xC0000233: ("DOMAIN_CONTROLLER_NOT_FOUND", nt.NO_LOGON_SERVER, "the server found no domain controller"),
    0xC0000192: ("NETLOGON_NOT_STARTED", nt.NO_LOGON_SERVER, "the server's Netlogon service does not run"),
    0xC000018A: ("NO_TRUST_LSA_SECRET", nt.NO_LOGON_SERVER, "the trust between the server and its domain failed"),
    0xC000018B: ("NO_TRUST_SAM_ACCOUNT", nt.NO_LOGON_SERVER, "the domain has no account for the server"),
    0xC000018C: ("TRUSTED_DOMAIN_FAILURE", nt.NO_LOGON_SERVER, "the trust with the account's domain failed"),
    _TRUST_OF_HOST: (
        "TRUSTED_RELATIONSHIP_FAILURE",
        nt.NO_LOGON_SERVER,
        "the trust between the server and its domain failed",
    ),
    0xC0000190: ("TRUST_FAILURE", nt.NO_LOGON_SERVER, "the trust with the account's domain failed"),
    0xC000019B: (
        "DOMAIN_TRUST_INCONSISTENT",
        nt.NO_LOGON_SERVER,
        "the trust between two domains is inconsistent",
    ),
    0xC0000418: ("NTLM_BLOCKED", nt.NTLM_BLOCKED, "NTLM is not permitted"),
    0xC00000BB: ("NOT_SUPPORTED", nt.NTLM_BLOCKED, "NTLM is not supported"),
    ACCESS_DENIED: ("ACCESS_DENIED", nt.SESSION_DENIED, "access denied"),
}

#: Statuses that may end any request and show nothing about the account.
TROUBLE: Mapping[int, tuple[str, Cause, str]] = {
    0xC00000D0: ("REQUEST_NOT_ACCEPTED", common.THROTTLED, "the server accepts no more connections at this time"),
    0xC00000CE: ("TOO_MANY_SESSIONS", common.THROTTLED, "the server has too many sessions"),
    0xC000009A: ("INSUFFICIENT_RESOURCES", nt.TROUBLE, "the server is out of resources"),
    0xC0000205: ("INSUFF_SERVER_RESOURCES", nt.TROUBLE, "the server is out of resources"),
    0xC00000E5: ("INTERNAL_ERROR", nt.TROUBLE, "the server has an internal error"),
    0xC0000001: ("UNSUCCESSFUL", nt.TROUBLE, "the server reports a failure without a reason"),
    0xC00002FE: ("SHUTDOWN_IN_PROGRESS", nt.TROUBLE, "the server is shutting down"),
    0xC00000B5: ("IO_TIMEOUT", nt.TROUBLE, "a timeout on the server"),
    0xC0000203: ("USER_SESSION_DELETED", nt.BROKEN_OFF, "the server ended the session"),
    0xC000035C: ("NETWORK_SESSION_EXPIRED", nt.BROKEN_OFF, "the server ended the session"),
    0xC000020C: ("CONNECTION_DISCONNECTED", nt.BROKEN_OFF, "the server ended the connection"),
    0xC00000C9: ("NETWORK_NAME_DELETED", nt.BROKEN_OFF, "the server closed the share"),
}

#: Statuses that deny a share, or a path in it, to an accepted account.
READING: Mapping[int, tuple[str, Cause, str]] = {
    BAD_NETWORK_NAME: ("BAD_NETWORK_NAME", common.ACCESS_NOT_FOUND, "no such share"),
    0xC00000CB: ("BAD_DEVICE_TYPE", nt.SHARE_OF_ANOTHER_KIND, "not a file share"),
    0xC00000CA: ("NETWORK_ACCESS_DENIED", common.ACCESS_DENIED, "access denied"),
    ACCESS_DENIED: ("ACCESS_DENIED", common.ACCESS_DENIED, "access denied"),
    0xC0000061: ("PRIVILEGE_NOT_HELD", common.ACCESS_DENIED, "the account lacks a privilege"),
    NAME_NOT_FOUND: ("OBJECT_NAME_NOT_FOUND", common.ACCESS_NOT_FOUND, "no such file or directory"),
    NO_SUCH_FILE: ("NO_SUCH_FILE", common.ACCESS_NOT_FOUND, "no such file or directory"),
    PATH_NOT_FOUND: ("OBJECT_PATH_NOT_FOUND", common.ACCESS_NOT_FOUND, "a directory of the path does not exist"),
    0xC0000033: ("OBJECT_NAME_INVALID", common.ACCESS_NOT_FOUND, "not a valid file name"),
    0xC0000039: ("OBJECT_PATH_INVALID", common.ACCESS_NOT_FOUND, "not a valid path"),
    0xC000003B: ("OBJECT_PATH_SYNTAX_BAD", common.ACCESS_NOT_FOUND, "not a valid path"),
    0xC0000103: ("NOT_A_DIRECTORY", common.ACCESS_NOT_FOUND, "a part of the path is a file"),
    0xC0000056: ("DELETE_PENDING", common.ACCESS_NOT_FOUND, "it is being deleted"),
    PATH_NOT_COVERED: ("PATH_NOT_COVERED", nt.ELSEWHERE, "the path is on another server of the DFS namespace"),
    0xC000026D: ("DFS_UNAVAILABLE", nt.ELSEWHERE, "the DFS namespace is not available"),
    SHARING_VIOLATION: ("SHARING_VIOLATION", nt.READ_FAILED, "another program has opened it and locks out readers"),
    0x8000002D: (
        "STOPPED_ON_SYMLINK",
        nt.READ_FAILED,
        "the path contains a symbolic link",
    ),
    0xC0000467: ("FILE_NOT_AVAILABLE", nt.READ_FAILED, "the file is not available at this time"),
    0xC0000480: ("SHARE_UNAVAILABLE", nt.READ_FAILED, "the share is not available at this time"),
}


# The commands that enable a login: on Samba, on the Windows host of a local account, in Active Directory.
_SAMBA = on_target("in a shell as root")
_COMMAND_PROMPT = on_target("in a command prompt as an administrator")
_POWERSHELL = on_target("in PowerShell as an administrator")
_DIRECTORY = "# On a domain controller of the account's domain, in PowerShell as an administrator:"
_ON_SAMBA: Mapping[int, Fix] = {
    _DISABLED: Fix("smbpasswd -e {user}", at=_SAMBA, user=SHELL_USER),
    _LOCKED_OUT: Fix("pdbedit -u {user} -z -c '[]'", at=_SAMBA, user=SHELL_USER),
    _ACCOUNT_EXPIRED: Fix("pdbedit -u {user} -K never", at=_SAMBA, user=SHELL_USER),
    _PASSWORD_EXPIRED: Fix("smbpasswd {user}", at=_SAMBA, user=SHELL_USER),
    _MUST_CHANGE: Fix("smbpasswd {user}", at=_SAMBA, user=SHELL_USER),
    _LOGON_HOURS: Fix("pdbedit -u {user} -Z", at=_SAMBA, user=SHELL_USER),
    _WORKSTATION: Fix("net sam set workstations {user} ''", at=_SAMBA, user=SHELL_USER),
}
_LET_LOG_ON = Fix(
    "User Rights Assignment: Access this computer from the network: add {name}",
    at=on_target("in secpol.msc, or in the group policy that sets it"),
    name=QUOTED_ACCOUNT,
)
_ELSEWHERE: Mapping[int, Fix] = {
    _LOGON_TYPE: _LET_LOG_ON,
    _CLOCKS: Fix("w32tm /resync", at=_COMMAND_PROMPT),
    _TRUST_OF_HOST: Fix("Test-ComputerSecureChannel -Repair", at=_POWERSHELL),
}
_ON_ITS_HOST: Mapping[int, Fix] = {
    **_ELSEWHERE,
    _DISABLED: Fix('net user "{user}" /active:yes', at=_COMMAND_PROMPT, user=QUOTED_ACCOUNT),
    _LOCKED_OUT: Fix('net user "{user}" /active:yes', at=_COMMAND_PROMPT, user=QUOTED_ACCOUNT),
    _ACCOUNT_EXPIRED: Fix('net user "{user}" /expires:never', at=_COMMAND_PROMPT, user=QUOTED_ACCOUNT),
    _PASSWORD_EXPIRED: Fix('net user "{user}" *', at=_COMMAND_PROMPT, user=QUOTED_ACCOUNT),
    _MUST_CHANGE: Fix('net user "{user}" /logonpasswordchg:no', at=_COMMAND_PROMPT, user=QUOTED_ACCOUNT),
    _LOGON_HOURS: Fix('net user "{user}" /times:all', at=_COMMAND_PROMPT, user=QUOTED_ACCOUNT),
    _WORKSTATION: Fix('net user "{user}" /workstations:*', at=_COMMAND_PROMPT, user=QUOTED_ACCOUNT),
}
_IN_DIRECTORY: Mapping[int, Fix] = {
    **_ELSEWHERE,
    _DISABLED: Fix("Enable-ADAccount -Identity {user}", at=_DIRECTORY, user=POWERSHELL_TEXT),
    _LOCKED_OUT: Fix("Unlock-ADAccount -Identity {user}", at=_DIRECTORY, user=POWERSHELL_TEXT),
    _ACCOUNT_EXPIRED: Fix("Clear-ADAccountExpiration -Identity {user}", at=_DIRECTORY, user=POWERSHELL_TEXT),
    _PASSWORD_EXPIRED: Fix("Set-ADAccountPassword -Identity {user} -Reset", at=_DIRECTORY, user=POWERSHELL_TEXT),
    _MUST_CHANGE: Fix("Set-ADUser -Identity {user} -ChangePasswordAtLogon $false", at=_DIRECTORY, user=POWERSHELL_TEXT),
    _LOGON_HOURS: Fix('net user "{user}" /times:all /domain', at=_DIRECTORY, user=QUOTED_ACCOUNT),
    _WORKSTATION: Fix("Set-ADUser -Identity {user} -LogonWorkstations $null", at=_DIRECTORY, user=POWERSHELL_TEXT),
}
_PERMIT_USER = Fix(
    "[{share}]\n    valid users = {user}",
    at=on_target("in smb.conf; keep the users already listed"),
    share=SECTION,
    user=USER_WORD,
)
_GRANT_SHARE = Fix(
    "Grant-SmbShareAccess -Name {share} -AccountName {name} -AccessRight Read -Force",
    at=_POWERSHELL,
    share=POWERSHELL_TEXT.called("SHARE"),
    name=POWERSHELL_TEXT.called("ACCOUNT"),
)
_GRANT_FILES = Fix("setfacl -R -m u:{user}:rX {folder}", at=_SAMBA, user=USER_WORD, folder=SHELL_PATH)
_GRANT_FOLDER = Fix(
    'icacls "DIRECTORY-OF-{folder}" /grant "{name}:(OI)(CI)RX"',
    at=_COMMAND_PROMPT,
    folder=QUOTED_PATH,
    name=QUOTED_ACCOUNT,
)


@dataclass(frozen=True, slots=True)
class Account:
    """Hold the account: its name in the inventory, whether it is local to the server, whether the server is Samba.

    ``guest``: the server did not accept the account but logged it in as guest.
    """

    name: str
    local: bool = False
    samba: bool = False
    guest: bool = False

    @property
    def shown(self) -> str:
        """Return the account's name for messages."""
        return f"a guest (login of {self.name})" if self.guest else self.name

    @property
    def user(self) -> str:
        """Return the name without its domain."""
        return self.name.rpartition("\\")[2].partition("@")[0]


def named(status: int) -> str:
    """Return the status as name and number: ``STATUS_LOGON_FAILURE (0xC000006D)``."""
    for table in (LOGIN, TROUBLE, READING):
        if status in table:
            return f"STATUS_{table[status][0]} (0x{status:08X})"
    return f"status 0x{status:08X}"


def refused_login(status: int, account: Account) -> Failure:
    """Return why the server rejected the login."""
    known = LOGIN.get(status) or TROUBLE.get(status)
    if known is None:
        # An unknown status may count as a wrong password; this cause withholds the credential from other hosts.
        return Failure(nt.LOGON_UNEXPLAINED, f"the login of {account.name} ended with {named(status)}")
    _, cause, words = known
    return Failure(cause, f"{account.name}: {words}, {named(status)}", _admit(status, account))


def refused_share(status: int, share: str, account: Account) -> Failure:
    """Return why an accepted account may not use a share; the tree connect tests the share's access list only."""
    _, cause, words = _of_reading(status)
    if cause is not common.ACCESS_DENIED:
        return Failure(cause, f"share {share}: {words}, {named(status)}")
    detail = f"the access list of the share {share} denies {account.shown}, {named(status)}"
    return Failure(cause, detail, None if account.guest else _grant_share(share, account))


def refused_path(status: int, share: str, path: str, account: Account) -> Failure:
    """Return why an accepted account may use a share but may not read a path in it: the file system's rights."""
    _, cause, words = _of_reading(status)
    where = rf"{share}\{path}" if path else f"the top directory of {share}"
    if cause is not common.ACCESS_DENIED:
        return Failure(cause, f"{where}: {words}, {named(status)}")
    detail = f"{account.shown} may use the share {share}, but the file system denies reading {where}, {named(status)}"
    return Failure(cause, detail, None if account.guest else _grant_path(share, path, account))


def _of_reading(status: int) -> tuple[str, Cause, str]:
    return READING.get(status) or TROUBLE.get(status) or ("", nt.READ_FAILED, "it cannot be read")


def _admit(status: int, account: Account) -> str | None:
    """Return the command that enables the login: on Samba, on the account's Windows host, or in Active Directory."""
    table = _IN_DIRECTORY if not account.local else _ON_SAMBA if account.samba else _ON_ITS_HOST
    fix, values = table.get(status), {"user": account.user, "name": account.name}
    return None if fix is None else fix(**{place: values[place] for place in fix.places})


def _grant_share(share: str, account: Account) -> str:
    if account.samba:
        return _PERMIT_USER(share=share, user=account.user)
    return _GRANT_SHARE(share=share, name=account.name)


def _grant_path(share: str, path: str, account: Account) -> str:
    if account.samba:
        below = "/" + path.replace("\\", "/") if path else ""
        return _GRANT_FILES(user=account.user, folder=f"DIRECTORY-OF-{share}{below}")
    below = "\\" + path if path else ""
    return _GRANT_FOLDER(folder=share + below, name=account.name)
