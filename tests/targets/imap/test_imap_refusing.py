"""IMAP servers that refuse in place of a greeting, name another server, or do not say what the matter is."""

from __future__ import annotations

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, misbehave
from scanready.climb.placing import rung_of
from scanready.model import Owner, Scope, Step, Verdict
from tests.climb.test_signatures import SIGNATURES
from tests.ladder import expect, finding_of, passed, pasted, story
from tests.targets.imap.imap_peers import GREETING, SCANNER, against, mailbox

EXCHANGE = b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"
YANDEX = b"c1 NO [AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled sc=x7\r\n"
TENCENT = (
    b"c1 NO Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, "
    b"or system is busy.\r\n"
)

# --- in place of a greeting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closes", [True, False], ids=["closes", "waits"])
@pytest.mark.parametrize(
    ("greeting", "verdict", "code"),
    [
        (b"* NO server too busy\r\n", Verdict.UNDECIDED, "imap.greeting-refused"),
        (b"* BAD internal error\r\n", Verdict.UNDECIDED, "imap.greeting-refused"),
        (b"* no not configured\r\n", Verdict.UNDECIDED, "imap.greeting-refused"),
        (b"* NO\r\n", Verdict.UNDECIDED, "imap.greeting-refused"),
        (b"* BAD [UNAVAILABLE] backend away\r\n", Verdict.UNDECIDED, "imap.greeting-refused"),
        (b"* NO [ALERT] Too many connections\r\n", Verdict.UNDECIDED, "handshake.throttled"),
        (b"* NO [LIMIT] slow down\r\n", Verdict.UNDECIDED, "handshake.throttled"),
        (b"* BAD Unknown command\r\n", Verdict.UNDECIDED, "handshake.proxy-header"),
        (b"* NO SSL connections only\r\n", Verdict.BLOCKED, "tls.required"),
    ],
)
def test_a_greeting_that_imap_does_not_have_is_told(greeting: bytes, verdict: Verdict, code: str, closes: bool) -> None:
    report, server = against((misbehave.says_and_closes if closes else misbehave.says)(greeting))
    expect(report, verdict, code, owner=Owner.SERVER)
    assert greeting.decode().strip()[2:].upper() in finding_of(report).detail.upper()
    assert server.connections[0].received == b"", "it has said that it takes nothing"


