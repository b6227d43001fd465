"""Define Oracle Database as a target type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import ALLOW_UNTRUSTED, FOLLOW_REDIRECTS, TABLE, Option
from scanready.catalogue.row import Broker, Called, Cost, Detour, Driver, Group, Judge, Nmap, TargetType
from scanready.catalogue.wrong import Wrong

_THIN = "in thin mode does not support Oracle older than 12.1, native network encryption or 10G verifiers"
#: The begin of a JDBC URL: the kind of driver, and perhaps an account.
_JDBC = r"jdbc:oracle:\w+:(?P<no_account>[^@]*)@"


def _one_name(_: str, options: Mapping[str, Any]) -> None:
    if "service" in options and "sid" in options:
        raise Wrong("`service` and `sid` cannot be combined: give the one that the listener knows")


ORACLE = TargetType(
    "oracle",
    "Oracle Database",
    1521,
    # A second connection in TLS, and three redirects.
    Cost(
        5,
        6,
        login_attempts=1,
        log="one line of the alert log (ORA-00609) if a service is named",
        detours=(Detour("1024-65535", "the listener redirects to it", "a dispatcher or another node"),),
    ),
    speaks="tns",
    home=__package__,
    group=Group.DATABASES,
    place=5,
    path="service",
    options=(Option("service"), Option("sid"), TABLE, FOLLOW_REDIRECTS, ALLOW_UNTRUSTED),
    check=_one_name,
    guessed=True,
    drivers=(Driver("oracledb", "oracledb", "db", _THIN),),
    # The listener redirects a client to a dispatcher.
    brokers=(Broker("the listener", None, "tcp", "1024-65535"),),
    nmap=Nmap(services=("oracle", "oracle-tns")),
    called=Called(names=("oracle database", "oracle db", "ora")),
    notations=(
        Notation(
            "a JDBC URL",
            rf"{_JDBC}(?:(?:tcps?:)?//)?<HOST><PORT>/(?P<service>[\w.$#-]+)(?::(?P<no_kind_of_server>\w+))?"
            r"(?:/(?P<no_instance>\w+))?(?:\?<SETTINGS>)?",
            "oracle://{host}[:{port}][/{service}]",
        ),
        Notation("a JDBC URL", rf"{_JDBC}<HOST>:(?P<port>[0-9]{{1,5}}):(?P<sid>[\w$#]+)", "oracle://{host}[:{port}]"),
        Notation(
            "a connect descriptor",
            rf"(?:{_JDBC})?\(DESCRIPTION(?!.*\(HOST.*\(HOST)(?=.*\(HOST=<HOST>\))(?:(?=.*\(PORT=(?P<port>\d+)\)))?"
            r"(?:(?=.*\(SERVICE_NAME=(?P<service>[\w.$#-]+)\)))?(?:(?=.*\(SID=(?P<sid>[\w$#]+)\)))?.*",
            "oracle://{host}[:{port}][/{service}]",
        ),
        Notation(
            "a SID after the port",
            r"(?!jdbc:)(?:oracle://)?<USER><HOST>:(?P<port>[0-9]{1,5}):(?P<sid>[\w$#]+)",
            "oracle://{host}[:{port}]",
        ),
    ),
    proven_by="two emulators: a database that oracledb accepts, a listener that oracle-driver accepts",
    judges=(
        Judge("oracledb", "client", "tests/emulators/test_oracle_judge.py"),
        Judge("oracle-driver", "client", "tests/peers/test_drivers.py"),
    ),
)
