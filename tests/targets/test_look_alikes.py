"""Servers that only resemble a product, or let anybody in: no `ready` and no `scannable` without a look."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Writer,
    in_background,
    informix,
    mysql,
    oracle,
    postgresql,
    sybase,
)
from fixtures.transcripts import load
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.ladder import account, check_of, climb, expect, finding_of, passed, story, target

#: Sphinx's answer to a statement that it has not.
SYNTAX = b"\xff\x28\x04#42000sphinxql: syntax error, unexpected IDENT near 'UNHEX(HEX(CURRENT_USER()))'"


def packet(payload: bytes, number: int = 1) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def sphinx_greeting(version: bytes = b"2.0.4-id64-release (r3135)") -> bytes:
    """MariaDB's greeting with another version, and with MySQL's own bit among the capabilities.

    The version is Sphinx's on its SQL port (9306).
    """
    payload = mysql.GREETING_10_11_PLAIN[4:]
    rest = payload[payload.index(b"\0") :]
    at = 1 + 4 + 8 + 1  # NUL, thread, salt, filler: the capabilities follow
    rest = rest[:at] + bytes([rest[at] | 1]) + rest[at + 1 :]
    return packet(b"\x0a" + version + rest, 0)


def asked(type_: str, behaviour: Behaviour, credential: Credential | None = None, **options: Any) -> Report:
    with in_background(behaviour) as server:
        report = climb(target(type_, "127.0.0.1", server.port, credential, **options))
        server.wait(len(server.connections))
    assert server.offences == {}, story(report)
    return report


# --- MySQL's protocol ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [b"2.0.4-id64-release (r3135)", b"6.2.12 dc5144d35@230822", b"8.0.39"])
@pytest.mark.parametrize(
    "statement",
    [packet(SYNTAX), packet(b"\xff\x19\x05#42000FUNCTION UNHEX does not exist"), mysql.result(b"1"), mysql.result(b"")],
    ids=["a syntax error", "an unknown function", "a number", "nothing"],
)
def test_a_search_engine_that_lets_anybody_in_is_no_mysql(version: bytes, statement: bytes) -> None:
    behaviour = mysql.server(sphinx_greeting(version), verdict=mysql.OK, statement=statement)
    report = asked("mysql", behaviour)
    expect(report, Verdict.UNDECIDED, "mysql.other-product", step=Step.AUTH, owner=Owner.OPERATOR)
    assert finding_of(report).fix is None
    assert "product" not in report.facts
    assert "anonymous" not in report.facts
    assert f"speaks the MySQL protocol (10), version {version.decode()}" in check_of(report, Step.HANDSHAKE).summary


@pytest.mark.parametrize(
    ("who", "words"),
    [(b"@localhost", "an anonymous account exists"), (b"scanready_probe@%", "as scanready_probe@%")],
)
def test_an_account_that_mysql_names_is_one(who: bytes, words: str) -> None:
    behaviour = mysql.server(mysql.GREETING_10_11_PLAIN, verdict=mysql.OK, statement=mysql.result(who))
    report = expect(asked("mysql", behaviour), Verdict.READY)
    assert words in check_of(report, Step.AUTH).summary
    assert report.facts["anonymous"] is True
    assert report.facts["product"] == "MariaDB"


SPHINX = load("mysql/sphinx2.2.11-greeting.s2c.hex")
NOT_THERE, ZERO = load("mysql/sphinx2.2.11-err1064-unhex.s2c.hex"), load("mysql/sphinx2.2.11-current-user.s2c.hex")


@pytest.mark.parametrize("statement", [NOT_THERE, ZERO], ids=["as captured", "what it says to CURRENT_USER()"])
def test_sphinx_2_2_11(statement: bytes) -> None:
    report = asked("mysql", mysql.server(SPHINX, verdict=mysql.OK, statement=statement))
    expect(report, Verdict.UNDECIDED, "mysql.other-product", step=Step.AUTH, owner=Owner.OPERATOR)
    assert report.facts["version"] == "2.2.11-id64-release (95ae9a6)"


@pytest.mark.parametrize("statement", [NOT_THERE, ZERO], ids=["as captured", "what it says to CURRENT_USER()"])
def test_sphinx_2_2_11_proves_no_account(statement: bytes) -> None:
    """It takes every password."""
    report = asked("mysql", mysql.server(SPHINX, verdict=mysql.OK, statement=statement), account("er"))
    expect(report, Verdict.UNDECIDED, "mysql.other-product", step=Step.ACCESS, owner=Owner.OPERATOR)
    assert "logged in as 0" not in story(report)


def test_an_ok_is_no_account() -> None:
    behaviour = mysql.server(mysql.GREETING_10_11_PLAIN, verdict=mysql.OK, statement=packet(mysql.OK[4:]))
    expect(asked("mysql", behaviour), Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH)


@pytest.mark.parametrize("options", [{}, {"database": "hr", "table": "emp"}], ids=["catalogue", "table"])
def test_a_done_is_no_result_of_a_select(options: dict[str, str]) -> None:
    done = bytes.fromhex("0401001100000000fd0000000000000000")
    report = asked("sybase", sybase.server(answers={b"": done}), account("er"), allow_cleartext=True, **options)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS, owner=Owner.SCANREADY)


def test_the_account_is_a_text() -> None:
    """UNHEX makes a binary string, which pymysql returns as bytes."""
    behaviour = mysql.server(mysql.GREETING_10_11_PLAIN, verdict=mysql.OK, statement=mysql.result(b"er@%"))
    report = asked("mysql", behaviour, account("er"))
    assert check_of(report, Step.LOGIN).summary == "logged in as er@%", story(report)


def test_one_statement_is_asked_and_the_session_ended() -> None:
    with in_background(mysql.anonymous_account) as server:
        climb(target("mysql", "127.0.0.1", server.port))
        server.wait()
    assert (server.counts["logins"], server.counts["queries"]) == (1, 1)
    assert server.offences == {}


@pytest.mark.parametrize("depth", [Step.CONNECT, Step.HANDSHAKE])
def test_at_a_lower_depth_nothing_is_asked_and_the_session_ended(depth: Step) -> None:
    with in_background(mysql.anonymous_account) as server:
        climb(target("mysql", "127.0.0.1", server.port), depth=depth)
        server.wait()
    assert (server.counts["logins"], server.counts["queries"]) == (1, 0)
    assert server.offences == {}


@pytest.mark.parametrize(
    ("version", "product"),
    [
        (b"8.0.11-TiDB-v7.5.0", "TiDB"),
        (b"23.8.1.1-ClickHouse", "ClickHouse"),
        (b"5.7.25-OceanBase-v4.2.1", "OceanBase"),
    ],
)
def test_a_version_that_names_its_product(version: bytes, product: str) -> None:
    report = expect(asked("mysql", mysql.server(sphinx_greeting(version))), Verdict.READY)
    assert report.facts["product"] == product


def test_a_number_alone_names_no_product() -> None:
    report = expect(asked("mysql", mysql.server(sphinx_greeting(b"8.0.33"))), Verdict.READY)
    assert "product" not in report.facts
    assert "speaks the MySQL protocol (10), version 8.0.33" in check_of(report, Step.HANDSHAKE).summary


# --- PostgreSQL's protocol -------------------------------------------------------------------------------------------


def failing(state: str, words: str) -> bytes:
    fields = f"SERROR\0VERROR\0C{state}\0M{words}\0\0".encode()
    return b"E" + (4 + len(fields)).to_bytes(4) + fields + b"Z\0\0\0\x05I"


@pytest.mark.parametrize(
    "statement",
    [
        postgresql.row(b"v1.1.3"),  # DuckDB behind a gateway
        postgresql.row(b""),
        failing("42601", 'at or near "version": syntax error'),
    ],
    ids=["another version", "nothing", "an error"],
)
@pytest.mark.parametrize("who", [{}, {"user": "er"}], ids=["an invented user", "a named user"])
def test_a_gateway_that_lets_anybody_in_is_no_postgresql(statement: bytes, who: dict[str, Any]) -> None:
    behaviour = postgresql.server(postgresql.TRUST_SESSION, statement=statement)
    report = asked("postgresql", behaviour, **who)
    expect(report, Verdict.UNDECIDED, "postgresql.other-product", step=Step.AUTH, owner=Owner.OPERATOR)
    assert finding_of(report).fix is None
    assert "product" not in report.facts
    passed(report, Step.HANDSHAKE)


@pytest.mark.parametrize(
    ("version", "product"),
    [
        (b"PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu", "PostgreSQL"),
        (b"CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27)", "CockroachDB"),
        (b"PostgreSQL 11.2-YB-2.18.0.0-b0 on x86_64-pc-linux-gnu", "YugabyteDB"),
        (b"PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.12103", "Amazon Redshift"),
        (b"PostgreSQL 9.2.4 (openGauss 5.0.0 build a07d57c3)", "openGauss"),
        (b"PostgreSQL 12.3, compiled by Visual C++ build 1914, 64-bit, QuestDB", "QuestDB"),
    ],
)
def test_the_product_is_what_the_server_says(version: bytes, product: str) -> None:
    behaviour = postgresql.server(postgresql.TRUST_SESSION, statement=postgresql.row(version))
    report = expect(asked("postgresql", behaviour), Verdict.READY)
    assert report.facts["product"] == product


def test_a_prompt_names_no_product() -> None:
    report = expect(asked("postgresql", postgresql.sasl), Verdict.READY)
    assert check_of(report, Step.HANDSHAKE).summary == "speaks the PostgreSQL protocol (3.0)"
    assert "product" not in report.facts


# --- Oracle's listener -----------------------------------------------------------------------------------------------


async def accepts(reader: Reader, writer: Writer, record: Record) -> None:
    """Answer a ping with ACCEPT: a default service, or no listener of Oracle's."""
    head = await reader.readexactly(8)
    await reader.readexactly(int.from_bytes(head[:2], "big") - 8)
    writer.write(oracle.ACCEPT)
    if not await reader.read(64):
        record.offence("session-left")


