"""List the causes that only MySQL, MariaDB or a proxy in front of them can give, and map error numbers to causes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, Owner, Scope, Step

HOST_NOT_ALLOWED = Cause(
    "mysql.host-not-allowed",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server has no account that may log in from this agent. It rejects the agent's address before any login (error "
    "1130).",
    "Create the scan account for the agent's name or address as the server sees it (see the fix), or widen the host "
    "part of the account.",
    "mysql -h {host} -P {port} -u {user} -p   # the error names this agent as the server sees it",
    scoped=Scope.PATH,
    wire="The server's first packet is an ERR packet with code 1130 instead of the greeting.",
)
HOST_BLOCKED = Cause(
    "mysql.host-blocked",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server has blocked this agent's address (error 1129). More than max_connect_errors (default 100) "
    "connections from this address ended before the login. Port checks and the health checks of a load "
    "balancer do this. This agent does not connect to the server again in this run.",
    "Empty the host cache (see the fix). Find the program that connects from this address without logging in, and "
    "raise max_connect_errors.",
    "On the server: SELECT IP, HOST, SUM_CONNECT_ERRORS, COUNT_HOST_BLOCKED_ERRORS FROM performance_schema.host_cache;",
    scoped=Scope.PATH,
    wire="The server's first packet is an ERR packet with code 1129 instead of the greeting.",
)
TOO_MANY_CONNECTIONS = Cause(
    "mysql.too-many-connections",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server or the account has reached its limit of connections. It would refuse a scan too.",
    "Raise max_connections (or the account's MAX_USER_CONNECTIONS), end idle sessions, or scan at a quieter time.",
    "On the server: SHOW STATUS LIKE 'Threads_connected'; SHOW VARIABLES LIKE 'max%connections';",
    wire="The server sends an ERR packet with code 1040 or 1203 instead of the greeting or as the answer to the login.",
)
ANCIENT_PROTOCOL = Cause(
    "mysql.ancient-protocol",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server speaks protocol version 9, which ended with MySQL 3.22. No current client can log in.",
    "Upgrade the server, or scan a copy of its data on a current server.",
    "On the agent: nc {host} {port} | xxd   # the fifth byte is 09",
    wire="The server's greeting has protocol version 9: the fifth byte from port {port} is 09.",
)
OTHER_PRODUCT = Cause(
    "mysql.other-product",
    Owner.OPERATOR,
    Step.AUTH,
    "The server speaks MySQL's protocol and accepts a login, but does not run a statement that every MySQL and MariaDB "
    "supports. It is a search engine with a MySQL port (Sphinx, Manticore), a gateway or a proxy. Whether a scan can "
    "read it is unknown.",
    "Correct the port or the target type in the inventory. If there is a database behind it, name the scan's account.",
    "mysql -h {host} -P {port} -e 'SELECT CURRENT_USER(), VERSION()'",
    definite=False,
    wire="The server answers the login with OK, and the query SELECT UNHEX(HEX(CURRENT_USER())) with an ERR packet or "
    "without an account name.",
)
SERVER_ERROR = Cause(
    "mysql.server-error",
    Owner.DATABASE,
    Step.AUTH,
    "The server, or a proxy in front of it, answers with an error that scanready cannot relate to the account. See the "
    "detail.",
    "Resolve the problem that the message describes. The server's error log at the time of the check may have more.",
    "mysql -h {host} -P {port} -u {user} -p",
    definite=False,
    may_count=True,
    wire="The server sends an ERR packet with another code, instead of the greeting or as the answer to the login. "
    "Or a proxy answers the first query with code 9001 or 2013, for example.",
)
TABLE_LOCKED = Cause(
    "mysql.table-locked",
    Owner.DATABASE,
    Step.ACCESS,
    "Another session locks the table and did not release it in time (errors 1205, 3572). Whether the account may read "
    "it is unknown.",
    "Run the check again. If the table stays locked, find the session that holds the lock and end it.",
    "On the server: SHOW FULL PROCESSLIST; SELECT * FROM performance_schema.metadata_locks;",
    definite=False,
    wire="The server answers the agent's SELECT with an ERR packet with code 1205 or 3572 (inside TLS if the server "
    "offers it).",
)
BROKEN_OFF = Cause(
    "mysql.login-broken-off",
    Owner.DATABASE,
    Step.LOGIN,
    "The connection ended during the login, and the server sent no answer.",
    "Read the server's error log at the time of the check, and look for a proxy or firewall that ends the session.",
    "mysql -h {host} -P {port} -u {user} -p",
    may_count=True,
    wire="During the login a FIN or RST arrives from {host} instead of an OK or ERR packet.",
)
USER_LIMIT = Cause(
    "mysql.user-limit",
    Owner.DATABASE,
    Step.LOGIN,
    "The account has reached a limit of its own (connections or queries per hour). A scan would reach the limit at "
    "once.",
    "Run on the server: ALTER USER ... WITH MAX_CONNECTIONS_PER_HOUR 0 MAX_QUERIES_PER_HOUR 0;",
    "On the server: SELECT user, host, max_connections, max_questions FROM mysql.user;",
    wire="The server answers the login with an ERR packet with code 1226 (inside TLS if the server offers it).",
)

#: Causes that are the same for every client, by error number: instead of the greeting, or as the answer to a login.
STATES: Mapping[int, Cause] = {
    1040: TOO_MANY_CONNECTIONS,
    1129: HOST_BLOCKED,
    1130: HOST_NOT_ALLOWED,
    3159: common.TLS_REQUIRED,  # require_secure_transport (MySQL; MariaDB says 1045)
}
#: The same, instead of the greeting. After a login, 1203 is about the account, and an invented one has no limit.
BEFORE_THE_GREETING: Mapping[int, Cause] = {**STATES, 1203: TOO_MANY_CONNECTIONS}
#: Error numbers of a server or proxy that cannot run any statement now: no connection, no memory, no thread, going
#: down, or killed. Numbers from 2000 on belong to client libraries, so a proxy reports its own connection with them;
#: ProxySQL and TiDB have 9000 on for a backend that does not answer.
_OUT_OF_ORDER = (
    *(1037, 1038, 1040, 1041, 1053, 1135, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927, 3032, 3169, 4031),
    *range(2000, 2100),
    *range(9000, 9100),
)
OUT_OF_ORDER = frozenset(_OUT_OF_ORDER)
#: Words of gateways that refuse a session without TLS, beside various numbers (Azure, TiDB Cloud, Vitess).
_WANTS_TLS = r"(?i)SSL connection is required|insecure (?:transport|connections)\b|must use SSL/TLS"
#: Error numbers of a finished login that was not accepted; all have SQLSTATE 28000 except the last two.
REFUSED = frozenset({1045, 1698, 1251, 1275})
#: Words of a server that judged a login. SQLSTATE 28000 is no proof: gateways also use it to refuse an address.
_JUDGED = r"(?i)access denied|authenticat|log ?[io]n|password"


def of_state(code: int, message: str) -> Cause | None:
    """Return the cause of an error at a login that is the same for every client; None for any other error."""
    return STATES.get(code) or (common.TLS_REQUIRED if re.search(_WANTS_TLS, message) else None)


def judges_login(code: int, sqlstate: str, message: str) -> bool:
    """Return True if the error's number or text shows that the server judged a login and refused the user."""
    return code in REFUSED or (sqlstate == "28000" and bool(re.search(_JUDGED, message)))


