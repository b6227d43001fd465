"""Define PostgreSQL as a target type."""

from __future__ import annotations

from dataclasses import replace

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import ALLOW_CLEARTEXT, ALLOW_UNTRUSTED, DATABASE, TABLE, USER
from scanready.catalogue.row import Called, Cost, Driver, Group, Judge, Nmap, TargetType

#: The database that every installation has; every role may connect to it unless that was revoked.
USUAL_DATABASE = "postgres"

POSTGRESQL = TargetType(
    "postgresql",
    "PostgreSQL",
    5432,
    # The second connection is in clear text, if the server refuses the first one inside TLS.
    Cost(2, 3, login_attempts=1, log="nothing when the login prompt is reached"),
    speaks="postgresql",
    home=__package__,
    group=Group.DATABASES,
    place=6,
    starttls="postgres",
    path="database",
    options=(replace(DATABASE, usual=USUAL_DATABASE), TABLE, USER, ALLOW_CLEARTEXT, ALLOW_UNTRUSTED),
    guessed=True,
    drivers=(Driver("psycopg", "psycopg", "db"),),
    nmap=Nmap(services=("postgresql",)),
    called=Called(names=("pgsql", "pg", "postgres")),
    notations=(
        Notation(
            "a JDBC URL",
            r"jdbc:postgresql://<HOST><PORT>(?:/(?P<database>[\w$%.-]*))?(?:\?<SETTINGS>)?",
            "postgresql://{host}[:{port}][/{database}]",
        ),
    ),
    proven_by="PostgreSQL, PgBouncer, pgpool2, PGlite",
    judges=(
        Judge("PostgreSQL", "server", "tests/lab/test_postgresql.py"),
        Judge("PgBouncer", "server", "tests/peers/test_postgresql.py"),
        Judge("pgpool2", "server", "tests/peers/test_postgresql.py"),
        Judge("PGlite", "server", "tests/peers/test_postgresql.py"),
        Judge("psql", "client", "tests/peers/test_postgresql.py"),
        Judge("psycopg", "client", "tests/emulators/test_judges.py"),
    ),
)
