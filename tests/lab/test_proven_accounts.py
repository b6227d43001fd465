"""An accepted login proves the account only where the server checked the secret: the fact, and what an export says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from scanready.model import Credential, Step, Target
from scanready.report.estate.accounts import Accounts
from tests.ladder import check_of, climb, passed, story, target

WRONG = "not-this-one"
Server = Callable[[Lab], tuple[Any, str, dict[str, Any]]]

#: Servers that let in anybody, with whatever password: the server, the user, and the target's options.
OPEN: dict[str, Server] = {
    "postgresql": lambda lab: (lab.postgresql("trust"), "", {"database": "hr"}),
    "mysql": lambda lab: (lab.mariadb("skip-grants"), "nobody-of-that-name", {"database": "pii"}),
    "smb": lambda lab: (lab.samba("guest-always"), "", {"share": "public"}),
}
#: Servers that check the password.
CLOSED: dict[str, Server] = {
    "postgresql": lambda lab: (lab.postgresql("scram"), "", {"database": "hr"}),
    "mysql": lambda lab: (lab.mariadb("standard"), "", {"database": "pii"}),
    "smb": lambda lab: (lab.samba("smb3"), "", {"share": "finance"}),
    "ssh": lambda lab: (lab.openssh("password"), "", {}),
    "imap": lambda lab: (lab.dovecot("starttls"), "", {"allow_untrusted": True}),
}


def at(type_: str, lab: Lab, servers: dict[str, Server], password: str) -> Target:
    server, user, options = servers[type_](lab)
    account = Credential("svc", user or server.user, password)
    return target(type_, server.hostname, credential=account, **options)


def outcomes(lab: Lab, where: Target) -> tuple[object, list[Any]]:
    """Return the fact of the login, and the outcomes that an export says of the account."""
    report = climb(where, lab.agent)
    login, accounts = check_of(report, Step.LOGIN), Accounts()
    assert login.outcome.value in ("passed", "warned"), story(report)
    accounts.add(report)
    return login.facts.get("account_proven"), [one["outcome"] for one in accounts.as_list()]


@pytest.mark.parametrize("type_", OPEN)
def test_a_server_that_lets_in_anybody_proves_no_account(lab: Lab, type_: str) -> None:
    assert outcomes(lab, at(type_, lab, OPEN, WRONG)) == (False, [])


@pytest.mark.parametrize("type_", CLOSED)
def test_a_server_that_checks_the_password_proves_the_account(lab: Lab, type_: str) -> None:
    assert outcomes(lab, at(type_, lab, CLOSED, PASSWORD)) == (True, ["accepted"])


@pytest.mark.parametrize("type_", ["postgresql", "mysql", "ssh"])
def test_a_refused_login_has_no_such_fact(lab: Lab, type_: str) -> None:
    server, user, options = CLOSED[type_](lab)
    account = Credential("svc", user or server.user, WRONG)
    report = climb(target(type_, server.hostname, credential=account, **options), lab.agent)
    assert "account_proven" not in report.facts, story(report)
    with pytest.raises(AssertionError):
        passed(report, Step.LOGIN)
