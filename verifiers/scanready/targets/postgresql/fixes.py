"""Define the fixes for a PostgreSQL server: lines of pg_hba.conf, grants."""

from __future__ import annotations

from scanready.remedies.fixes import Fix, on_target
from scanready.remedies.quoting import HBA_CONNECTION, HBA_NAME, NETWORK, SQL_NAME

_PSQL = on_target("in psql as a superuser", "--")
_PSQL_THERE = on_target("in psql as a superuser, in the database that was read", "--")

HBA_LINE = Fix(
    "{connection} {database} {user} {agent} scram-sha-256",
    at=on_target("in pg_hba.conf, above the lines that match; then SELECT pg_reload_conf()"),
    connection=HBA_CONNECTION,
    database=HBA_NAME,
    user=HBA_NAME,
    agent=NETWORK,
)
ALLOW_CONNECTIONS = Fix("ALTER DATABASE {database} ALLOW_CONNECTIONS true;", at=_PSQL, database=SQL_NAME)
GRANT_CONNECT = Fix("GRANT CONNECT ON DATABASE {database} TO {user};", at=_PSQL, database=SQL_NAME, user=SQL_NAME)
GRANT_SCHEMA = Fix(
    "GRANT USAGE ON SCHEMA {schema} TO {user}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user};",
    at=_PSQL_THERE,
    schema=SQL_NAME,
    user=SQL_NAME,
)
GRANT_TABLE = Fix(
    "GRANT USAGE ON SCHEMA {schema} TO {user}; GRANT SELECT ON {schema}.{table} TO {user};",
    at=_PSQL_THERE,
    schema=SQL_NAME,
    table=SQL_NAME,
    user=SQL_NAME,
)
