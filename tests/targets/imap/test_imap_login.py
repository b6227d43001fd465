"""imap and imaps with a credential: one login, one header, and every way a server has to refuse them."""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import pytest

from fixtures.emulators import Reader, Record, Writer, imap, in_background
from fixtures.emulators.certificates import authority
from scanready.climb.placing import rung_of
from scanready.model import Cause, Credential, Owner, Step, Verdict
from scanready.targets.imap import causes
from tests.ladder import WAIT, account, check_of, expect, finding_of, passed, story
from tests.targets.imap.imap_peers import MAILBOX, SCANNER, against, mailbox, see


class TestLogin:
    """One attempt, inside TLS; what the server says of it."""

    @pytest.mark.parametrize(
        ("answer", "verdict", "code", "owner"),
        [
            (imap.LOGIN_FAILED, Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
            (b"c1 NO LOGIN failed.\r\n", Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
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
            (b"c1 NO [CLIENTBUG] Speak up\r\n", Verdict.UNDECIDED, "scanready.limit", None),
            (b"c1 NO [CORRUPTION] Its index is broken\r\n", Verdict.UNDECIDED, "imap.backend-unavailable", None),
            (b"c1 NO\r\n", Verdict.BLOCKED, "login.refused", None),
            (b"c1 no login failed\r\n", Verdict.BLOCKED, "login.refused", None),
            (b"c1 NO [FUTURECODE] Not today\r\n", Verdict.UNDECIDED, "imap.command-refused", Owner.SERVER),
            (b"c1 NO [FUTURECODE] Invalid credentials\r\n", Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
            (b"c1 NO [CONTACTADMIN] Call the help desk\r\n", Verdict.UNDECIDED, "imap.command-refused", None),
            (b"c1 NO [CANNOT] Not on this server\r\n", Verdict.UNDECIDED, "imap.command-refused", None),
            (b"c1 NO [OVERQUOTA] Quota exceeded\r\n", Verdict.UNDECIDED, "imap.command-refused", None),
            (b"c1 NO [NOPERM] Not from there\r\n", Verdict.UNDECIDED, "imap.command-refused", None),
            (b"c1 NO [WEBALERT https://mail.example/] Web login required\r\n", Verdict.UNDECIDED, None, None),
            (b"c1 NO LDAP server down\r\n", Verdict.UNDECIDED, "imap.backend-unavailable", Owner.SERVER),
            (b"c1 NO Server busy, try again later\r\n", Verdict.UNDECIDED, "imap.backend-unavailable", None),
            (b"c1 NO Internal authentication failure\r\n", Verdict.UNDECIDED, "imap.backend-unavailable", None),
            (b"c1 NO Can't contact the directory\r\n", Verdict.UNDECIDED, "imap.backend-unavailable", None),
            (b"c1 NO Mailbox is locked by another session\r\n", Verdict.UNDECIDED, "imap.backend-unavailable", None),
            (b"c1 NO Login failed, please try again\r\n", Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
            (b"c1 NO Invalid password; try later\r\n", Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
            (b"c1 NO [ALERT] Invalid credentials (Failure)\r\n", Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
            (b"c1 NO Your password has expired\r\n", Verdict.BLOCKED, "login.expired", Owner.IDENTITY),
            (b"c1 NO You must change your password first\r\n", Verdict.BLOCKED, "login.expired", Owner.IDENTITY),
            (b"c1 NO Account locked by administrator\r\n", Verdict.BLOCKED, "login.locked", Owner.IDENTITY),
            (b"c1 NO IMAP access is disabled for this user\r\n", Verdict.BLOCKED, "imap.not-enabled", Owner.SERVER),
            (b"c1 NO [ALERT] Your account is not enabled for IMAP use.\r\n", Verdict.BLOCKED, "imap.not-enabled", None),
            (b"c1 NO [AUTHORIZATIONFAILED] IMAP not allowed\r\n", Verdict.BLOCKED, "imap.not-enabled", None),
            (
                b"c1 NO [ALERT] Application-specific password required: https://support.example/1 (Failure)\r\n",
                Verdict.BLOCKED,
                "imap.no-password-login",
                Owner.SERVER,
            ),
            (b"c1 NO Basic authentication is disabled\r\n", Verdict.BLOCKED, "imap.no-password-login", None),
            (b"c1 NO This server accepts OAuth only\r\n", Verdict.BLOCKED, "imap.no-password-login", None),
            (b"c1 NO [ALERT] Please log in via your web browser\r\n", Verdict.UNDECIDED, "imap.command-refused", None),
            (b"c1 NO Logins from your IP are not accepted\r\n", Verdict.UNDECIDED, "imap.command-refused", None),
            (b"c1 NO User over quota\r\n", Verdict.UNDECIDED, "imap.command-refused", Owner.SERVER),
            (b"c1 NO Incorrect password; use an app password\r\n", Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
            (b"c1 NO Wrong password, from your IP too often\r\n", Verdict.BLOCKED, "login.refused", Owner.IDENTITY),
            # Exchange Online
            (
                b"c1 BAD Request is throttled. Suggested Backoff Time: 9 milliseconds\r\n",
                Verdict.UNDECIDED,
                "handshake.throttled",
                None,
            ),
            (
                b"c1 BAD User is authenticated but not connected.\r\n",
                Verdict.UNDECIDED,
                "imap.mailbox-not-opened",
                Owner.SERVER,
            ),
            (b"c1 MAYBE later\r\n", Verdict.UNDECIDED, "scanready.limit", None),
            (b"c1 PREAUTH\r\n", Verdict.UNDECIDED, "scanready.limit", None),
        ],
    )
    def test_refusals(self, answer: bytes, verdict: Verdict, code: str, owner: Owner | None) -> None:
        report, server = against(mailbox(LOGIN=answer), "imaps", credential=SCANNER)
        cause = finding_of(report).cause
        expect(report, verdict, code or cause.code, step=rung_of(cause, Step.LOGIN), owner=owner)
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

    @pytest.mark.parametrize("answer", [b"c1 OK\r\n", b"c1 OK \r\n", b"c1 ok Logged in\r\n"])
    def test_a_success_is_one_in_small_letters_and_without_a_text(self, answer: bytes) -> None:
        report, _ = against(mailbox(LOGIN=answer), "imaps", credential=SCANNER)
        expect(report, Verdict.SCANNABLE)

    def test_a_status_that_imap_does_not_have_is_told(self) -> None:
        report, _ = against(mailbox(LOGIN=b"c1 MAYBE later\r\n"), "imaps", credential=SCANNER)
        assert report.finding is not None
        assert report.finding.detail == "the answer to the login has no status of IMAP: b'MAYBE'"

    @pytest.mark.parametrize("command", ["LIST", "EXAMINE", "FETCH"])
    def test_such_a_status_later_denies_nothing(self, command: str) -> None:
        report, _ = against(mailbox(**{command: b"c1 MAYBE later\r\n"}), "imaps", credential=SCANNER)
        expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)
        passed(report, Step.LOGIN)

    @pytest.mark.parametrize("closing", [0, 100_000], ids=["open", "closed"])
    def test_a_list_that_is_nested_too_deep_is_a_limit_of_ours(self, closing: int) -> None:
        answer = b"* LIST " + b"(" * 100_000 + b")" * closing + b' "/" INBOX\r\nc1 OK done\r\n'
        report, _ = against(mailbox(LIST=answer), "imaps", credential=SCANNER)
        expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)
        passed(report, Step.LOGIN)

    def test_a_refusal_before_the_password_is_none(self) -> None:
        """AUTHENTICATE, and the server does not ask for the answer."""
        greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED] ready\r\n"
        refusal = b"c1 NO [AUTHENTICATIONFAILED] no\r\n"
        report, _ = against(mailbox(greeting, AUTHENTICATE=refusal), "imaps", credential=SCANNER)
        expect(report, Verdict.UNDECIDED, "login.not-judged", step=Step.LOGIN, owner=Owner.SERVER)
        assert report.footprint.login_attempts == 0

    def test_a_success_before_the_password_is_none(self) -> None:
        greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED] ready\r\n"
        report, _ = against(mailbox(greeting, AUTHENTICATE=b"c1 OK come in\r\n"), "imaps", credential=SCANNER)
        expect(report, Verdict.UNDECIDED, "login.not-judged", step=Step.LOGIN, owner=Owner.SERVER)
        assert report.footprint.login_attempts == 0

    def test_a_server_that_asks_again_does_not_get_the_password_twice(self) -> None:
        """AUTHENTICATE PLAIN, and a request for more after each answer (RFC 3501, 6.2.2: "*" cancels)."""
        capability = b"* CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED\r\n"
        replies: list[bytes] = []

        async def asks_on(reader: Reader, writer: Writer, record: Record) -> None:
            writer.write(b"* OK ready\r\n")
            while (line := await reader.readline()).endswith(b"\n"):
                tag, verb, *_ = line.split()
                if verb == b"CAPABILITY":
                    writer.write(capability)
                while verb == b"AUTHENTICATE" and line != b"*\r\n":
                    writer.write(b"+ \r\n")
                    replies.append(line := await reader.readline())
                    if not line:
                        return
                writer.write(tag + (b" BAD cancelled\r\n" if replies else b" OK done\r\n"))

        report, _ = against(asks_on, "imaps", credential=SCANNER)
        assert SCANNER.password is not None
        answer = base64.b64encode(f"\0{SCANNER.username}\0{SCANNER.password}".encode()) + b"\r\n"
        assert replies == [answer, b"*\r\n"]
        assert report.footprint.login_attempts == 1

    def test_starttls_that_is_gone_at_the_second_connection_is_never_made_up_for_in_clear(self) -> None:
        """Somebody in the middle strips it from the login's own connection (RFC 3501, 11.1)."""
        first = iter([imap.dovecot])

        async def strips(reader: Reader, writer: Writer, record: Record) -> None:
            await next(first, imap.without_tls)(reader, writer, record)

        report, server = against(strips, credential=SCANNER, allow_cleartext=True)
        expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
        assert SCANNER.password is not None
        assert all(SCANNER.password.encode() not in record.received for record in server.connections)
        assert (report.footprint.connections, report.footprint.login_attempts) == (2, 0)

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
        report, server = against(mailbox(), "imaps", credential=Credential("key-only", "er", key_file="id_rsa"))
        expect(report, Verdict.READY)
        assert check_of(report, Step.LOGIN).summary == "no password was given for key-only"
        assert server.counts["LOGIN"] == report.footprint.login_attempts == 0
        monkeypatch.setitem(sys.modules, "imapclient", None)
        monkeypatch.delitem(sys.modules, "imapclient.exceptions", raising=False)
        report, _ = against(mailbox(), "imaps", credential=SCANNER)
        expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN, owner=Owner.AGENT)
        assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)

    def test_a_server_that_stops_answering(self) -> None:
        silent_login = mailbox(LOGIN=b"* OK still busy\r\n")  # never the tagged line
        with in_background(silent_login, tls=authority().context()) as server:
            report = see(server, "imaps", SCANNER, timeout=WAIT)
        expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.LOGIN)


