"""Fixes for a SQL Server: users, grants, the firewall of Azure."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import ADDRESS, BRACKETED_HOST, BRACKETED_NAME, PORTS

READ_DATABASE = Fix(
    "USE {database}; CREATE USER {user} FOR LOGIN {user}; ALTER ROLE db_datareader ADD MEMBER {user};",
    database=BRACKETED_NAME,
    user=BRACKETED_NAME,
)
GRANT_TABLE = Fix(
    "USE {database}; GRANT SELECT ON {schema}.{table} TO {user};",
    database=BRACKETED_NAME,
    schema=BRACKETED_NAME,
    table=BRACKETED_NAME,
    user=BRACKETED_NAME,
)
FIREWALL = Fix("EXEC sp_set_firewall_rule N'scan agent', '{agent}', '{agent}';", agent=ADDRESS)
#: For the inventory: the same host, at the port that its instance listens on.
OTHER_PORT = Fix("mssql://{host}:{port}", host=BRACKETED_HOST, port=PORTS)
