"""Define IBM DB2 as a target type."""

from __future__ import annotations

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import ALLOW_CLEARTEXT, DATABASE
from scanready.catalogue.row import Called, Cost, Detour, Driver, Group, Judge, Nmap, TargetType, on_default_port

DB2 = TargetType(
    "db2",
    "IBM DB2",
    50000,
    # A second connection in TLS, and a third for IBM's driver.
    Cost(
        2,
        3,
        login_attempts=1,
        log="nothing",
        detours=(Detour("50001", "port 50000 refuses the connection", applies=on_default_port),),
    ),
    speaks="drda",
    home=__package__,
    group=Group.DATABASES,
    place=1,
    path="database",
    options=(DATABASE, ALLOW_CLEARTEXT),
    guessed=True,
    drivers=(Driver("ibm_db", "ibm_db", "db2", "needed only if a DB2 server accepts only encrypted passwords"),),
    nmap=Nmap(services=("db2", "ibm-db2", "drda")),
    called=Called(names=("ibm db2",)),
    notations=(
        Notation(
            "a JDBC URL",
            r"jdbc:db2://<HOST><PORT>/(?P<database>[\w$#@-]+)(?::<SETTINGS>)?",
            "db2://{host}[:{port}]/{database}",
        ),
    ),
    proven_by="Apache Derby (DRDA); an emulator that IBM's driver accepts",
    judges=(
        Judge("Derby", "server", "tests/lab/test_db2.py"),
        Judge("ibm_db", "client", "tests/emulators/test_db2_judge.py"),
    ),
)
