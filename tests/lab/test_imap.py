"""imap and imaps against real Dovecot: every way to be let in or turned away, and what its log says of us.

The lab's namespaces matter here: Dovecot takes a client of its own address for a
secure one, so on the loopback interface LOGINDISABLED never shows (measured).
"""

from __future__ import annotations

import imaplib
import ssl
from pathlib import Path

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.dovecot import MAIL_ACCOUNT, Dovecot
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.lab.server import hand_over
from scanready.climb import certificates
from scanready.model import Owner, Report, Step, Verdict
from scanready.profiles.reading import parsed
from scanready.run import registry
from tests.ladder import WAIT, account, check_of, climb, expect, finding_of, passed, story, target
from tests.profiles.test_reading import GOOD

SCANNER = account("scanuser")
QUIET = "Info: Disconnected: Aborted login by logging out (no auth attempts in "
BOTH = pytest.mark.parametrize("type_", ["imap", "imaps"])


@pytest.fixture(autouse=True, scope="module")
def the_agents_own_authorities() -> None:
    """Forget what a test outside the lab's namespaces found trusted: here another system's store is in place."""
    certificates._store.cache_clear()
    certificates._judge.cache_clear()


def mark_of(server: Dovecot) -> int:
    """Return the current length of the log, once it has the start line, which may follow the open port."""
    assert wait_until(lambda: "starting up for imap" in server.log)
    return len(server.log)


def lines_since(server: Dovecot, mark: int, expected: int = 1) -> list[str]:
    """The log lines after ``mark``, once there are as many as expected: Dovecot's log process writes a little later."""
    wait_until(lambda: server.logged_since(mark).count("\n") >= expected)
    return server.logged_since(mark).splitlines()


@BOTH
@pytest.mark.parametrize("variant", ["starttls", "tls-required"])
def test_ready_without_a_credential(lab: Lab, variant: str, type_: str) -> None:
    server = lab.dovecot(variant)
    report = expect(climb(target(type_, server.hostname), lab.agent), Verdict.READY)
    passed(report, Step.TLS, Step.HANDSHAKE, Step.AUTH)
    assert report.facts["product"] == "Dovecot"
    assert report.facts["auth_methods"] == ["LOGIN", "PLAIN"]
    assert report.facts["tls"] == "TLSv1.3"
    assert report.facts["encryption"] == {"imap": "STARTTLS", "imaps": "TLS"}[type_]
    assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)


