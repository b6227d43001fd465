"""imap and imaps against servers that say what real ones say, and what Dovecot cannot be made to say."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, imap, in_background, misbehave
from fixtures.emulators.certificates import Kind, authority
from fixtures.transcripts import load
from scanready.handshakes.imap_talk import Talk
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from tests.climb import account, check_of, climb, expect, passed, story, target

SCANNER = account("scanuser")
GREETING, CAPABILITY = imap.GREETING_WITHOUT_TLS, imap.CAPABILITY_WITHOUT_TLS

# What Dovecot 2.3.19 says to an account with one message; captured by hand, November 2026, without its timings.
MAILBOX = {
    b"CAPABILITY": CAPABILITY,
    b"LOGIN": b"c1 OK [CAPABILITY IMAP4rev1 SASL-IR UNSELECT NAMESPACE UIDPLUS LITERAL+] Logged in\r\n",
    b"LIST": b'* LIST (\\HasNoChildren) "." INBOX\r\nc1 OK List completed.\r\n',
    b"EXAMINE": b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
    b"* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n* 1 EXISTS\r\n* 1 RECENT\r\n* OK [UNSEEN 1] First unseen.\r\n"
    b"* OK [UIDVALIDITY 1795397956] UIDs valid\r\n* OK [UIDNEXT 2] Predicted next UID\r\n"
    b"c1 OK [READ-ONLY] Examine completed.\r\n",
    b"UID SEARCH": b"* SEARCH 1\r\nc1 OK Search completed.\r\n",
    b"UID FETCH": b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (DATE)] {41}\r\n"
    b"Date: Mon, 02 Nov 2026 09:00:00 +0000\r\n\r\n)\r\nc1 OK Fetch completed.\r\n",
    b"LOGOUT": imap.LOGOUT,
}


def mailbox(greeting: bytes = GREETING, **other: bytes) -> Behaviour:
    """A server with that mailbox and other answers; an empty one closes the connection instead."""
    answers = MAILBOX | {verb.replace("_", " ").encode(): answer for verb, answer in other.items()}

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(greeting)
        while (line := await reader.readline()) and line.endswith(b"\n"):
            tag, *words = line.split()
            verb = b" ".join(words[:2]).upper() if words[0].upper() == b"UID" else words[0].upper()
            record.count(verb.decode())
            if not (answer := answers[verb]):
                return
            writer.write(b"".join(tag + part[2:] if part.startswith((b"c1 ", b"c2 ")) else part
                                  for part in answer.splitlines(keepends=True)))  # fmt: skip
            if verb == b"LOGOUT":
                return

    return behaviour


def see(server: Server, type_: str = "imap", credential: Credential | None = None, **options: Any) -> Report:
    """Climb once, trusting the emulators' authority, and wait until the server has seen the end."""
    settings = {name: options.pop(name) for name in ("depth", "timeout", "ca_file") if name in options}
    settings = {"ca_file": str(authority().ca_file), "timeout": 5.0, "canary": False} | settings
    return climb(target(type_, server.host, server.port, credential, **options), **settings)


def against(behaviour: Behaviour, type_: str = "imap", tls: Kind | None = None, **more: Any) -> tuple[Report, Server]:
    """Climb against a server of our own, inside TLS for imaps, and return what it saw of us."""
    kind = tls or ("good" if type_ == "imaps" else None)
    with in_background(behaviour, tls=authority().context(kind) if kind else None) as server:
        report = see(server, type_, **more)
        server.wait(report.footprint.connections)
        return report, server


