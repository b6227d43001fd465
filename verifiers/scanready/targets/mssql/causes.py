"""List the causes that only Microsoft SQL Server and its Browser can give, and map error numbers to causes.

The numbers are those of the product's ``sys.messages``; numbers from 40000 on belong to Azure SQL.
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
    "UDP port 1434 is closed on the host: the SQL Server Browser is not running, or the host's own firewall rejects "
    "the request. Clients cannot find an instance by its name.",
    "Start the service `SQL Server Browser` on the host, or give the target the instance's port (`port:`).",
    "On the host: sc query SQLBrowser. For the port, open SQL Server Configuration Manager, TCP/IP, IPAll.",
    scoped=Scope.TARGET,
    wire="The agent's Browser request to UDP 1434 is answered by an ICMP port unreachable.",
)
INSTANCE_UNKNOWN = Cause(
    "mssql.instance-unknown",
    Owner.OPERATOR,
    Step.CONNECT,
    "The SQL Server Browser of the host answers but does not list an instance of this name. The instance does not "
    "exist, is stopped, or is set to `Hide Instance`.",
    "Correct the name of the instance; the detail lists the instances that the Browser knows. If the instance "
    "is hidden, give the target its port (`port:`).",
    "sqlcmd -L, or on the host: Get-Service MSSQL*",
    scoped=Scope.TARGET,
    wire="The Browser does not answer CLNT_UCAST_INST (04) with the name on UDP 1434, or its SVR_RESP (05) lists only "
    "other instances. A name that no instance can have is not sent.",
    also=(OtherOwner(Owner.DATABASE, "If the name is correct, start the instance."),),
)
TCP_DISABLED = Cause(
    "mssql.tcp-disabled",
    Owner.DATABASE,
    Step.CONNECT,
    "The SQL Server Browser knows the instance but reports no TCP port for it. The protocol TCP/IP is disabled, so "
    "clients cannot reach the instance over the network.",
    "Enable TCP/IP for the instance in SQL Server Configuration Manager and restart the instance.",
    "On the host: open SQL Server Configuration Manager, SQL Server Network Configuration, Protocols.",
    scoped=Scope.TARGET,
    wire="The Browser's SVR_RESP from UDP 1434 lists the instance without a `tcp` property.",
)
OTHER_PORT = Cause(
    "mssql.other-port",
    Owner.OPERATOR,
    Step.CONNECT,
    "The instance does not listen on this port. The SQL Server Browser names another port, and SQL Server answered one "
    "request on that port.",
    "Correct the port in the inventory (see the fix). A dynamic port changes when the instance restarts: ask for a "
    "fixed port, or name the instance instead of the port.",
    "On the host: SELECT local_tcp_port FROM sys.dm_exec_connections WHERE session_id = @@SPID;",
    scoped=Scope.TARGET,
    wire="The Browser's SVR_RESP from UDP 1434 names another TCP port; that port answers the agent's PRELOGIN.",
)
INSTANCE_MISMATCH = Cause(
    "mssql.instance-mismatch",
    Owner.OPERATOR,
    Step.HANDSHAKE,
    "SQL Server answers on this port and reports that it is a different instance from the one the target names.",
    "Correct the port or the instance of the target. If you remove the port, scanready asks the SQL Server Browser "
    "for it.",
    "sqlcmd -S tcp:{host},{port} -Q 'SELECT @@SERVERNAME'",
    wire="The server's PRELOGIN response has INSTOPT = 1: the instance name in the agent's PRELOGIN is not its own.",
)
STRICT_ONLY = Cause(
    "mssql.strict-only",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server requires TDS 8.0 (TLS before any TDS message). Clients older than 2022 do not support it. "
    "Whether a scan works depends on the scanner's SQL Server client.",
    "If the scanner's SQL Server client does not support strict encryption, set `Force Strict Encryption` to "
    "No for this instance.",
    "sqlcmd -S tcp:{host},{port} -Ns   # the server's error log has error 17819 for each client without strict "
    "encryption",
    wire="After a PRELOGIN in clear text, the server closes the connection, or answers with a TLS alert or error "
    "17819. It completes a TLS handshake whose ClientHello offers ALPN tds/8.0.",
    also=(
        OtherOwner(
            Owner.AGENT,
            "Install a SQL Server client that supports strict encryption (ODBC driver 18 or newer) for the "
            "scanner on this agent.",
        ),
    ),
)
ADMIN_PORT = Cause(
    "mssql.admin-port",
    Owner.OPERATOR,
    Step.AUTH,
    "This port is the dedicated administrator connection (DAC), which accepts one administrator session at a time.",
    "Give the target the instance's ordinary port.",
    "On the host: read the instance's error log; it names both ports when the instance starts.",
    wire="The server answers PRELOGIN or LOGIN7 with ERROR token 17810.",
)
TOO_MANY_CONNECTIONS = Cause(
    "mssql.too-many-connections",
    Owner.DATABASE,
    Step.AUTH,
    "The server or its Azure tier has reached its limit of connections or requests. It would refuse a scan too.",
    "Raise `user connections` (0 is unlimited) or the tier, end idle sessions, or scan at a quieter time.",
    "On the server: SELECT @@MAX_CONNECTIONS, COUNT(*) FROM sys.dm_exec_sessions;",
    wire="The server answers PRELOGIN or LOGIN7 with ERROR token 17809 or 10928.",
)
NOT_ACCEPTING = Cause(
    "mssql.not-accepting",
    Owner.DATABASE,
    Step.AUTH,
    "The server is running but does not accept ordinary logins now. It is paused, starting, upgrading, shutting down "
    "or in single-user mode (see the detail).",
    "Bring the instance into normal operation: resume it, let the upgrade finish, or remove the start option -m.",
    "On the server: read the instance's error log.",
    wire="The server answers PRELOGIN or LOGIN7 with an ERROR token such as 17142 (paused), 18401 (upgrading) or 18461 "
    "(single-user mode).",
)
WINDOWS_ONLY = Cause(
    "mssql.windows-only",
    Owner.DATABASE,
    Step.LOGIN,
    "The server does not accept SQL logins. It accepts only Windows accounts that it trusts (error 18452).",
    "Set the server's authentication to `SQL Server and Windows` and restart it.",
    "On the server: SELECT SERVERPROPERTY('IsIntegratedSecurityOnly');  (1 is Windows only)",
    wire="The server answers LOGIN7 with ERROR token 18452, or 18456 with state 58 (inside TLS if encryption is on).",
    also=(
        OtherOwner(
            Owner.OPERATOR, "Give the target the credential of a Windows account in a domain that the server trusts."
        ),
    ),
)
ENTRA_ONLY = Cause(
    "mssql.entra-only",
    Owner.DATABASE,
    Step.LOGIN,
    "The server accepts only Microsoft Entra (Azure Active Directory) accounts. It refuses every SQL login, even with "
    "the right password.",
    "Permit SQL authentication on the server, if the policy allows it. In the Azure portal, open the server, then "
    'Microsoft Entra ID, and clear "Support only Microsoft Entra authentication"; or run az sql server ad-only-auth '
    "disable.",
    "az sql server ad-only-auth get --resource-group GROUP --name SERVER",
    wire="The server answers LOGIN7 with ERROR token 18456, whose text names Entra-only authentication (inside TLS if "
    "encryption is on).",
)
LOGON_TRIGGER = Cause(
    "mssql.logon-trigger",
    Owner.DATABASE,
    Step.LOGIN,
    "The server accepted the password, then a logon trigger ended the session (error 17892). Such a trigger decides by "
    "host, program, time or number of sessions.",
    "Change the trigger so that it permits the scan account from this agent and with the scanner's program name.",
    "On the server: SELECT name FROM sys.server_triggers; its text is in sys.server_sql_modules.",
    scoped=Scope.PATH,
    wire="The server answers LOGIN7 with ERROR token 17892 (inside TLS if encryption is on).",
)
DATABASE_NOT_OPENED = Cause(
    "mssql.database-not-opened",
    Owner.DATABASE,
    Step.LOGIN,
    "The server accepted the password but could not open the login's database. The database does not exist, is "
    "offline, or has no user for the login. The server does not report which (errors 4060 and 4064).",
    "Create a user for the login in the database (see the fix), or bring the database online.",
    "On the server: SELECT name, state_desc FROM sys.databases; "
    "EXECUTE AS LOGIN = '{user}'; SELECT HAS_DBACCESS('...');",
    also=(OtherOwner(Owner.OPERATOR, "Correct `database:` at the target if no database has this name."),),
    wire="The server answers LOGIN7 with ERROR token 4060, 4064 or 916, or with 18456 and state 38, 46 or 126 (inside "
    "TLS if encryption is on).",
)
FIREWALL = Cause(
    "mssql.azure-firewall",
    Owner.DATABASE,
    Step.LOGIN,
    "The firewall of Azure SQL does not allow this agent's address, as Azure sees it (40615, 40914, 47073). It accepts "
    "every connection and refuses only the login.",
    "Add a firewall rule for the address in the detail to the server (40615). If the agent is in a virtual network, "
    "add a rule for its subnet (40914). If the server has no public access, scan its private endpoint (47073).",
    "In master: SELECT * FROM sys.firewall_rules;",
    scoped=Scope.PATH,
    wire="The TCP connection and PRELOGIN succeed; the server answers the login with ERROR token 40615, 40914 or 47073 "
    "(inside TLS if encryption is on).",
)
SERVER_NAME = Cause(
    "mssql.server-name",
    Owner.OPERATOR,
    Step.LOGIN,
    "Azure SQL has no server with the name that the login used (errors 40531 and 40532).",
    "Use the server's full name (NAME.database.windows.net), or log in as user@NAME.",
    "nslookup {host}",
    wire="The gateway answers the login with ERROR token 40531 or 40532 (inside TLS if encryption is on).",
)
REPLICA = Cause(
    "mssql.replica-not-readable",
    Owner.DATABASE,
    Step.LOGIN,
    "The database belongs to an availability group, and this server's replica does not allow reading.",
    "Use the availability group's listener as the target, or permit reading on this replica (Readable Secondary: Yes).",
    "On the server: SELECT replica_server_name, secondary_role_allow_connections_desc FROM sys.availability_replicas;",
    wire="The server answers LOGIN7 or a query with ERROR token 976, 978, 979 or 983 (inside TLS if encryption is on).",
)
DATABASE_STATE = Cause(
    "mssql.database-offline",
    Owner.DATABASE,
    Step.ACCESS,
    "The database cannot be opened now. It is offline, restoring, recovering or suspect, or one session has exclusive "
    "use of it (single-user mode). The detail quotes the server's message.",
    "Bring the database online, or end its single-user mode: ALTER DATABASE ... SET MULTI_USER.",
    "On the server: SELECT name, state_desc FROM sys.databases;",
    wire="The server answers with ERROR token 922, 924, 926, 927, 942 or 945, or sys.databases lists every database in "
    "a state other than ONLINE (inside TLS if encryption is on).",
)
SERVER_ERROR = Cause(
    "mssql.server-error",
    Owner.DATABASE,
    Step.LOGIN,
    'The server answers with an error, or with a state of "Login failed" (18456), that scanready cannot relate to the '
    "password or the database. See the detail.",
    "If the message asks for a retry, run the check again later. Otherwise resolve the problem that it describes. The "
    "server's error log at the time of the check may have more.",
    "sqlcmd -S tcp:{host},{port} -U {user}",
    definite=False,
    may_count=True,
    also=(OtherOwner(Owner.IDENTITY, "Correct the password or the account if the message is about one of them."),),
    wire="The server answers PRELOGIN or LOGIN7 with an ERROR token whose number or state scanready does not know. Or "
    "it answers LOGIN7 or a query with one of Azure SQL's numbers for a retry (40197, 40501 or 40613, for example).",
)
BROKEN_OFF = Cause(
    "mssql.login-broken-off",
    Owner.DATABASE,
    Step.LOGIN,
    "The connection ended during the login, and the server sent no answer.",
    "Read the server's error log at the time of the check, and look for a proxy or firewall that ends the session.",
    "sqlcmd -S tcp:{host},{port} -U {user}",
    may_count=True,
    wire="After the agent's LOGIN7 a FIN or RST (or a TLS alert) arrives from {host} instead of a token stream.",
)
SENT_ON = Cause(
    "mssql.sent-on",
    Owner.OPERATOR,
    Step.ACCESS,
    "The server accepted the login and redirects the session to another server (Azure's connection policy `Redirect`, "
    "or read-only routing). scanready does not send the password to a server that the inventory does not name.",
    "Add the server named in the detail as a target of its own. With Azure, you can also set the connection policy to "
    "`Proxy`. If this agent cannot resolve the name, add it to the agent's DNS servers.",
    "sqlcmd follows the redirect: sqlcmd -S tcp:{host},{port} -U {user} -Q 'SELECT @@SERVERNAME'",
    definite=False,
    wire="The server's answer to LOGIN7 has a LOGINACK and an ENVCHANGE of type 20 (routing) that names another server "
    "(inside TLS if encryption is on).",
)
TABLE_LOCKED = Cause(
    "mssql.table-locked",
    Owner.DATABASE,
    Step.ACCESS,
    "Another session locks the table and did not release it in time. Whether the account may read it is unknown.",
    "Run the check again. If the table stays locked, find the session that holds the lock.",
    "On the server: EXEC sp_who2; SELECT * FROM sys.dm_tran_locks;",
    definite=False,
    wire="The server answers the agent's SELECT with ERROR token 1222, about 3 seconds later (inside TLS if encryption "
    "is on).",
)
READ_FAILED = Cause(
    "mssql.read-failed",
    Owner.DATABASE,
    Step.ACCESS,
    "The login works; reading failed with an error that is not about permission. See the detail.",
    "Resolve the problem that the message describes.",
    "SELECT TOP 1 * FROM the table, with the same account",
    definite=False,
    wire="The server answers one of the agent's queries with an ERROR token that is not about permission (inside TLS "
    "if encryption is on).",
)

#: Errors of Azure SQL whose own text asks the client to try again later: a scan may find the server ready.
RETRY_LATER = frozenset({10929, 40197, 40501, 40540, 40613, 42108, 42109, 49918, 49919, 49920})
#: The error of Azure's firewall for an address; for the other two numbers of FIREWALL no rule for an address helps.
ADDRESS_NOT_ALLOWED = 40615
#: The server's own state, the same for every client: the error replaces an answer to PRELOGIN or to a login.
STATES: Mapping[int, Cause] = {
    6005: NOT_ACCEPTING,
    17142: NOT_ACCEPTING,
    17147: NOT_ACCEPTING,
    17148: NOT_ACCEPTING,
    17187: NOT_ACCEPTING,
    18401: NOT_ACCEPTING,
    18451: NOT_ACCEPTING,
    18461: NOT_ACCEPTING,
    17809: TOO_MANY_CONNECTIONS,
    10928: TOO_MANY_CONNECTIONS,
    17810: ADMIN_PORT,
    17835: common.TLS_REQUIRED,
    47072: common.TLS_VERSION,
    ADDRESS_NOT_ALLOWED: FIREWALL,
    40914: FIREWALL,
    47073: FIREWALL,
    40531: SERVER_NAME,
    40532: SERVER_NAME,
    **dict.fromkeys(RETRY_LATER, SERVER_ERROR),
}
#: The error of a server that requires TDS 8.0, if it reports one to a client of TDS 7.
STRICT_REQUIRED = 17819
#: The database's own state, the same for all accounts. It arrives while reading, or at the login before 4060 and 18456.
_DATABASE_STATES: Mapping[int, Cause] = {
    **dict.fromkeys((922, 924, 926, 927, 942, 945), DATABASE_STATE),
    **dict.fromkeys((976, 978, 979, 983), REPLICA),
}
#: The error that ends every refused login.
LOGIN_FAILED = 18456
#: Causes of the errors that answer a real credential. If there are several errors, :func:`weight` decides.
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
#: States of 18456 that are about the account: absent (0), hidden from clients (1, the usual one), unknown or wrong
#: name, disabled with a wrong password, wrong password, empty password (learn.microsoft.com, MSSQLSERVER_18456).
ACCOUNT_STATES = frozenset((0, 1, 2, 5, 6, 7, 8, 9, 122, 123, 124))
#: States of 18456 with another cause, from the same page. No other state is known to be about the password.
LOGIN_STATES: Mapping[int, Cause] = {
    18: common.LOGIN_EXPIRED,
    38: DATABASE_NOT_OPENED,
    46: DATABASE_NOT_OPENED,
    58: WINDOWS_ONLY,
    126: DATABASE_NOT_OPENED,
}
#: The reason that Azure SQL adds to "Login failed for user" with Entra-only authentication; it has no number.
_ENTRA_ONLY = re.compile(
    r"\b(?:Azure Active Directory|Microsoft Entra)[- ]only authentication is enabled", re.IGNORECASE
)
#: Causes of the errors that prevent an accepted account from reading.
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
    """Return the cause of error 18456 ("Login failed for user") from its message and its state."""
    if _ENTRA_ONLY.search(message):
        return ENTRA_ONLY
    return common.LOGIN_REFUSED if state in ACCOUNT_STATES else LOGIN_STATES.get(state, SERVER_ERROR)


def weight(number: int) -> int:
    """Rank an error among the errors of one login; the lowest rank is the most specific.

    4060 and 4064 come after the error about the database's state, and 18456 comes last. Next to an error with an
    unknown number, 18456 proves nothing about the password.
    """
    if number == LOGIN_FAILED:
        return 3
    return 2 if number not in LOGIN_ERRORS else int(LOGIN_ERRORS[number] is DATABASE_NOT_OPENED)
