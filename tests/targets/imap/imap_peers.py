"""IMAP servers for the tests of imap and imaps: Dovecot's answers to an account, and one climb against a server."""

from __future__ import annotations

from typing import Any

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, imap, in_background
from fixtures.emulators.certificates import Kind, authority
from scanready.model import Credential, Report
from tests.ladder import PLENTY, account, climb, target

SCANNER = account("scanuser")
GREETING, CAPABILITY = imap.GREETING_WITHOUT_TLS, imap.CAPABILITY_WITHOUT_TLS

# The answers of Dovecot 2.3.19 to an account with one message: captured manually in November 2026, without timings.
MAILBOX = {
    b"CAPABILITY": CAPABILITY,
    b"LOGIN": b"c1 OK [CAPABILITY IMAP4rev1 SASL-IR UNSELECT NAMESPACE UIDPLUS LITERAL+] Logged in\r\n",
    b"LIST": b'* LIST (\\HasNoChildren) "." INBOX\r\nc1 OK List completed.\r\n',
    b"EXAMINE": b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
    b"* OK [PERMANENTFLAGS ()] Read-only mailbox.\r\n* 1 EXISTS\r\n* 1 RECENT\r\n* OK [UNSEEN 1] First unseen.\r\n"
    b"* OK [UIDVALIDITY 1795397956] UIDs valid\r\n* OK [UIDNEXT 2] Predicted next UID\r\n"
    b"c1 OK [READ-ONLY] Examine completed.\r\n",
    b"FETCH": b"* 1 FETCH (BODY[HEADER.FIELDS (DATE)] {41}\r\n"
    b"Date: Mon, 02 Nov 2026 09:00:00 +0000\r\n\r\n)\r\nc1 OK Fetch completed.\r\n",
    b"LOGOUT": imap.LOGOUT,
}


def mailbox(greeting: bytes = GREETING, **other: bytes) -> Behaviour:
    """Play a server with that mailbox and ``other`` answers; at an empty answer it closes the connection."""
    answers = MAILBOX | {verb.encode(): answer for verb, answer in other.items()}

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(greeting)
        while (line := await reader.readline()) and line.endswith(b"\n"):
            tag, *words = line.split()
            verb = words[0].upper()
            record.count(verb.decode())
            if not (answer := answers[verb]):
                return
            writer.write(
                b"".join(
                    tag + part[2:] if part.startswith((b"c1 ", b"c2 ")) else part
                    for part in answer.splitlines(keepends=True)
                )
            )
            if verb == b"LOGOUT":
                return

    return behaviour


def see(server: Server, type_: str = "imap", credential: Credential | None = None, **options: Any) -> Report:
    """Climb once without the canary, trusting the emulators' authority."""
    settings: dict[str, Any] = {"ca_file": str(authority().ca_file), "timeout": PLENTY, "canary": False}
    settings |= {name: options.pop(name) for name in ("depth", "timeout", "ca_file", "patient") if name in options}
    return climb(target(type_, server.host, server.port, credential, **options), **settings)


def against(behaviour: Behaviour, type_: str = "imap", tls: Kind | None = None, **more: Any) -> tuple[Report, Server]:
    """Climb against a server with ``behaviour``, inside TLS for imaps; return the report and the ended server."""
    kind = tls or ("good" if type_ == "imaps" else None)
    with in_background(behaviour, tls=authority().context(kind) if kind else None) as server:
        report = see(server, type_, **more)
        server.wait(report.footprint.connections)
        return report, server
