"""Exchange with a credential: exchangelib logs in once, reads the inbox, and what Exchange says has its cause."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import sys
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, ews, in_background, misbehave
from fixtures.emulators.certificates import authority
from scanready.climb.placing import rung_of
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from scanready.targets.ews import login
from tests.in_process import warm
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, finding_of, logins_end, passed, target

SCAN = account("CORP\\svc-scan")
BASIC = 'Basic realm="mail.corp.example"'
REFUSED = ews.prompt("Negotiate", "NTLM")
OVER = '4000000;reason="The budget of the user is used up";error_category="throttled"'
FAILS = "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx"
UMBRELLA = b"<title>Blocked</title><a href=https://block.opendns.com/main>Why?</a>"
S3 = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
DOORS = {"ntlm": ews.PROMPT, "basic": ews.prompt(BASIC)}


def entered(
    behaviour: Behaviour, credential: Credential = SCAN, timeout: float = PLENTY, **options: Any
) -> tuple[Report, Server]:
    with in_background(behaviour, tls=authority().context()) as server:
        where = target("ews", "127.0.0.1", server.port, credential, **options)
        report = climb(where, timeout=timeout, ca_file=str(authority().ca_file))
    return report, server


def sent(server: Server) -> bytes:
    """Return the bytes that the server received on the login's own connection."""
    return server.connections[-1].received


@pytest.mark.parametrize("door", DOORS)
def test_a_name_alone_is_no_login(door: str) -> None:
    report, _ = entered(ews.Exchange(first=DOORS[door]), Credential("ad-scan", "svc-scan"))
    assert report.verdict in (Verdict.READY, Verdict.LIMITED)
    assert check_of(report, Step.LOGIN).summary == "no password was given for ad-scan"
    assert report.footprint.login_attempts == 0


def test_one_login_two_requests_one_connection() -> None:
    report, server = entered(ews.exchange)
    expect(report, Verdict.SCANNABLE)
    passed(report, Step.LOGIN, Step.ACCESS)
    assert check_of(report, Step.ACCESS).summary == "read the inbox: 41 items, the id of one was read"
    assert report.facts["version"] == "15.2.1118.7"
    assert report.facts["product"].startswith("Microsoft Exchange Server 2019")
    assert (report.footprint.connections, report.footprint.login_attempts) == (2, 1)
    assert len(server.connections) == 2
    assert server.counts["type-3"] == 1
    assert server.counts["type-1"] == 2, "the handshake's, and the login's"
    assert server.counts[f"POST {ews.ENDPOINT}"] == 4, "unasked, type 1, type 3 with the request, the second request"
    assert b"ExchangeImpersonation" not in sent(server)
    assert b"EmailAddress" not in sent(server), "the account's own inbox, whatever its address"
    assert b"X-AnchorMailbox" not in sent(server)
    assert b"scanready.invalid" not in sent(server)
    assert b"User-Agent: scanready/" in sent(server)
    assert b"Passw0rd!" not in sent(server)


def test_basic_sends_the_password_once_a_request_and_is_one_login() -> None:
    report, server = entered(ews.Exchange(first=ews.prompt(BASIC)))
    expect(report, Verdict.LIMITED, "ews.basic-preauth", step=Step.AUTH, owner=Owner.SERVER)
    passed(report, Step.LOGIN, Step.ACCESS)
    assert report.footprint.login_attempts == 1
    assert server.counts["basic"] == 2


def test_a_password_that_is_not_latin_goes_as_utf_8() -> None:
    report, server = entered(ews.Exchange(first=ews.prompt(BASIC)), account("дом\\er", "пароль"))
    passed(report, Step.LOGIN, Step.ACCESS)
    assert base64.b64encode("дом\\er:пароль".encode()) in sent(server)


def test_the_account_acts_for_another_mailbox() -> None:
    report, server = entered(ews.exchange, mailbox="ada@corp.example")
    expect(report, Verdict.SCANNABLE)
    assert "inbox of ada@corp.example" in check_of(report, Step.ACCESS).summary
    header = rb"ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>ada@corp.example<"
    assert len(re.findall(header, sent(server))) == 4, "in each request that was sent"


def test_the_accounts_own_mailbox_needs_no_impersonation() -> None:
    report, server = entered(ews.exchange, account("Ada@corp.example"), mailbox="ada@corp.example")
    expect(report, Verdict.SCANNABLE)
    assert b"ExchangeImpersonation" not in sent(server)


# --- the login is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_a_wrong_password_is_sent_once(door: str) -> None:
    report, server = entered(ews.Exchange(first=DOORS[door], refuses=REFUSED))
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.footprint.login_attempts == 1
    assert server.counts["type-3"] + server.counts["basic"] == 1


