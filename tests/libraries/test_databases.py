"""PyMySQL, psycopg with libpq, oracledb, pytds and informix-driver: their opinions, and the errors from the wire."""

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
    informix_session,
    misbehave,
    mssql,
    oracle,
    oracle_session,
    sybase,
)
from scanready.model import Report, Step, Verdict
from scanready.targets.informix.login import translate
from tests.ladder import account, check_of, climb, expect, finding_of, passed, target
from tests.libraries import scripted_mysql as mysql
from tests.libraries import scripted_postgresql as postgresql
from tests.libraries.provoking import Provoke, demand

ER = account("er")


def asked(type_: str, behaviour: Behaviour, who: Any = ER, **options: Any) -> Report:
    with in_background(behaviour) as server:
        where = target(type_, "127.0.0.1", server.port, who, allow_cleartext=True, **options)
        return climb(where, canary=False)


def climbs(type_: str, behaviour: Behaviour, **options: Any) -> Provoke:
    return lambda: asked(type_, behaviour, **options)


# --- PyMySQL ----------------------------------------------------------------------------------------------------------

NOT_KNOWN = mysql.error(1146, "Table 'information_schema.schemata' doesn't exist", "42S02")


def compatible(statement: str) -> bytes:
    """A server that has tables, and none of what MySQL has beside them."""
    if statement.startswith("SET "):
        return mysql.error(1193, "Unknown system variable 'x'")
    if "FROM `hr`.`people`" in statement:
        return mysql.row("1")
    return NOT_KNOWN if "information_schema" in statement else mysql.error(1064, "You have an error in your syntax")


PROXY_2003 = mysql.error(2003, "Can't connect to remote MySQL server for client connected to '0.0.0.0:6446'")
AUTH_SWITCH = b"\xfeauthentication_kerberos_client\0salt\0"

# --- psycopg, libpq ---------------------------------------------------------------------------------------------------

UNKNOWN_RELATION = postgresql.error("42P01", 'relation "pg_class" does not exist')


def few_words(statement: str) -> bytes:
    """A server that knows transactions and tables, and no catalogue."""
    if "FROM" in statement and "pg_" not in statement and '"people"' in statement:
        return postgresql.row("f")
    return UNKNOWN_RELATION if statement.lstrip().startswith("SELECT") else postgresql.DONE


def ends(statement: str) -> bytes:
    return postgresql.HANG_UP if '"people"' in statement else few_words(statement)


def out_of_step(statement: str) -> bytes:
    return postgresql.message(b"q", b"what?") if '"people"' in statement else few_words(statement)


ODD_ENCODING = postgresql.SESSION.replace(
    postgresql.parameter("client_encoding", "UTF8"), postgresql.parameter("client_encoding", "MULE_INTERNAL")
)
WRONG_PASSWORD = postgresql.error("28P01", 'password authentication failed for user "er"', "FATAL")


# --- the others -------------------------------------------------------------------------------------------------------


def second(first: bytes, then: bytes) -> Behaviour:
    """An Informix that accepts our own login, and answers the driver's otherwise."""
    answers = [first, then]

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer:
            await informix.server(answer)(reader, writer, record)
        else:
            await reader.read(4096)

    return behaviour


UNKNOWN_TYPE = informix.ACCEPTED[:2] + b"\x0e" + informix.ACCEPTED[3:]
NO_TABLE = {informix_session.PREPARE: informix_session.error(-206, near=b"people")}
WRONG_1017 = oracle.listener(refusals={oracle_session.AUTH_TWO: oracle_session.complaint(1017, "invalid username")})
GARBLED = oracle.listener(refusals={oracle_session.AUTH_ONE: oracle_session.packet(b"\xee" * 40)})
TOKEN = mssql.Server(extra=b"\x7b\xff\xff")

UNKNOWN_OBJECT = mssql.refusing((208, "Invalid object name 'sys.databases'."))
OTHER_CATALOGUE = {
    "LOCK_TIMEOUT": mssql.refusing((195, "'LOCK_TIMEOUT' is not a recognized SET option.")),
    "sys.": UNKNOWN_OBJECT,
    "TOP 1 *": mssql.HR["TOP 1 *"],
}