#: Error numbers that may refuse this agent's address in place of the password: an account is a user at a host, and an
#: agent with another address may have another account of that name.
AMBIGUOUS = frozenset({1045})
#: Causes by the error number that answers a real credential.
LOGIN_ERRORS: Mapping[int, Cause] = {
    **STATES,
    1045: common.LOGIN_REFUSED,
    1698: common.LOGIN_REFUSED,
    1203: TOO_MANY_CONNECTIONS,  # of this account
    1226: USER_LIMIT,
    1251: common.LIMIT,  # "client does not support the authentication protocol requested"
    1275: common.LIMIT,  # the account has a password from before 4.1, and the server requires a newer one
    1820: common.LOGIN_EXPIRED,
    1862: common.LOGIN_EXPIRED,
    3118: common.LOGIN_LOCKED,
    3955: common.LOGIN_LOCKED,  # MySQL 8.0.19: locked for some time after FAILED_LOGIN_ATTEMPTS
    4151: common.LOGIN_LOCKED,  # MariaDB: ACCOUNT LOCK
    4227: common.LOGIN_LOCKED,  # MariaDB: max_password_errors
}
#: Causes by the error number that prevents an accepted account from reading.
ACCESS_ERRORS: Mapping[int, Cause] = {
    1044: common.ACCESS_DENIED,
    1142: common.ACCESS_DENIED,
    1143: common.ACCESS_DENIED,
    1227: common.ACCESS_DENIED,
    1370: common.ACCESS_DENIED,
    1049: common.ACCESS_NOT_FOUND,
    1146: common.ACCESS_NOT_FOUND,
    1820: common.LOGIN_EXPIRED,
    1205: TABLE_LOCKED,  # lock_wait_timeout
    3572: TABLE_LOCKED,  # NOWAIT
    1969: common.OUT_OF_TIME,  # MariaDB: max_statement_time
    3024: common.OUT_OF_TIME,  # MySQL: max_execution_time
}
