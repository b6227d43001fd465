"""Is every database server of the lab what its name says? Asked with other people's clients, never with ours."""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg
import pymysql
import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.mariadb import MariaDB
from fixtures.lab.namespace import wait_until
from fixtures.limits import HANG
from tests.lab.plain import dial

# MariaDB


def read_customers(lab: Lab, variant: str, user: str = "scan", *, tls: bool = False, label: str = "") -> object:
    server = lab.mariadb(variant, label)

    def work() -> object:
        security: dict[str, Any] = {"ssl": {"ca": str(lab.authority.root)}} if tls else {"ssl_disabled": True}
        session = pymysql.connect(
            host=server.address, user=user, password=PASSWORD, connect_timeout=int(HANG), **security
        )
        with session, session.cursor() as cursor:
            cursor.execute("SELECT name FROM pii.customers")
            return cursor.fetchall()

    return lab.agent.run(work)


@pytest.mark.parametrize(
    ("variant", "user", "tls", "number"),
    [
        ("standard", "poor", False, 1142),
        ("standard", "locked", False, 4151),
        ("standard", "expired", False, 1820),
        ("standard", "tlsonly", False, 1045),
        ("standard", "socketonly", False, 1698),
        ("standard", "elsewhere", False, 1045),
        ("tls", "tlsonly", True, 1142),  # which is to say: logged in
        ("tls-required", "scan", False, 1045),  # where MySQL would say 3159
        ("host-restricted", "scan", False, 1130),
    ],
)
def test_mariadb_refuses(lab: Lab, variant: str, user: str, tls: bool, number: int) -> None:
    with pytest.raises(pymysql.err.MySQLError) as refused:
        read_customers(lab, variant, user, tls=tls)
    assert refused.value.args[0] == number


@pytest.mark.parametrize(
    ("variant", "tls"),
    [("standard", False), ("observed", False), ("tls", False), ("tls", True), ("tls-required", True)],
)
def test_mariadb_is_read(lab: Lab, variant: str, tls: bool) -> None:
    assert read_customers(lab, variant, tls=tls) == (("Ada Lovelace",),)


def test_mariadb_is_full(lab: Lab) -> None:
    with lab.mariadb("few-connections").full(), pytest.raises(pymysql.err.OperationalError) as refused:
        read_customers(lab, "few-connections")
    assert refused.value.args[0] == 1040
    assert read_customers(lab, "few-connections")


def _hung_up(lab: Lab, server: MariaDB, times: int) -> bool:
    return server.host_errors(lab.agent.address).get("SUM_CONNECT_ERRORS") == times


def test_starting_mariadb_costs_no_offence_and_hanging_up_five_times_does(lab: Lab) -> None:
    server = lab.mariadb("observed", label="harm")
    assert server.host_errors(lab.agent.address) == {}
    for count in range(1, 6):
        lab.agent.run(dial, server.address, 3306).close()
        # The server notices in its own time.
        noticed = partial(_hung_up, lab, server, count)
        assert wait_until(noticed), server.host_errors(lab.agent.address)
    with pytest.raises(pymysql.err.OperationalError) as refused:
        read_customers(lab, "observed", label="harm")
    assert refused.value.args[0] == 1129
    server.forget_hosts()
    assert read_customers(lab, "observed", label="harm")


# PostgreSQL


def count_employees(lab: Lab, variant: str, role: str = "er", database: str = "hr", tls: bool = False) -> object:
    server = lab.postgresql(variant)

    def work() -> object:
        with psycopg.connect(
            host=server.address,
            user=role,
            password=PASSWORD,
            dbname=database,
            sslmode="require" if tls else "disable",
            connect_timeout=int(HANG),
        ) as session:
            row = session.execute("SELECT count(*) FROM employees").fetchone()
            return row and row[0]

    return lab.agent.run(work)


@pytest.mark.parametrize(
    ("variant", "tls"),
    [
        *(("scram", False), ("scram-tls", False), ("scram-tls", True), ("md5", False), ("password", False)),
        *(("trust", False), ("hostssl-only", True), ("hostnossl-only", False), ("few-connections", False)),
    ],
)
def test_postgresql_is_read(lab: Lab, variant: str, tls: bool) -> None:
    assert count_employees(lab, variant, tls=tls) == 2


@pytest.mark.parametrize(
    ("variant", "role", "database", "tls", "message"),
    [
        ("scram", "poor", "hr", False, "permission denied for table employees"),
        ("scram", "nologin", "hr", False, "is not permitted to log in"),
        ("scram", "expired", "hr", False, "password authentication failed"),
        ("scram", "er", "payroll", False, "User does not have CONNECT privilege"),
        ("scram", "er", "nowhere", False, "does not exist"),
        ("scram", "er", "hr", True, "server does not support SSL"),
        ("hostssl-only", "er", "hr", False, "no pg_hba.conf entry.*no encryption"),
        ("hostnossl-only", "er", "hr", True, "no pg_hba.conf entry.*SSL encryption"),
        ("client-certificate", "er", "hr", True, "requires a valid client certificate"),
        ("reject", "er", "hr", False, "pg_hba.conf rejects connection"),
        ("no-entry", "er", "hr", False, 'no pg_hba.conf entry for host "10.77.0.2"'),
        ("other-database-only", "er", "hr", False, 'no pg_hba.conf entry.*database "hr"'),
    ],
)
def test_postgresql_refuses(lab: Lab, variant: str, role: str, database: str, tls: bool, message: str) -> None:
    with pytest.raises(psycopg.Error, match=message):
        count_employees(lab, variant, role, database, tls)


def test_postgresql_is_full(lab: Lab) -> None:
    with lab.postgresql("few-connections").full(), pytest.raises(psycopg.OperationalError, match="connection slots"):
        count_employees(lab, "few-connections")


@pytest.mark.parametrize(
    ("variant", "code"), [("scram", 10), ("scram-tls", 10), ("md5", 5), ("password", 3), ("trust", 0)]
)
def test_postgresql_asks_as_it_should(lab: Lab, variant: str, code: int) -> None:
    """The code in the first AuthenticationRequest, also to a role that does not exist (protocol 3.0, chapter 55)."""
    server = lab.postgresql(variant)

    def ask(role: bytes) -> int:
        body = b"\x00\x03\x00\x00user\x00" + role + b"\x00database\x00hr\x00\x00"
        with dial(server.address, 5432) as session:
            session.sendall((len(body) + 4).to_bytes(4, "big") + body)
            answer = session.recv(9)
        assert answer[:1] == b"R"
        return int.from_bytes(answer[5:9], "big")

    assert lab.agent.run(ask, b"er") == code
    if variant != "trust":
        assert lab.agent.run(ask, b"scanready_probe") == code