PROVOKED: dict[str, Provoke] = {
    "mysql-number": climbs("mysql", mysql.server(number=7)),
    "mysql-cut-off": climbs("mysql", mysql.server(b"\xff\x15")),
    "mysql-plugin": climbs("mysql", mysql.server(AUTH_SWITCH)),
    "mysql-before-4.1": climbs("mysql", mysql.server(greeting=mysql.ancient_greeting())),
    "mysql-our-question": climbs("mysql", mysql.server(statements=compatible)),
    "mysql-2003": climbs("mysql", mysql.server(PROXY_2003)),
    "mysql-hang-up": climbs("mysql", mysql.server(mysql.HANG_UP)),
    "mysql-hang-up-later": climbs("mysql", mysql.server(statements=lambda text: b"" if "SELECT" in text else mysql.OK)),
    "mysql-compatible": climbs("mysql", mysql.server(statements=compatible), table="hr.people"),
    "postgresql-encoding": climbs("postgresql", postgresql.server(session=ODD_ENCODING)),
    "postgresql-out-of-step": climbs("postgresql", postgresql.server(out_of_step), table="people"),
    "postgresql-our-question": climbs("postgresql", postgresql.server(few_words)),
    "postgresql-hang-up": climbs("postgresql", postgresql.server(ends), table="people"),
    "postgresql-28P01": climbs("postgresql", postgresql.server(session=WRONG_PASSWORD)),
    "postgresql-compatible": climbs("postgresql", postgresql.server(few_words), table="people"),
    "oracle-old": climbs("oracle", oracle.listener(oracle.OLD), service="ORCL"),
    "oracle-message": climbs("oracle", GARBLED, service="ORCL"),
    "oracle-tns": climbs("oracle", oracle.listener(oracle.refuse(1153)), service="ORCL"),
    "oracle-hang-up": climbs("oracle", oracle.listener(refusals={oracle_session.AUTH_TWO: b""}), service="ORCL"),
    "postgresql-hang-up-at-login": climbs("postgresql", postgresql.server(session=postgresql.HANG_UP)),
    "mssql-our-question": climbs("mssql", mssql.Server(answers=OTHER_CATALOGUE)),
    "mssql-compatible": climbs("mssql", mssql.Server(answers=OTHER_CATALOGUE), table="hr.dbo.employees"),
    "mssql-hang-up-later": climbs("mssql", mssql.Server(fault=mssql.Fault("query", misbehave.closes_at_once))),
    "informix-hang-up": climbs("informix", second(informix.ACCEPTED, b""), server="ol_hr"),
    "oracle-1017": climbs("oracle", WRONG_1017, service="ORCL"),
    "mssql-token": climbs("mssql", TOKEN),
    "mssql-18456": climbs("mssql", mssql.Server(refusal=mssql.refusing((18456, "Login failed for user 'er'.")))),
    "informix-type": climbs("informix", second(informix.ACCEPTED, UNKNOWN_TYPE), server="ol_hr"),
    "informix-206": climbs("informix", informix.server(refusals=NO_TABLE), server="ol_hr", table="people"),
}


@pytest.mark.parametrize("key", PROVOKED)
def test_a_row(key: str) -> None:
    demand(key, PROVOKED[key]())


@pytest.mark.parametrize("number", [2002, 2006, 2013, 2055])
def test_a_proxys_error_with_the_number_of_a_client_is_the_proxys(number: int) -> None:
    report = asked("mysql", mysql.server(mysql.error(number, "the backend is away")))
    expect(report, report.verdict, "mysql.server-error", step=Step.LOGIN)
    assert f"the backend is away (error {number})" in finding_of(report).detail
    assert report.facts.get("error_code", number) == number


@pytest.mark.parametrize("number", [1205, 3572])
def test_a_table_that_mysql_keeps_locked_is_undecided(number: int) -> None:
    locked = mysql.error(number, "Lock wait timeout exceeded; try restarting transaction")
    reads = mysql.server(statements=lambda text: locked if "`hr`" in text else mysql.OK)
    report = asked("mysql", reads, table="hr.people")
    expect(report, Verdict.UNDECIDED, "mysql.table-locked", step=Step.ACCESS)
    passed(report, Step.LOGIN)


