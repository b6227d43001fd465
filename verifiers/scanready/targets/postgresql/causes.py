"""Causes that only PostgreSQL (and poolers in front of it) can give."""

from __future__ import annotations

from scanready.model import Cause, Owner, Scope, Step

HBA_REJECTED = Cause(
    "postgresql.hba-rejected",
    Owner.DATABASE,
    Step.AUTH,
    "pg_hba.conf does not let this agent in with this user, database and encryption.",
    "Add the line of the fix to pg_hba.conf (before any reject line that matches), then SELECT pg_reload_conf();",
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
    "Raise the limit that the detail names (max_connections, ALTER ROLE ... CONNECTION LIMIT), end idle sessions, or "
    "scan at a quieter time.",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT count(*) FROM pg_stat_activity'",
)
NOT_ACCEPTING = Cause(
    "postgresql.not-accepting",
    Owner.DATABASE,
    Step.AUTH,
    "The server runs but does not accept sessions: it is starting up, shutting down or recovering.",
    "Wait until it has started; look at its log if that takes long.",
    "pg_isready -h {host} -p {port}",
)
SESSION_REFUSED = Cause(
    "postgresql.session-refused",
    Owner.DATABASE,
    Step.AUTH,
    "The server, or a pooler in front of it, refuses the session for a reason of its own; the detail has its words.",
    "Resolve what the message says; with PgBouncer, add the user and the database to its configuration.",
    "psql -h {host} -p {port} -U {user} {database}",
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
    "Resolve what the message says (a view that is broken, a foreign table whose server is away, a damaged file), or "
    "name another table in the inventory.",
    "psql -h {host} -p {port} -U {user} {database} -c 'SELECT * FROM TABLE LIMIT 1'  # the table that the detail names",
)
