"""Define the fixes for a SQL Server: users, grants, the firewall of Azure."""

from __future__ import annotations

from scanready.remedies.fixes import IN_INVENTORY, Fix, on_target
from scanready.remedies.quoting import ADDRESS, BRACKETED_HOST, BRACKETED_NAME, PORTS

_SQLCMD = on_target("in sqlcmd or Management Studio, as an administrator", "--")

READ_DATABASE = Fix(
    "USE {database}; CREATE USER {user} FOR LOGIN {user}; ALTER ROLE db_datareader ADD MEMBER {user};",
    at=_SQLCMD,
    database=BRACKETED_NAME,
    user=BRACKETED_NAME,
)
GRANT_TABLE = Fix(
    "USE {database}; GRANT SELECT ON {schema}.{table} TO {user};",
    at=_SQLCMD,
    database=BRACKETED_NAME,
    schema=BRACKETED_NAME,
    table=BRACKETED_NAME,
    user=BRACKETED_NAME,
)
FIREWALL = Fix(
    "EXEC sp_set_firewall_rule N'scan agent', '{agent}', '{agent}';",
    at=on_target("in sqlcmd, in the database master", "--"),
    agent=ADDRESS,
)
#: A line of the inventory: the same host with the port of its instance.
OTHER_PORT = Fix("mssql://{host}:{port}", at=IN_INVENTORY, host=BRACKETED_HOST, port=PORTS)