class TestPrompt:
    """The way to the login prompt, without a credential."""

    def test_starttls(self) -> None:
        report, server = against(imap.dovecot)
        expect(report, Verdict.READY)
        passed(report, Step.HANDSHAKE, Step.TLS, Step.AUTH)
        assert report.facts["product"] == "Dovecot"
        assert report.facts["encryption"] == "STARTTLS"
        assert report.facts["auth_methods"] == ["LOGIN", "PLAIN"]
        assert "STARTTLS" not in report.facts["capabilities"], "the list from before TLS is void"
        assert server.counts == {"starttls": 1, "logouts": 1}
        assert server.offences == {}
        assert report.footprint.connections == 1

    def test_the_ladder_is_in_the_order_of_the_wire(self) -> None:
        report, _ = against(imap.dovecot)
        steps = [check.step for check in report.checks if check.outcome is Outcome.PASSED]
        assert steps == [Step.RESOLVE, Step.CONNECT, Step.HANDSHAKE, Step.TLS, Step.AUTH]

    def test_inside_tls(self) -> None:
        report, server = against(imap.inside_tls, "imaps")
        expect(report, Verdict.READY)
        assert report.facts["encryption"] == "TLS"
        assert report.facts["tls"] == "TLSv1.3"
        assert server.counts == {"logouts": 1}
        assert server.connections[0].received == b"bye LOGOUT\r\n", "the greeting told all that was asked"

    def test_in_clear_is_ready_and_says_so(self) -> None:
        report, server = against(imap.without_tls)
        expect(report, Verdict.READY)
        assert report.facts["encryption"] == "none"
        assert "clear text" in check_of(report, Step.AUTH).summary
        assert check_of(report, Step.TLS).outcome is Outcome.SKIPPED
        assert server.counts == {"logouts": 1}

    def test_logindisabled_is_gone_inside_tls(self) -> None:
        report, server = against(imap.login_disabled)
        expect(report, Verdict.READY)
        assert report.facts["auth_methods"] == ["LOGIN", "PLAIN"]
        assert server.offences == {}

    def test_logindisabled_without_tls(self) -> None:
        report, server = against(imap.login_disabled_without_tls)
        expect(
            report, Verdict.BLOCKED, "imap.login-disabled", step=Step.AUTH, owner=Owner.SERVER,
            fix="disable_plaintext_auth = no",
        )  # fmt: skip
        assert server.counts == {"logouts": 1}

    def test_scram_in_clear_tells_nothing_about_passwords_in_tls(self) -> None:
        greeting = imap.LOCKED_GREETING.replace(b"LOGINDISABLED", b"LOGINDISABLED AUTH=SCRAM-SHA-256")
        report, _ = against(imap.server(greeting, imap.LOCKED_CAPABILITY))
        expect(report, Verdict.BLOCKED, "imap.login-disabled")
        assert "SCRAM-SHA-256" in check_of(report, Step.AUTH).summary

    def test_bearer_tokens_only(self) -> None:
        report, _ = against(imap.oauth_only)
        expect(report, Verdict.BLOCKED, "imap.no-password-login", step=Step.AUTH, owner=Owner.SERVER)
        assert "XOAUTH2" in check_of(report, Step.AUTH).summary

    @pytest.mark.parametrize("offered", ["AUTH=GSSAPI AUTH=NTLM", "AUTH=SCRAM-SHA-256"])
    def test_no_password_mechanism_inside_tls(self, offered: str) -> None:
        greeting = f"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED {offered}] ready\r\n".encode()
        report, _ = against(imap.server(greeting, CAPABILITY), "imaps")
        expect(report, Verdict.BLOCKED, "imap.no-password-login")

    def test_nothing_at_all_inside_tls(self) -> None:
        report, _ = against(imap.server(imap.LOCKED_GREETING, imap.LOCKED_CAPABILITY), "imaps")
        expect(report, Verdict.BLOCKED, "imap.login-disabled")
        assert report.finding is not None
        assert report.finding.fix is None, "it is encrypted; permitting clear text would not help"

    def test_authenticate_plain_does_without_the_login_command(self) -> None:
        greeting = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] ready\r\n"
        report, _ = against(imap.server(greeting, CAPABILITY), "imaps")
        expect(report, Verdict.READY)
        assert report.facts["auth_methods"] == ["PLAIN"]

    def test_starttls_refused_is_why_passwords_are_barred(self) -> None:
        report, server = against(imap.starttls_refused)
        expect(report, Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER)
        assert "TLS support isn't enabled" in check_of(report, Step.TLS).summary
        assert server.counts == {"logouts": 1}

    def test_starttls_refused_where_passwords_are_not_barred(self) -> None:
        report, _ = against(imap.server(imap.GREETING, imap.CAPABILITY, starttls=imap.STARTTLS_REFUSED))
        expect(report, Verdict.LIMITED, "tls.not-offered", step=Step.TLS)
        assert report.facts["encryption"] == "none"

    def test_preauth(self) -> None:
        greeting = (
            b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] IMAP4rev1 server logged in as Smith\r\n"  # RFC 3501 7.1.4
        )
        report, server = against(mailbox(greeting), credential=SCANNER)
        expect(report, Verdict.LIMITED, "imap.preauthenticated", step=Step.AUTH, owner=Owner.SERVER)
        assert "PREAUTH" in check_of(report, Step.LOGIN).summary
        assert server.counts == {"LOGOUT": 1}
        assert report.footprint.login_attempts == 0

    def test_an_alert_is_shown(self) -> None:
        report, _ = against(imap.server(b"* OK [ALERT] Mail moves on Sunday\r\n", CAPABILITY))
        expect(report, Verdict.READY)
        assert report.facts["alert"] == "Mail moves on Sunday"

    def test_a_greeting_that_comes_late(self) -> None:
        """Dovecot, just started: "Waiting for authentication process", and its real greeting among the answers."""
        waiting, real = load("imap/dovecot2.3-http-garbage.s2c.hex").splitlines(keepends=True)[:2]
        report, server = against(imap.server(waiting, real + imap.CAPABILITY_WITHOUT_TLS))
        expect(report, Verdict.READY)
        assert report.facts["product"] == "Dovecot"
        assert server.counts == {"logouts": 1}

    @pytest.mark.parametrize(
        ("greeting", "product", "version"),
        [
            ("Courier-IMAP ready. Copyright 1998-2018 Double Precision, Inc.", "Courier IMAP", None),
            ("mail00 Cyrus IMAP4 v2.2.13-Debian-2.2.13-13ubuntu3 server ready", "Cyrus IMAP", "2.2.13"),
            ("mx.example Cyrus IMAP 3.0.7-19.el8 server ready", "Cyrus IMAP", "3.0.7"),
            ("The Microsoft Exchange IMAP4 service is ready. [TQBXADIAUABSADIAM]", "Microsoft Exchange", None),
            ("Microsoft Exchange Server 2007 IMAP4 service is ready", "Microsoft Exchange", None),
            (
                "Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (mx) ready.",
                "Microsoft Exchange",
                "6.5.7638.1",
            ),
            ("Gimap ready for requests from 192.0.2.7 c194mb399904375ivc", "Gmail", None),
            ("Domino IMAP4 Server Release 10.0.1FP3 ready Wed, 30 Oct 2019", "HCL Domino", "10.0.1FP3"),
            ("mx.example Zimbra IMAP4rev1 server ready", "Zimbra", None),
            ("IMAPrev1", "hMailServer", None),
            ("mx.example IMAP4rev1 2007e.404 at Fri, 6 Nov 2026", "UW IMAP", "2007e.404"),
            ("hello", None, None),
        ],
    )
    def test_products(self, greeting: str, product: str | None, version: str | None) -> None:
        seen = Talk(lines=[greeting]).product()
        assert (seen.get("product"), seen.get("version")) == (product, version)


