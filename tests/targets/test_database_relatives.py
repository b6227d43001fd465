"""Answers of relatives, gateways and translations of the databases: verdict, cause, owner and fix of each.

The peers are bytes: of the protocols' documentation, with the words of the products.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Writer,
    db2,
    in_background,
    informix,
    misbehave,
    mssql,
    mysql,
    sybase,
)
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.ladder import account, check_of, climb, expect, finding_of, target

ER = account("er")


def asked(type_: str, behaviour: Behaviour, credential: Credential | None = None, **options: Any) -> Report:
    with in_background(behaviour) as server:
        return climb(target(type_, "127.0.0.1", server.port, credential, **options))


# --- PostgreSQL: errors after the password ---------------------------------------------------------------------------

MD5 = b"R\0\0\0\x0c\0\0\0\5salt"
AUTH_OK = b"R\0\0\0\x08\0\0\0\0"


def message(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack(">I", len(payload) + 4) + payload


def error(sqlstate: str, words: str, severity: str = "FATAL") -> bytes:
    return message(b"E", f"S{severity}\0V{severity}\0C{sqlstate}\0M{words}\0\0".encode())


async def started(reader: Reader, writer: Writer) -> None:
    while (size := struct.unpack(">I", await reader.readexactly(4))[0]) == 8:
        await reader.readexactly(4)
        writer.write(b"N")
    await reader.readexactly(size - 4)


async def packet(reader: Reader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    return kind, await reader.readexactly(struct.unpack(">I", await reader.readexactly(4))[0] - 4)


def refusing(answer: bytes) -> Behaviour:
    """Ask for a password and answer it so."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        try:
            await started(reader, writer)
            writer.write(MD5)
            await packet(reader)
            record.count("logins")
            writer.write(answer)
        except asyncio.IncompleteReadError:
            return

    return behaviour


@pytest.mark.parametrize(
    ("sqlstate", "words", "verdict", "code", "step", "owner"),
    [
        (
            "42501",
            "keine Berechtigung für Datenbank »hr«",
            Verdict.LIMITED,
            "access.denied",
            Step.ACCESS,
            Owner.DATABASE,
        ),
        # EDB Postgres Advanced Server, openGauss, CockroachDB
        ("28000", 'role "er" is locked', Verdict.BLOCKED, "login.locked", Step.LOGIN, Owner.IDENTITY),
        ("28000", "The account has been locked.", Verdict.BLOCKED, "login.locked", Step.LOGIN, Owner.IDENTITY),
        ("28000", 'role "er" password has expired', Verdict.BLOCKED, "login.expired", Step.LOGIN, Owner.IDENTITY),
        ("28000", "password is expired", Verdict.BLOCKED, "login.expired", Step.LOGIN, Owner.IDENTITY),
        # a lock or an expiry of something else
        ("XX000", "the vault is locked", Verdict.UNDECIDED, "postgresql.server-error", Step.LOGIN, Owner.DATABASE),
        # Neon, Amazon RDS Proxy, PgBouncer
        (
            "XX000",
            "connection is insecure (try using `sslmode=require`)",
            Verdict.BLOCKED,
            "tls.required",
            Step.TLS,
            Owner.SERVER,
        ),
        (
            "28000",
            "This RDS Proxy requires TLS connections",
            Verdict.BLOCKED,
            "tls.required",
            Step.TLS,
            Owner.SERVER,
        ),
        (
            "08P01",
            "client_login_timeout (server down)",
            Verdict.BLOCKED,
            "postgresql.backend-unavailable",
            Step.LOGIN,
            Owner.DATABASE,
        ),
        # the user's name in an error that is not about the password
        (
            "53400",
            'configuration limit of "er" exceeded',
            Verdict.UNDECIDED,
            "postgresql.server-error",
            Step.LOGIN,
            Owner.DATABASE,
        ),
    ],
)
def test_postgresql_after_the_password(
    sqlstate: str, words: str, verdict: Verdict, code: str, step: Step, owner: Owner
) -> None:
    report = asked("postgresql", refusing(error(sqlstate, words)), ER, database="hr")
    expect(report, verdict, code, step=step, owner=owner)
    assert words in finding_of(report).detail
    assert report.footprint.login_attempts == 1
    if code == "access.denied":
        assert 'GRANT CONNECT ON DATABASE "hr" TO "er";' in (finding_of(report).fix or "")


