"""IMAP answers that are easily taken for something else, and peers that never end."""

from __future__ import annotations

import asyncio
import base64
from typing import Literal

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, imap, in_background, misbehave
from fixtures.emulators.certificates import authority
from scanready.model import Owner, Step, Verdict
from tests.ladder import WAIT, account, check_of, expect, finding_of, logins_end, story
from tests.targets.imap.imap_peers import MAILBOX, SCANNER, against, mailbox, see


def sasl_login(password: bytes = b"Passw0rd!") -> Behaviour:
    """Refuse LOGIN and accept AUTHENTICATE LOGIN: written after draft-murchison-sasl-login and Exchange's prompts."""
    greeting = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=LOGIN] ready\r\n"

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            tag, verb, *words = line.split()
            if verb == b"LOGIN":
                record.offence("login-command")
                writer.write(tag + b" BAD LOGIN is disabled\r\n")
            elif verb == b"AUTHENTICATE" and words == [b"LOGIN"]:
                given = []
                for asked in (b"User Name\0", b"Password\0"):
                    writer.write(b"+ " + base64.b64encode(asked) + b"\r\n")
                    given.append(base64.b64decode(await reader.readline()))
                record.count("logins")
                if given != [b"Ada Lovelace", password]:
                    writer.write(tag + b" NO [AUTHENTICATIONFAILED] Authentication failed.\r\n")
                    continue
                writer.write(tag + b" OK Logged in\r\n")
            else:
                known = MAILBOX.get(verb, b"c1 BAD\r\n")
                lines = known.splitlines(keepends=True)
                writer.write(b"".join(tag + part[2:] if part[:3] in (b"c1 ", b"c2 ") else part for part in lines))
            if verb == b"LOGOUT":
                return

    return behaviour


@pytest.mark.parametrize(
    ("password", "verdict", "code"), [("Passw0rd!", Verdict.SCANNABLE, None), ("x", Verdict.BLOCKED, "login.refused")]
)
def test_sasl_login_where_the_command_is_barred(password: str, verdict: Verdict, code: str | None) -> None:
    report, server = against(sasl_login(), "imaps", credential=account("Ada Lovelace", password))
    expect(report, verdict, code)
    assert server.offences == {}, "a barred command tells nothing of the password"
    assert server.counts["logins"] == report.footprint.login_attempts == 1


