"""Causes that only Microsoft SQL Server and its Browser can give, and which error number means which.

The numbers are those of the product's ``sys.messages``; from 40000 on they are Azure SQL's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Scope, Step

BROWSER_OFF = Cause(
    "mssql.browser-off",
    Owner.DATABASE,
    Step.CONNECT,
    "The host answers that nothing listens on UDP 1434: the SQL Server Browser does not run (or the host's own "
    "firewall says so in its place), and no client finds an instance by its name.",
    "Start the service `SQL Server Browser` on the host, or give the target the instance's port (`port:`).",
    "On the host: sc query SQLBrowser. The port: SQL Server Configuration Manager, TCP/IP, IPAll.",
    scoped=Scope.TARGET,
)
INSTANCE_UNKNOWN = Cause(
    "mssql.instance-unknown",
    Owner.OPERATOR,
    Step.CONNECT,
    "The SQL Server Browser of the host answers, but tells nothing of an instance of this name: it does not exist, "
    "it is stopped, or it is set to `Hide Instance`.",
    "Correct the name (the detail lists those that the Browser knows), start the instance, or, if it is hidden, give "
    "the target its port (`port:`).",
    "sqlcmd -L, or on the host: Get-Service MSSQL*",
    scoped=Scope.TARGET,
)
TCP_DISABLED = Cause(
    "mssql.tcp-disabled",
    Owner.DATABASE,
    Step.CONNECT,
    "The SQL Server Browser knows the instance, but no TCP port of it: the protocol TCP/IP is disabled, so nobody "
    "reaches it over the network.",
    "Enable TCP/IP for the instance in SQL Server Configuration Manager and restart the instance.",
    "On the host: SQL Server Configuration Manager, SQL Server Network Configuration, Protocols.",
    scoped=Scope.TARGET,
)
OTHER_PORT = Cause(
    "mssql.other-port",
    Owner.OPERATOR,
    Step.CONNECT,
    "The instance does not listen on this port: the SQL Server Browser names another one, and SQL Server answers "
    "there (asked once, on that port alone).",
    "Correct the port in the inventory as the fix has it. If it is a dynamic one it changes when the instance "
    "restarts: have it set to a fixed one, or name the instance in place of the port.",
    "On the host: SELECT local_tcp_port FROM sys.dm_exec_connections WHERE session_id = @@SPID;",
    scoped=Scope.TARGET,
)
INSTANCE_MISMATCH = Cause(
    "mssql.instance-mismatch",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "SQL Server answers on this port, and says that it is not the instance that the target names.",
    "Correct the port or the instance of the target; without a port the SQL Server Browser is asked for it.",
    "sqlcmd -S tcp:{host},{port} -Q 'SELECT @@SERVERNAME'",
)
STRICT_ONLY = Cause(
    "mssql.strict-only",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server takes only strict connections (TDS 8.0: TLS before anything else). Clients made before 2022 cannot "
    "speak to it; whether the scanner's can, only its version tells.",
    "Check that the scanner's SQL Server client knows strict encryption (ODBC driver 18 or newer does); else set "
    "`Force Strict Encryption` to No for this instance.",
    "sqlcmd -S tcp:{host},{port} -Ns   # the server's error log has 17819 for each client that was not strict",
)
ADMIN_PORT = Cause(
    "mssql.admin-port",
    Owner.OPERATOR,
    Step.AUTH,
    "This is the port of the dedicated administrator connection, which takes one administrator at a time.",
    "Give the target the instance's ordinary port.",
    "On the host: the instance's error log names both ports at its start.",
)
TOO_MANY_CONNECTIONS = Cause(
    "mssql.too-many-connections",
    Owner.DATABASE,
    Step.AUTH,
    "All connections, or requests, that the server or its Azure tier allows are taken; a scan would be turned away.",
    "Raise `user connections` (0 is unlimited) or the tier, end idle sessions, or scan at a quieter time.",
    "On the server: SELECT @@MAX_CONNECTIONS, COUNT(*) FROM sys.dm_exec_sessions;",
)
NOT_ACCEPTING = Cause(
    "mssql.not-accepting",
    Owner.DATABASE,
    Step.AUTH,
    "The server runs and takes no ordinary login now: it is paused, starting, upgrading, shutting down, or in single "
    "user mode; the detail says which.",
    "Bring the instance into normal operation (resume, let the upgrade end, remove the start option -m).",
    "On the server: the instance's error log.",
)
WINDOWS_ONLY = Cause(
    "mssql.windows-only",
    Owner.DATABASE,
    Step.LOGIN,
    "The server does not take this kind of login: it admits only Windows accounts that it trusts (error 18452).",
    "Set the server's authentication to `SQL Server and Windows`, and restart it; or scan with a Windows account of "
    "a domain that the server trusts.",
    "On the server: SELECT SERVERPROPERTY('IsIntegratedSecurityOnly');  (1 is Windows only)",
)
ENTRA_ONLY = Cause(
    "mssql.entra-only",
    Owner.DATABASE,
    Step.LOGIN,
    "The server takes accounts of Microsoft Entra (Azure Active Directory) only, and refuses every SQL login, whatever "
    "its password.",
    'Permit SQL authentication on the server (in the Azure portal: the server, Microsoft Entra ID, clear "Support only '
    'Microsoft Entra authentication"; or az sql server ad-only-auth disable), if the policy permits it.',
    "az sql server ad-only-auth get --resource-group GROUP --name SERVER",
)
LOGON_TRIGGER = Cause(
    "mssql.logon-trigger",
    Owner.DATABASE,
    Step.LOGIN,
    "The password was accepted, and then a logon trigger of the server ended the session (error 17892): such a "
    "trigger permits by host, program, time or number of sessions.",
    "Have the trigger permit the scan account from this agent, for the scanner's program.",
    "On the server: SELECT name FROM sys.server_triggers; its text is in sys.server_sql_modules.",
    scoped=Scope.PATH,
)
DATABASE_NOT_OPENED = Cause(
    "mssql.database-not-opened",
    Owner.DATABASE,
    Step.LOGIN,
    "The password was accepted, but not the database of the login: it does not exist, is offline, or the login has "
    "no user in it. The server does not tell which (errors 4060 and 4064).",
    "Create a user for the login in the database, as the fix does, or bring the database online.",
    "On the server: SELECT name, state_desc FROM sys.databases; "
    "EXECUTE AS LOGIN = '{user}'; SELECT HAS_DBACCESS('...');",
    also=(OtherOwner(Owner.OPERATOR, "Correct `database:` at the target, if there is no database of this name."),),
)
FIREWALL = Cause(
    "mssql.azure-firewall",
    Owner.DATABASE,
    Step.LOGIN,
    "The firewall of Azure SQL does not admit this agent's address, as Azure sees it (40615, 40914, 47073). It "
    "answers whoever connects, and refuses at the login.",
    "Add a firewall rule for the address of the detail to the server, or a virtual network rule.",
    "In master: SELECT * FROM sys.firewall_rules;",
    scoped=Scope.PATH,
)
SERVER_NAME = Cause(
    "mssql.server-name",
    Owner.OPERATOR,
    Step.LOGIN,
    "Azure SQL found no server of the name that was used (errors 40531 and 40532).",
    "Address the server by its full name (NAME.database.windows.net), or log in as user@NAME.",
    "nslookup {host}",
)
REPLICA = Cause(
    "mssql.replica-not-readable",
    Owner.DATABASE,
    Step.LOGIN,
    "The database belongs to an availability group, and this server is not the replica that may be read.",
    "Address the availability group's listener, or permit reading on this replica (Readable Secondary: Yes).",
    "On the server: SELECT replica_server_name, secondary_role_allow_connections_desc FROM sys.availability_replicas;",
)
DATABASE_STATE = Cause(
    "mssql.database-offline",
    Owner.DATABASE,
    Step.ACCESS,
    "The database cannot be opened now: it is offline, restoring, recovering or suspect, or one session has it for "
    "itself (single-user mode). The detail has the server's words.",
    "Bring the database online, or end its single-user mode: ALTER DATABASE ... SET MULTI_USER.",
    "On the server: SELECT name, state_desc FROM sys.databases;",
)
SERVER_ERROR = Cause(
    "mssql.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    'The server answers with an error, or with a state of "Login failed" (18456), that is not known to be about the '
    "password or the database. The detail has it.",
    "Resolve what the message says; the server's error log at the time of the check may say more.",
    "sqlcmd -S tcp:{host},{port} -U {user}",
    definite=False,
    may_count=True,
    also=(OtherOwner(Owner.IDENTITY, "Correct the password or the account, if the message is about one of them."),),
)
BROKEN_OFF = Cause(
    "mssql.login-broken-off",
    Owner.DATABASE,
    Step.LOGIN,
    "The connection ended in the middle of the login, without an answer from the server.",
    "Look into the server's error log at the time of the check, and for a proxy or firewall that ends the session.",
    "sqlcmd -S tcp:{host},{port} -U {user}",
    may_count=True,
)
SENT_ON = Cause(
    "mssql.sent-on",
    Owner.OPERATOR,
    Step.ACCESS,
    "The server accepted the login and sends the session on to another server (Azure's connection policy `Redirect`, "
    "or read-only routing). The password is not sent to a server that the inventory does not name.",
    "Make the server that the detail names a target of its own; or, with Azure, set the connection policy to `Proxy`.",
    "sqlcmd follows by itself: sqlcmd -S tcp:{host},{port} -U {user} -Q 'SELECT @@SERVERNAME'",
    definite=False,
)
TABLE_LOCKED = Cause(
    "mssql.table-locked",
    Owner.DATABASE,
    Step.ACCESS,
    "The table is locked by another session and was not released in time, so whether it may be read is not known.",
    "Run the check again; if it stays so, find the session that holds the lock.",
    "On the server: EXEC sp_who2; SELECT * FROM sys.dm_tran_locks;",
    definite=False,
)
READ_FAILED = Cause(
    "mssql.read-failed",
    Owner.DATABASE,
    Step.ACCESS,
    "The login works; reading ended with an error that is not about permission. The detail has it.",
    "Resolve what the message says.",
    "SELECT TOP 1 * FROM the table, with the same account",
    definite=False,
)

#: Whoever asks: in place of an answer to PRELOGIN, or of one to a login.
STATES: Mapping[int, Cause] = {
    6005: NOT_ACCEPTING,
    17142: NOT_ACCEPTING,
    17147: NOT_ACCEPTING,
    17148: NOT_ACCEPTING,
    17187: NOT_ACCEPTING,
    18401: NOT_ACCEPTING,
    18451: NOT_ACCEPTING,
    18461: NOT_ACCEPTING,
    40197: NOT_ACCEPTING,
    40613: NOT_ACCEPTING,
    17809: TOO_MANY_CONNECTIONS,
    10928: TOO_MANY_CONNECTIONS,
    10929: TOO_MANY_CONNECTIONS,
    40501: TOO_MANY_CONNECTIONS,
    17810: ADMIN_PORT,
    17835: common.TLS_REQUIRED,
    47072: common.TLS_VERSION,
    40615: FIREWALL,
    40914: FIREWALL,
    47073: FIREWALL,
    40531: SERVER_NAME,
    40532: SERVER_NAME,
}
#: A server that takes TDS 8.0 alone, where it still says so to a client of TDS 7.
STRICT_REQUIRED = 17819
#: The database's own state, for all accounts: at the login, followed by 4060 and 18456, or while reading.
_DATABASE_STATES: Mapping[int, Cause] = {
    **dict.fromkeys((922, 924, 926, 927, 942, 945), DATABASE_STATE),
    **dict.fromkeys((976, 978, 979, 983), REPLICA),
}
#: The error behind every refused login.
LOGIN_FAILED = 18456
#: What the answer to a real credential means. Several may come; :func:`weight` says which decides.
LOGIN_ERRORS: Mapping[int, Cause] = {
    **STATES,
    **_DATABASE_STATES,
    4060: DATABASE_NOT_OPENED,
    4064: DATABASE_NOT_OPENED,
    916: DATABASE_NOT_OPENED,
    17892: LOGON_TRIGGER,
    18452: WINDOWS_ONLY,
    18470: common.LOGIN_LOCKED,
    18486: common.LOGIN_LOCKED,
    18487: common.LOGIN_EXPIRED,
    18488: common.LOGIN_EXPIRED,
    LOGIN_FAILED: common.LOGIN_REFUSED,
}
#: States of 18456 that are the account's: absent (0), hidden from clients (1, the usual one), unknown or wrong name,
#: disabled with a wrong password, wrong password, empty password (learn.microsoft.com, MSSQLSERVER_18456).
ACCOUNT_STATES = frozenset((0, 1, 2, 5, 6, 7, 8, 9, 122, 123, 124))
#: States of 18456 with another cause, from the same page. Others are not known to be about the password.
LOGIN_STATES: Mapping[int, Cause] = {
    18: common.LOGIN_EXPIRED,
    38: DATABASE_NOT_OPENED,
    46: DATABASE_NOT_OPENED,
    58: WINDOWS_ONLY,
    126: DATABASE_NOT_OPENED,
}
#: The reason beside "Login failed for user" where Azure SQL has Entra-only authentication; it has no number of its own.
_ENTRA_ONLY = re.compile(
    r"\b(?:Azure Active Directory|Microsoft Entra)[- ]only authentication is enabled", re.IGNORECASE
)
#: What keeps an accepted account from reading.
ACCESS_ERRORS: Mapping[int, Cause] = {
    **_DATABASE_STATES,
    229: common.ACCESS_DENIED,
    230: common.ACCESS_DENIED,
    262: common.ACCESS_DENIED,
    297: common.ACCESS_DENIED,
    300: common.ACCESS_DENIED,
    916: common.ACCESS_DENIED,
    208: common.ACCESS_NOT_FOUND,
    911: common.ACCESS_NOT_FOUND,
    1222: TABLE_LOCKED,
}


def of_login_failed(state: int, message: str) -> Cause:
    """Return the cause of error 18456, "Login failed for user", by its words and its state."""
    if _ENTRA_ONLY.search(message):
        return ENTRA_ONLY
    return common.LOGIN_REFUSED if state in ACCOUNT_STATES else LOGIN_STATES.get(state, SERVER_ERROR)


def weight(number: int) -> int:
    """Return the place of an error among those of one login, the most telling first.

    4060 and 4064 follow the state of the database, and 18456 follows everything: beside an error whose number is not
    known here it is no word on the password.
    """
    if number == LOGIN_FAILED:
        return 3
    return 2 if number not in LOGIN_ERRORS else int(LOGIN_ERRORS[number] is DATABASE_NOT_OPENED)
