"""PostgreSQL after the password: what can be read, what cannot, and that nothing is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.postgresql import PostgreSQL, bindir
from fixtures.limits import HANG
from scanready.model import Owner, Report, Step, Verdict
from tests.ladder import WAIT, account, check_of, climb, expect, finding_of, passed, story, target

ER = account("er")


@pytest.fixture(scope="module")
def server(lab: Lab) -> PostgreSQL:
    server = lab.postgresql("scram-tls", label="reading")
    server.sql("""
        CREATE TABLE "Odd ""name""; --"(a int); INSERT INTO "Odd ""name""; --" VALUES (1);
        CREATE TABLE busy(a int);
        CREATE TABLE hidden(a int); INSERT INTO hidden VALUES (1); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
        CREATE TABLE partly(name text, card text); GRANT SELECT (name) ON partly TO er;
        CREATE VIEW broken AS SELECT 1 / (count(*) - count(*)) AS quotient FROM employees;
        CREATE VIEW staff AS SELECT name FROM employees;
        GRANT SELECT ON "Odd ""name""; --", busy, hidden, broken, staff TO er;
        CREATE ROLE crowded LOGIN PASSWORD 'Passw0rd!' CONNECTION LIMIT 0;
        CREATE DATABASE "no role" TEMPLATE postgres; DROP DATABASE "no role";
        CREATE DATABASE template0 TEMPLATE postgres;  -- the lab's cluster has none; only this one leads to others
        CREATE DATABASE unconverted TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
        CREATE DATABASE western TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
        CREATE DATABASE "Gehälter" TEMPLATE postgres;
    """)
    for database in ("unconverted", "western"):
        server.sql('SET client_encoding = UTF8; CREATE TABLE "größe"(a int); GRANT SELECT ON "größe" TO er', database)
    # No character in UTF-8, as old programs leave them in a database that converts nothing.
    server.sql(
        "DO $$BEGIN EXECUTE 'CREATE TABLE \"a' || E'\\xe9' || '\"(a int)'; END$$;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO er",
        "unconverted",
    )
    return server


def read(lab: Lab, server: PostgreSQL, table: str | None = None, **options: Any) -> Report:
    wanted: dict[str, Any] = {"database": "hr"} | ({"table": table} if table else {}) | options
    return climb(target("postgresql", server.hostname, credential=ER, **wanted), lab.agent)


@pytest.mark.parametrize(
    "table", ['Odd "name"; --', '"Odd ""name""; --"', 'public."Odd ""name""; --"', "staff", '"employees"']
)
def test_names_are_names_whatever_is_in_them(lab: Lab, server: PostgreSQL, table: str) -> None:
    report = expect(read(lab, server, table), Verdict.SCANNABLE)
    assert "one row" in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize("database", ["unconverted", "western"])
@pytest.mark.parametrize("table", [None, "größe"])
def test_a_database_of_any_encoding_is_read(lab: Lab, server: PostgreSQL, database: str, table: str | None) -> None:
    """psycopg hands names over as bytes where the database converts nothing."""
    report = expect(read(lab, server, table, database=database), Verdict.SCANNABLE)
    assert "b'" not in check_of(report, Step.ACCESS).summary
    assert {"unconverted", "western", "hr"} <= set(report.facts["databases"])
    if database == "unconverted":  # PostgreSQL itself reads all databases' names in the encoding of the one it is in
        assert "Gehälter" in report.facts["databases"]
    json.dumps(report.facts)
    if table:
        assert "größe" in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize(
    "table", ["employees; DROP TABLE employees", 'employees" UNION SELECT 1; --', ".", "public.", "EMPLOYEES", "x\0y"]
)
def test_what_is_no_table_does_not_exist(lab: Lab, server: PostgreSQL, table: str) -> None:
    report = expect(read(lab, server, table), Verdict.BLOCKED, "access.not-found", step=Step.ACCESS)
    passed(report, Step.LOGIN)
    assert server.sql("SELECT count(*) FROM employees") == [["2"]]


@pytest.mark.parametrize("database", ["host=127.0.0.1 dbname=hr", "postgresql://127.0.0.1/hr", "hr' user='admin"])
def test_a_database_is_a_name_and_no_connection_string(lab: Lab, server: PostgreSQL, database: str) -> None:
    report = read(lab, server, database=database)
    expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS)


def test_a_database_with_role_in_its_name_is_no_refused_password(lab: Lab, server: PostgreSQL) -> None:
    expect(read(lab, server, database="no role"), Verdict.BLOCKED, "access.not-found", step=Step.ACCESS)


def test_a_view_is_read_and_not_only_found(lab: Lab, server: PostgreSQL) -> None:
    report = read(lab, server, "broken")
    expect(report, Verdict.BLOCKED, "postgresql.read-failed", step=Step.ACCESS, owner=Owner.DATABASE)
    assert "division by zero" in check_of(report, Step.ACCESS).summary


def test_a_grant_on_some_columns_is_not_enough(lab: Lab, server: PostgreSQL) -> None:
    report = read(lab, server, "partly")
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, fix='GRANT SELECT ON "public"."partly" TO "er"')


def test_rows_that_row_level_security_hides(lab: Lab, server: PostgreSQL) -> None:
    report = read(lab, server, "hidden")
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS)
    assert "row-level security" in check_of(report, Step.ACCESS).summary
    expect(read(lab, server, "busy"), Verdict.SCANNABLE)  # as empty, and nothing hides it


@contextlib.contextmanager
def locked(server: PostgreSQL, table: str) -> Iterator[None]:
    argv = [f"{bindir()}/psql", "-X", "-q", "-A", "-t", "-h", str(server.directory), "-U", "admin", "-d", "hr"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        yield


def test_a_locked_table_is_told_in_time_and_the_server_waits_for_nobody(lab: Lab, server: PostgreSQL) -> None:
    where = target("postgresql", server.hostname, credential=ER, database="hr", table="busy")
    with locked(server, "busy"):
        report = climb(where, lab.agent, timeout=WAIT)
        waiting = server.sql("SELECT count(*) FROM pg_locks WHERE NOT granted")
    expect(report, Verdict.UNDECIDED, "postgresql.table-locked", step=Step.ACCESS, owner=Owner.DATABASE)
    assert waiting == [["0"]]


def test_how_many_tables_may_be_read_is_told(lab: Lab, server: PostgreSQL) -> None:
    report = expect(read(lab, server), Verdict.SCANNABLE)
    assert report.facts["tables"] == 7, story(report)  # views among them
    assert report.facts["tables_readable"] == 6  # all but the one granted by columns


def test_a_limit_of_the_role_is_told_in_its_words(lab: Lab, server: PostgreSQL) -> None:
    where = target("postgresql", server.hostname, credential=account("crowded"), database="hr")
    report = expect(climb(where, lab.agent), Verdict.BLOCKED, "postgresql.too-many-connections")
    assert 'for role "crowded"' in check_of(report, Step.LOGIN).summary


def test_a_database_that_takes_no_connections(lab: Lab, server: PostgreSQL) -> None:
    server.sql("ALTER DATABASE payroll ALLOW_CONNECTIONS false", "postgres")
    report = read(lab, server, database="payroll")
    fix = 'ALTER DATABASE "payroll" ALLOW_CONNECTIONS true;'
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, fix=fix)
    server.sql(fix, "postgres")


def test_both_connections_are_counted_and_one_is_left_before_the_other(lab: Lab, server: PostgreSQL) -> None:
    before = server.log.count("connection authorized")
    server.sql("ALTER SYSTEM SET log_connections = on", "postgres")
    server.sql("SELECT pg_reload_conf()", "postgres")
    report = expect(read(lab, server, "employees"), Verdict.SCANNABLE)
    assert report.footprint.connections == 2
    assert server.log.count("connection authorized: user=er") == before + 1


def test_ident_is_no_password_whoever_asks(lab: Lab) -> None:
    """Its refusal names the user, as that of a role which does not exist: it was once taken for "trust"."""
    server = lab.postgresql("ident")
    report = climb(target("postgresql", server.hostname), lab.agent)
    expect(report, Verdict.UNDECIDED, "auth.identity-invented", step=Step.AUTH, owner=Owner.OPERATOR)
    assert finding_of(report).fix is None
    report = climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent)
    expect(report, Verdict.BLOCKED, "postgresql.method-not-password", owner=Owner.DATABASE, fix="host hr er")
    assert report.footprint.login_attempts == 0


def test_the_agents_own_settings_for_libpq_do_not_count(
    lab: Lab, server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"TARGETSESSIONATTRS": "standby", "CHANNELBINDING": "require", "REQUIREAUTH": "gss", "OPTIONS": "-c x=y"}
    for name, value in settings.items():
        monkeypatch.setenv(f"PG{name}", value)
    monkeypatch.setenv("PGSSLROOTCERT", os.devnull)
    expect(read(lab, server, "employees"), Verdict.SCANNABLE)


# --- behind a pooler ---------------------------------------------------------------------------------------------


def asked(lab: Lab, query: str) -> str:
    """Run a query as another client of the pooler and return its output."""
    pooler = lab.pgbouncer()
    argv = ["psql", "-XAtq", "-h", pooler.address, "-p", "6432", "-U", "er", "-d", "hr", "-c", query]
    done = lab.agent.run(
        lambda: subprocess.run(
            argv, env=os.environ | {"PGPASSWORD": PASSWORD}, capture_output=True, text=True, timeout=HANG, check=True
        )
    )
    return done.stdout.strip()


def test_the_next_client_of_a_pooled_connection_finds_nothing_of_ours(lab: Lab) -> None:
    pooler = lab.pgbouncer()
    settings = ("default_transaction_read_only", "statement_timeout", "lock_timeout")
    before = [asked(lab, f"SHOW {name}") for name in settings]
    where = target("postgresql", pooler.address, 6432, ER, database="hr")
    expect(climb(where, lab.agent), Verdict.SCANNABLE)
    assert [asked(lab, f"SHOW {name}") for name in settings] == before == ["off", "0", "0"]
    assert asked(lab, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'er'") == "1", "the same connection"


def test_what_a_pooler_refuses(lab: Lab) -> None:
    pooler = lab.pgbouncer()

    def report(user: str = "er", password: str = PASSWORD, **options: Any) -> Report:
        return climb(target("postgresql", pooler.address, 6432, account(user, password), **options), lab.agent)

    expect(report(password="wrong", database="hr"), Verdict.BLOCKED, "login.refused", step=Step.LOGIN)
    expect(report(database="unheard-of"), Verdict.BLOCKED, "postgresql.session-refused", step=Step.LOGIN)
    expect(report(database="nowhere"), Verdict.BLOCKED, "access.not-found", step=Step.ACCESS)


def test_a_pooler_without_transactions_is_our_limit(lab: Lab) -> None:
    pooler = lab.pgbouncer("statement")
    report = climb(target("postgresql", pooler.address, 6432, ER, database="hr"), lab.agent)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)
    passed(report, Step.LOGIN)


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ("'infinity'", ""),
        ("now() + interval '8 days'", ""),
        ("now() + interval '3 days 1 hour'", "the password expires in 3 days"),
        ("now() + interval '90 minutes'", "the password expires in 1 hour"),
    ],
)
def test_a_password_that_expires_soon_limits(lab: Lab, until: str, words: str) -> None:
    own = lab.postgresql("scram", label="expiry")
    own.sql(f"DO $$ BEGIN EXECUTE format('ALTER ROLE er VALID UNTIL %L', ({until})::timestamptz); END $$")
    report = read(lab, own)
    expect(report, Verdict.LIMITED if words else Verdict.SCANNABLE, "login.expires-soon" if words else None)
    if words:
        assert finding_of(report).detail == words