@pytest.mark.parametrize("credential", [None, ER], ids=["without a credential", "with a credential"])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (error("53300", "sorry, too many clients already"), "postgresql.too-many-connections"),
        (error("57P03", "the database system is starting up"), "postgresql.not-accepting"),
        (MD5, "tls.not-offered"),
    ],
)
def test_an_error_instead_of_the_agreed_tls(answer: bytes, code: str, credential: Credential | None) -> None:
    async def behaviour(reader: Reader, writer: Writer, _: Record) -> None:
        await reader.readexactly(8)
        writer.write(b"S")
        await reader.readexactly(1)
        writer.write(answer)
        await misbehave.swallow(reader)

    report = asked("postgresql", behaviour, credential, user="er", database="hr")
    expect(report, Verdict.BLOCKED, code)
    assert report.footprint.login_attempts == 0


# --- PostgreSQL: sessions of relatives -------------------------------------------------------------------------------


def rows(*cells: bytes, oids: tuple[int, ...]) -> bytes:
    columns = b"".join(b"c\0" + struct.pack(">IHIhih", 0, 0, oid, -1, -1, 0) for oid in oids)
    row = b"".join(struct.pack(">I", len(cell)) + cell for cell in cells)
    described = message(b"T", struct.pack(">H", len(oids)) + columns)
    return described + message(b"D", struct.pack(">H", len(cells)) + row) + done(b"SELECT 1")


def done(tag: bytes) -> bytes:
    return message(b"C", tag + b"\0") + message(b"Z", b"T")


def failing(sqlstate: str, words: str) -> bytes:
    return error(sqlstate, words, "ERROR") + message(b"Z", b"E")


TABLES = rows(b"public", b"people", b"t", oids=(25, 25, 16))
ANSWERS = {
    "SELECT version()": rows(b"PostgreSQL 15.4", oids=(25,)),
    "pg_database": rows(b"hr", oids=(25,)),
    "pg_class": TABLES,
    "SELECT set_config": rows(b"1", oids=(25,)),
    "BEGIN": done(b"BEGIN"),
    "ROLLBACK": done(b"ROLLBACK"),
}


def session(answers: Mapping[str, bytes]) -> Behaviour:
    """Let everybody in, and answer each statement by a part of it."""

    async def behaviour(reader: Reader, writer: Writer, _: Record) -> None:
        try:
            await started(reader, writer)
            writer.write(AUTH_OK + message(b"S", b"server_version\x0015.4\0") + message(b"Z", b"I"))
            while (asks := await packet(reader))[0] == b"Q":
                statement = asks[1].decode()
                answer = next((one for part, one in {**ANSWERS, **answers}.items() if part in statement), None)
                writer.write(answer or failing("42601", "syntax error"))
        except asyncio.IncompleteReadError:
            return

    return behaviour


WHOLE_ROW, PLAIN = "t IS NULL FROM", "SELECT 1 FROM"


@pytest.mark.parametrize("sqlstate", ["42703", "0A000", "42601"])
@pytest.mark.parametrize("table", [None, "people"])
def test_a_relative_without_whole_row_references_is_read_with_a_plain_query(sqlstate: str, table: str | None) -> None:
    answers = {WHOLE_ROW: failing(sqlstate, "no such form"), PLAIN: rows(b"1", oids=(23,))}
    options = {"table": table} if table else {}
    report = expect(asked("postgresql", session(answers), ER, database="hr", **options), Verdict.SCANNABLE)
    assert "read one row of" in check_of(report, Step.ACCESS).summary


def test_the_answer_to_the_plain_query_counts() -> None:
    answers = {WHOLE_ROW: failing("42703", "no such form"), PLAIN: failing("42501", "permission denied for people")}
    report = asked("postgresql", session(answers), ER, database="hr", table="people")
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.DATABASE)


