"""DRDA against a real server that speaks it: Apache Derby, which is not DB2, and is told apart from it."""

from __future__ import annotations

from fixtures.lab.lab import Lab
from scanready.model import Outcome, Owner, Report, Step, Verdict
from tests.ladder import account, check_of, climb, expect, passed, story, target


def codes(report: Report) -> set[str]:
    return {check.finding.cause.code for check in report.checks if check.finding}


def test_derby_is_told_apart_from_db2_and_logs_nothing(lab: Lab) -> None:
    server = lab.derby()
    before = server.log
    report = climb(target("db2", server.address, database=server.database), lab.agent)
    expect(report, Verdict.BLOCKED, "db2.other-product", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    passed(report, Step.AUTH)
    assert report.facts["product"] == "Apache Derby"
    assert report.facts["version"] == "10.14.2.0"
    assert "user and password" in report.facts["auth_methods"]
    assert server.log == before


def test_a_real_server_judges_our_login(lab: Lab) -> None:
    server = lab.derby()

    def log_in(password: str) -> Report:
        credential = account(server.user, password)
        where = target("db2", server.address, None, credential, database=server.database, allow_cleartext=True)
        return climb(where, lab.agent)

    right, wrong = log_in("Passw0rd!"), log_in("wrong")
    assert check_of(right, Step.LOGIN).outcome is Outcome.PASSED, story(right)
    assert "login.refused" not in codes(right), story(right)
    assert "login.refused" in codes(wrong), story(wrong)
