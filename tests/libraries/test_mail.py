"""imaplib and imapclient: their opinions, and the errors from the wire. The bytes are written here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer
from scanready.model import Report, Step
from tests.ladder import finding_of, passed
from tests.libraries.provoking import Provoke, demand
from tests.targets.imap.imap_peers import CAPABILITY, GREETING, MAILBOX, SCANNER, against, mailbox

FETCHED = MAILBOX[b"FETCH"]


def answers(**other: bytes) -> Provoke:
    return lambda: against(mailbox(**other), "imaps", credential=SCANNER)[0]


def at_the_login(greeting: bytes = GREETING, **other: bytes) -> Provoke:
    """A mailbox for the first connection, and another for the login's."""

    def behaviours() -> Iterator[Behaviour]:
        yield mailbox()
        while True:
            yield mailbox(greeting, **other)

    def provoke() -> Report:
        each = behaviours()

        async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
            await next(each)(reader, writer, record)

        return against(behaviour, "imaps", credential=SCANNER)[0]

    return provoke


PROVOKED: dict[str, Provoke] = {
    "imap-blank-line": answers(FETCH=FETCHED.replace(b")\r\nc1", b")\r\n\r\nc1")),
    "imap-blank-line-at-login": answers(LOGIN=b"\r\nc1 OK Logged in\r\n"),
    "imap-long-line": answers(LOGIN=b"* OK " + b"x" * 1_100_000 + b"\r\nc1 OK Logged in\r\n"),
    "imap-status": answers(LOGIN=b"c1 MAYBE later\r\n"),
    "imap-no-exists": answers(EXAMINE=b"* FLAGS ()\r\nc1 OK [READ-ONLY] Examine completed.\r\n"),
    "imap-no-capability": at_the_login(b"* OK ready\r\n", CAPABILITY=b"c1 OK done\r\n"),
    "imap-preauth": at_the_login(b"* PREAUTH welcome back\r\n"),
    "imap-list-refused": answers(LIST=b"c1 NO [NOPERM] You may not list\r\n"),
    "imap-hang-up": answers(LOGIN=b""),
    "imap-bye": answers(LOGIN=b"* BYE unexpected response: b'' from the directory\r\n"),
    "imap-bare-lf": answers(
        **{
            verb: answer.replace(b"\r\n", b"\n")
            for verb, answer in (
                ("LOGIN", b"c1 OK LOGIN completed\r\n"),
                ("LIST", MAILBOX[b"LIST"]),
                ("EXAMINE", MAILBOX[b"EXAMINE"]),
            )
        }
    ),
}


@pytest.mark.parametrize("key", PROVOKED)
def test_a_row(key: str) -> None:
    demand(key, PROVOKED[key]())


@pytest.mark.parametrize("command", ["LIST", "EXAMINE"])
def test_an_empty_line_in_any_answer_is_no_end_of_the_connection(command: str) -> None:
    answer = b"\r\n" + MAILBOX[command.replace("_", " ").encode()]
    report = answers(**{command: answer})()
    assert finding_of(report).cause.code == "scanready.limit"
    assert "unexpected response" in finding_of(report).detail
    passed(report, Step.LOGIN)


def test_half_a_line_and_then_the_end_is_the_end() -> None:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while (line := await reader.readline()) and b"LOGIN" not in line:
            last = b"* BYE\r\n" if b"LOGOUT" in line else b"* CAPABILITY IMAP4rev1\r\n"
            writer.write(last + line.split()[0] + b" OK done\r\n")
        writer.write(line.split()[0] + b" OK Logg" if line else b"")

    report, _ = against(behaviour, "imaps", credential=SCANNER)
    assert finding_of(report).cause.code == "imap.backend-unavailable"


def test_a_mailbox_of_bare_lf_is_read_to_its_end() -> None:
    """As GNU's server writes them: greeting, capabilities and all answers."""
    lf = {verb.decode().replace(" ", "_"): answer.replace(b"\r\n", b"\n") for verb, answer in MAILBOX.items()}
    lf["FETCH"] = FETCHED  # the literal is counted
    report = against(mailbox(GREETING.replace(b"\r\n", b"\n"), **lf), "imaps", credential=SCANNER)[0]
    assert CAPABILITY.replace(b"\r\n", b"\n") == lf["CAPABILITY"]
    assert report.verdict == "scannable"
