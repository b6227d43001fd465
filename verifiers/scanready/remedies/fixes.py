"""The literal things to apply: rules and lines that people paste, made from what was seen. Pure text."""

from __future__ import annotations


def firewall_rule(agent: str, address: str, ports: int | str, transport: str = "tcp") -> str:
    """An nftables expression that permits the connection; readable to any firewall team.

    ``ports`` is one port, or a range of them as nftables writes it: "49152-65535".
    """
    ip = "ip6" if ":" in address else "ip"
    return f"{ip} saddr {agent} {ip} daddr {address} {transport} dport {ports} accept"


def nfs_export(path: str, agent: str) -> str:
    """A line of /etc/exports that lets the agent read a path."""
    quoted = f'"{path}"' if any(character.isspace() for character in path) else path
    return f"{quoted} {agent}(ro,sync,no_subtree_check)"


def pg_hba_line(connection: str, database: str, user: str, address: str) -> str:
    """A line of pg_hba.conf; ``connection`` is ``host`` or ``hostssl``."""
    mask = 128 if ":" in address else 32
    return f"{connection} {_hba_name(database)} {_hba_name(user)} {address}/{mask} scram-sha-256"


def _hba_name(name: str) -> str:
    """Quoted where pg_hba.conf would take it for something else (white space, a comma, ``+group``, ``@file``)."""
    plain = name and all(character.isalnum() or character in "_-." for character in name)
    return name if plain else '"' + name.replace('"', '""') + '"'


def powershell_text(text: str) -> str:
    """A text in PowerShell's quotes, in which nothing is expanded."""
    return "'" + text.replace("'", "''") + "'"


def sql_name(name: str) -> str:
    """A quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def tsql_name(name: str) -> str:
    """An identifier in the brackets of Transact-SQL, as SQL Server and ASE take it."""
    return "[" + name.replace("]", "]]") + "]"


def pg_connect_grant(database: str, user: str) -> str:
    """Let a role connect to a database."""
    return f"GRANT CONNECT ON DATABASE {sql_name(database)} TO {sql_name(user)};"


def mysql_account(user: str, host: str, database: str | None = None) -> str:
    """Create a MySQL account that may come from ``host`` and read ``database`` (None: all of them)."""
    account = f"{_mysql_text(user)}@{_mysql_text(host)}"
    return f"CREATE USER {account} IDENTIFIED BY '...'; {mysql_grant(account, database)}"


def mysql_grant(account: str, database: str | None, table: str | None = None) -> str:
    """Let an account, quoted already, read a table, a database (table None) or all of them (database None)."""
    what = f"{mysql_name(database)}.{mysql_name(table) if table else '*'}" if database else "*.*"
    return f"GRANT SELECT ON {what} TO {account};"


def mysql_name(name: str) -> str:
    """An identifier in MySQL's quotes."""
    return "`" + name.replace("`", "``") + "`"


def _mysql_text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
