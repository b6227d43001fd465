"""Databases."""

from __future__ import annotations

from scanready.model import Step

from .row import Cost, TargetType, one_port

_DATABASES = "Proxy Agent Network Requirements"

DATABASES: tuple[TargetType, ...] = (
    TargetType(
        "db2",
        "IBM DB2",
        50000,
        one_port(50000, "IBM DB2 server", _DATABASES, '"To scan IBM DB2 databases."'),
        Cost(2, 3, login_attempts=1, log="nothing"),  # again in TLS; and IBM's driver, where the login is not ours
        speaks="drda",
        path="database",
        options=("allow_cleartext",),
        proven_by="Apache Derby (DRDA); IBM's driver against literal bytes",
    ),
    TargetType(
        "informix",
        "IBM Informix",
        9088,
        one_port(9088, "IBM Informix server", _DATABASES, '"To scan IBM Informix databases."'),
        # The DRDA listener, or the driver, which reads after our own login was accepted.
        Cost(2, 2, login_attempts=2, log="one failed login of scanready_probe, with allow_login_probe alone"),
        speaks="sqli",
        path="database",
        options=("server", "table", "tls", "allow_login_probe", "allow_cleartext"),
        doubt="9088 is usually the native SQLI listener; DRDA clients use 9089.",
        proven_by="informix-driver against literal bytes",
    ),
    TargetType(
        "mysql",
        "MySQL or MariaDB",
        3306,
        one_port(3306, "MySQL or MariaDB server", _DATABASES, '"To scan MySQL or MariaDB databases."'),
        Cost(1, 1, probe_logins=1, login_attempts=1, log="without a credential one refused login of scanready_probe"),
        speaks="mysql",
        server_first=True,
        path="database",
        options=("table", "allow_cleartext"),
        proven_by="MariaDB",
    ),
    TargetType(
        "mssql",
        "Microsoft SQL Server",
        1433,
        one_port(1433, "Microsoft SQL server", _DATABASES, '"To scan Microsoft SQL databases."'),
        # Again in TLS, the Browser's answer and the port it names; with a login, where that is sent on to.
        Cost(4, 5, login_attempts=1, log="one event (17830) where a handshake is left before the login"),
        speaks="tds",
        path="instance",
        options=("database", "table", "allow_cleartext"),
        doubt="Named instances listen on a dynamic port that only the SQL Browser (UDP 1434) tells.",
        proven_by="pytds, pymssql, FreeTDS and Microsoft's ODBC driver against literal bytes",
    ),
    TargetType(
        "oracle",
        "Oracle Database",
        1521,
        one_port(1521, "Oracle database server", _DATABASES, '"To scan Oracle databases."'),
        # Again in TLS, and three listeners that it is sent on to.
        Cost(5, 6, login_attempts=1, log="one line of the alert log (ORA-00609) where a service is named"),
        speaks="tns",
        path="service",
        options=("sid", "table"),
        proven_by="oracledb against literal bytes",
    ),
    TargetType(
        "postgresql",
        "PostgreSQL",
        5432,
        one_port(5432, "PostgreSQL server", _DATABASES, '"To scan PostgreSQL databases."'),
        Cost(2, 3, login_attempts=1, log="nothing when the login prompt is reached"),  # where TLS is refused, without
        speaks="postgresql",
        path="database",
        options=("table", "user", "allow_cleartext"),
        proven_by="PostgreSQL, PgBouncer",
    ),
    TargetType(
        "sybase",
        "Sybase / SAP ASE",
        3638,
        one_port(3638, "Sybase/SAP ASE", _DATABASES, '"To scan Sybase/SAP ASE databases."'),
        # Two ports that are usual, where the given one is closed.
        Cost(2, 2, login_attempts=1, log="one failed login of scanready_probe, with allow_login_probe alone"),
        speaks="tds",
        path="database",
        options=("table", "tls", "allow_login_probe", "allow_cleartext"),
        doubt="SAP ASE usually listens on 5000 or 4901.",
        proven_by="FreeTDS against literal bytes",
    ),
    TargetType(
        "teradata",
        "Teradata",
        1025,
        one_port(1025, "Teradata database server", _DATABASES, '"To scan Teradata databases."'),
        Cost(10, 11, login_attempts=1),  # two, and one for each further node (COP name), eight at most
        speaks="teradata",
        path="database",
        proven_by="teradatasql against literal bytes",
    ),
    TargetType(
        "tibero",
        "Tibero",
        8629,
        one_port(8629, "Tibero database server", _DATABASES, '"To scan Tibero databases."'),
        Cost(1, 1),
        speaks="tibero",
        server_first=True,
        path="database",
        steps=tuple(Step)[:5],
        proven_by="nobody: its protocol is not public, so never more than `undecided`",
    ),
)