def test_a_refusal_that_ends_the_connection_is_still_one_login() -> None:
    closing = ews.prompt("NTLM", more=("Connection: close",))
    report, server = entered(ews.Exchange(refuses=closing))
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert server.counts["type-3"] == 1


def test_a_refused_credential_is_withheld_from_the_next_exchange() -> None:
    async def both(one: int, other: int) -> list[Report]:
        targets = [target("ews", "127.0.0.1", port, SCAN) for port in (one, other)]
        settings = Settings(timeout=PLENTY, ca_file=str(authority().ca_file), concurrency=1)
        return [report async for report in verify_all(targets, settings)]

    context = authority().context()
    refusing = ews.Exchange(refuses=REFUSED)
    with in_background(refusing, tls=context) as first, in_background(ews.exchange, tls=context) as second:
        reports = asyncio.run(both(first.port, second.port))
        assert second.counts["type-3"] == 0
    expect(reports[0], Verdict.BLOCKED, "login.refused", step=Step.LOGIN)
    expect(reports[1], Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)


@pytest.mark.parametrize(
    "more", [("Via: 1.1 wap01",), ("Set-Cookie: BIGipServerexch=1.2.3; path=/",), ("Set-Cookie: NSC_mail=ff; path=/",)]
)
def test_a_refusal_behind_who_ends_tls_may_be_extended_protection(more: tuple[str, ...]) -> None:
    behaviour = ews.Exchange(first=ews.prompt("Negotiate", "NTLM", more=more), refuses=REFUSED)
    report, server = entered(behaviour)
    expect(report, Verdict.BLOCKED, "ews.extended-protection", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert more[0].split(":")[1][1:5] in check_of(report, Step.LOGIN).summary
    assert server.counts["type-3"] == 1


def test_a_locked_account() -> None:
    locked = ews.answer(
        "401 Unauthorized", "WWW-Authenticate: NTLM", body=b"The referenced account is currently locked out"
    )
    report, _ = entered(ews.Exchange(refuses=locked))
    expect(report, Verdict.BLOCKED, "login.locked", step=Step.LOGIN, owner=Owner.IDENTITY)


@pytest.mark.parametrize(
    ("reply", "verdict", "code", "owner"),
    [
        (ews.answer("503 Service Unavailable"), Verdict.BLOCKED, "ews.service-down", Owner.SERVER),
        (ews.answer("500 Oops", body=b"<html>Oops"), Verdict.BLOCKED, "http.server-error", Owner.SERVER),
        (ews.answer("503 Busy", "Retry-After: 30"), Verdict.UNDECIDED, "handshake.throttled", Owner.SERVER),
        (ews.answer("503 Busy", f"X-MS-Diagnostics: {OVER}"), Verdict.UNDECIDED, "handshake.throttled", Owner.SERVER),
        (ews.answer("503 Stopped", "X-MS-Diagnostics: 1"), Verdict.BLOCKED, "ews.service-down", Owner.SERVER),
        (ews.answer("522 Origin timed out"), Verdict.BLOCKED, "ews.service-down", Owner.SERVER),
        (ews.answer("302 Found", "Location: /owa/auth"), Verdict.UNDECIDED, "http.login-unproven", Owner.SERVER),
        (ews.answer("302 Found", f"Location: {FAILS}"), Verdict.BLOCKED, "http.server-error", Owner.SERVER),
        (ews.answer("440 Login Timeout"), Verdict.UNDECIDED, "http.login-unproven", Owner.SERVER),
        (ews.answer("407 Proxy"), Verdict.BLOCKED, "http.proxy-between", Owner.NETWORK),
        (ews.answer("511 Network login"), Verdict.BLOCKED, "http.captive-portal", Owner.NETWORK),
        (ews.answer("403 Forbidden", body=UMBRELLA), Verdict.UNDECIDED, "http.login-unproven", Owner.SERVER),
        (ews.answer("403 No", "cf-mitigated: challenge"), Verdict.BLOCKED, "http.challenged", Owner.SERVER),
        (ews.answer("200 OK", body=S3), Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        (ews.answer("404 Not Found"), Verdict.BLOCKED, "ews.not-here", Owner.OPERATOR),
        (ews.answer("429 Too Many Requests"), Verdict.UNDECIDED, "handshake.throttled", Owner.SERVER),
        (ews.answer("999 Request denied"), Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        (ews.answer("600 Odd"), Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        (ews.answer("418 Teapot"), Verdict.UNDECIDED, "http.login-unproven", Owner.SERVER),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_the_login_is_not_judged(door: str, reply: bytes, verdict: Verdict, code: str, owner: Owner) -> None:
    report, server = entered(ews.Exchange(first=DOORS[door], refuses=reply))
    expect(report, verdict, code, step=rung_of(finding_of(report).cause, Step.LOGIN), owner=owner)
    assert server.counts["type-3"] + server.counts["basic"] == 1


# --- the login is accepted, and then? ------------------------------------------------------------------------------

ADA = "ada@corp.example"
LIMITED, BLOCKED, UNDECIDED, SERVER = Verdict.LIMITED, Verdict.BLOCKED, Verdict.UNDECIDED, Owner.SERVER
OPERATOR = Owner.OPERATOR
ROLE = "New-ManagementRoleAssignment -Name scanready-impersonation -Role ApplicationImpersonation -User 'svc-scan'"


@pytest.mark.parametrize(
    ("soap", "mailbox", "verdict", "code", "owner", "fix"),
    [
        (ews.fault("ErrorImpersonateUserDenied"), ADA, LIMITED, "ews.impersonation-denied", SERVER, ROLE),
        (ews.fault("ErrorNonExistentMailbox"), ADA, BLOCKED, "access.not-found", OPERATOR, None),
        (ews.fault("ErrorNonExistentMailbox"), None, BLOCKED, "ews.no-mailbox", SERVER, "Enable-Mailbox"),
        (ews.error("ErrorMissingEmailAddress"), None, BLOCKED, "ews.no-mailbox", SERVER, "Enable-Mailbox"),
        (ews.error("ErrorAccessDenied"), ADA, LIMITED, "access.denied", SERVER, "Add-MailboxPermission"),
        (ews.error("ErrorItemNotFound"), None, BLOCKED, "access.not-found", OPERATOR, None),
        (ews.error("ErrorFolderNotFound"), None, BLOCKED, "access.not-found", OPERATOR, None),
        (ews.BUSY, None, UNDECIDED, "ews.busy", SERVER, None),
        (ews.error("ErrorExceededConnectionCount"), None, UNDECIDED, "ews.busy", SERVER, None),
        (ews.error("ErrorTooManyObjectsOpened"), None, UNDECIDED, "ews.busy", SERVER, None),
        (ews.error("ErrorMailboxStoreUnavailable"), None, BLOCKED, "ews.mailbox-unavailable", SERVER, None),
        (ews.error("ErrorMailboxMoveInProgress"), None, BLOCKED, "ews.mailbox-unavailable", SERVER, None),
        (ews.error("ErrorInternalServerError"), None, UNDECIDED, "scanready.limit", Owner.SCANREADY, None),
        (ews.fault("ErrorInvalidServerVersion"), None, UNDECIDED, "scanready.limit", Owner.SCANREADY, None),
        (ews.answer("403 Forbidden"), None, Verdict.UNDECIDED, "ews.access-policy", Owner.SERVER, None),
    ],
)
def test_what_exchange_says_inside(
    soap: bytes, mailbox: str | None, verdict: Verdict, code: str, owner: Owner, fix: str | None
) -> None:
    options: dict[str, Any] = {"mailbox": mailbox} if mailbox else {}
    report, server = entered(ews.Exchange(soap=((b"GetFolder", soap),)), **options)
    expect(report, verdict, code, step=Step.ACCESS, owner=owner, fix=fix)
    assert check_of(report, Step.LOGIN).outcome is Outcome.PASSED, "the password was right"
    assert server.counts["type-3"] == 1, "nothing is tried again"


def test_exchange_names_the_pause_it_wants() -> None:
    report, _ = entered(ews.Exchange(soap=((b"GetFolder", ews.BUSY),)))
    assert "a pause of 297.749 s" in check_of(report, Step.ACCESS).summary


def test_a_folder_that_shows_and_does_not_open() -> None:
    denied = ews.error("ErrorAccessDenied", operation="FindItem")
    report, _ = entered(ews.Exchange(soap=((b"FindItem", denied), (b"GetFolder", ews.INBOX))))
    expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("ErrorAccountDisabled", "login.locked"),
        ("ErrorPasswordExpired", "login.expired"),
        ("ErrorPasswordChangeRequired", "login.expired"),
    ],
)
def test_the_account_is_not_fit(code: str, cause: str) -> None:
    report, _ = entered(ews.Exchange(soap=((b"GetFolder", ews.fault(code)),)))
    expect(report, Verdict.BLOCKED, cause, step=Step.LOGIN, owner=Owner.IDENTITY)


@pytest.mark.parametrize(
    ("body", "code", "step", "owner"),
    [
        (b"<html><body>Welcome</body></html>", "http.login-unproven", Step.LOGIN, Owner.SERVER),
        (b"<?xml version='1.0'?><html><form><input type=password>", "http.login-unproven", Step.LOGIN, Owner.SERVER),
        (b"hello", "scanready.limit", Step.LOGIN, Owner.SCANREADY),
        (b"", "scanready.limit", Step.LOGIN, Owner.SCANREADY),
        (b"<?xml version='1.0'?><a>", "scanready.limit", Step.LOGIN, Owner.SCANREADY),
        (b"<?xml version='1.0'?><s:Envelope", "scanready.limit", Step.ACCESS, Owner.SCANREADY),
    ],
)
def test_what_is_not_soap(body: bytes, code: str, step: Step, owner: Owner) -> None:
    report, server = entered(ews.Exchange(soap=((b"GetFolder", ews.answer("200 OK", body=body)),)))
    expect(report, Verdict.UNDECIDED, code, step=step, owner=owner)
    assert server.counts["type-3"] == 1


# --- hostile peers, and our own limits ------------------------------------------------------------------------------


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n" + b"<a>" * 700_000
    report, _ = entered(ews.Exchange(soap=((b"GetFolder", endless),)))
    expect(report, Verdict.UNDECIDED, "scanready.limit", owner=Owner.SCANREADY)
    assert "more than" in ((report.finding and report.finding.detail) or "")


def silent_after_login() -> Behaviour:
    door = ews.Exchange()

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        class Mute:
            """Answers nothing once a type 3 has come."""

            def write(self, data: bytes) -> None:
                if not record.counts["type-3"]:
                    writer.write(data)

            async def drain(self) -> None:
                await writer.drain()
                if record.counts["type-3"]:
                    await misbehave.swallow(reader)

            def close(self) -> None:
                writer.close()

        await door(reader, Mute(), record)

    return behaviour


def test_silence_after_the_login_ends_with_the_time() -> None:
    warm(login.visit)
    report, server = entered(silent_after_login(), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert logins_end()
    assert server.counts["type-3"] == 1


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "503 Service Unavailable"])
def test_a_refusal_that_is_cut_short_judges_nothing(status: str) -> None:
    """http.client takes the beginning of a head for a whole one."""
    report, _ = entered(ews.Exchange(refuses=f"HTTP/1.1 {status}\r\nConnection: close\r\nServ".encode()))
    expect(report, Verdict.UNDECIDED, "login.broken-off", step=Step.LOGIN)
    assert report.footprint.login_attempts == 1


def test_without_the_library_nothing_is_attempted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "exchangelib" or name.startswith("exchangelib.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "exchangelib", None)
    report, server = entered(ews.exchange)
    expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN, owner=Owner.AGENT)
    assert "scanready[mail]" in check_of(report, Step.LOGIN).summary
    assert report.footprint.login_attempts == 0
    assert server.counts["type-3"] == 0


def test_no_password_is_kept_nor_printed(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where a function runs that no other process finds."""
    from exchangelib.protocol import CachingProtocol

    visit = login.visit
    monkeypatch.setattr(login, "visit", lambda *arguments: visit(*arguments))
    for behaviour in (ews.exchange, ews.Exchange(refuses=REFUSED), silent_after_login()):
        entered(behaviour, account("CORP\\svc-scan", "kept-nowhere-1"), timeout=WAIT)
    assert not CachingProtocol._protocol_cache
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("exchangelib").propagate


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        ('Digest realm="x"', "the server's challenge for digest is invalid: it has no nonce"),
        ("Digest", "the server's challenge for digest is invalid: it has no realm"),
    ],
)
def test_a_broken_challenge_of_digest_is_a_sentence(offered: str, words: str) -> None:
    report, _ = entered(ews.Exchange(first=ews.prompt(offered)))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert check_of(report, Step.LOGIN).summary.endswith(words)


@pytest.mark.parametrize("token", ["AAAA", "!!", "TlRMTVNTUAAC"])
def test_a_challenge_that_is_broken_at_the_login_alone_is_a_sentence(token: str) -> None:
    class Spoils(ews.Exchange):
        """Answers the handshake's first message well, and the login's with ``token``."""

        def _let_in(self, scheme: str, message: str, record: Record) -> tuple[bool, bytes]:
            messages.append(message)
            logged_in, text = super()._let_in(scheme, message, record)
            return logged_in, text if len(messages) == 1 else ews.prompt(f"NTLM {token}")

    messages: list[str] = []
    report, server = entered(Spoils())
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert "the server's challenge for ntlm is invalid" in check_of(report, Step.LOGIN).summary
    assert (report.footprint.login_attempts, server.counts["type-3"]) == (0, 0)
