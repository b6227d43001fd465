"""Words of IMAP servers at a login that are about the account, or about everything else, and lists of odd servers."""

from __future__ import annotations

import pytest

from scanready.model import Owner, Report, Step, Verdict
from tests.ladder import expect, finding_of
from tests.targets.imap.imap_peers import SCANNER, against, mailbox


def refused(text: str, status: str = "c1 NO") -> Report:
    behaviour = mailbox(LOGIN=f"{status} {text}".rstrip().encode() + b"\r\n")
    return against(behaviour, credential=SCANNER, allow_cleartext=True)[0]


@pytest.mark.parametrize(
    "text",
    [
        "Account temporarily locked due to too many failed attempts",
        "Logins are temporarily disabled for this account: locked out",
        "Your account has been temporarily suspended, try again later",
        "User is locked: maximum number of attempts exceeded",
        "[AUTHENTICATIONFAILED] Account disabled",
    ],
)
def test_a_locked_account_is_no_busy_server(text: str) -> None:
    report = expect(refused(text), Verdict.BLOCKED, "login.locked", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[INUSE] Account locked by another session", "imap.backend-unavailable"),
        ("[UNAVAILABLE] Account backend locked", "imap.backend-unavailable"),
        ("[LIMIT] User blocked: too many connections", "handshake.throttled"),
        ("User blocked, too many open sessions", "handshake.throttled"),
        ("License limit reached", "handshake.throttled"),
        ("Rate limit hit", "handshake.throttled"),
        ("Quota exceeded", "imap.command-refused"),
        ("Unsupported authentication mechanism", "imap.command-refused"),
        ("Command unrecognized: LOGIN", "imap.command-refused"),
        ("IP address not allowed for this user", "imap.command-refused"),
        ("PAM error: system error", "imap.backend-unavailable"),
        ("unexpected condition", "imap.backend-unavailable"),
    ],
)
def test_a_text_about_something_else_is_not_held_against_the_account(text: str, code: str) -> None:
    expect(refused(text), Verdict.UNDECIDED, code)


def test_a_refusal_without_a_text_says_so() -> None:
    report = expect(refused(""), Verdict.BLOCKED, "login.refused", owner=Owner.IDENTITY)
    assert finding_of(report).detail == "a refusal without a text"


@pytest.mark.parametrize(
    ("text", "verdict", "code"),
    [
        ("Login failed", Verdict.BLOCKED, "login.refused"),
        ("Invalid credentials", Verdict.BLOCKED, "login.refused"),
        ("Password database is down, later", Verdict.UNDECIDED, "imap.backend-unavailable"),
        ("Goodbye", Verdict.UNDECIDED, "imap.backend-unavailable"),
    ],
)
def test_the_words_of_a_bye_in_place_of_an_answer(text: str, verdict: Verdict, code: str) -> None:
    expect(refused(text, "* BYE"), verdict, code)


def test_a_folder_over_its_quota_is_no_lack_of_rights() -> None:
    behaviour = mailbox(EXAMINE=b"c1 NO Quota exceeded\r\n")
    report, _ = against(behaviour, credential=SCANNER, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "imap.command-refused")


@pytest.mark.parametrize("lines", [b"* LIST garbage\r\nc1 OK\r\n", b"* LIST\r\nc1 OK\r\n", b"c1 NO\r\n"])
def test_a_list_of_folders_that_is_not_understood_does_not_hide_the_mailbox(lines: bytes) -> None:
    report, _ = against(mailbox(LIST=lines), credential=SCANNER, allow_cleartext=True)
    expect(report, Verdict.SCANNABLE)


def test_a_login_that_is_read_only_ends_no_connection() -> None:
    behaviour = mailbox(LOGIN=b"c1 OK [READ-ONLY] Logged in\r\n")
    report, _ = against(behaviour, credential=SCANNER, allow_cleartext=True)
    expect(report, Verdict.SCANNABLE)


def test_a_greetings_list_without_imap_is_no_proof() -> None:
    """Another protocol may greet with a list of its own; the answer to CAPABILITY decides."""
    greeting = b"* OK [CAPABILITY AUTH=PLAIN] ready\r\n"
    report, server = against(mailbox(greeting, CAPABILITY=b"* CAPABILITY AUTH=PLAIN\r\nc1 OK\r\n"))
    expect(report, Verdict.BLOCKED, "handshake.malformed", step=Step.HANDSHAKE)
    assert server.counts["CAPABILITY"] == 1
    report, _ = against(mailbox(greeting))
    expect(report, Verdict.READY)
