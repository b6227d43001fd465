"""PostgreSQL, against real servers: every variant of pg_hba.conf, every refusal, and what the log says of us."""

from __future__ import annotations

import pytest

from fixtures.lab.lab import Lab
from scanready.model import Outcome, Owner, Step, Verdict
from tests.ladder import account, check_of, climb, expect, finding_of, passed, story, target

ER, POOR = account("er"), account("poor")


@pytest.mark.parametrize(
    ("variant", "method"),
    [("scram", "scram-sha-256"), ("scram-tls", "scram-sha-256"), ("md5", "md5"), ("password", "password")],
)
def test_ready_without_a_credential(lab: Lab, variant: str, method: str) -> None:
    server = lab.postgresql(variant)
    report = expect(climb(target("postgresql", server.hostname), lab.agent), Verdict.READY)
    assert report.facts["auth_methods"] == [method]
    assert "product" not in report.facts, "others have the same prompt"
    assert report.footprint.login_attempts == report.footprint.probe_logins == 0
    assert report.footprint.connections == 1, story(report)
    assert ("tls" in report.facts) == (variant == "scram-tls")


def test_scannable_with_a_credential(lab: Lab) -> None:
    server = lab.postgresql("scram-tls")
    report = expect(
        climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent), Verdict.SCANNABLE
    )
    assert report.facts["version"].split()[0] == server.sql("SHOW server_version")[0][0].split()[0]
    assert report.facts["tls"] == "TLSv1.3"
    assert "employees" in check_of(report, Step.ACCESS).summary
    assert report.footprint.login_attempts == 1


def test_a_named_table_is_read(lab: Lab) -> None:
    server = lab.postgresql("scram")
    where = target("postgresql", server.hostname, credential=ER, database="hr", table="public.employees")
    report = expect(climb(where, lab.agent), Verdict.SCANNABLE)
    assert "one row" in check_of(report, Step.ACCESS).summary


def test_ready_checks_leave_no_line_in_the_log(lab: Lab) -> None:
    server = lab.postgresql("scram-tls", label="quiet")
    before = server.log
    for depth in (Step.CONNECT, Step.TLS, Step.HANDSHAKE, Step.AUTH, Step.ACCESS):
        climb(target("postgresql", server.hostname, database="hr", user="er"), lab.agent, depth=depth)
    assert server.log == before


@pytest.mark.parametrize("variant", ["no-entry", "reject"])
def test_hba_refusal_names_the_missing_line(lab: Lab, variant: str) -> None:
    server = lab.postgresql(variant)
    report = climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent)
    line = f"host hr er {lab.agent.address}/32 scram-sha-256"
    expect(report, Verdict.BLOCKED, "postgresql.hba-rejected", step=Step.AUTH, owner=Owner.DATABASE, fix=line)
    assert report.footprint.login_attempts == 0


def test_hba_refusal_of_an_invented_user_is_undecided(lab: Lab) -> None:
    server = lab.postgresql("no-entry")
    report = climb(target("postgresql", server.hostname), lab.agent)
    expect(report, Verdict.UNDECIDED, "auth.identity-invented", step=Step.AUTH, owner=Owner.OPERATOR)
    assert "no pg_hba.conf entry" in finding_of(report).detail
    assert finding_of(report).fix is None


def test_the_operators_own_user_makes_it_definite(lab: Lab) -> None:
    server = lab.postgresql("no-entry")
    report = climb(target("postgresql", server.hostname, user="er", database="hr"), lab.agent)
    expect(report, Verdict.BLOCKED, "postgresql.hba-rejected")


def test_hostssl_only_is_reached_over_tls(lab: Lab) -> None:
    server = lab.postgresql("hostssl-only")
    report = expect(
        climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent), Verdict.SCANNABLE
    )
    passed(report, Step.TLS)


def test_hostnossl_only_is_limited(lab: Lab) -> None:
    server = lab.postgresql("hostnossl-only")
    report = climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent)
    expect(report, Verdict.LIMITED, "postgresql.tls-refused", step=Step.AUTH, owner=Owner.DATABASE, fix="hostssl hr er")
    passed(report, Step.LOGIN, Step.ACCESS)


def test_another_database_only(lab: Lab) -> None:
    server = lab.postgresql("other-database-only")
    report = climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent)
    expect(report, Verdict.BLOCKED, "postgresql.hba-rejected", fix="host hr er")


def test_a_client_certificate_is_demanded(lab: Lab) -> None:
    server = lab.postgresql("client-certificate")
    report = climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent)
    expect(report, Verdict.BLOCKED, "tls.client-certificate", step=Step.TLS, owner=Owner.SERVER)


def test_trust_tells_the_version_and_is_a_session(lab: Lab) -> None:
    server = lab.postgresql("trust")
    report = expect(climb(target("postgresql", server.hostname, user="er", database="hr"), lab.agent), Verdict.READY)
    assert report.facts["auth_methods"] == ["trust"]
    assert report.facts["version"]


