"""Fixes for a PostgreSQL server: lines of pg_hba.conf, grants."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import HBA_CONNECTION, HBA_NAME, NETWORK, SQL_NAME

HBA_LINE = Fix(
    "{connection} {database} {user} {agent} scram-sha-256",
    connection=HBA_CONNECTION,
    database=HBA_NAME,
    user=HBA_NAME,
    agent=NETWORK,
)
#: The same where the inventory names no user.
HBA_LINE_FOR_ALL = Fix(
    "{connection} {database} all {agent} scram-sha-256", connection=HBA_CONNECTION, database=HBA_NAME, agent=NETWORK
)
ALLOW_CONNECTIONS = Fix("ALTER DATABASE {database} ALLOW_CONNECTIONS true;", database=SQL_NAME)
GRANT_CONNECT = Fix("GRANT CONNECT ON DATABASE {database} TO {user};", database=SQL_NAME, user=SQL_NAME)
GRANT_SCHEMA = Fix(
    "GRANT USAGE ON SCHEMA {schema} TO {user}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {user};",
    schema=SQL_NAME,
    user=SQL_NAME,
)
GRANT_TABLE = Fix(
    "GRANT USAGE ON SCHEMA {schema} TO {user}; GRANT SELECT ON {schema}.{table} TO {user};",
    schema=SQL_NAME,
    table=SQL_NAME,
    user=SQL_NAME,
)
