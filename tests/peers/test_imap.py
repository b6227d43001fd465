"""`imap` and `imaps` at Courier IMAP and at the imap4d of GNU Mailutils, beside what curl and openssl get."""

from __future__ import annotations

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.imap_peers import PEERS, ImapPeer
from fixtures.lab.lab import Lab
from scanready.model import Owner, Step, Verdict
from tests.ladder import account, check_of, climb, expect, story, target
from tests.peers.running import by_curl, running, says

BOTH = pytest.mark.parametrize("type_", ["imap", "imaps"])
ALL = pytest.mark.parametrize("name", sorted(PEERS))


def imap(lab: Lab, name: str) -> ImapPeer:
    kind, certificate = PEERS[name], lab.authority.issue(f"peer-{name}", [f"peer-{name}.lab"])
    return running(lab, kind, name, lambda host, own: kind(host, own, certificate))


@ALL
@BOTH
def test_ready_without_a_credential(lab: Lab, name: str, type_: str) -> None:
    server = imap(lab, name)
    report = expect(climb(target(type_, server.hostname), lab.agent), Verdict.READY)
    assert report.facts["encryption"] == {"imap": "STARTTLS", "imaps": "TLS"}[type_]
    assert report.facts.get("product", "") == server.product, story(report)
    assert report.footprint.connections == 1


@ALL
@BOTH
def test_the_right_password_reads_the_one_message(lab: Lab, name: str, type_: str) -> None:
    server = imap(lab, name)
    report = climb(target(type_, server.hostname, None, account(server.user)), lab.agent)
    expect(report, Verdict.SCANNABLE)
    assert "one header of 1 in INBOX" in check_of(report, Step.ACCESS).summary
    assert report.footprint.login_attempts == 1
    who = ("-u", f"{server.user}:{PASSWORD}", "--ssl-reqd", "--login-options", "AUTH=PLAIN")
    got, printed = by_curl(lab, f"{type_}://{server.hostname}/INBOX", *who)
    assert got, printed


@ALL
def test_a_wrong_password_is_one_attempt(lab: Lab, name: str) -> None:
    server = imap(lab, name)
    report = climb(target("imap", server.hostname, None, account(server.user, "wrong")), lab.agent)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.footprint.login_attempts == 1


@ALL
def test_openssl_sees_the_same_capabilities(lab: Lab, name: str) -> None:
    server = imap(lab, name)
    report = climb(target("imaps", server.hostname), lab.agent)
    done = lab.agent.command(
        ["openssl", "s_client", "-connect", f"{server.hostname}:993", "-quiet", "-crlf"],
        input="a1 CAPABILITY\na2 LOGOUT\n",
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("* CAPABILITY "))
    assert set(line.upper().split()[2:]) == set(report.facts["capabilities"])


@ALL
def test_the_agents_openssl_trusts_it(lab: Lab, name: str) -> None:
    server = imap(lab, name)
    argv = ("openssl", "s_client", "-starttls", "imap", "-connect", f"{server.hostname}:143", "-verify_return_error")
    got, printed = says(lab, *argv, "-verify_hostname", server.hostname)
    assert got, printed