class TestAccess:
    """Reading a folder and a message after the login."""

    @pytest.mark.parametrize(
        ("answers", "verdict", "code", "fix"),
        [
            (
                {"EXAMINE": b"c1 NO [NOPERM] Access denied\r\n"},
                Verdict.LIMITED,
                "access.denied",
                'SETACL "INBOX" "scanuser" lr',
            ),
            ({"EXAMINE": b"c1 NO [NONEXISTENT] Unknown Mailbox: INBOX\r\n"}, Verdict.BLOCKED, "imap.no-inbox", None),
            ({"EXAMINE": b"c1 NO INBOX doesn't exist.\r\n"}, Verdict.BLOCKED, "imap.no-inbox", None),
            (
                {"EXAMINE": b"c1 NO [SERVERBUG] Internal error\r\n"},
                Verdict.UNDECIDED,
                "imap.backend-unavailable",
                None,
            ),
            ({"EXAMINE": b"c1 BAD Unknown command\r\n"}, Verdict.UNDECIDED, "scanready.limit", None),
            ({"EXAMINE": b"c1 NO [FUTURECODE] Not today\r\n"}, Verdict.UNDECIDED, "imap.command-refused", None),
            ({"EXAMINE": b"c1 NO [FUTURECODE] Permission denied\r\n"}, Verdict.LIMITED, "access.denied", None),
            (
                {"EXAMINE": b"c1 NO Mailbox locked by another session, try again\r\n"},
                Verdict.UNDECIDED,
                "imap.backend-unavailable",
                None,
            ),
            ({"EXAMINE": b"c1 NO Try again later\r\n"}, Verdict.UNDECIDED, "imap.backend-unavailable", None),
            (
                {"EXAMINE": b"c1 BAD User is authenticated but not connected.\r\n"},
                Verdict.UNDECIDED,
                "imap.mailbox-not-opened",
                None,
            ),
            ({"EXAMINE": b"c1 OK done\r\n"}, Verdict.UNDECIDED, "scanready.limit", None),
            ({"EXAMINE": b"* x EXISTS\r\nc1 OK done\r\n"}, Verdict.UNDECIDED, "scanready.limit", None),
            (
                dict.fromkeys(("LOGIN", "LIST", "EXAMINE", "FETCH"), b"c1 OK\r\n"),
                Verdict.UNDECIDED,
                "scanready.limit",
                None,
            ),
            ({"EXAMINE": b""}, Verdict.UNDECIDED, "imap.backend-unavailable", None),
            ({"FETCH": b"c1 OK Fetch completed.\r\n"}, Verdict.UNDECIDED, "scanready.limit", None),
            ({"FETCH": b"* 1 FETCH (UID\r\nc1 OK done\r\n"}, Verdict.UNDECIDED, "scanready.limit", None),
        ],
    )
    def test_refusals(self, answers: dict[str, bytes], verdict: Verdict, code: str, fix: str | None) -> None:
        report, server = against(mailbox(**answers), "imaps", credential=SCANNER)
        expect(report, verdict, code, step=Step.ACCESS, fix=fix)
        passed(report, Step.LOGIN)
        assert server.counts["LOGIN"] == 1

    @pytest.mark.parametrize("command", ["EXAMINE", "FETCH"])
    def test_a_server_that_slows_us_down_denies_nothing(self, command: str) -> None:
        throttled = b"c1 BAD Request is throttled. Suggested Backoff Time: 9 milliseconds\r\n"
        report, _ = against(mailbox(**{command: throttled}), "imaps", credential=SCANNER)
        expect(report, Verdict.UNDECIDED, "handshake.throttled")
        passed(report, Step.LOGIN)

    def test_a_folder_without_a_number_of_messages_is_told(self) -> None:
        report, _ = against(mailbox(EXAMINE=b"* x EXISTS\r\nc1 OK done\r\n"), "imaps", credential=SCANNER)
        detail = "the server opens INBOX, but does not report its number of messages (no EXISTS)"
        assert finding_of(report).detail == detail

    def test_an_account_without_folders(self) -> None:
        gone = {"LIST": b"c1 OK List completed.\r\n", "EXAMINE": b"c1 NO [NONEXISTENT] No mailbox\r\n"}
        report, _ = against(mailbox(**gone), "imaps", credential=SCANNER)
        expect(report, Verdict.BLOCKED, "imap.no-inbox", step=Step.ACCESS, owner=Owner.SERVER)
        assert "top-level folders: none" in check_of(report, Step.ACCESS).summary

    def test_an_empty_folder_is_read_as_such(self) -> None:
        empty = MAILBOX[b"EXAMINE"].replace(b"1 EXISTS", b"0 EXISTS")
        report, server = against(mailbox(EXAMINE=empty), "imaps", credential=SCANNER)
        expect(report, Verdict.SCANNABLE)
        assert "no messages" in check_of(report, Step.ACCESS).summary
        assert server.counts["FETCH"] == 0

    def test_the_folder_of_the_target_is_asked_for(self) -> None:
        report, server = against(mailbox(), "imaps", credential=SCANNER, folder="Archive.2025")
        expect(report, Verdict.SCANNABLE)
        assert any(b'EXAMINE "Archive.2025"' in record.received for record in server.connections), story(report)


def test_every_cause_of_this_family_is_provoked() -> None:
    """By its code, in one of these files; the codes in them are asserted verdicts."""
    here, files = Path(__file__).parent, ("test_imap.py", "test_imap_login.py", "test_imap_refusing.py")
    text = "".join((here / name).read_text("utf-8") for name in files)
    told = {value.code for value in vars(causes).values() if isinstance(value, Cause)}
    assert len(told) > 5
    assert {code for code in told if f'"{code}"' not in text} == set()
