"""Fixes for an Oracle Database and its listener."""

from __future__ import annotations

from scanready.remedies.fixes import Fix
from scanready.remedies.quoting import ADDRESS, SQL_NAME_WITHOUT_QUOTES

GRANT_SESSION = Fix("GRANT CREATE SESSION TO {user};", user=SQL_NAME_WITHOUT_QUOTES)
#: A line of sqlnet.ora.
INVITE = Fix("tcp.invited_nodes = (localhost, {agent})", agent=ADDRESS)