def test_the_same_inside_tls() -> None:
    report, _ = against(misbehave.says(b"* NO overloaded\r\n"), "imaps")
    expect(report, Verdict.UNDECIDED, "imap.greeting-refused", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize("status", [b"NO", b"BAD"])
def test_a_refusal_at_another_types_port_is_recognised(status: bytes) -> None:
    found = SIGNATURES.identify(b"* " + status + b" [ALERT] too busy\r\n")
    assert found is not None
    assert (found.protocol, found.text) == ("imap", "an IMAP server that refuses the connection (too busy)")


@pytest.mark.parametrize(
    "line", [b"* NO TRESPASSING                *\r\n", b"* NO entry", b"* BAD idea\r\n* really\r\n"]
)
def test_a_notice_in_a_frame_of_stars_is_no_imap(line: bytes) -> None:
    assert SIGNATURES.identify(line) is None


def second(greeting: bytes) -> Behaviour:
    """A mailbox for the first connection, and another greeting for the login's."""
    first = iter([mailbox()])

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await next(first, misbehave.says(greeting))(reader, writer, record)

    return behaviour


@pytest.mark.parametrize(
    ("greeting", "code", "owner"),
    [
        (b"* NO too busy\r\n", "imap.backend-unavailable", Owner.SERVER),
        (b"* BAD too many connections\r\n", "handshake.throttled", Owner.SERVER),
        (b"* HELLO\r\n", "scanready.limit", Owner.SCANREADY),
    ],
)
def test_a_login_that_is_greeted_so_is_the_servers_refusal(greeting: bytes, code: str, owner: Owner) -> None:
    report, _ = against(second(greeting), "imaps", credential=SCANNER)
    expect(report, Verdict.UNDECIDED, code, owner=owner)
    assert report.footprint.login_attempts == 0, "no password left"


# --- referrals --------------------------------------------------------------------------------------------------------

GO = b"[REFERRAL imap://MIKE@SERVER2/] Try SERVER2."


@pytest.mark.parametrize(("type_", "entry"), [("imap", "imap://SERVER2:143"), ("imaps", "imaps://SERVER2:993")])
@pytest.mark.parametrize("status", [b"BYE", b"NO"])
def test_a_greeting_that_names_another_server(status: bytes, type_: str, entry: str) -> None:
    report, server = against(misbehave.says(b"* " + status + b" " + GO + b"\r\n"), type_)
    expect(report, Verdict.BLOCKED, "imap.referred", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert pasted(finding_of(report).fix) == entry
    assert "the other server is SERVER2" in finding_of(report).detail
    assert len(server.connections) == 1


def test_a_bye_in_place_of_an_answer_names_one() -> None:
    report, _ = against(mailbox(b"* OK ready\r\n", CAPABILITY=b"* BYE " + GO + b"\r\n"))
    expect(
        report, Verdict.BLOCKED, "imap.referred", step=Step.HANDSHAKE, owner=Owner.OPERATOR, fix="imap://SERVER2:143"
    )


@pytest.mark.parametrize("answer", [b"c1 NO ", b"* BYE "])
def test_a_login_that_is_referred_is_no_refused_password(answer: bytes) -> None:
    refers = answer + b"[REFERRAL imap://er;AUTH=*@mail2.example:1993/] Specified user is invalid on this server.\r\n"
    report, server = against(mailbox(LOGIN=refers), "imaps", credential=SCANNER)
    expect(report, Verdict.BLOCKED, "imap.referred", owner=Owner.OPERATOR, fix="imaps://mail2.example:1993")
    assert finding_of(report).cause.scope is Scope.TARGET
    assert (server.counts["LOGIN"], len(server.connections)) == (1, 2)


def test_the_logins_own_greeting_refers() -> None:
    report, _ = against(second(b"* BYE " + GO + b"\r\n"), "imaps", credential=SCANNER)
    expect(report, Verdict.BLOCKED, "imap.referred", owner=Owner.OPERATOR, fix="imaps://SERVER2:993")
    assert report.footprint.login_attempts == 0


def test_a_login_that_works_and_is_referred_limits() -> None:
    """RFC 2221, 4.1: the personal mailboxes are on the other server, the public ones are here."""
    report, _ = against(mailbox(LOGIN=b"c1 OK " + GO + b"\r\n"), "imaps", credential=SCANNER)
    expect(report, Verdict.LIMITED, "imap.referred", owner=Owner.OPERATOR, fix="imaps://SERVER2:993")
    passed(report, Step.LOGIN)


def test_a_folder_on_another_server() -> None:
    report, _ = against(
        mailbox(EXAMINE=b"c1 NO [REFERRAL imap://er@SERVER2/Archive] Remote mailbox.\r\n"), "imaps", credential=SCANNER
    )
    expect(report, Verdict.BLOCKED, "imap.referred", owner=Owner.OPERATOR, fix="imaps://SERVER2:993")


@pytest.mark.parametrize(
    "argument",
    [
        b"imap://x y/",
        b"imap://127.0.0.1/",
        b"imap://169.254.169.254/",
        b"imap://[::1]/",
        b"http://a/",
        b"",
        b"imap://a\x1b[2J/",
        b"imap://h:99999999/",
    ],
)
def test_a_referral_to_no_place_of_a_mail_server_has_no_entry(argument: bytes) -> None:
    report, _ = against(misbehave.says_and_closes(b"* BYE [REFERRAL " + argument + b"] go\r\n"))
    assert report.verdict is Verdict.BLOCKED, story(report)
    fix = finding_of(report).fix or ""
    assert "127.0.0.1" not in fix.partition("\n")[2]
    assert "169.254" not in fix
    assert "\x1b" not in story(report)


# --- a wrong password, or an account that is not open to IMAP ---------------------------------------------------------


@pytest.mark.parametrize(
    ("greeting", "answer"),
    [
        (GREETING, YANDEX),
        (GREETING, b"c1 NO [ALERT] Invalid credentials or IMAP is disabled\r\n"),
        (GREETING, b"c1 NO Invalid credentials or IMAP is not enabled\r\n"),
        (GREETING, b"c1 NO [AUTHENTICATIONFAILED] IMAP access is disabled\r\n"),
        (GREETING, TENCENT),
        (EXCHANGE, b"c1 NO LOGIN failed.\r\n"),
    ],
)
def test_a_refusal_that_fits_two_reasons_names_both(greeting: bytes, answer: bytes) -> None:
    report, _ = against(mailbox(greeting, LOGIN=answer), "imaps", credential=SCANNER)
    expect(report, Verdict.BLOCKED, "imap.refused-or-disabled", step=Step.LOGIN, owner=Owner.IDENTITY)
    cause = finding_of(report).cause
    assert cause.scope is Scope.ACCOUNT, "the password may be wrong, and the next attempt may lock the account"
    assert [one.owner for one in cause.also] == [Owner.SERVER]


@pytest.mark.parametrize(
    ("answer", "verdict", "code"),
    [
        (b"c1 NO LOGIN failed.\r\n", Verdict.BLOCKED, "login.refused"),  # by another server than Exchange
        (b"c1 NO LOGIN is disabled\r\n", Verdict.UNDECIDED, "imap.command-refused"),
        (b"c1 NO Authentication is currently disabled\r\n", Verdict.UNDECIDED, "imap.command-refused"),
        (b"c1 BAD IMAP is disabled\r\n", Verdict.BLOCKED, "imap.not-enabled"),
        (b"c1 NO account does not have IMAP access enabled\r\n", Verdict.BLOCKED, "imap.not-enabled"),
        (b"c1 NO Login disabled for this user\r\n", Verdict.BLOCKED, "login.locked"),
        (b"c1 NO User account is disabled\r\n", Verdict.BLOCKED, "login.locked"),
        (b"c1 NO Account blocked\r\n", Verdict.BLOCKED, "login.locked"),
        (b"c1 NO Your IP is blocked\r\n", Verdict.UNDECIDED, "imap.command-refused"),
        (b"c1 NO Sign-in blocked\r\n", Verdict.UNDECIDED, "imap.command-refused"),
    ],
)
def test_what_is_disabled_or_blocked_is_what_the_words_say(answer: bytes, verdict: Verdict, code: str) -> None:
    report, _ = against(mailbox(LOGIN=answer), "imaps", credential=SCANNER)
    expect(report, verdict, code, step=rung_of(finding_of(report).cause, Step.LOGIN))


@pytest.mark.parametrize("command", ["LOGIN", "EXAMINE"])
def test_an_account_that_exchange_does_not_connect(command: str) -> None:
    says = {command: b"c1 BAD User is authenticated but not connected.\r\n"}
    report, _ = against(mailbox(EXCHANGE, **says), "imaps", credential=SCANNER)
    expect(report, Verdict.UNDECIDED, "imap.mailbox-not-opened", owner=Owner.SERVER)
    assert "ImapEnabled" in finding_of(report).cause.remedy