class TestTurnedAway:
    """BYE, at the greeting and later."""

    @pytest.mark.parametrize(
        ("bye", "verdict", "code"),
        [
            (imap.BYE, Verdict.UNDECIDED, "handshake.throttled"),
            (b"* BYE [LIMIT] Try later.\r\n", Verdict.UNDECIDED, "handshake.throttled"),
            (b"* BYE Server shutting down.\r\n", Verdict.BLOCKED, "imap.not-accepting"),
            (b"* BYE [UNAVAILABLE] No backend.\r\n", Verdict.BLOCKED, "imap.not-accepting"),
            (b"* BYE Access denied for your address.\r\n", Verdict.BLOCKED, "imap.turned-away"),
        ],
    )
    def test_at_the_greeting(self, bye: bytes, verdict: Verdict, code: str) -> None:
        report, server = against(misbehave.says_and_closes(bye))
        expect(report, verdict, code, step=Step.HANDSHAKE, owner=Owner.SERVER)
        assert bye[6:20].decode() in check_of(report, Step.HANDSHAKE).summary
        assert server.connections[0].received == b"", "who said BYE is not answered"

    def test_instead_of_an_answer(self) -> None:
        report, _ = against(imap.server(b"* OK ready\r\n", b"* BYE Internal error, disconnecting\r\n"))
        expect(report, Verdict.BLOCKED, "imap.turned-away", step=Step.HANDSHAKE)

    def test_over_imaps(self) -> None:
        report, _ = against(imap.bye, "imaps")
        expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE)
        passed(report, Step.TLS)


