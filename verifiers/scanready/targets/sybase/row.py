"""Define Sybase (now SAP ASE) as a target type."""

from __future__ import annotations

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import ALLOW_CLEARTEXT, ALLOW_LOGIN_PROBE, DATABASE, TABLE, TLS
from scanready.catalogue.row import Called, Cost, Detour, Group, Judge, Nmap, TargetType, on_default_port

SYBASE = TargetType(
    "sybase",
    "Sybase / SAP ASE",
    3638,
    # The two usual ports, if the given one is closed.
    Cost(
        2,
        2,
        login_attempts=1,
        log="one failed login by scanready_probe, only with allow_login_probe",
        detours=(Detour("4901,5000", "port 3638 refuses the connection", applies=on_default_port),),
    ),
    speaks="tds",
    home=__package__,
    group=Group.DATABASES,
    place=7,
    path="database",
    options=(DATABASE, TABLE, TLS, ALLOW_LOGIN_PROBE, ALLOW_CLEARTEXT),
    guessed=True,
    nmap=Nmap(services=("sybase", "sybaseanywhere")),
    called=Called(names=("ase", "sap", "sap ase", "syb")),
    notations=(
        Notation(
            "a JDBC URL",
            r"jdbc:(?:sybase:Tds|jtds:sybase):(?://)?<HOST><PORT>(?:/(?P<database>[\w$-]+))?(?:[?;]<SETTINGS>)?",
            "sybase://{host}[:{port}][/{database}]",
        ),
    ),
    proven_by="an emulator that FreeTDS and jTDS accept",
    judges=(
        Judge("FreeTDS", "client", "tests/emulators/test_sybase_judge.py"),
        Judge("jTDS", "client", "tests/peers/test_drivers.py"),
    ),
)
