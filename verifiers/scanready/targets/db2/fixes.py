"""Define the fixes for a DB2 database."""

from __future__ import annotations

from scanready.remedies.fixes import Fix, on_target
from scanready.remedies.quoting import SQL_NAME

GRANT_CONNECT = Fix(
    "GRANT CONNECT ON DATABASE TO USER {user};",
    at=on_target("in db2 -t, connected to the database", "--"),
    user=SQL_NAME,
)