class TestWrongPort:
    """What is no IMAP server, or not the kind that was asked for."""

    @pytest.mark.parametrize(
        ("behaviour", "code"),
        [
            (misbehave.closes_at_once, "handshake.hung-up"),
            (misbehave.resets, "handshake.hung-up"),
            (misbehave.says(b"220 mail.example ESMTP Postfix\r\n"), "handshake.other-protocol"),
            (misbehave.says(b"\x15\x03\x01\x00\x02\x02\x0a"), "handshake.other-protocol"),
            (misbehave.says_and_resets(GREETING), "handshake.malformed"),
            (misbehave.garbage(seed=7), "handshake.malformed"),
            (misbehave.endless(prefix=b"* OK "), "handshake.malformed"),
        ],
    )
    def test_in_clear(self, behaviour: Behaviour, code: str) -> None:
        report, _ = against(behaviour)
        expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE)
        assert "STARTTLS follows the greeting" in check_of(report, Step.TLS).summary

    def test_a_silent_server_and_one_that_waits_for_tls(self) -> None:
        report, _ = against(misbehave.silent, timeout=0.4)
        expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE)
        with in_background(imap.inside_tls, tls=authority().context()) as server:
            expect(see(server, timeout=0.4), Verdict.BLOCKED, "handshake.silent")

    def test_imaps_on_a_plain_port(self) -> None:
        with in_background(imap.dovecot) as server:
            report = see(server, "imaps")
        expect(report, Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER)
        assert "Dovecot" in check_of(report, Step.TLS).summary

    def test_a_dripping_server_keeps_to_the_deadline(self) -> None:
        report, _ = against(misbehave.drips(GREETING * 9, 0.05), timeout=0.5)
        expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE)
        assert report.seconds < 1.5


class TestEnds:
    """How we leave, wherever the climb stops."""

    def test_before_the_greeting_nothing_is_sent(self) -> None:
        report, server = against(imap.dovecot, depth=Step.CONNECT)
        assert report.footprint.connections == 1
        assert server.connections[0].received == b""

    @pytest.mark.parametrize("depth", [Step.HANDSHAKE, Step.AUTH])
    @pytest.mark.parametrize("type_", ["imap", "imaps"])
    def test_at_every_depth(self, type_: str, depth: Step) -> None:
        _, server = against(imap.dovecot if type_ == "imap" else imap.inside_tls, type_, depth=depth)
        assert server.counts["logouts"] == 1
        assert server.offences == {}
        assert server.connections[0].ended in ("fin", "closed-by-us")

    def test_an_unanswered_command(self) -> None:
        with in_background(misbehave.says(b"* OK ready\r\n")) as server:
            report = see(server, timeout=0.5)
            server.wait()
        expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE)
        assert server.connections[0].received == b"c1 CAPABILITY\r\nbye LOGOUT\r\n"

    def test_never_in_the_middle_of_a_tls_handshake(self) -> None:
        async def breaks_tls(reader: Reader, writer: Writer, record: Record) -> None:
            writer.write(imap.GREETING)
            await reader.readline()
            writer.write(imap.STARTTLS_OK)
            await reader.readexactly(1)
            writer.write(b"\x15\x03\x01\x00\x02\x02\x28")  # alert: handshake_failure
            await misbehave.swallow(reader)

        report, server = against(breaks_tls)
        expect(report, Verdict.BLOCKED, "tls.no-common-cipher", step=Step.TLS)
        assert server.connections[0].received.startswith(b"c1 STARTTLS\r\n\x16\x03")
        assert b"LOGOUT" not in server.connections[0].received

    def test_bytes_behind_the_consent_to_tls_are_refused(self) -> None:
        injected = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
        report, server = against(misbehave.says(imap.GREETING + imap.STARTTLS_OK + injected))
        expect(report, Verdict.BLOCKED, "handshake.malformed", step=Step.TLS)
        assert b"LOGOUT" not in server.connections[0].received


