"""A user name without a secret, as people type it: the login prompt is asked for that user, and no login is tried."""

from __future__ import annotations

import pytest

from fixtures.lab.lab import Lab
from scanready.model import Credential, Step, Verdict
from tests.ladder import check_of, climb, expect, story, target

SERVERS = {
    "unix": ("openssh", "password"),
    "ssh": ("openssh", "password"),
    "smb": ("samba", "smb3"),
    "imap": ("dovecot", "no-tls"),
    "mysql": ("mariadb", "standard"),
    "postgresql": ("postgresql", "scram"),
}


@pytest.mark.parametrize("type_", SERVERS)
def test_a_name_alone_asks_for_the_prompt(lab: Lab, type_: str) -> None:
    kind, variant = SERVERS[type_]
    server = getattr(lab, kind)(variant)
    options = {"allow_cleartext": True} if type_ == "imap" else {}
    report = climb(target(type_, server.hostname, credential=Credential("er", "er"), **options), lab.agent)
    expect(report, Verdict.READY)
    told = check_of(report, Step.LOGIN).summary
    assert told in ("no password was given for er", "no password or key was given for er"), story(report)
    assert report.footprint.login_attempts == 0


def test_the_methods_are_those_of_that_user(lab: Lab) -> None:
    """pg_hba.conf and sshd answer each user in his own way."""
    server = lab.postgresql("scram")
    named = climb(target("postgresql", server.hostname, credential=Credential("er", "er")), lab.agent)
    assert "asked as" not in check_of(named, Step.AUTH).summary
    ssh = lab.openssh("password")
    asked = climb(target("ssh", ssh.hostname, credential=Credential("er", "er")), lab.agent)
    assert asked.facts["auth_methods"], story(asked)
