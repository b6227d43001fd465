"""imap and imaps up to the login prompt, against servers that say what real ones say, and what Dovecot never would."""

from __future__ import annotations

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, imap, in_background, misbehave
from fixtures.emulators.certificates import Kind, authority
from fixtures.transcripts import load
from scanready.model import Outcome, Owner, Step, Verdict
from scanready.targets.imap import prompt
from scanready.targets.imap.talk import Talk
from tests.ladder import WAIT, check_of, expect, finding_of, passed
from tests.targets.imap.imap_peers import CAPABILITY, GREETING, SCANNER, against, mailbox, see


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
        assert steps == [Step.AGENT, Step.RESOLVE, Step.CONNECT, Step.HANDSHAKE, Step.TLS, Step.AUTH]

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
            report,
            Verdict.BLOCKED,
            "imap.login-disabled",
            step=Step.AUTH,
            owner=Owner.SERVER,
            fix="disable_plaintext_auth = no",
        )
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
        assert report.facts["auth_methods"] == []
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
        found = Talk(lines=[greeting]).product()
        assert (found.get("product"), found.get("version")) == (product, version)


class TestTurnedAway:
    """The server sends BYE, at the greeting or later."""

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
        expect(report, Verdict.BLOCKED, "imap.not-accepting", step=Step.HANDSHAKE)

    def test_over_imaps(self) -> None:
        report, _ = against(imap.bye, "imaps")
        expect(report, Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE)
        passed(report, Step.TLS)


class TestWrongPort:
    """Peers that are no IMAP server, or that use TLS where the target says cleartext, or the reverse."""

    @pytest.mark.parametrize(
        ("behaviour", "code"),
        [
            (misbehave.closes_at_once, "handshake.hung-up"),
            (misbehave.half_open, "handshake.hung-up"),
            (misbehave.says(b"220 mail.example ESMTP Postfix\r\n"), "handshake.other-protocol"),
            (misbehave.says(b"\x15\x03\x01\x00\x02\x02\x0a"), "handshake.other-protocol"),
            (misbehave.says_and_closes(GREETING[:40]), "handshake.broken-off"),
            (misbehave.garbage(seed=7), "handshake.other-protocol"),
        ],
    )
    def test_in_clear(self, behaviour: Behaviour, code: str) -> None:
        report, _ = against(behaviour)
        expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE)
        assert "STARTTLS follows the greeting" in check_of(report, Step.TLS).summary

    def test_a_silent_server_and_one_that_waits_for_tls(self) -> None:
        report, _ = against(misbehave.silent, timeout=WAIT)
        expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE)
        with in_background(imap.inside_tls, tls=authority().context()) as server:
            expect(see(server, timeout=WAIT), Verdict.BLOCKED, "handshake.silent")

    def test_a_silent_port_of_imap_inside_tls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background(misbehave.silent) as server:
            monkeypatch.setattr(prompt, "IMAPS", server.port)
            report = see(server, timeout=WAIT)
        entry = (Owner.OPERATOR, f"imaps://127.0.0.1:{server.port}")
        expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE, owner=Owner.NETWORK, also=entry)
        assert finding_of(report).fix is None

    def test_imaps_on_a_plain_port(self) -> None:
        with in_background(imap.dovecot) as server:
            report = see(server, "imaps")
        entry = (Owner.OPERATOR, f"# In the inventory, in place of this target:\nimap://127.0.0.1:{server.port}")
        expect(report, Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER, also=entry)
        assert "Dovecot" in check_of(report, Step.TLS).summary
        assert report.facts["speaks"] == "imap"

    def test_a_dripping_server_keeps_to_the_deadline(self) -> None:
        report, _ = against(misbehave.drips(GREETING * 9, 0.05), timeout=WAIT)
        expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE)


class TestEnds:
    """The end of the connection, for each step at which the climb stops."""

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
            report = see(server, timeout=WAIT)
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
        expect(report, Verdict.BLOCKED, "tls.failed", step=Step.TLS)
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
