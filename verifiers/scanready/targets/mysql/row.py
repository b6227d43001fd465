"""Define MySQL and MariaDB as a target type."""

from __future__ import annotations

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import ALLOW_CLEARTEXT, DATABASE, TABLE
from scanready.catalogue.row import Called, Cost, Driver, Group, Judge, Nmap, TargetType

MYSQL = TargetType(
    "mysql",
    "MySQL or MariaDB",
    3306,
    Cost(
        1,
        1,
        probe_logins=1,
        login_attempts=1,
        log="without a credential one refused login of scanready_probe",
        shared=True,
    ),
    speaks="mysql",
    home=__package__,
    group=Group.DATABASES,
    place=3,
    server_first=True,
    counts_hang_ups=True,
    starttls="mysql",
    path="database",
    options=(DATABASE, TABLE, ALLOW_CLEARTEXT),
    guessed=True,
    drivers=(Driver("pymysql", "PyMySQL", "db"),),
    nmap=Nmap(services=("mysql", "mariadb")),
    called=Called(names=("mariadb",)),
    notations=(
        Notation(
            "a JDBC URL",
            r"jdbc:(?:mysql|mariadb)(?::\w+)?://<USER><HOST><PORT>(?:/(?P<database>[\w$%.-]*))?(?:\?<SETTINGS>)?",
            "mysql://{host}[:{port}][/{database}]",
        ),
    ),
    proven_by="MariaDB",
    judges=(
        Judge("MariaDB", "server", "tests/lab/test_mysql.py"),
        Judge("mariadb", "client", "tests/peers/test_mysql.py"),
        Judge("pymysql", "client", "tests/emulators/test_judges.py"),
    ),
)