@pytest.mark.parametrize("credential", [None, account("er")], ids=["nobody", "an account"])
def test_a_listener_that_accepts_though_no_service_was_named(credential: Credential | None) -> None:
    report = asked("oracle", accepts, credential)
    expect(report, Verdict.UNDECIDED, "oracle.service-not-named", step=Step.AUTH, owner=Owner.OPERATOR)
    assert finding_of(report).fix is None
    assert report.footprint.login_attempts == 0
    assert "None takes logins" not in story(report)


# --- protocols whose first word is a login ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "behaviour"),
    [
        ("sybase", sybase.server(login=sybase.reply(sybase.acknowledge(5), sybase.DONE))),
        ("informix", informix.server(answer=informix.ACCEPTED)),
    ],
)
def test_a_server_that_lets_an_invented_user_in_judges_no_logins(type_: str, behaviour: Behaviour) -> None:
    with in_background(behaviour) as server:
        report = climb(target(type_, "127.0.0.1", server.port, allow_login_probe=True))
    expect(report, Verdict.UNDECIDED, "login.not-judged", step=Step.AUTH, owner=Owner.SERVER)
    assert "scanready_probe" in finding_of(report).detail
    assert finding_of(report).fix is None
    assert report.facts["anonymous"] is True


@pytest.mark.parametrize(
    ("login", "product"),
    [
        (sybase.reply(sybase.message(4002, 14, "Login failed."), sybase.acknowledge(6), sybase.FAILED), "ASE"),
        (sybase.reply(sybase.message(4002, 14, "Login failed."), sybase.FAILED), None),
    ],
    ids=["it names itself", "it does not"],
)
def test_a_tds_server_that_names_no_program_is_no_product(login: bytes, product: str | None) -> None:
    with in_background(sybase.server(login=login)) as server:
        report = climb(target("sybase", "127.0.0.1", server.port, allow_login_probe=True))
    expect(report, Verdict.READY)
    assert report.facts.get("product") == product
