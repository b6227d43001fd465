"""Define the fixes for a MySQL or MariaDB server: accounts and grants."""

from __future__ import annotations

from scanready.remedies.fixes import Fix, on_target
from scanready.remedies.quoting import BACKTICKED_DATABASE, BACKTICKED_HOST, BACKTICKED_NAME, SQL_HOST, SQL_TEXT

_MYSQL = on_target("in mysql as an administrator", "--")
_ACCOUNT = {"user": SQL_TEXT.called("'SCAN-ACCOUNT'"), "agent": SQL_HOST}
_EXISTING = {"user": BACKTICKED_NAME, "host": BACKTICKED_HOST}

CREATE_ACCOUNT = Fix(
    "CREATE USER {user}@{agent} IDENTIFIED BY '...'; GRANT SELECT ON *.* TO {user}@{agent};", at=_MYSQL, **_ACCOUNT
)
CREATE_ACCOUNT_FOR_DATABASE = Fix(
    "CREATE USER {user}@{agent} IDENTIFIED BY '...'; GRANT SELECT ON {database}.* TO {user}@{agent};",
    at=_MYSQL,
    **_ACCOUNT,
    database=BACKTICKED_DATABASE,
)
GRANT_ALL = Fix("GRANT SELECT ON *.* TO {user}@{host};", at=_MYSQL, **_EXISTING)
GRANT_DATABASE = Fix(
    "GRANT SELECT ON {database}.* TO {user}@{host};", at=_MYSQL, **_EXISTING, database=BACKTICKED_DATABASE
)
GRANT_TABLE = Fix(
    "GRANT SELECT ON {database}.{table} TO {user}@{host};",
    at=_MYSQL,
    **_EXISTING,
    database=BACKTICKED_NAME,
    table=BACKTICKED_NAME,
)

FORGET_HOSTS = Fix("FLUSH HOSTS;  -- MySQL 8.4 and newer: TRUNCATE TABLE performance_schema.host_cache;", at=_MYSQL)


def account(user: str | None, agent: str | None, database: str | None) -> str:
    """Return the fix that creates an account for ``agent`` with read access to ``database`` (None: all databases).

    The fix has a placeholder for a user or agent that is None: the target names no user, or the server did not report
    the agent's address.
    """
    if database:
        return CREATE_ACCOUNT_FOR_DATABASE(user=user, agent=agent, database=database)
    return CREATE_ACCOUNT(user=user, agent=agent)


def grant(account: str, database: str | None, table: str | None) -> str:
    """Return the grant that lets the account ``user@host`` read a table, a database (no table) or all databases."""
    user, _, host = account.rpartition("@")
    if database and table:
        return GRANT_TABLE(user=user, host=host, database=database, table=table)
    if database:
        return GRANT_DATABASE(user=user, host=host, database=database)
    return GRANT_ALL(user=user, host=host)
