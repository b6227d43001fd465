"""List the causes that only PostgreSQL, or a pooler in front of it, can give."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanready.causes import common
from scanready.model import Cause, OtherOwner, Owner, Scope, Step

HBA_REJECTED = Cause(
    "postgresql.hba-rejected",
    Owner.DATABASE,
    Step.AUTH,
    "pg_hba.conf does not allow this agent to connect with this user, database and encryption.",
    "Add the line in the fix to pg_hba.conf (before any reject line that matches), then run SELECT pg_reload_conf(). "
    "If a provider manages pg_hba.conf, allow the agent's address in the network rules of the service.",
    "psql -h {host} -p {port} -U {user} {database}  # the FATAL line names what was refused",
    scoped=Scope.PATH,
    wire="The server answers the StartupMessage with an ErrorResponse, SQLSTATE 28000, whose text names pg_hba.conf "
    "(inside TLS if the server answered SSLRequest with S).",
)
TLS_REFUSED = Cause(
    "postgresql.tls-refused",
    Owner.DATABASE,
    Step.AUTH,
    "pg_hba.conf allows this agent only without encryption. The server offers TLS, and then rejects clients "
    "that use it.",
    "Change the matching line in pg_hba.conf from `hostnossl` to `host` or `hostssl`, then run SELECT "
    "pg_reload_conf().",
    "PGSSLMODE=require psql -h {host} -p {port} -U {user} {database}",
    scoped=Scope.PATH,
    wire="Inside TLS, the server answers the StartupMessage with an ErrorResponse (SQLSTATE 28000). On a second "
    "connection in clear text, it answers the same StartupMessage with an Authentication request.",
)
METHOD_NOT_PASSWORD = Cause(
    "postgresql.method-not-password",
    Owner.DATABASE,
    Step.AUTH,
    "The server does not ask this user for a password; the scanner logs in with a password.",
    "Give the scan account a pg_hba.conf line with scram-sha-256.",
    "psql -h {host} -p {port} -U {user} {database}",
    wire="The server answers the StartupMessage with an Authentication request for another method (GSS, SSPI or OAuth, "
    "for example), or with an ErrorResponse from such a method (inside TLS if the server answered SSLRequest with S).",
)
TOO_MANY_CONNECTIONS = Cause(
    "postgresql.too-many-connections",
    Owner.DATABASE,
    Step.AUTH,
    "The server has reached its limit of connections, or the limit for this role or database. It would refuse a scan "
    "too.",
    "Raise the limit that the detail names (max_connections, ALTER ROLE ... CONNECTION LIMIT; PgBouncer: "
    "max_client_conn), end idle sessions, or scan at a quieter time.",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT count(*) FROM pg_stat_activity'",
    wire="The server answers the SSLRequest, the StartupMessage or the login with an ErrorResponse that has SQLSTATE "
    "53300, or a text such as `sorry, too many clients already`.",
)
NOT_ACCEPTING = Cause(
    "postgresql.not-accepting",
    Owner.DATABASE,
    Step.AUTH,
    "The server does not accept sessions: it is starting up, shutting down or recovering. Or a pooler (PgBouncer, "
    "pgpool2) answers, and no database answers the pooler.",
    "Wait until the server has started. If that takes long, read its log. With a pooler, check the database behind it.",
    "pg_isready -h {host} -p {port}",
    wire="The server answers the StartupMessage with an ErrorResponse that has SQLSTATE 57P01, 57P02 or 57P03, or a "
    "text such as `the database system is starting up`.",
)
SESSION_REFUSED = Cause(
    "postgresql.session-refused",
    Owner.DATABASE,
    Step.AUTH,
    "The server, or a pooler in front of it, refuses the session because of its user, database or parameters. The "
    "detail quotes its message.",
    "Resolve the problem that the message describes. With PgBouncer or pgpool2, add the user and the database to its "
    "configuration (auth_file, pool_passwd).",
    "psql -h {host} -p {port} -U {user} {database}",
    wire="The server answers the StartupMessage or the login with an ErrorResponse that has an SQLSTATE of class 28, "
    "or a text such as `no such database` (PgBouncer) or `Tenant or user not found` (Supavisor).",
)
SERVER_ERROR = Cause(
    "postgresql.server-error",
    Owner.DATABASE,
    Step.AUTH,
    "The server, or a pooler in front of it, answers with an error that scanready cannot relate to the user, the "
    "database or the rights. The server may be out of memory, for example. The detail quotes its message.",
    "Resolve the problem that the message describes. The server's log at the time of the check may have more. See the "
    "manual of the server's product for its SQLSTATEs.",
    "psql -h {host} -p {port} -U {user} {database}",
    definite=False,
    may_count=True,
    wire="The server sends an ErrorResponse with another SQLSTATE (field C), for example 53200, XX000 or one that "
    "PostgreSQL does not define.",
)
BACKEND_DOWN = Cause(
    "postgresql.backend-unavailable",
    Owner.DATABASE,
    Step.AUTH,
    "A pooler answers but provides no connection to the database behind it. The database is down, refuses the pooler, "
    "or has no free connection for it. The detail quotes the pooler's message.",
    "Start the database that the pooler's configuration names, or correct host, port and account there (PgBouncer: the "
    "[databases] section of pgbouncer.ini, its auth_file, and pool_size).",
    "On the pooler's host: psql -h DATABASE-HOST -p 5432; read PgBouncer's log for the time of the check",
    wire="The pooler answers the StartupMessage or the login with an ErrorResponse such as `query_wait_timeout` or "
    "`server login has been failing`.",
)
OTHER_PRODUCT = Cause(
    "postgresql.other-product",
    Owner.OPERATOR,
    Step.AUTH,
    "The server speaks PostgreSQL's protocol and accepts this user without a password, but does not report PostgreSQL "
    "or a related product as its version. It is a gateway or another database with the same protocol. Whether a scan "
    "can read it is unknown.",
    "Correct the port or the target type in the inventory. If you want to scan this server, name its account.",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT version()'",
    definite=False,
    wire="The server answers the StartupMessage with AuthenticationOk and ReadyForQuery, and SELECT version() with an "
    "ErrorResponse or an unknown product name.",
)
TABLE_LOCKED = Cause(
    "postgresql.table-locked",
    Owner.DATABASE,
    Step.ACCESS,
    "Another session holds a lock that prevents all reading of the table, for example a migration, VACUUM FULL or an "
    "open transaction. A scan would wait for it.",
    "Wait for the session, or end it: SELECT pid, state, query FROM pg_stat_activity WHERE pid IN "
    "(SELECT pid FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted);",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT * FROM pg_locks WHERE NOT granted'",
    definite=False,
    wire="The server answers the agent's SELECT with an ErrorResponse that has SQLSTATE 55P03, after lock_timeout "
    "(inside TLS if the server answered SSLRequest with S).",
)
READ_FAILED = Cause(
    "postgresql.read-failed",
    Owner.DATABASE,
    Step.ACCESS,
    "The login works, but reading a row fails with an error of the database. The detail quotes its message.",
    "Resolve the problem that the message describes, for example a broken view, a foreign table whose server is down, "
    "or a damaged file.",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT * FROM TABLE LIMIT 1'  # the table that the detail names",
    also=(OtherOwner(Owner.OPERATOR, "Name another table in the inventory if the scan does not need this one."),),
    wire="The server answers one of the agent's queries with an ErrorResponse (inside TLS if the server answered "
    "SSLRequest with S).",
)

#: The classes of SQLSTATEs in appendix A of PostgreSQL's manual.
_CLASSES = frozenset(
    [
        "00",
        "01",
        "02",
        "03",
        "08",
        "09",
        "0A",
        "0B",
        "0F",
        "0L",
        "0P",
        "0Z",
        "10",
        "20",
        "21",
        "22",
        "23",
        "24",
        "25",
        "26",
        "27",
        "28",
        "2B",
        "2D",
        "2F",
        "34",
        "38",
        "39",
        "3B",
        "3D",
        "3F",
        "40",
        "42",
        "44",
        "53",
        "54",
        "55",
        "57",
        "58",
        "72",
        "F0",
        "HV",
        "P0",
        "XX",
    ]
)
#: The server's own state, the same for all users, by SQLSTATE.
STATES: Mapping[str, Cause] = {
    "53300": TOO_MANY_CONNECTIONS,
    "57P01": NOT_ACCEPTING,
    "57P02": NOT_ACCEPTING,
    "57P03": NOT_ACCEPTING,
}
#: The same by message: PgBouncer and pgpool2 have no SQLSTATE of their own, and libpq reports none at the login.
WORDS: tuple[tuple[str, Cause], ...] = (
    (r"sorry, too many clients|remaining connection slots|too many connections", TOO_MANY_CONNECTIONS),
    (r"no more connections allowed", TOO_MANY_CONNECTIONS),  # PgBouncer: max_client_conn
    (r"the database system is |the database cluster is ", NOT_ACCEPTING),
    (r"query_wait_timeout", BACKEND_DOWN),  # PgBouncer 1.18 without its database (measured), or with a full pool
    (r"server login has been failing|server login failed|pgbouncer cannot connect to server", BACKEND_DOWN),
    (r"max clients reached|max client connections reached|MaxClients\w*: ", TOO_MANY_CONNECTIONS),  # Supavisor
    (r"could not get connection from the pool|(?:odyssey: \S+ )?failed to get remote server connection", BACKEND_DOWN),
    (r"all backend nodes are down|failed to create a backend|unable to connect to backend", BACKEND_DOWN),  # pgpool2
    (r"the pooler is shut down", NOT_ACCEPTING),  # PgBouncer
    (r"client_login_timeout \(server down\)|server_connect_timeout", BACKEND_DOWN),  # PgBouncer
    # PgBouncer, CockroachDB, Azure; Neon; Amazon RDS Proxy
    (r"SSL required|node is running secure mode, SSL|SSL connection is required", common.TLS_REQUIRED),
    (r"connection is insecure|this RDS Proxy requires TLS", common.TLS_REQUIRED),
)
#: Classes of SQLSTATEs for the server's resources and its operating system: they do not show that a query is unknown.
OF_THE_SYSTEM = ("53", "57", "58")
#: Classes of SQLSTATEs that refuse a session: its authorization, or its database.
_OF_SESSION = ("28", "3D")
#: The same by SQLSTATE: no right, no such role.
_OF_RIGHTS = frozenset({"42501", "42704"})
#: Words that refuse the user, the database or a parameter of the session, at the start of the message.
_REFUSES = re.compile(
    r"no such (?:database|user)|auth failed|database does not allow connections|unsupported startup parameter|"
    r"bouncer config error|"  # PgBouncer
    r"(?:\S+ )?authentication failed|"  # pgpool2
    r"tenant or user not found|"  # Supavisor
    r"no pool configured for |"  # PgCat
    r"(?:odyssey: \S+ )?route for |"  # Odyssey
    r"endpoint ID is not specified|"  # Neon
    r'database ".*" (?:does not exist|is disabled|is not currently accepting connections)|'
    r"permission denied for database |"
    r'role ".*" (?:does not exist|is not permitted to log in)|connection requires a valid client certificate',
    re.IGNORECASE | re.DOTALL,
)
#: Words about the state of an account whose password a server has judged, beside an SQLSTATE of class 28 (EDB Postgres
#: Advanced Server and openGauss lock accounts; CockroachDB and Amazon Redshift let passwords expire).
_OF_ACCOUNT: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (re.compile(r"\b(?:account|role|user)\b.*\blocked\b", re.IGNORECASE | re.DOTALL), common.LOGIN_LOCKED),
    (re.compile(r"\bpassword\b.*\bexpired\b", re.IGNORECASE | re.DOTALL), common.LOGIN_EXPIRED),
)
#: Names of the files that decide about users, anywhere in the message or its detail; no translation changes them.
_BY_FILE = re.compile(r"\b(?:pg_hba\.conf|pool_hba\.conf|pool_passwd)\b")


def of_class(sqlstate: str, known: Cause) -> Cause:
    """Return ``known`` if the SQLSTATE is empty or its class is one of PostgreSQL's, else ``SERVER_ERROR``."""
    return known if not sqlstate or sqlstate[:2] in _CLASSES else SERVER_ERROR


def of_refusal(sqlstate: str, message: str) -> Cause:
    """Return ``SESSION_REFUSED`` if the server certainly refuses this user, database or parameter, else a server error.

    Args:
        sqlstate: empty if it is unknown.
        message: the server's message, with its detail.
    """
    refuses = sqlstate[:2] in _OF_SESSION or sqlstate in _OF_RIGHTS
    refuses = refuses or bool(_REFUSES.match(message) or _BY_FILE.search(message))
    return SESSION_REFUSED if refuses else SERVER_ERROR


def of_account(sqlstate: str, message: str) -> Cause | None:
    """Return the cause of a refusal after the password that is about the account's state; None for any other."""
    if sqlstate[:2] not in ("", "28"):
        return None
    return next((cause for words, cause in _OF_ACCOUNT if words.search(message)), None)


def whoever_asks(sqlstate: str, message: str) -> Cause | None:
    """Return the cause of a refusal that is about the server's or pooler's own state; None for any other refusal."""
    in_words = (cause for words, cause in WORDS if re.match(words, message, re.IGNORECASE))
    return STATES.get(sqlstate) or next(in_words, None)
