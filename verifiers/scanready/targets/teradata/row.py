"""Define Teradata as a target type."""

from __future__ import annotations

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import ALLOW_CLEARTEXT, DATABASE
from scanready.catalogue.row import Cost, Detour, Driver, Group, Judge, TargetType, given_by_type
from scanready.model import Step

TERADATA = TargetType(
    "teradata",
    "Teradata",
    1025,
    # Two connections, and one for each other node (COP name), at most eight.
    Cost(
        10,
        11,
        login_attempts=1,
        detours=(
            Detour("443", "port 1025 cannot be reached, or to see whether drivers could use HTTPS"),
            Detour(
                "1025", "the resolver knows these names", "further nodes (NAMEcop1 to NAMEcop8)", applies=given_by_type
            ),
        ),
    ),
    speaks="teradata",
    home=__package__,
    group=Group.DATABASES,
    place=8,
    path="database",
    options=(DATABASE, ALLOW_CLEARTEXT),
    steps=tuple(step for step in Step if step is not Step.TLS),
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
