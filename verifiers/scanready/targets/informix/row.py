"""Define IBM Informix as a target type."""

from __future__ import annotations

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import (
    ALLOW_CLEARTEXT,
    ALLOW_LOGIN_PROBE,
    ALLOW_UNTRUSTED,
    DATABASE,
    TABLE,
    TLS,
    Option,
)
from scanready.catalogue.row import Called, Cost, Detour, Driver, Group, Judge, Nmap, TargetType, on_default_port

INFORMIX = TargetType(
    "informix",
    "IBM Informix",
    9088,
    # The second connection is for the DRDA listener, or for the driver after scanready's own login was accepted.
    Cost(
        2,
        2,
        login_attempts=2,
        log="one failed login by scanready_probe, only with allow_login_probe",
        logins_for="one to log in and one to read; the second only after the first was accepted",
        detours=(
            Detour("9089", "no login is made: the DRDA listener is asked for its version", applies=on_default_port),
        ),
    ),
    speaks="sqli",
    home=__package__,
    group=Group.DATABASES,
    place=2,
    path="database",
    options=(DATABASE, Option("server"), TABLE, TLS, ALLOW_LOGIN_PROBE, ALLOW_CLEARTEXT, ALLOW_UNTRUSTED),
    guessed=True,
    drivers=(Driver("informix_db", "informix-driver", "informix", "supports SQLI only, not the DRDA listener"),),
    nmap=Nmap(services=("informix",)),
    called=Called(names=("ifx",)),
    notations=(
        Notation(
            "a JDBC URL",
            r"jdbc:informix-sqli://<HOST><PORT>(?:/(?P<database>[\w-]*))?(?::<SETTINGS>)?",
            "informix://{host}[:{port}][/{database}]",
            {"informixserver": "server", "database": "database"},
        ),
    ),
    proven_by="an emulator that informix-driver accepts",
    judges=(Judge("informix_db", "client", "tests/emulators/test_informix_judge.py"),),
    no_other_judge="IBM's own clients and its server have no package in a public registry",
)