def test_a_table_that_the_server_listed_itself_is_no_fault_of_the_inventory() -> None:
    """A foreign table, for example: its own server says that it has no such table."""
    answers = {WHOLE_ROW: failing("42P01", 'relation "remote.people" does not exist')}
    report = asked("postgresql", session(answers), ER, database="hr")
    expect(report, Verdict.LIMITED, "postgresql.read-failed", step=Step.ACCESS, owner=Owner.DATABASE)
    report = asked("postgresql", session(answers), ER, database="hr", table="people")
    expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)


def test_a_conflict_with_recovery_decides_nothing() -> None:
    answers = {WHOLE_ROW: failing("40001", "canceling statement due to conflict with recovery")}
    report = asked("postgresql", session(answers), ER, database="hr", table="people")
    expect(report, Verdict.UNDECIDED, "postgresql.server-error", step=Step.ACCESS, owner=Owner.DATABASE)


def test_a_server_without_read_only_transactions_was_not_read() -> None:
    report = asked("postgresql", session({"BEGIN": failing("0A000", "BEGIN is not supported")}), ER, database="hr")
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS, owner=Owner.SCANREADY)


# --- MySQL -----------------------------------------------------------------------------------------------------------


def numbered(sequence: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


def mysql_session(answers: Mapping[str, bytes], otherwise: bytes) -> Behaviour:
    """Accept every login, and answer each statement by a part of it."""

    async def behaviour(reader: Reader, writer: Writer, _: Record) -> None:
        async def payload() -> bytes:
            head = await reader.readexactly(4)
            return await reader.readexactly(int.from_bytes(head[:3], "little"))

        try:
            writer.write(mysql.GREETING_10_11_PLAIN)
            await payload()
            writer.write(numbered(2, b"\0\0\0\2\0\0\0"))
            while (asks := await payload())[:1] != b"\1":
                statement = asks[1:].decode()
                writer.write(next((one for part, one in answers.items() if part in statement), otherwise))
        except asyncio.IncompleteReadError:
            return

    return behaviour


OK = numbered(1, b"\0\0\0\2\0\0\0")
LISTED = {
    "CURRENT_USER": mysql.result(b"'er'@'%'"),  # Apache Doris and StarRocks put quotes around both parts
    "version_comment": mysql.result(b"Doris"),
    "information_schema": mysql.result(b"people"),
}


def refusal(number: int, words: str) -> bytes:
    return numbered(1, b"\xff" + number.to_bytes(2, "little") + b"#42000" + words.encode())


def test_a_grant_has_the_account_without_its_quotes() -> None:
    denied = {**LISTED, "SELECT 1 FROM": refusal(1142, "SELECT command denied to user 'er'@'10.0.0.1'")}
    report = asked("mysql", mysql_session(denied, OK), ER, allow_cleartext=True)
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.DATABASE)
    assert "TO `er`@`%`;" in (finding_of(report).fix or "")


@pytest.mark.parametrize(
    ("options", "verdict", "code", "owner"),
    [
        ({}, Verdict.UNDECIDED, "mysql.server-error", Owner.DATABASE),
        ({"table": "people.people"}, Verdict.BLOCKED, "access.not-found", Owner.OPERATOR),
    ],
    ids=["listed by the server", "named by the inventory"],
)
def test_a_table_that_is_not_there(options: dict[str, str], verdict: Verdict, code: str, owner: Owner) -> None:
    gone = {**LISTED, "SELECT 1 FROM": refusal(1146, "Table 'people.people' doesn't exist")}
    report = asked("mysql", mysql_session(gone, OK), ER, allow_cleartext=True, **options)
    expect(report, verdict, code, step=Step.ACCESS, owner=owner)


# --- Informix --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [-761, -930, -25596])
def test_an_informix_server_that_does_not_have_the_name_of_the_inventory(number: int) -> None:
    """Without a credential as with one: the name is the operator's own, and no user changes the answer."""
    behaviour = informix.server(informix.refused(number))
    report = asked("informix", behaviour, allow_login_probe=True, server="ol_hr")
    expect(report, Verdict.BLOCKED, "informix.server-name", step=Step.AUTH, owner=Owner.OPERATOR)
    expect(asked("informix", behaviour, allow_login_probe=True), Verdict.READY)  # the name was scanready's own