class TestCertificates:
    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            ("expired", "tls.expired"),
            ("wrong-name", "tls.name-mismatch"),
            ("self-signed", "tls.untrusted"),
        ],
    )
    def test_faults_limit_imaps(self, kind: Kind, code: str) -> None:
        report, server = against(imap.inside_tls, "imaps", tls=kind)
        expect(report, Verdict.LIMITED, code, step=Step.TLS)
        assert server.counts == {"logouts": 1}, "the handshake was finished all the same"

    def test_faults_limit_starttls(self) -> None:
        report, _ = against(imap.dovecot, ca_file=None)
        expect(report, Verdict.LIMITED, "tls.untrusted", step=Step.TLS)


class TestLogin:
    """One attempt, inside TLS; what the server says of it."""

    @pytest.mark.parametrize(
        ("answer", "verdict", "code", "owner"),
        [
            (imap.LOGIN_FAILED, Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
            (b"c1 NO LOGIN failed.\r\n", Verdict.BLOCKED, "login.refused", Owner.IDENTITY),  # Exchange
            (b"c1 NO [AUTHORIZATIONFAILED] No such authorization-ID\r\n", Verdict.BLOCKED, "login.refused", None),
            (b"c1 NO [EXPIRED] That password isn't valid any more\r\n", Verdict.BLOCKED, "login.expired", None),
            (b"c1 NO [CONTACTADMIN] Login disabled for this user\r\n", Verdict.BLOCKED, "login.locked", None),
            (b"c1 NO [ALERT] Account is locked\r\n", Verdict.BLOCKED, "login.locked", Owner.IDENTITY),
            (imap.LOGIN_PRIVACY_REQUIRED, Verdict.BLOCKED, "imap.login-disabled", Owner.SERVER),
            (
                b"c1 NO [UNAVAILABLE] User's backend down for maintenance\r\n",
                Verdict.UNDECIDED,
                "imap.backend-unavailable",
                Owner.SERVER,
            ),
            (b"c1 NO [LIMIT] Too many sessions\r\n", Verdict.UNDECIDED, "handshake.throttled", Owner.SERVER),
            (imap.BYE, Verdict.UNDECIDED, "handshake.throttled", None),
            (b"* BYE Something broke\r\n", Verdict.UNDECIDED, "imap.backend-unavailable", None),
            (b"", Verdict.UNDECIDED, "imap.backend-unavailable", None),
            (b"c1 BAD Command Argument Error. 12\r\n", Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        ],
    )
    def test_refusals(self, answer: bytes, verdict: Verdict, code: str, owner: Owner | None) -> None:
        report, server = against(mailbox(LOGIN=answer), "imaps", credential=SCANNER)
        expect(report, verdict, code, step=Step.LOGIN, owner=owner)
        assert server.counts["LOGIN"] == 1
        assert report.footprint.login_attempts == 1
        assert report.footprint.connections == len(server.connections) == 2

    def test_scannable(self) -> None:
        report, server = against(mailbox(), "imaps", credential=SCANNER)
        server.wait(2)
        expect(report, Verdict.SCANNABLE)
        assert "one header of 1 in INBOX" in check_of(report, Step.ACCESS).summary
        assert server.counts["LOGOUT"] == 2, "once after looking, once after the login"
        assert server.counts["EXAMINE"] == 1

    def test_the_password_reaches_no_output(self) -> None:
        report, _ = against(mailbox(LOGIN=imap.LOGIN_FAILED), "imaps", credential=SCANNER)
        assert SCANNER.password is not None
        assert SCANNER.password not in repr(report)

    def test_in_clear_it_is_withheld_unless_permitted(self) -> None:
        report, server = against(mailbox(), credential=SCANNER)
        expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
        assert server.counts["LOGIN"] == 0
        report, server = against(mailbox(), credential=SCANNER, allow_cleartext=True)
        expect(report, Verdict.SCANNABLE)
        assert server.counts["LOGIN"] == 1

    @pytest.mark.parametrize("username", ["Ada Lovelace", "CORP\\ada", 'a"b', "a\r\nc9 DELETE INBOX"])
    def test_a_name_that_imaplib_would_send_unquoted(self, username: str) -> None:
        greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=GSSAPI] ready\r\n"
        report, server = against(mailbox(greeting), "imaps", credential=account(username))
        expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
        assert server.counts["LOGIN"] == report.footprint.login_attempts == 0

    def test_no_password_and_no_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        report, _ = against(mailbox(), "imaps", credential=Credential("key-only", "er"))
        expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
        monkeypatch.setitem(sys.modules, "imapclient", None)
        monkeypatch.delitem(sys.modules, "imapclient.exceptions", raising=False)
        report, _ = against(mailbox(), "imaps", credential=SCANNER)
        expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN, owner=Owner.AGENT)
        assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)

    def test_a_server_that_stops_answering(self) -> None:
        silent_login = mailbox(LOGIN=b"* OK still busy\r\n")  # never the tagged line
        with in_background(silent_login, tls=authority().context()) as server:
            report = see(server, "imaps", SCANNER, timeout=1.0)
        expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.LOGIN)
        assert report.seconds < 2.5


