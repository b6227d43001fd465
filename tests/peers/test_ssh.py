"""`unix` and `ssh` against SSH servers of other makers: the verdicts, and what each server's own log counts."""

from __future__ import annotations

import re
from functools import partial
from typing import TypeVar

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.lab.ssh_peers import PEERS, AgainstGuessing, AgainstLooks, OpenSsh10, SshPeer
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.lab.ssh_helpers import SCANNER, WRONG, key_of
from tests.ladder import climb, expect, finding_of, story, target
from tests.peers.running import by_ssh
from tests.peers.running import running as peer

S = TypeVar("S", bound=SshPeer)


def running(lab: Lab, name: str) -> SshPeer:
    """The server of that name, started once."""
    return started(lab, PEERS[name], name)


def started(lab: Lab, kind: type[S], label: str) -> S:
    return peer(lab, kind, label, lambda host, own: kind(host, own, lab.accounts, lab.keys))


class Counted:
    """One climb, and how often the server's log has the words for a SERVICE_REQUEST and for a secret since."""

    def __init__(self, lab: Lab, server: SshPeer, type_: str, credential: Credential | None) -> None:
        before = server.log
        self.report: Report = climb(target(type_, server.hostname, credential=credential), lab.agent)
        self._server, self._before = server, before

    def counts(self, services: int, secrets: int) -> None:
        """Assert both numbers; a server may write its log after its answer."""
        for words, expected in ((self._server.service, services), (self._server.secret, secrets)):
            if words:
                wait_until(partial(self._reaches, words, expected))
                assert self._new(words) == expected, self._server.log

    def _reaches(self, words: str, expected: int) -> bool:
        return self._new(words) >= expected

    def _new(self, words: str) -> int:
        return len(re.findall(words, self._server.log)) - len(re.findall(words, self._before))


@pytest.mark.parametrize("name", sorted(PEERS))
@pytest.mark.parametrize("type_", ["unix", "ssh"])
def test_ready_without_a_credential(lab: Lab, name: str, type_: str) -> None:
    counted = Counted(lab, running(lab, name), type_, None)
    report = expect(counted.report, Verdict.READY)
    assert PEERS[name].product in f"{report.facts['product']} {report.facts.get('version', '')}"
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)
    counted.counts(services=0, secrets=0)


@pytest.mark.parametrize(
    ("name", "type_", "verdict", "code"),
    [
        ("conch", "unix", Verdict.SCANNABLE, None),
        ("dropbear", "unix", Verdict.SCANNABLE, None),
        ("dropbear", "ssh", Verdict.SCANNABLE, None),
        ("openssh", "unix", Verdict.SCANNABLE, None),
        ("openssh", "ssh", Verdict.SCANNABLE, None),
        ("openssh-10", "unix", Verdict.SCANNABLE, None),
        ("openssh-10", "ssh", Verdict.SCANNABLE, None),
        ("proftpd", "unix", Verdict.BLOCKED, "ssh.command-refused"),
        ("proftpd", "ssh", Verdict.SCANNABLE, None),
        ("ssh2", "unix", Verdict.SCANNABLE, None),
        ("ssh2", "ssh", Verdict.BLOCKED, "ssh.no-sftp"),
    ],
)
def test_the_right_password(lab: Lab, name: str, type_: str, verdict: Verdict, code: str | None) -> None:
    counted = Counted(lab, running(lab, name), type_, SCANNER)
    report = expect(counted.report, verdict, code, step=Step.ACCESS if code else None)
    assert report.footprint.login_attempts == 1
    counted.counts(services=1, secrets=1)


def test_conch_in_debians_version_breaks_its_own_sftp(lab: Lab) -> None:
    """It answers each path with SSH_FX_FAILURE (an AttributeError in its log): SFTP opens, and nothing is read."""
    counted = Counted(lab, running(lab, "conch"), "ssh", SCANNER)
    expect(counted.report, Verdict.UNDECIDED, "ssh.sftp-failed", step=Step.ACCESS)
    assert "realpath failed" in counted.report.checks[-1].summary, "in the server's words"
    counted.counts(services=1, secrets=1)


@pytest.mark.parametrize("name", sorted(set(PEERS) - {"tinyssh"}))
def test_a_wrong_password_is_one_attempt(lab: Lab, name: str) -> None:
    counted = Counted(lab, running(lab, name), "unix", WRONG)
    report = expect(counted.report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.footprint.login_attempts == 1
    counted.counts(services=1, secrets=1)


@pytest.mark.parametrize("secret", ["password", "key"])
def test_a_server_whose_only_cipher_paramiko_lacks(lab: Lab, secret: str) -> None:
    """tinysshd has chacha20-poly1305 only: the agent's client can, our login cannot, and nothing is sent."""
    counted = Counted(lab, running(lab, "tinyssh"), "unix", key_of(lab) if secret == "key" else SCANNER)
    report = expect(counted.report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert "chacha20-poly1305@openssh.com" in story(report)
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


# the penalties of OpenSSH 9.8 and newer ---------------------------------------------------------------------------


def test_checks_earn_no_penalty_that_bars_the_agent(lab: Lab) -> None:
    """sshd notes a second against each connection without a login, be it ssh-keyscan's; below 15 it bars no address."""
    server = started(lab, OpenSsh10, "openssh-10-penalties")
    for type_ in ("unix", "ssh") * 4:
        expect(climb(target(type_, server.hostname), lab.agent), Verdict.READY)
    expect(climb(target("unix", server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)
    assert re.findall(server.noted, server.log), "the pattern is the log's"
    assert not re.findall(server.active, server.log)
    reached, printed = by_ssh(lab, server.hostname)
    assert reached, printed


def test_a_login_itself_earns_none(lab: Lab) -> None:
    server = started(lab, OpenSsh10, "openssh-10-login")
    expect(climb(target("unix", server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)
    assert wait_until(lambda: len(re.findall("penalty", server.log)) > 0)
    assert len(re.findall(server.noted, server.log)) == 1, "the first connection's, which asks for the algorithms"


def test_an_agent_that_is_barred_is_told_so(lab: Lab) -> None:
    server = started(lab, AgainstGuessing, "openssh-10-against-guessing")
    report = climb(target("unix", server.hostname, credential=WRONG), lab.agent)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert wait_until(lambda: bool(re.search(server.active, server.log))), server.log
    report = climb(target("unix", server.hostname), lab.agent)
    fix = f"PerSourcePenaltyExemptList {lab.agent.address}/32"
    expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE, owner=Owner.SERVER, fix=fix)
    assert not by_ssh(lab, server.hostname)[0]


def test_an_agent_that_is_barred_between_its_two_connections(lab: Lab) -> None:
    server = started(lab, AgainstLooks, "openssh-10-against-looks")
    report = climb(target("unix", server.hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.UNDECIDED, "handshake.throttled", owner=Owner.SERVER)
    assert "Not allowed at this time" in finding_of(report).detail
    assert report.footprint.login_attempts == 0
