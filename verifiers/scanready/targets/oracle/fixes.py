"""Define the fixes for an Oracle Database and its listener."""

from __future__ import annotations

from scanready.remedies.fixes import Fix, on_target
from scanready.remedies.quoting import ADDRESS, SQL_NAME_WITHOUT_QUOTES

GRANT_SESSION = Fix(
    "GRANT CREATE SESSION TO {user};", at=on_target("in sqlplus / as sysdba", "--"), user=SQL_NAME_WITHOUT_QUOTES
)
#: A line of sqlnet.ora.
INVITE = Fix(
    "tcp.invited_nodes = (localhost, {agent})",
    at=on_target("in the listener's sqlnet.ora; then run lsnrctl reload"),
    agent=ADDRESS,
)