@BOTH
def test_scannable_with_a_credential(lab: Lab, type_: str) -> None:
    server = lab.dovecot("starttls")
    report = expect(climb(target(type_, server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)
    assert "one header of 1 in INBOX" in check_of(report, Step.ACCESS).summary
    assert report.facts["folders"] == ["INBOX"]
    assert (report.footprint.connections, report.footprint.login_attempts) == (2, 1)


def by_imaplib(server: Dovecot) -> dict[str, set[str]]:
    """Return the capabilities that Python's own client receives, in clear text and in TLS; both sessions log out."""
    context = ssl.create_default_context()
    with imaplib.IMAP4(server.hostname, 143) as clear:
        capabilities = {"clear": set(clear.capabilities)}
        clear.starttls(context)
        capabilities["imap"] = set(clear.capabilities)
    with imaplib.IMAP4_SSL(server.hostname, 993, ssl_context=context) as inside:
        capabilities["imaps"] = set(inside.capabilities)
    return capabilities


def test_the_capabilities_are_those_that_others_see(lab: Lab) -> None:
    server = lab.dovecot("starttls")
    told = lab.agent.run(lambda: by_imaplib(server))
    assert "LOGINDISABLED" in told["clear"], "the lab's trap: the server takes the agent for itself"
    for type_ in ("imap", "imaps"):
        report = climb(target(type_, server.hostname), lab.agent)
        assert set(report.facts["capabilities"]) == told[type_], story(report)


def test_openssl_sees_the_same_session(lab: Lab) -> None:
    server = lab.dovecot("starttls")
    report = climb(target("imap", server.hostname), lab.agent)
    argv = ["openssl", "s_client", "-starttls", "imap", "-connect", f"{server.hostname}:143", "-quiet", "-crlf"]
    done = lab.agent.command(argv, input="a1 CAPABILITY\na2 LOGOUT\n")
    line = next(line for line in done.stdout.splitlines() if line.startswith("* CAPABILITY "))
    assert set(line.upper().split()[2:]) == set(report.facts["capabilities"])


@BOTH
def test_one_info_line_for_a_check_without_credential(lab: Lab, type_: str) -> None:
    server = lab.dovecot("starttls", label="quiet")
    for depth in (Step.HANDSHAKE, Step.AUTH, Step.ACCESS):
        mark = mark_of(server)
        climb(target(type_, server.hostname), lab.agent, depth=depth)
        lines = lines_since(server, mark)
        assert len(lines) == 1, lines
        assert QUIET in lines[0]


def test_a_blocked_check_leaves_as_quietly(lab: Lab) -> None:
    server = lab.dovecot("no-passwords-in-clear", label="quiet")
    mark = mark_of(server)
    climb(target("imap", server.hostname, credential=SCANNER), lab.agent)
    lines = lines_since(server, mark)
    assert len(lines) == 1, lines
    assert QUIET in lines[0]


def mails(server: Dovecot) -> list[tuple[str, int]]:
    """Every message file by path (Maildir keeps \\Recent and \\Seen in it) and time of change."""
    box: Path = server.directory / "mail" / server.user
    return sorted(
        (str(path.relative_to(box)), path.stat().st_mtime_ns)
        for part in ("new", "cur")
        for path in (box / part).iterdir()
    )


@BOTH
def test_reading_changes_nothing(lab: Lab, type_: str) -> None:
    """SELECT would move the message from new/ to cur/, and FETCH of its body would mark it seen."""
    server = lab.dovecot("starttls", label="untouched")
    before = mails(server)
    assert [path for path, _ in before] == ["new/1793610000.M1P1.lab"]
    expect(climb(target(type_, server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)
    assert mails(server) == before

    def flags() -> list[bytes | tuple[bytes, bytes] | None]:
        with imaplib.IMAP4_SSL(server.hostname, 993, ssl_context=ssl.create_default_context()) as client:
            client.login(server.user, PASSWORD)
            client.select("INBOX", readonly=True)
            return list(client.fetch("1", "(FLAGS)")[1])

    assert lab.agent.run(flags) == [rb"1 (FLAGS (\Recent))"]


def test_a_wrong_password_is_tried_once(lab: Lab) -> None:
    server = lab.dovecot("starttls", label="wrong")
    mark = mark_of(server)
    wrong = account("scanuser", "not-this-one")
    report = climb(target("imaps", server.hostname, credential=wrong), lab.agent)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.footprint.login_attempts == 1
    lines = lines_since(server, mark, 2)
    assert [line for line in lines if "auth failed" in line] == lines[1:], lines
    assert "auth failed, 1 attempts" in lines[1]
    assert "by logging out" in lines[1], "after the refusal we log out as politely"


def test_no_tls_is_ready_in_clear_and_keeps_the_password(lab: Lab) -> None:
    server = lab.dovecot("no-tls")
    report = expect(climb(target("imap", server.hostname), lab.agent), Verdict.READY)
    assert report.facts["encryption"] == "none"
    report = climb(target("imap", server.hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    permitted = target("imap", server.hostname, credential=SCANNER, allow_cleartext=True)
    expect(climb(permitted, lab.agent), Verdict.SCANNABLE)


def test_no_passwords_in_clear_and_no_tls(lab: Lab) -> None:
    server = lab.dovecot("no-passwords-in-clear")
    report = climb(target("imap", server.hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.BLOCKED, "imap.login-disabled", step=Step.AUTH, owner=Owner.SERVER, fix="ssl = yes")
    assert report.footprint.login_attempts == 0


@BOTH
def test_scram_only(lab: Lab, type_: str) -> None:
    server = lab.dovecot("scram-only")
    report = climb(target(type_, server.hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.BLOCKED, "imap.no-password-login", step=Step.AUTH, owner=Owner.SERVER)
    assert report.facts["auth_methods"] == ["SCRAM-SHA-256"]


@BOTH
def test_one_connection_too_many(lab: Lab, type_: str) -> None:
    server = lab.dovecot("one-connection")
    expect(climb(target(type_, server.hostname, credential=SCANNER), lab.agent), Verdict.SCANNABLE)

    def occupy() -> imaplib.IMAP4_SSL:
        client = imaplib.IMAP4_SSL(server.hostname, 993, ssl_context=ssl.create_default_context())
        client.login(server.user, PASSWORD)
        return client

    with lab.agent.run(occupy):
        report = climb(target(type_, server.hostname, credential=SCANNER), lab.agent)
    expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "mail_max_userip_connections" in finding_of(report).detail


@BOTH
def test_certificate_faults_limit(lab: Lab, type_: str) -> None:
    server = lab.dovecot("starttls")
    report = climb(target(type_, server.address6, credential=SCANNER), lab.agent)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    report = climb(target(type_, server.address6, credential=SCANNER, allow_untrusted=True), lab.agent)
    expect(report, Verdict.LIMITED, "tls.name-mismatch", step=Step.TLS, owner=Owner.SERVER)
    passed(report, Step.LOGIN, Step.ACCESS)


@BOTH
def test_a_profile_that_does_not_name_the_type_still_sends_no_password_to_an_unknown_server(
    lab: Lab, type_: str
) -> None:
    server = lab.dovecot("starttls")
    registry.judge_by(parsed(GOOD, "acme.yaml"))
    try:
        report = climb(target(type_, server.address6, credential=SCANNER), lab.agent)
        expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
        report = climb(target(type_, server.address6, credential=SCANNER, allow_untrusted=True), lab.agent)
        expect(report, Verdict.SCANNABLE)
        assert "tls.name-mismatch" in report.facts["certificate_faults"]
    finally:
        registry.judge_by(None)


@pytest.fixture(scope="module")
def office(lab: Lab) -> Dovecot:
    """Folders with access lists, and accounts in every state; made before the first login."""
    server = lab.dovecot("acl", label="office")
    box = server.directory / "mail" / server.user
    for name, rights in (("Open", "lr"), ("Listed", "l"), ("Hidden", "")):
        folder = box / f".{name}"
        for part in ("new", "cur", "tmp"):
            (folder / part).mkdir(parents=True)
        (folder / "new" / "1793610001.M1P1.lab").write_text("Date: Mon, 02 Nov 2026 09:00:00 +0000\n\nx\n")
        (folder / "dovecot-acl").write_text(f"owner {rights}\n")
    hand_over(box, MAIL_ACCOUNT, MAIL_ACCOUNT)
    ids = f"{MAIL_ACCOUNT}:{MAIL_ACCOUNT}"
    with (server.directory / "users").open("a") as users:
        users.write(f"barred:{{PLAIN}}{PASSWORD}:{ids}::{box}::nologin=y\n")
        users.write(f"umlaut:{{PLAIN}}Pässwörd:{ids}::{box}::\n")
        users.write(f"homeless:{{PLAIN}}{PASSWORD}:{ids}::/proc/nowhere::\n")
    return server


def ask_for(lab: Lab, server: Dovecot, folder: str) -> Report:
    return climb(target("imap", server.hostname, credential=SCANNER, folder=folder), lab.agent)


def test_folders_and_their_access_lists(lab: Lab, office: Dovecot) -> None:
    report = expect(ask_for(lab, office, "Open"), Verdict.SCANNABLE)
    assert "one header of 1 in Open" in check_of(report, Step.ACCESS).summary
    denied = ask_for(lab, office, "Listed")
    expect(
        denied,
        Verdict.LIMITED,
        "access.denied",
        step=Step.ACCESS,
        owner=Owner.SERVER,
        fix='SETACL "Listed" "scanuser" lr',
    )
    for missing in ("Hidden", "Nowhere"):  # one that may not even be listed is as good as none (RFC 4314, section 6)
        report = ask_for(lab, office, missing)
        expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)
        assert "Open" in check_of(report, Step.ACCESS).summary, "what there is instead is told"


def test_accounts_in_other_states(lab: Lab, office: Dovecot) -> None:
    barred = climb(target("imaps", office.hostname, credential=account("barred")), lab.agent)
    expect(barred, Verdict.BLOCKED, "login.locked", step=Step.LOGIN, owner=Owner.IDENTITY)
    umlaut = climb(target("imaps", office.hostname, credential=account("umlaut", "Pässwörd")), lab.agent)
    expect(umlaut, Verdict.SCANNABLE)
    homeless = climb(target("imaps", office.hostname, credential=account("homeless")), lab.agent)
    expect(homeless, Verdict.UNDECIDED, "imap.backend-unavailable", step=Step.ACCESS, owner=Owner.SERVER)
    passed(homeless, Step.LOGIN)


def test_the_wrong_type_for_the_port(lab: Lab) -> None:
    server = lab.dovecot("starttls")
    report = climb(target("imaps", server.hostname, 143), lab.agent)
    entry = (Owner.OPERATOR, f"imap://{server.hostname}:143")
    expect(report, Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER, also=entry)
    # Dovecot under load says "* OK Waiting for authentication process" first, without its name.
    assert "an IMAP server" in check_of(report, Step.TLS).summary
    report = climb(target("imap", server.hostname, 993), lab.agent, timeout=WAIT)
    entry = (Owner.OPERATOR, f"imaps://{server.hostname}:993")
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE, owner=Owner.NETWORK, also=entry)


def test_over_ipv6_and_through_a_firewall(lab: Lab) -> None:
    server = lab.dovecot("starttls")
    report = climb(target("imap", server.address6), lab.agent)
    assert check_of(report, Step.CONNECT).endpoint == f"[{server.address6}]:143"
    rule = f"ip daddr {server.address} tcp dport 993"
    with lab.policy(f"{rule} reject with icmp type admin-prohibited"):
        report = climb(target("imaps", server.address), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.rejected", step=Step.CONNECT, owner=Owner.NETWORK, fix="tcp dport 993")


def test_a_server_without_imaps(lab: Lab) -> None:
    report = climb(target("imaps", lab.dovecot("no-tls").hostname), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)


def test_on_loopback_dovecot_lets_passwords_in(lab: Lab) -> None:
    """Why this file needs namespaces: the same server, asked from its own host, bars nothing."""
    server = lab.dovecot("no-passwords-in-clear")
    expect(climb(target("imap", server.address), server.host), Verdict.READY)