def test_trust_and_an_invented_user(lab: Lab) -> None:
    server = lab.postgresql("trust")
    report = expect(climb(target("postgresql", server.hostname), lab.agent), Verdict.READY)
    assert report.facts["auth_methods"] == ["trust"]


def test_a_wrong_password_is_tried_once(lab: Lab) -> None:
    server = lab.postgresql("scram-tls", label="wrong")
    wrong = account("er", "not-this-one")
    report = climb(target("postgresql", server.hostname, credential=wrong, database="hr"), lab.agent)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.footprint.login_attempts == 1
    assert server.log.count("password authentication failed") == 1


def test_a_role_that_may_not_log_in(lab: Lab) -> None:
    server = lab.postgresql("scram")
    report = climb(target("postgresql", server.hostname, credential=account("nologin"), database="hr"), lab.agent)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN)


def test_a_database_that_does_not_exist(lab: Lab) -> None:
    server = lab.postgresql("scram")
    report = climb(target("postgresql", server.hostname, credential=ER, database="nowhere"), lab.agent)
    expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS)
    passed(report, Step.LOGIN)


def test_a_database_that_bars_the_role(lab: Lab) -> None:
    server = lab.postgresql("scram")
    report = climb(target("postgresql", server.hostname, credential=ER, database="payroll"), lab.agent)
    expect(
        report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, fix='GRANT CONNECT ON DATABASE "payroll" TO "er"'
    )


def test_a_role_without_grants(lab: Lab) -> None:
    server = lab.postgresql("scram")
    report = climb(target("postgresql", server.hostname, credential=POOR, database="hr"), lab.agent)
    expect(
        report,
        Verdict.LIMITED,
        "access.denied",
        step=Step.ACCESS,
        owner=Owner.DATABASE,
        fix="GRANT SELECT ON ALL TABLES",
    )


def test_a_named_table_without_grant_and_one_that_is_not_there(lab: Lab) -> None:
    server = lab.postgresql("scram")
    denied = climb(target("postgresql", server.hostname, credential=POOR, database="hr", table="employees"), lab.agent)
    expect(denied, Verdict.LIMITED, "access.denied", fix='GRANT SELECT ON "public"."employees" TO "poor"')
    missing = climb(target("postgresql", server.hostname, credential=ER, database="hr", table="nothing"), lab.agent)
    expect(missing, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS)


def test_all_connections_taken(lab: Lab) -> None:
    server = lab.postgresql("few-connections")
    with server.full():
        report = climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent)
    expect(report, Verdict.BLOCKED, "postgresql.too-many-connections", owner=Owner.DATABASE)


def test_a_server_that_shuts_down(lab: Lab) -> None:
    server = lab.postgresql("scram", label="closing")
    with server.shutting_down():
        for credential in (None, ER):
            report = climb(target("postgresql", server.hostname, credential=credential, database="hr"), lab.agent)
            expect(report, Verdict.BLOCKED, "postgresql.not-accepting", step=Step.AUTH, owner=Owner.DATABASE)
            assert report.facts["sqlstate"] == "57P03"
            assert report.footprint.login_attempts == 0


def test_a_password_in_clear_is_withheld(lab: Lab) -> None:
    server = lab.postgresql("password")
    report = climb(target("postgresql", server.hostname, credential=ER, database="hr"), lab.agent)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert report.footprint.login_attempts == 0
    permitted = target("postgresql", server.hostname, credential=ER, database="hr", allow_cleartext=True)
    expect(climb(permitted, lab.agent), Verdict.SCANNABLE)


def test_the_firewall_in_the_middle(lab: Lab) -> None:
    server = lab.postgresql("scram")
    where = target("postgresql", server.address)
    with lab.policy(f"ip daddr {server.address} tcp dport 5432 drop"):
        report = climb(where, lab.agent)
    rule = f"ip saddr {lab.agent.address} ip daddr {server.address} tcp dport 5432 accept"
    expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule)
    with lab.policy(f"ip daddr {server.address} tcp dport 5432 reject with icmp type admin-prohibited"):
        report = climb(where, lab.agent)
    expect(report, Verdict.BLOCKED, "connect.rejected", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule)
    assert "rejected_by" in check_of(report, Step.CONNECT).facts
    with lab.policy(f"ip daddr {server.address} tcp dport 5432 reject with tcp reset"):
        report = climb(where, lab.agent)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)


def test_over_ipv6(lab: Lab) -> None:
    server = lab.postgresql("scram")
    report = expect(climb(target("postgresql", server.address6), lab.agent), Verdict.READY)
    assert check_of(report, Step.CONNECT).endpoint == f"[{server.address6}]:5432"


def test_certificate_faults_are_only_told(lab: Lab) -> None:
    server = lab.postgresql("scram-tls")
    report = expect(climb(target("postgresql", server.address6), lab.agent), Verdict.READY)
    assert report.facts["certificate_faults"] == ["tls.name-mismatch"], story(report)
    assert check_of(report, Step.TLS).outcome is Outcome.PASSED