# --- DB2 -------------------------------------------------------------------------------------------------------------


def test_a_db2_server_that_misses_a_name_did_not_refuse_the_inventorys() -> None:
    unknown = db2.reply(0x2211, "000611490008")
    report = asked("db2", db2.server(instead_of_prompt=unknown))
    expect(report, Verdict.UNDECIDED, "db2.database-not-named", step=Step.AUTH, owner=Owner.OPERATOR)
    report = asked("db2", db2.server(instead_of_prompt=unknown), database="SAMPLE")
    expect(report, Verdict.BLOCKED, "db2.database-unknown", step=Step.AUTH, owner=Owner.OPERATOR)


def test_a_db2_catalogue_that_shows_no_row_was_read() -> None:
    behaviour = db2.server(row=db2.sql_card(100, "02000", b""))
    report = asked("db2", behaviour, account(db2.USER, db2.PASSWORD), database="SAMPLE", allow_cleartext=True)
    expect(report, Verdict.SCANNABLE)
    assert "shows this account no row" in check_of(report, Step.ACCESS).summary


# --- Sybase ----------------------------------------------------------------------------------------------------------

NO_CONVERSION = sybase.message(2401, 11, "Character set conversion is not available between utf8 and iso_1.")
REFUSED = sybase.reply(NO_CONVERSION, sybase.acknowledge(6), sybase.message(4002, 14, "Login failed."), sybase.FAILED)


def test_a_warning_about_the_character_set_is_no_reason_of_a_sybase_refusal() -> None:
    report = asked("sybase", sybase.server(login=REFUSED), ER, allow_cleartext=True)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "message 2401" in finding_of(report).detail
    expect(asked("sybase", sybase.server(login=REFUSED), allow_login_probe=True), Verdict.READY)


def test_a_sybase_reply_without_an_answer_to_the_login_decides_nothing() -> None:
    report = asked("sybase", sybase.server(login=sybase.reply(sybase.FAILED)), allow_login_probe=True)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)


@pytest.mark.parametrize(
    ("options", "verdict", "code", "owner"),
    [
        ({}, Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        ({"table": "people"}, Verdict.BLOCKED, "access.not-found", Owner.OPERATOR),
    ],
    ids=["an Open Server without sysobjects", "named by the inventory"],
)
def test_a_sybase_table_that_is_not_there(options: dict[str, str], verdict: Verdict, code: str, owner: Owner) -> None:
    missing = sybase.reply(sybase.message(208, 16, "not found. Specify owner.objectname"), sybase.FAILED)
    report = asked("sybase", sybase.server(answers={b"select 1": missing}), ER, allow_cleartext=True, **options)
    expect(report, verdict, code, step=Step.ACCESS, owner=owner)


@pytest.mark.parametrize("program", [b"SAP IQ", b"Sybase IQ"])
def test_iq_is_told_as_a_relative(program: bytes) -> None:
    refused = sybase.reply(sybase.acknowledge(6, program), sybase.message(4002, 14, "Login failed."), sybase.FAILED)
    report = asked("sybase", sybase.server(login=refused), allow_login_probe=True)
    expect(report, Verdict.LIMITED, "sybase.other-product", step=Step.HANDSHAKE)


# --- SQL Server ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words", "fix"),
    [
        (40615, "Client with IP address '203.0.113.7' is not allowed to access the server.", "'203.0.113.7'"),
        (40914, "Cannot open server 'x' requested by the login. Client is not allowed to access the server.", None),
        (47073, "The public network interface on this server is not accessible.", None),
    ],
)
def test_azures_rule_for_an_address_is_offered_where_azure_names_one(number: int, words: str, fix: str | None) -> None:
    behaviour = mssql.Server(refusal=mssql.refusing((number, words)))
    report = asked("mssql", behaviour, ER, allow_cleartext=True)
    expect(report, Verdict.BLOCKED, "mssql.azure-firewall", step=Step.LOGIN, owner=Owner.DATABASE)
    assert (finding_of(report).fix is None) if fix is None else (fix in (finding_of(report).fix or ""))
