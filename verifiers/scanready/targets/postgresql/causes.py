"""Causes that only PostgreSQL (and poolers in front of it) can give."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanready.model import Cause, OtherOwner, Owner, Scope, Step

HBA_REJECTED = Cause(
    "postgresql.hba-rejected",
    Owner.DATABASE,
    Step.AUTH,
    "pg_hba.conf does not let this agent in with this user, database and encryption.",
    "Add the line of the fix to pg_hba.conf (before any reject line that matches), then SELECT pg_reload_conf(); at a "
    "provider that keeps pg_hba.conf to itself, admit the agent's address in the service's own network rules.",
    "psql -h {host} -p {port} -U {user} {database}  # the FATAL line names what was refused",
    scoped=Scope.PATH,
)
TLS_REFUSED = Cause(
    "postgresql.tls-refused",
    Owner.DATABASE,
    Step.AUTH,
    "pg_hba.conf lets this agent in without encryption only; a client that encrypts when it can is turned away.",
    "Make the matching pg_hba.conf line `host` or `hostssl` instead of `hostnossl`.",
    "PGSSLMODE=require psql -h {host} -p {port} -U {user} {database}",
)
METHOD_NOT_PASSWORD = Cause(
    "postgresql.method-not-password",
    Owner.DATABASE,
    Step.AUTH,
    "The server asks this user for something else than a password; the scanner logs in with a password.",
    "Give the scan account a pg_hba.conf line with scram-sha-256.",
    "psql -h {host} -p {port} -U {user} {database}",
)
TOO_MANY_CONNECTIONS = Cause(
    "postgresql.too-many-connections",
    Owner.DATABASE,
    Step.AUTH,
    "All connections that the server, or its limit for this role or database, permits are taken; a scan would be "
    "turned away likewise.",
    "Raise the limit that the detail names (max_connections, ALTER ROLE ... CONNECTION LIMIT; PgBouncer: "
    "max_client_conn), end idle sessions, or scan at a quieter time.",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT count(*) FROM pg_stat_activity'",
)
NOT_ACCEPTING = Cause(
    "postgresql.not-accepting",
    Owner.DATABASE,
    Step.AUTH,
    "The server does not accept sessions: it is starting up, shutting down or recovering; or a pooler answers in front "
    "of it (PgBouncer, pgpool2), and no database answers the pooler.",
    "Wait until it has started; look at its log if that takes long. At a pooler, look for the database behind it.",
    "pg_isready -h {host} -p {port}",
)
SESSION_REFUSED = Cause(
    "postgresql.session-refused",
    Owner.DATABASE,
    Step.AUTH,
    "The server, or a pooler in front of it, refuses the session for a reason of its own; the detail has its words.",
    "Resolve what the message says; with PgBouncer or pgpool2, add the user and the database to its configuration "
    "(auth_file, pool_passwd).",
    "psql -h {host} -p {port} -U {user} {database}",
)
SERVER_ERROR = Cause(
    "postgresql.server-error",
    Owner.DATABASE,
    Step.AUTH,
    "The server answers with an error of a class that PostgreSQL does not have (the first two characters of the "
    "SQLSTATE), so its meaning is not known. The detail has its words.",
    "Resolve what the message says; the manual of the product that answers has its SQLSTATEs.",
    "psql -h {host} -p {port} -U {user} {database}",
    definite=False,
    may_count=True,
)
BACKEND_DOWN = Cause(
    "postgresql.backend-unavailable",
    Owner.DATABASE,
    Step.AUTH,
    "A pooler answers, and gives no connection to the database behind it: the database is away, refuses the pooler, or "
    "all connections to it are in use. The detail has the pooler's words.",
    "Start the database that the pooler's configuration names, or correct host, port and account there (PgBouncer: the "
    "[databases] section of pgbouncer.ini, its auth_file, and pool_size).",
    "On the pooler's host: psql -h DATABASE-HOST -p 5432; PgBouncer's log at the time of the check",
)
OTHER_PRODUCT = Cause(
    "postgresql.other-product",
    Owner.OPERATOR,
    Step.AUTH,
    "The server speaks PostgreSQL's protocol, lets this user in without a password, and does not say that it is "
    "PostgreSQL or one of its relatives: a gateway, or another database that PostgreSQL's clients can talk to. Whether "
    "a scan can read it is not known.",
    "Correct the port or the target type in the inventory; if a scan of this server is intended, name its account.",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT version()'",
    definite=False,
)
TABLE_LOCKED = Cause(
    "postgresql.table-locked",
    Owner.DATABASE,
    Step.ACCESS,
    "Another session holds a lock that keeps everybody from reading the table: a migration, VACUUM FULL, a forgotten "
    "transaction. A scan would wait there.",
    "Wait for the session, or end it: SELECT pid, state, query FROM pg_stat_activity WHERE pid IN "
    "(SELECT pid FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted);",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT * FROM pg_locks WHERE NOT granted'",
    definite=False,
)
READ_FAILED = Cause(
    "postgresql.read-failed",
    Owner.DATABASE,
    Step.ACCESS,
    "The login works, and reading a row fails with an error of the database's own; the detail has its words.",
    "Resolve what the message says (a view that is broken, a foreign table whose server is away, a damaged file).",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT * FROM TABLE LIMIT 1'  # the table that the detail names",
    also=(OtherOwner(Owner.OPERATOR, "Name another table in the inventory, if a scan does without this one."),),
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
#: The same in words: PgBouncer and pgpool2 have no SQLSTATE of their own for them, and libpq tells none at the login.
WORDS: tuple[tuple[str, Cause], ...] = (
    (r"sorry, too many clients|remaining connection slots|too many connections", TOO_MANY_CONNECTIONS),
    (r"no more connections allowed", TOO_MANY_CONNECTIONS),  # PgBouncer: max_client_conn
    (r"the database system is |the database cluster is ", NOT_ACCEPTING),
    (r"query_wait_timeout", BACKEND_DOWN),  # PgBouncer 1.18 whose database is away (measured), or whose pool is in use
    (r"server login has been failing|server login failed|pgbouncer cannot connect to server", BACKEND_DOWN),
    (r"max clients reached|MaxClients\w*: ", TOO_MANY_CONNECTIONS),  # Supavisor
    (r"could not get connection from the pool|(?:odyssey: \S+ )?failed to get remote server connection", BACKEND_DOWN),
    (r"all backend nodes are down|failed to create a backend|unable to connect to backend", BACKEND_DOWN),  # pgpool2
)


def of_class(sqlstate: str, known: Cause) -> Cause:
    """Return ``known`` for an SQLSTATE of a class of PostgreSQL's, or for none; what another means is not known."""
    return known if not sqlstate or sqlstate[:2] in _CLASSES else SERVER_ERROR


def whoever_asks(sqlstate: str, message: str) -> Cause | None:
    """Return the cause of a refusal that is about the state of the server, or of its pooler; None for any other."""
    in_words = (cause for words, cause in WORDS if re.match(words, message, re.IGNORECASE))
    return STATES.get(sqlstate) or next(in_words, None)
