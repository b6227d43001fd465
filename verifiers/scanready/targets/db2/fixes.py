"""Fixes for a DB2 database."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import SQL_NAME

GRANT_CONNECT = Fix("GRANT CONNECT ON DATABASE TO USER {user};", user=SQL_NAME)
