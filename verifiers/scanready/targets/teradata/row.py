"""Define Teradata as a target type."""

from __future__ import annotations

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import ALLOW_CLEARTEXT, DATABASE
from scanready.catalogue.row import Cost, Driver, Group, Judge, TargetType

TERADATA = TargetType(
    "teradata",
    "Teradata",
    1025,
    Cost(10, 11, login_attempts=1),  # two connections, and one for each other node (COP name), at most eight
    speaks="teradata",
    home=__package__,
    group=Group.DATABASES,
    place=8,
    path="database",
    options=(DATABASE, ALLOW_CLEARTEXT),
    guessed=True,
    drivers=(Driver("teradatasql", "teradatasql", "teradata"),),
    notations=(
        Notation(
            "a JDBC URL",
            r"jdbc:teradata://<HOST>(?:/<SETTINGS>)?",
            "teradata://{host}[:{port}][/{database}]",
            {"database": "database", "dbs_port": "port"},
        ),
    ),
    proven_by="an emulator that teradatasql accepts",
    judges=(Judge("teradatasql", "client", "tests/emulators/test_teradata_judge.py"),),
    no_other_judge="the server has no package, and all Python drivers for Teradata use this one",
)