@pytest.mark.parametrize(
    ("greeting", "capability"),
    [
        (b'* OK MUPDATE "mail.example" "Cyrus" "v3.6" "(master)"\r\n', b'c1 BAD "Unrecognized command"\r\n'),
        (b"* OK ready\r\n", b"* CAPABILITY ACAP1\r\nc1 OK done\r\n"),
        (b"* OK ready\r\n", b"c1 OK done\r\n"),
    ],
)
def test_not_all_that_greets_so_is_imap(greeting: bytes, capability: bytes) -> None:
    report, _ = against(mailbox(greeting, CAPABILITY=capability))
    expect(report, Verdict.BLOCKED, "handshake.malformed", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "do not include IMAP4" in check_of(report, Step.HANDSHAKE).summary


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"c1 NO [FUTURECODE] not today\r\n", "imap.command-refused"),
        (b"c1 BAD out of order\r\n", "imap.command-refused"),
        (b"c1 NO [LIMIT] slow down\r\n", "handshake.throttled"),
    ],
)
def test_a_refusal_to_tell_the_capabilities_is_in_the_servers_words(answer: bytes, code: str) -> None:
    report, _ = against(mailbox(b"* OK ready\r\n", CAPABILITY=answer))
    expect(report, Verdict.UNDECIDED, code, step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert answer[3:-2].decode() in check_of(report, Step.HANDSHAKE).summary


def test_a_starttls_that_is_not_answered_is_not_called_a_handshake_that_began() -> None:
    starttls = b"* CAPABILITY IMAP4rev1 STARTTLS\r\nc1 OK done\r\n"
    silent = mailbox(b"* OK ready\r\n", CAPABILITY=starttls, STARTTLS=b"* OK wait\r\n")
    report, _ = against(silent, timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "tls.too-slow", step=Step.TLS, owner=Owner.SERVER)
    assert "did not answer STARTTLS" in finding_of(report).cause.meaning


@pytest.mark.parametrize("pause", [False, True])
def test_clear_text_behind_the_consent_to_tls_is_told_and_never_used(pause: bool) -> None:
    """Somebody in the middle adds answers that would count inside TLS (CVE-2011-0411 and its kind)."""

    async def injects(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n")
        tag = (await reader.readline()).split()[0]
        writer.write(tag + b" OK Begin TLS\r\n")
        if pause:
            await writer.drain()
            await reader.readexactly(5)  # the hello is on its way
        writer.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
        await misbehave.swallow(reader)

    report, _ = against(injects, credential=SCANNER)
    assert report.verdict is Verdict.BLOCKED, story(report)
    assert report.finding_step is Step.TLS, story(report)
    assert report.footprint.login_attempts == 0


Phase = Literal["greeting", "tls", "login", "read"]


def drips(phase: Phase) -> Behaviour:
    """A mailbox for the first connection, and one byte now and then for the second, from ``phase`` on."""
    first = iter([mailbox()])

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        whole = next(first, None)
        if whole is not None:
            await whole(reader, writer, record)
            return
        if phase != "greeting":
            writer.write(MAILBOX_GREETING)
            wanted = b"LOGIN" if phase == "login" else b"LIST"
            while wanted not in (line := await reader.readline()):
                verb = line.split()[1]
                writer.write(line.split()[0] + MAILBOX[verb].splitlines(keepends=True)[-1][2:])
        writer.write(b"* OK ")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    return behaviour


MAILBOX_GREETING = imap.GREETING_WITHOUT_TLS


@pytest.mark.parametrize("type_", ["imap", "imaps"])
@pytest.mark.parametrize("phase", ["greeting", "login", "read"])
def test_a_server_that_drips_holds_no_login_thread(phase: Phase, type_: str) -> None:
    tls = authority().context() if type_ == "imaps" else None
    with in_background(drips(phase), tls=tls) as server:
        report = see(server, type_, SCANNER, timeout=WAIT, patient=False, allow_cleartext=True)
        expect(report, Verdict.UNDECIDED, "scanready.out-of-time")
        assert logins_end()


def test_a_folder_beyond_ascii_and_one_that_is_a_command() -> None:
    denied = mailbox(EXAMINE=b"c1 NO [NOPERM] Access denied\r\n")
    report, server = against(denied, "imaps", credential=SCANNER, folder="Entwürfe")
    expect(report, Verdict.LIMITED, "access.denied", fix='SETACL "Entw&APw-rfe" "scanuser" lr')
    assert any(b'EXAMINE "Entw&APw-rfe"' in record.received for record in server.connections)
    report, server = against(mailbox(), "imaps", credential=SCANNER, folder='x"\r\nz1 DELETE INBOX\r\n')
    assert not any(b"\nz1" in record.received for record in server.connections), story(report)


def test_an_answer_to_a_proxy_header_names_the_load_balancer() -> None:
    """Dovecot behind HAProxy's `send-proxy`: the header is a command with the tag PROXY."""
    answer = b"PROXY BAD Error in IMAP command TCP4: Unknown command.\r\nc1 OK done\r\n"
    report, _ = against(mailbox(b"* OK ready\r\n", CAPABILITY=answer))
    expect(report, Verdict.UNDECIDED, "handshake.proxy-header", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_an_answer_to_another_foreign_tag_is_our_limit_or_malformed() -> None:
    report, _ = against(mailbox(b"* OK ready\r\n", CAPABILITY=b"x7 BAD what?\r\nc1 OK done\r\n"))
    expect(report, Verdict.BLOCKED, "handshake.malformed", step=Step.HANDSHAKE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Too many invalid IMAP commands.", "handshake.proxy-header"),  # Dovecot, at the header's second version
        ("Too many bad commands", "handshake.proxy-header"),
        ("Too many connections", "handshake.throttled"),
        ("Maximum number of connections from user+IP exceeded", "handshake.throttled"),
    ],
)
def test_a_bye_about_commands_is_no_limit_on_connections(text: str, code: str) -> None:
    report, _ = against(mailbox(b"* OK ready\r\n", CAPABILITY=f"* BYE {text}\r\n".encode()))
    expect(report, Verdict.UNDECIDED, code, step=Step.HANDSHAKE, owner=Owner.SERVER)
