"""Define Microsoft SQL Server as a target type."""

from __future__ import annotations

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import ALLOW_CLEARTEXT, DATABASE, TABLE, Option
from scanready.catalogue.row import Broker, Called, Cost, Detour, Driver, Group, Judge, Nmap, TargetType, given_by_type
from scanready.model import Target

#: The name of the default instance. A request for it is the same as a request without a name, so the check begins
#: at the target's port and not at the Browser.
DEFAULT_INSTANCE = "MSSQLSERVER"
_PORT = 1433


def _instance(target: Target) -> str | None:
    """Return the named instance whose port only the SQL Browser knows; None if the target has a port."""
    name = str(target.options.get("instance") or "")
    named = name and name.upper() != DEFAULT_INSTANCE
    return f"instance {name}" if named and not target.explicit_port and target.port == _PORT else None


def _has_a_port(target: Target) -> bool:
    return given_by_type(target) and _instance(target) is None


MSSQL = TargetType(
    "mssql",
    "Microsoft SQL Server",
    _PORT,
    # A second connection in TLS, the Browser's answer and its port; with a login, the server of a redirect.
    Cost(
        4,
        5,
        login_attempts=1,
        log="one event (17830) for a handshake that ends before the login",
        detours=(
            Detour("1434", "no SQL Server answers on the target's port", transport="udp", applies=_has_a_port),
            Detour("1024-65535", "the SQL Browser names another port then", applies=_has_a_port),
        ),
    ),
    speaks="tds",
    home=__package__,
    group=Group.DATABASES,
    place=4,
    path="instance",
    options=(Option("instance"), DATABASE, TABLE, ALLOW_CLEARTEXT),
    guessed=True,
    drivers=(Driver("pytds", "python-tds", "db"),),
    # Windows gives an instance without a fixed port one of its dynamic ports.
    brokers=(Broker("SQL Browser", 1434, "udp", "49152-65535", _instance),),
    nmap=Nmap(
        services=("ms-sql-s",),
        parts={"ms-sql-m": "the SQL Browser; a check of an mssql target asks it for instances"},
    ),
    called=Called(names=("sqlserver", "tds", "microsoft sql server", "sql server", "ms sql")),
    notations=(
        Notation(
            "a JDBC URL",
            r"jdbc:sqlserver://<HOST>?(?:\\(?P<instance>[\w$]+))?<PORT>(?:;<SETTINGS>)?",
            "mssql://{host}[:{port}][/{instance}]",
            {
                **dict.fromkeys(("servername", "server"), "host"),
                **dict.fromkeys(("portnumber", "port"), "port"),
                **dict.fromkeys(("databasename", "database"), "database"),
                "instancename": "instance",
            },
        ),
        Notation(
            "a JDBC URL",
            r"jdbc:jtds:sqlserver://<HOST><PORT>(?:/(?P<database>[\w$%.-]*))?(?:;<SETTINGS>)?",
            "mssql://{host}[:{port}][/{instance}]",
            {"instance": "instance"},
        ),
        Notation(
            "an instance",
            r"(?!jdbc:)(?:mssql://)?<USER><HOST>\\(?P<instance>[\w$]+)(?:,(?P<port>[0-9]{1,5}))?",
            "mssql://{host}[:{port}][/{instance}]",
        ),
        Notation(
            "a server with a port after a comma", r"(?:mssql://)?<HOST>,(?P<port>[0-9]{1,5})", "mssql://{host}[:{port}]"
        ),
    ),
    proven_by="an emulator that pytds, pymssql, FreeTDS and Microsoft's ODBC driver accept",
    judges=(
        Judge("pytds", "client", "tests/emulators/test_mssql_judges.py"),
        Judge("pymssql", "client", "tests/emulators/test_mssql_judges.py"),
        Judge("FreeTDS", "client", "tests/emulators/test_mssql_judges.py"),
        Judge("mssql_python", "client", "tests/emulators/test_mssql_judges.py"),
    ),
)
