"""Informix without an Informix: every number, no login without leave, no password in clear without leave."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from fixtures.emulators import Behaviour, Server, db2, in_background, informix, informix_session, misbehave, ssh
from fixtures.emulators.certificates import authority
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from scanready.targets.informix import answers as shared
from scanready.targets.informix import causes
from scanready.targets.informix.login import translate
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, passed, story, target
from tests.played_driver import without_driver

USER = account("er")


def asked(
    behaviour: Behaviour, credential: Credential | None = None, secure: bool = False, **options: Any
) -> tuple[Report, Server]:
    seconds = float(options.pop("timeout", PLENTY))
    if secure:
        options["tls"] = True
    with in_background(behaviour, tls=authority().context() if secure else None) as server:
        report = climb(target("informix", "127.0.0.1", server.port, credential, **options), timeout=seconds)
        server.wait(len(server.connections))
    return report, server


def test_nothing_is_sent_without_leave() -> None:
    report, server = asked(informix.informix)
    expect(report, Verdict.UNDECIDED, "informix.login-is-first", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert [record.received for record in server.connections] == [b""]


def test_with_leave_an_invented_user_is_refused_and_that_is_the_prompt() -> None:
    report, _ = asked(informix.informix, allow_login_probe=True)
    expect(report, Verdict.READY)
    assert report.facts["product"] == "IBM Informix"
    assert (report.footprint.login_attempts, report.footprint.probe_logins) == (0, 1)


def test_a_password_in_clear_is_withheld() -> None:
    report, server = asked(informix.informix, USER, server="ol_hr")
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert [record.received for record in server.connections] == [b""]


def test_the_servers_own_name_is_needed() -> None:
    report, server = asked(informix.informix, USER, True)
    expect(report, Verdict.UNDECIDED, "informix.server-not-named", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert server.counts["logins"] == 0


@pytest.mark.parametrize("secure", [True, False], ids=["in TLS", "in clear, with leave"])
def test_a_login_and_a_row(secure: bool) -> None:
    report, server = asked(informix.informix, USER, secure, server="ol_hr", allow_cleartext=not secure)
    expect(report, Verdict.SCANNABLE)
    assert check_of(report, Step.ACCESS).summary == "read one row of systables in sysmaster"
    assert report.facts["internal_version"] == "14.10.FC7"
    assert (server.counts["logins"], server.counts["exits"], server.offences) == (2, 2, {})
    assert report.footprint.login_attempts == 2


def test_the_named_table_is_read() -> None:
    report, server = asked(informix.informix, USER, True, server="ol_hr", database="hr", table="employees")
    expect(report, Verdict.SCANNABLE)
    assert (server.counts["opens hr"], server.counts["SELECT FIRST 1 1 FROM employees"]) == (1, 1)


def test_an_empty_table_is_told() -> None:
    report, _ = asked(informix.server(rows=0), USER, True, server="ol_hr", database="hr", table="employees")
    expect(report, Verdict.SCANNABLE)
    assert check_of(report, Step.ACCESS).summary == "read employees in hr, which is empty"


@pytest.mark.parametrize(
    ("message", "number", "code", "owner"),
    [
        (informix_session.DBOPEN, -329, "access.not-found", Owner.OPERATOR),
        (informix_session.DBOPEN, -387, "access.denied", Owner.DATABASE),
        (informix_session.PREPARE, -206, "access.not-found", Owner.OPERATOR),
        (informix_session.PREPARE, -272, "access.denied", Owner.DATABASE),
    ],
)
def test_what_a_session_is_refused(message: int, number: int, code: str, owner: Owner) -> None:
    behaviour = informix.server(refusals={message: informix_session.error(number)})
    report, server = asked(behaviour, USER, True, server="ol_hr", database="hr", table="employees")
    verdict = Verdict.LIMITED if code == "access.denied" else Verdict.BLOCKED
    expect(report, verdict, code, step=Step.ACCESS, owner=owner)
    assert report.footprint.connections == 2
    assert check_of(report, Step.ACCESS).facts["error_code"] == number
    if message == informix_session.PREPARE:  # the driver hangs up without a word where the database is refused
        assert server.offences == {}


def test_without_the_driver_the_login_alone_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    without_driver(monkeypatch, "informix_db")
    report, server = asked(informix.informix, USER, True, server="ol_hr")
    expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.ACCESS)
    passed(report, Step.HANDSHAKE, Step.AUTH, Step.LOGIN)
    assert (server.counts["logins"], server.counts["exits"]) == (1, 1)
    assert report.footprint.login_attempts == 1


REFUSED = [number for number in causes.NUMBERS if number not in (-329, -387, -206, -272)]


@pytest.mark.parametrize("number", REFUSED)
def test_refused_logins(number: int) -> None:
    cause = causes.NUMBERS[number][0]
    report, server = asked(informix.server(informix.refused(number)), USER, True, server="ol_hr")
    verdict = Verdict.BLOCKED if cause.definite else Verdict.UNDECIDED
    expect(report, verdict, cause.code, step=Step.LOGIN, owner=cause.of_database or cause.owner)
    assert cause.remedy
    assert server.counts["logins"] == 1


def test_what_the_numbers_are_known_for() -> None:
    known = {-951: "login.refused", -761: "informix.server-name", -956: "informix.host-not-trusted"}
    known |= {-27002: "informix.not-accepting", -329: "access.not-found", -387: "access.denied", -272: "access.denied"}
    for number, code in known.items():
        assert causes.NUMBERS[number][0].code == code
        assert translate(f"SQL error {number}: text").cause.code == code
    assert translate("error -11111").cause.code == "informix.server-error"
    assert translate("server closed connection mid-read").cause.code == "access.broken-off"
    assert translate("unexpected tag in DESCRIBE response: 0x0063").cause.code == "scanready.limit"


def test_a_redirect_names_the_destination_and_takes_no_login_there() -> None:
    report, server = asked(informix.server(informix.ELSEWHERE), USER, True, server="ol_hr")
    entry = "- {host: db2.corp, type: informix, port: 9088, server: ol_hr2}"
    expect(report, Verdict.UNDECIDED, "informix.redirected", step=Step.LOGIN, owner=Owner.OPERATOR, fix=entry)
    there = next(check for check in report.checks if check.endpoint == "db2.corp:9088")
    assert (there.step, there.outcome) == (Step.CONNECT, Outcome.SKIPPED)
    assert report.facts["redirected_to"] == "db2.corp:9088"
    assert (report.footprint.connections, server.counts["logins"]) == (1, 1)
    (written,) = YAML(typ="safe").load(entry)
    assert written == {"host": "db2.corp", "type": "informix", "port": 9088, "server": "ol_hr2"}


def test_a_redirect_to_a_service_has_no_port_for_the_inventory() -> None:
    named = informix.ELSEWHERE.replace(b"|9088\x00", b"|sqli\x00")
    report, _ = asked(informix.server(named), USER, True, server="ol_hr")
    found = expect(report, Verdict.UNDECIDED, "informix.redirected", step=Step.LOGIN, owner=Owner.OPERATOR).finding
    assert found is not None
    assert (found.detail, found.fix) == ("a redirect to ol_hr2 at db2.corp:sqli", None)


@pytest.mark.parametrize("answer", [informix.REDIRECT, informix.ELSEWHERE.replace(b"|9088", b"!9088")])
def test_a_redirect_of_another_form_says_that_it_is_not_known(answer: bytes) -> None:
    report, _ = asked(informix.server(answer), USER, True, server="ol_hr")
    found = expect(report, Verdict.UNDECIDED, "informix.redirected", step=Step.LOGIN, owner=Owner.OPERATOR).finding
    assert found is not None
    assert "in an unknown format" in found.detail
    assert found.fix is None
    assert "redirected_to" not in report.facts


def test_an_invented_user_that_is_redirected() -> None:
    report, _ = asked(informix.server(informix.ELSEWHERE), allow_login_probe=True)
    expect(report, Verdict.UNDECIDED, "informix.redirected", step=Step.AUTH, owner=Owner.OPERATOR)
    assert report.facts["redirected_to"] == "db2.corp:9088"


def test_other_answers() -> None:
    report, _ = asked(informix.server(informix.refused(-11111)), USER, True, server="ol_hr")
    expect(report, Verdict.UNDECIDED, "informix.server-error", step=Step.LOGIN, owner=Owner.DATABASE)
    report, _ = asked(informix.server(informix.refused(-908)), allow_login_probe=True)
    expect(report, Verdict.UNDECIDED, "informix.not-accepting", step=Step.AUTH)


def test_the_drda_listener_next_door_tells_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    with in_background(db2.server(db2.INFORMIX_ATTRIBUTES)) as beside, in_background(informix.informix) as server:
        monkeypatch.setattr(shared, "DRDA_PORT", beside.port)
        where = target("informix", "127.0.0.1", server.port)
        report = climb(where)
        expect(report, Verdict.UNDECIDED, "informix.login-is-first")
        assert report.facts["version"] == "14.10.0", story(report)


def test_a_drda_listener_is_not_the_port_and_the_other_way_round() -> None:
    """Confusing 9089 with 9088 is a common mistake; a DRDA server answers unknown bytes with PRCCNVRM."""
    junk = bytes.fromhex("0015d002ffff000f12450006114900080005113f06")
    report, _ = asked(misbehave.says(junk), allow_login_probe=True)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert "DRDA" in check_of(report, Step.HANDSHAKE).summary
    with in_background(misbehave.says(informix.refused(-951))) as server:
        report = climb(target("db2", "127.0.0.1", server.port, database="hr"))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert "an Informix server (SQLI)" in check_of(report, Step.HANDSHAKE).summary


def test_another_protocol_and_silence() -> None:
    report, _ = asked(misbehave.says(ssh.BANNER_9_2), allow_login_probe=True)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)
    report, _ = asked(informix.server(silent=True), allow_login_probe=True, timeout=WAIT)
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE)
