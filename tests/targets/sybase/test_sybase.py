"""SAP ASE without an ASE: every refusal, no login without leave, and no password in clear without leave."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Server, in_background, misbehave, sybase
from fixtures.emulators.certificates import authority
from scanready.causes import common
from scanready.model import Credential, Owner, Report, Step, Verdict
from scanready.targets.sybase import answers
from scanready.wire import tds5 as wire
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, finding_of, passed, story, target

USER = account("er")


def asked(
    behaviour: Behaviour, credential: Credential | None = None, secure: bool = False, **options: Any
) -> tuple[Report, Server]:
    seconds = float(options.pop("timeout", PLENTY))
    if secure:
        options["tls"] = True
    with in_background(behaviour, tls=authority().context() if secure else None) as server:
        report = climb(target("sybase", "127.0.0.1", server.port, credential, **options), timeout=seconds)
        server.wait(len(server.connections))
    return report, server


def test_nothing_is_sent_without_leave() -> None:
    report, server = asked(sybase.ase)
    expect(report, Verdict.UNDECIDED, "sybase.login-is-first", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert [record.received for record in server.connections] == [b""]
    assert (report.footprint.login_attempts, report.footprint.probe_logins) == (0, 0)


def test_with_leave_an_invented_user_is_refused_and_that_is_the_prompt() -> None:
    report, server = asked(sybase.ase, allow_login_probe=True)
    expect(report, Verdict.READY)
    assert report.facts["product"] == "ASE"
    assert report.facts["version"] == "16.0.4"
    assert report.facts["server_name"] == "ASE160"
    assert (report.footprint.login_attempts, report.footprint.probe_logins) == (0, 1)
    assert not server.offences


def test_an_old_servers_refusal_is_a_prompt_too() -> None:
    report, _ = asked(sybase.server(login=sybase.REFUSED_BY_OLD), allow_login_probe=True)
    expect(report, Verdict.READY)


def test_a_password_in_clear_is_withheld() -> None:
    report, server = asked(sybase.ase, USER)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert [record.received for record in server.connections] == [b""]
    assert report.footprint.login_attempts == 0


@pytest.mark.parametrize("secure", [True, False], ids=["in TLS", "in clear, with leave"])
def test_with_a_credential_it_is_scannable(secure: bool) -> None:
    report, server = asked(sybase.ase, USER, secure, allow_cleartext=not secure)
    expect(report, Verdict.SCANNABLE)
    passed(report, Step.HANDSHAKE, Step.AUTH, Step.LOGIN, Step.ACCESS)
    assert "one row of sysobjects" in check_of(report, Step.ACCESS).summary
    assert server.counts["logins"] == report.footprint.login_attempts == 1
    assert not server.offences, "a session is ended with LOGOUT"


def test_the_table_that_is_named_is_read() -> None:
    report, server = asked(sybase.ase, USER, True, database="hr", table="dbo.staff")
    expect(report, Verdict.SCANNABLE)
    assert "dbo.staff in hr" in check_of(report, Step.ACCESS).summary
    assert b"use [hr]" in server.connections[0].received
    assert b"[dbo].[staff]" in server.connections[0].received


REFUSALS = {
    "wrong password": (sybase.REFUSED, "login.refused", Owner.IDENTITY),
    "no default database": (sybase.refused(4001, 14, "Cannot open database 'hr'."), "access.not-found", Owner.OPERATOR),
    "locked": (sybase.refused(4067, 14, "The account is locked."), "login.locked", Owner.IDENTITY),
    "expired": (sybase.refused(4022, 14, "The password has expired."), "login.expired", Owner.IDENTITY),
    "full": (sybase.refused(1601, 17, "Not enough 'user connections'"), "sybase.too-many-connections", Owner.DATABASE),
    "no default database left": (sybase.refused(4004, 14, "Cannot open it."), "access.not-found", Owner.OPERATOR),
    "a licence": (sybase.refused(131274, 20, "The license has expired"), "sybase.server-error", Owner.DATABASE),
    "a database": (sybase.refused(9998, 14, "Database 'hr' is locked"), "sybase.server-error", Owner.DATABASE),
    "else": (sybase.refused(9999, 20, "Something else."), "sybase.server-error", Owner.DATABASE),
}
ENCRYPT = (sybase.refused(1640, 16, "Adaptive Server requires encryption of the login password"), sybase.NEGOTIATE)


@pytest.mark.parametrize("answer", ENCRYPT)
def test_a_demand_for_encrypted_passwords_is_no_refusal(answer: bytes) -> None:
    report, _ = asked(sybase.server(login=answer), USER, True)
    expect(report, Verdict.UNDECIDED, "sybase.password-encryption-required", step=Step.LOGIN, owner=Owner.DATABASE)


@pytest.mark.parametrize(("answer", "code", "owner"), REFUSALS.values(), ids=REFUSALS)
def test_refused_logins(answer: bytes, code: str, owner: Owner) -> None:
    report, server = asked(sybase.server(login=answer), USER, True)
    verdict = Verdict.UNDECIDED if code == "sybase.server-error" else Verdict.BLOCKED
    expect(report, verdict, code, step=Step.LOGIN, owner=owner)
    passed(report, Step.HANDSHAKE)
    assert server.counts["logins"] == 1


def test_what_an_invented_user_is_told_of_the_server_is_undecided() -> None:
    full = sybase.refused(1601, 17, "There are not enough 'user connections' available")
    report, _ = asked(sybase.server(login=full), allow_login_probe=True)
    expect(report, Verdict.UNDECIDED, "sybase.too-many-connections", step=Step.AUTH)


@pytest.mark.parametrize(
    ("number", "words"),
    [(4001, "Cannot open default database 'hr'."), (10, "The login is locked."), (11, "Your password has expired.")],
    ids=["database", "locked", "expired"],
)
def test_what_an_invented_user_is_told_of_itself_has_no_fix(number: int, words: str) -> None:
    report, _ = asked(sybase.server(login=sybase.refused(number, 14, words)), allow_login_probe=True)
    expect(report, Verdict.UNDECIDED, "auth.identity-invented", step=Step.AUTH, owner=Owner.OPERATOR)
    assert finding_of(report).fix is None
    assert "scanready_probe" in finding_of(report).detail


def test_who_is_not_ase() -> None:
    microsoft = sybase.reply(sybase.message(4002, 14, "Login failed."), sybase.acknowledge(6, b"Microsoft SQL Server"))
    report, _ = asked(sybase.server(login=microsoft), allow_login_probe=True)
    expect(report, Verdict.BLOCKED, "sybase.microsoft-sql-server", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    relative = sybase.reply(sybase.acknowledge(5, b"SQL Anywhere"), sybase.DONE)
    report, _ = asked(sybase.server(login=relative), USER, True)
    expect(report, Verdict.LIMITED, "sybase.other-product", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


UNREADABLE = {
    "no such database": (b"use ", 911, "Attempt to locate entry for 'hr' failed", Verdict.BLOCKED, "access.not-found"),
    "not a user of it": (b"use ", 916, "is not a valid user in database 'hr'", Verdict.LIMITED, "access.denied"),
    "no permission": (b"select", 229, "SELECT permission denied", Verdict.LIMITED, "access.denied"),
    "no such table": (b"select", 208, "staff not found.", Verdict.BLOCKED, "access.not-found"),
}


@pytest.mark.parametrize(("statement", "number", "text", "verdict", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_may_not_be_read(statement: bytes, number: int, text: str, verdict: Verdict, code: str) -> None:
    answer = sybase.message(number, 14, text)
    behaviour = sybase.server(answers={statement: sybase.reply(answer, sybase.FAILED)})
    report, _ = asked(behaviour, USER, True, database="hr", table="staff")
    expect(report, verdict, code, step=Step.ACCESS)


def test_an_empty_table_is_read_too() -> None:
    one_column = b"\xee\x0a\0\1\0\0\0\0\0\0\0\x38\0"  # ROWFMT: an INT4 without a name
    report, _ = asked(sybase.server(answers={b"select": sybase.reply(one_column, sybase.DONE)}), USER, True)
    expect(report, Verdict.SCANNABLE)
    assert "empty" in check_of(report, Step.ACCESS).summary


def test_what_has_no_room_in_the_record_is_our_limit() -> None:
    report, server = asked(sybase.ase, account("er", "x" * 31), True)
    expect(report, Verdict.UNDECIDED, "scanready.limit")
    assert server.counts["logins"] == 0


def test_another_protocol() -> None:
    report, _ = asked(misbehave.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), allow_login_probe=True)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)


@pytest.mark.parametrize("silent_at", [0x02, 0x0F])
def test_silence_ends_with_the_deadline(silent_at: int) -> None:
    report, server = asked(sybase.server(silent_at=silent_at), USER, allow_cleartext=True, timeout=WAIT)
    assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)
    assert report.footprint.login_attempts == len(server.connections) == 1


def test_a_closed_port_leads_to_a_look_at_the_usual_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    with in_background(sybase.ase, host="127.0.0.77") as beside:
        monkeypatch.setattr("scanready.targets.sybase.verify.USUAL_PORTS", (beside.port, 1))
        report = climb(target("sybase", "127.0.0.77"))
        assert [record.received for record in beside.connections] == [b""], "a look, and no login"
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)
    assert report.facts["suggested_port"] == beside.port
    assert f"try sybase://127.0.0.77:{beside.port}" in story(report)
    assert report.footprint.connections == 1


def test_a_port_that_the_operator_chose_is_taken_as_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    with in_background(sybase.ase, host="127.0.0.77") as beside:
        monkeypatch.setattr("scanready.targets.sybase.verify.USUAL_PORTS", (beside.port,))
        where = dataclasses.replace(target("sybase", "127.0.0.77", 3639), explicit_port=True)
        report = climb(where)
        assert not beside.connections
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)


def test_of_four_hundred_errors_the_first_are_told() -> None:
    errors = tuple(wire.Message(4002, 1, 14, f"no {number} {'%2525' * 200}", "") for number in range(400))
    failure = answers.refusal(errors, common.LOGIN_REFUSED)
    assert failure.cause is common.LOGIN_REFUSED
    assert failure.detail.count("(message 4002, severity 14)") == 8
    assert failure.detail.endswith("; and 392 more")
    assert len(failure.detail) < 8 * 500