class TestAccess:
    """What may be read after the password was accepted."""

    @pytest.mark.parametrize(
        ("answers", "verdict", "code", "fix"),
        [
            (
                {"EXAMINE": b"c1 NO [NOPERM] Access denied\r\n"},
                Verdict.LIMITED,
                "access.denied",
                'SETACL "INBOX" "scanuser" lr',
            ),
            ({"EXAMINE": b"c1 NO [NONEXISTENT] Unknown Mailbox: INBOX\r\n"}, Verdict.BLOCKED, "access.not-found", None),
            ({"EXAMINE": b"c1 NO INBOX doesn't exist.\r\n"}, Verdict.BLOCKED, "access.not-found", None),
            (
                {"EXAMINE": b"c1 NO [SERVERBUG] Internal error\r\n"},
                Verdict.UNDECIDED,
                "imap.backend-unavailable",
                None,
            ),
            ({"EXAMINE": b""}, Verdict.UNDECIDED, "imap.backend-unavailable", None),
            ({"UID_FETCH": b"c1 OK Fetch completed.\r\n"}, Verdict.LIMITED, "access.denied", None),
            ({"UID_FETCH": b"* 1 FETCH (UID\r\nc1 OK done\r\n"}, Verdict.UNDECIDED, "scanready.limit", None),
        ],
    )
    def test_refusals(self, answers: dict[str, bytes], verdict: Verdict, code: str, fix: str | None) -> None:
        report, server = against(mailbox(**answers), "imaps", credential=SCANNER)
        expect(report, verdict, code, step=Step.ACCESS, fix=fix)
        passed(report, Step.LOGIN)
        assert server.counts["LOGIN"] == 1

    def test_an_account_without_folders(self) -> None:
        gone = {"LIST": b"c1 OK List completed.\r\n", "EXAMINE": b"c1 NO [NONEXISTENT] No mailbox\r\n"}
        report, _ = against(mailbox(**gone), "imaps", credential=SCANNER)
        expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS)
        assert "no folders at all" in check_of(report, Step.ACCESS).summary

    def test_an_empty_folder_is_read_as_such(self) -> None:
        empty = MAILBOX[b"EXAMINE"].replace(b"1 EXISTS", b"0 EXISTS")
        report, server = against(mailbox(EXAMINE=empty), "imaps", credential=SCANNER)
        expect(report, Verdict.SCANNABLE)
        assert "no messages" in check_of(report, Step.ACCESS).summary
        assert server.counts["UID FETCH"] == 0

    def test_the_folder_of_the_target_is_asked_for(self) -> None:
        report, server = against(mailbox(), "imaps", credential=SCANNER, folder="Archive.2025")
        expect(report, Verdict.SCANNABLE)
        assert any(b'EXAMINE "Archive.2025"' in record.received for record in server.connections), story(report)


def test_every_cause_of_this_family_is_provoked() -> None:
    from scanready.causes import imap as causes

    told = {value.code for value in vars(causes).values() if type(value).__name__ == "Cause"}
    with open(__file__, encoding="utf-8") as this:
        text = this.read()
    assert {code for code in told if f'"{code}"' not in text} == set()