@pytest.mark.parametrize("number", [2003, 2006])
def test_the_same_while_reading(number: int) -> None:
    gone = mysql.error(number, "the backend is away")
    reads = mysql.server(statements=lambda text: gone if "`hr`" in text else mysql.OK)
    report = asked("mysql", reads, table="hr.people")
    expect(report, report.verdict, "mysql.server-error", step=Step.ACCESS)
    passed(report, Step.LOGIN)


def test_a_server_before_4_1_is_our_limit_without_a_credential_too() -> None:
    old = mysql.server(mysql.error(1043, "Bad handshake", "08S01"), greeting=mysql.ancient_greeting())
    report = asked("mysql", old, None)
    expect(report, report.verdict, "scanready.limit", step=Step.AUTH)
    assert "before MySQL 4.1" in finding_of(report).detail
    assert report.footprint.login_attempts == 0


def test_no_password_goes_to_a_server_before_4_1() -> None:
    with in_background(mysql.server(mysql.error(1043, "x"), greeting=mysql.ancient_greeting())) as server:
        report = climb(target("mysql", "127.0.0.1", server.port, ER, allow_cleartext=True), canary=False)
    assert report.footprint.login_attempts == 0
    assert b"er\0" not in server.connections[0].received


def test_the_account_without_a_name_has_no_statement_to_paste() -> None:
    """CURRENT_USER() is one of our questions: without its answer the account is not known."""

    def denied(statement: str) -> bytes:
        if "`hr`" in statement:
            return mysql.error(1142, "SELECT command denied to user", "42000")
        return compatible(statement)

    report = asked("mysql", mysql.server(statements=denied), table="hr.people")
    expect(report, report.verdict, "access.denied", step=Step.ACCESS)
    assert finding_of(report).fix is None


def test_a_password_that_must_be_changed_is_no_question_of_ours() -> None:
    must = mysql.error(1820, "You must SET PASSWORD before executing this statement")
    report = asked("mysql", mysql.server(statements=lambda _: must))
    expect(report, report.verdict, "login.expired", step=Step.LOGIN)


def test_a_sybase_that_takes_no_bound_is_not_asked_for_a_whole_table() -> None:
    refused = sybase.reply(sybase.message(195, 15, "'rowcount' is not a recognized SET option."), sybase.FAILED)
    report = asked("sybase", sybase.server(answers={b"set rowcount": refused, b"select": sybase.reply(sybase.DONE)}))
    expect(report, report.verdict, "scanready.limit", step=Step.ACCESS)
    assert "not a recognized SET option" in finding_of(report).detail


@pytest.mark.parametrize("number", [1153, 1159, 1194, 1299])
def test_the_numbers_of_a_listener_below_1300_are_tns(number: int) -> None:
    report = asked("oracle", oracle.listener(oracle.refuse(number)), service="ORCL")
    assert f"TNS-{number:05}" in check_of(report, Step.AUTH).summary
    assert "ORA-" not in check_of(report, Step.AUTH).summary


def test_the_same_number_of_the_database_is_ora() -> None:
    """ORA-01194: the file needs more recovery. It wants no secure transport."""
    refusals = {oracle_session.AUTH_TWO: oracle_session.complaint(1194, "file 1 needs more recovery")}
    report = asked("oracle", oracle.listener(refusals=refusals), service="ORCL")
    expect(report, report.verdict, "oracle.server-error", step=Step.LOGIN)
    assert "ORA-01194" in finding_of(report).detail


def test_informix_host() -> None:
    """A driver that cannot connect names the host, and a host may be called like an error."""
    for words in ("cannot connect to Informix at db-951.corp:9088: refused", "write failed: at db-329:9088"):
        found = translate(words)
        assert found.cause.code == "scanready.limit"
        assert found.cause.owner == "scanready"
    for words in ("[-951] Incorrect password", "error -951", "(sqlcode -951)"):
        assert translate(words).cause.code == "login.refused"


def test_an_ok_is_no_row() -> None:
    """A server that says OK to every statement has shown nothing of the table."""
    report = climbs("mysql", mysql.server(statements=lambda _: mysql.OK), table="hr.people")()
    expect(report, Verdict.UNDECIDED, "mysql.other-product", step=Step.ACCESS)
