"""Causes that only MySQL and MariaDB (and proxies in front of them) can give, and which error number means which."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, Owner, Scope, Step

HOST_NOT_ALLOWED = Cause(
    "mysql.host-not-allowed",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server has no account that may come from this agent: it turns the agent's address away before any login "
    "(error 1130).",
    "Create the scan account for the agent as the server sees it (the fix has the name or address it printed), "
    "or widen the host part of the account.",
    "mysql -h {host} -P {port} -u {user} -p   # the error names this agent as the server sees it",
    scoped=Scope.PATH,
)
HOST_BLOCKED = Cause(
    "mysql.host-blocked",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server has blocked this agent's address: more connections than max_connect_errors (default 100) were broken "
    "off before their login ended, by whatever connects from here without logging in (port checks, load balancers). "
    "Error 1129. This agent does not touch the server again in this run.",
    "Empty the host cache with the statement of the fix, find what connects from this address without logging in, "
    "and raise max_connect_errors.",
    "On the server: SELECT IP, HOST, SUM_CONNECT_ERRORS, COUNT_HOST_BLOCKED_ERRORS FROM performance_schema.host_cache;",
    scoped=Scope.PATH,
)
#: What empties the host cache.
TOO_MANY_CONNECTIONS = Cause(
    "mysql.too-many-connections",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "All connections that the server, or this account, is allowed are taken; a scan would be turned away likewise.",
    "Raise max_connections (or the account's MAX_USER_CONNECTIONS), end idle sessions, or scan at a quieter time.",
    "On the server: SHOW STATUS LIKE 'Threads_connected'; SHOW VARIABLES LIKE 'max%connections';",
)
ANCIENT_PROTOCOL = Cause(
    "mysql.ancient-protocol",
    Owner.DATABASE,
    Step.HANDSHAKE,
    "The server speaks protocol 9, which ended with MySQL 3.22: no client of today can log in.",
    "Upgrade the server, or scan a copy of its data in a current one.",
    "On the agent: nc {host} {port} | xxd   # the fifth byte is 09",
)
OTHER_PRODUCT = Cause(
    "mysql.other-product",
    Owner.OPERATOR,
    Step.AUTH,
    "The server speaks MySQL's protocol, lets anybody in, and does not run a statement that every MySQL and MariaDB "
    "runs. It is a search engine with a port for MySQL's clients (Sphinx, Manticore), a gateway or a proxy; whether a "
    "scan can read it is not known.",
    "Correct the port or the target type in the inventory; if a database is behind it, name the scan's account.",
    "mysql -h {host} -P {port} -e 'SELECT CURRENT_USER(), VERSION()'",
    definite=False,
)
SERVER_ERROR = Cause(
    "mysql.server-error",
    Owner.DATABASE,
    Step.AUTH,
    "The server, or a proxy in front of it, answers with an error that is not known to be about the account; the "
    "detail has it.",
    "Resolve what the message says; the server's error log at the time of the check may say more.",
    "mysql -h {host} -P {port} -u {user} -p",
    definite=False,
    may_count=True,
)
TABLE_LOCKED = Cause(
    "mysql.table-locked",
    Owner.DATABASE,
    Step.ACCESS,
    "The table is locked by another session and was not released in time (errors 1205, 3572), so whether it may be "
    "read is not known.",
    "Run the check again; if it stays so, find the session that holds the lock and end it.",
    "On the server: SHOW FULL PROCESSLIST; SELECT * FROM performance_schema.metadata_locks;",
    definite=False,
)
BROKEN_OFF = Cause(
    "mysql.login-broken-off",
    Owner.DATABASE,
    Step.LOGIN,
    "The connection ended in the middle of the login, without an answer from the server.",
    "Look into the server's error log at the time of the check, and for a proxy or firewall that ends the session.",
    "mysql -h {host} -P {port} -u {user} -p",
    may_count=True,
)
USER_LIMIT = Cause(
    "mysql.user-limit",
    Owner.DATABASE,
    Step.LOGIN,
    "The account has used up a limit of its own (connections or queries per hour); a scan would meet it at once.",
    "ALTER USER ... WITH MAX_CONNECTIONS_PER_HOUR 0 MAX_QUERIES_PER_HOUR 0;",
    "On the server: SELECT user, host, max_connections, max_questions FROM mysql.user;",
)

#: Whoever asks: in place of the greeting, or of an answer to any login. By error number.
STATES: Mapping[int, Cause] = {
    1040: TOO_MANY_CONNECTIONS,
    1129: HOST_BLOCKED,
    1130: HOST_NOT_ALLOWED,
    3159: common.TLS_REQUIRED,  # require_secure_transport (MySQL; MariaDB says 1045)
}
#: What a server says to a login that came to its end and was not accepted, all of SQLSTATE 28000 but the last two.
REFUSED = frozenset({1045, 1698, 1251, 1275})
#: Words of a server that has judged a login. SQLSTATE 28000 is no proof: gateways refuse an address with it, too.
_JUDGED = re.compile(r"access denied|authenticat|log ?[io]n|password", re.IGNORECASE)


def judges_login(code: int, sqlstate: str, message: str) -> bool:
    """Return whether a server refused a user at the end of a login, by its number or by its words."""
    return code in REFUSED or (sqlstate == "28000" and bool(_JUDGED.search(message)))


#: What the answer to a real credential means.
LOGIN_ERRORS: Mapping[int, Cause] = {
    **STATES,
    1045: common.LOGIN_REFUSED,
    1698: common.LOGIN_REFUSED,
    1203: TOO_MANY_CONNECTIONS,  # of this account
    1226: USER_LIMIT,
    1251: common.LIMIT,  # "client does not support the authentication protocol requested"
    1275: common.LIMIT,  # the account still has a password of before 4.1, and the server insists on newer ones
    1820: common.LOGIN_EXPIRED,
    1862: common.LOGIN_EXPIRED,
    3118: common.LOGIN_LOCKED,
    3955: common.LOGIN_LOCKED,  # MySQL 8.0.19: locked for a time, after FAILED_LOGIN_ATTEMPTS
    4151: common.LOGIN_LOCKED,  # MariaDB: ACCOUNT LOCK
    4227: common.LOGIN_LOCKED,  # MariaDB: max_password_errors
}
#: What keeps an accepted account from reading.
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
