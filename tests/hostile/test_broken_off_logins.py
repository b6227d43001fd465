"""Servers that take a password and end the talk without an answer: each may have counted it as a wrong one.

An account that no server has accepted is worth three of those logins (``guard.MOST_OPEN``), whatever the protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, ews, in_background, misbehave, mssql
from fixtures.emulators.certificates import authority
from fixtures.emulators.wiretap import TlsWriter
from scanready.climb.guard import MOST_OPEN
from scanready.model import Credential, Report, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.ladder import account, story, target
from tests.targets.smb import smb_login_peer as smb

if sys.platform != "linux":
    pytest.skip("127.0.0.2 and its like are addresses of Linux's loopback", allow_module_level=True)

HOSTS = MOST_OPEN + 3
ER = account("er")
#: The last bytes before they hang up: none, or garbage.
ENDS = (b"", b"\0\1\2\3 what is that?\r\n")


def imap(end: bytes) -> Behaviour:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        writer.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        while (line := await reader.readline()).endswith(b"\n"):
            tag, verb, *_ = line.split()
            if verb == b"LOGIN":
                record.count("secrets")
                writer.write(end)
                return
            writer.write((b"* CAPABILITY IMAP4rev1\r\n" if verb == b"CAPABILITY" else b"") + tag + b" OK done\r\n")

    return behaviour


def a_long_line(_: bytes) -> Behaviour:
    """More than the library reads of one line, which it calls an error as it calls a refusal one."""
    return imap(b"* OK " + b"x" * 1_100_000 + b"\r\n")


def a_long_number(_: bytes) -> Behaviour:
    """A literal whose length has more digits than Python takes for a number."""
    return imap(b"* 1 FETCH {" + b"9" * 5000 + b"}\r\n")


def postgresql(end: bytes) -> Behaviour:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while int.from_bytes((await reader.readexactly(8))[4:]) == 80877103:
            writer.write(b"N")
        await reader.readuntil(b"\0\0")
        writer.write(b"R\0\0\0\x0c\0\0\0\5salt")
        if await reader.read(1) == b"p":
            record.count("secrets")
            writer.write(end)

    return behaviour


def http(end: bytes, offered: bytes = b'Basic realm="x"') -> Behaviour:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                if b"\r\nAuthorization: " in request:
                    record.count("secrets")
                    writer.write(end)
                    return
                writer.write(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: " + offered + b"\r\n\r\n")

    return behaviour


async def breaks_tls(reader: Reader, writer: Writer, record: Record) -> None:
    """A page that answers the password with a record of TLS that nothing decrypts."""
    with contextlib.suppress(asyncio.IncompleteReadError):
        while request := await reader.readuntil(b"\r\n\r\n"):
            if b"\r\nAuthorization: " in request:
                record.count("secrets")
                assert isinstance(writer, TlsWriter)
                writer._below.write(b"\x17\3\3\0\x20" + bytes(32))
                await reader.read()
                return
            writer.write(b'HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n')


def exchange(refusal: bytes) -> Behaviour:
    return ews.Exchange(first=ews.prompt('Basic realm="x"'), refuses=refusal)


def estate(
    kind: str, behaviour: Behaviour, credential: Credential = ER, counted: str = "secrets", seconds: float = 10.0
) -> tuple[Sequence[Report], int]:
    """Check so many hosts with one account; return their reports, and how many of them got its password."""
    tls = authority().context() if kind in ("ews", "https") else None
    with contextlib.ExitStack() as servers:
        there = [
            servers.enter_context(in_background(behaviour, host=f"127.0.4.{n + 1}", tls=tls)) for n in range(HOSTS)
        ]
        options = {"allow_untrusted": True} if tls else {"allow_cleartext": True}
        targets = [target(kind, one.host, one.port, credential, **options) for one in there]

        async def run() -> list[Report]:
            return [report async for report in verify_all(targets, Settings(canary=False, timeout=seconds))]

        return asyncio.run(run()), sum(one.counts[counted] for one in there)


@pytest.mark.parametrize("end", ENDS, ids=["nothing", "garbage"])
@pytest.mark.parametrize(("kind", "server"), [("imap", imap), ("postgresql", postgresql), ("http", http)])
def test_a_password_that_nobody_answers_leaves_three_times_at_most(kind: str, server: object, end: bytes) -> None:
    assert callable(server)
    reports, secrets = estate(kind, server(end))
    assert secrets == MOST_OPEN
    assert {report.verdict for report in reports} == {Verdict.UNDECIDED}
    codes = [report.cause.code for report in reports if report.cause]
    assert codes.count("login.withheld") == HOSTS - MOST_OPEN


def test_a_password_whose_answer_breaks_tls_leaves_three_times_at_most() -> None:
    reports, secrets = estate("https", breaks_tls)
    assert secrets == MOST_OPEN
    codes = [report.cause.code for report in reports if report.cause]
    assert sorted(codes) == ["login.withheld"] * (HOSTS - MOST_OPEN) + ["scanready.limit"] * MOST_OPEN


@pytest.mark.parametrize("server", [a_long_line, a_long_number])
def test_what_the_library_cannot_read_is_no_refusal(server: object) -> None:
    assert callable(server)
    reports, secrets = estate("imap", server(b""))
    assert secrets == MOST_OPEN
    codes = [report.cause.code for report in reports if report.cause]
    assert sorted(codes) == ["login.withheld"] * (HOSTS - MOST_OPEN) + ["scanready.limit"] * MOST_OPEN


#: Statuses that say nothing of the account, and what they are called.
STATUSES = {
    "500 Internal Server Error": "http.server-error",
    "502 Bad Gateway": "http.unavailable",
    "503 Service Unavailable": "http.unavailable",
    "504 Gateway Timeout": "http.unavailable",
    "429 Too Many Requests": "handshake.throttled",
    "400 Bad Request": "http.login-unproven",
    "408 Request Timeout": "http.login-unproven",
    "418 I'm a teapot": "http.login-unproven",
    "302 Found\r\nLocation: /login": "http.login-unproven",
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_page_that_answers_the_password_with_trouble_gets_it_three_times_at_most(status: str) -> None:
    reports, secrets = estate("http", http(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()))
    assert secrets == MOST_OPEN
    codes = [report.cause.code for report in reports if report.cause]
    assert sorted(codes) == sorted([STATUSES[status]] * MOST_OPEN + ["login.withheld"] * (HOSTS - MOST_OPEN))


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (ews.answer("503 Service Unavailable"), "ews.service-down"),
        (ews.answer("500 Internal Server Error"), "http.server-error"),
        (ews.answer("429 Too Many Requests"), "handshake.throttled"),
        (ews.answer("302 Found", "Location: /owa/auth/logon.aspx"), "http.login-unproven"),
        (ews.answer("200 OK", body=b"x" * (2 << 20)), "scanready.limit"),
        (ews.answer("200 OK", body=b"no SOAP"), "scanready.limit"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nx", "scanready.limit"),
        (b"\0\1\2\3 what is that?\r\nConnection: close\r\n", "scanready.limit"),
    ],
    ids=["503", "500", "429", "302", "too large", "no SOAP", "cut short", "garbage"],
)
def test_an_exchange_that_answers_the_password_with_trouble_gets_it_three_times_at_most(
    refusal: bytes, code: str
) -> None:
    reports, secrets = estate("ews", exchange(refusal), counted="basic")
    codes = [report.cause.code for report in reports if report.cause]
    assert sorted(codes) == sorted([code] * MOST_OPEN + ["login.withheld"] * (HOSTS - MOST_OPEN))
    assert secrets == MOST_OPEN


def for_the_climb(healthy: Behaviour, later: Behaviour, climbs: int = 1) -> Behaviour:
    """Return a server that is healthy for the first connections of each client, and another one for the login's."""
    counts: dict[int, int] = {}

    async def either(reader: Reader, writer: Writer, record: Record) -> None:
        host = id(record._all_counts)  # of one server
        counts[host] = counts.get(host, 0) + 1
        await (healthy if counts[host] <= climbs else later)(reader, writer, record)

    return either


def ntlm(ends: Behaviour) -> Behaviour:
    """Return a page that asks for NTLM, and ends the connection with its first message."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            if b"\r\nAuthorization: " in request:
                record.count("messages")
                await ends(reader, writer, record)
                return
            writer.write(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: NTLM\r\n\r\n")

    return behaviour


async def closes_exchange(reader: Reader, writer: Writer, record: Record) -> None:
    """Answer NTLM's first message by the end of the connection."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ews.PROMPT)
    await reader.readuntil(b"NTLM ")
    record.count("messages")


#: Servers that end the login before the message of NTLM that has the secret; and what they count.
TOO_EARLY: dict[str, tuple[str, Behaviour, str]] = {
    "smb, closed": ("smb", for_the_climb(smb.server(), smb.server({smb.SETUP: smb.closes})), "setup"),
    "smb, reset": ("smb", for_the_climb(smb.server(), smb.server({smb.SETUP: smb.resets})), "setup"),
    "smb, refused": ("smb", for_the_climb(smb.server(), smb.server({smb.SETUP: 0xC000006D})), "setup"),
    "smb, silent": ("smb", for_the_climb(smb.server(), smb.server({smb.SETUP: smb.silent})), "setup"),
    "mssql, closed": ("mssql", mssql.Server(fault=mssql.Fault("login", misbehave.closes_at_once)), "logins"),
    "http, closed": ("http", ntlm(misbehave.closes_at_once), "messages"),
    "http, reset": ("http", ntlm(misbehave.resets), "messages"),
    "http, silent": ("http", ntlm(misbehave.silent), "messages"),
    "http, no challenge": ("http", ntlm(misbehave.says(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")), "messages"),
    "http, let in": ("http", ntlm(misbehave.says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")), "messages"),
    "ews, closed": ("ews", for_the_climb(ews.exchange, closes_exchange), "messages"),
}


@pytest.mark.parametrize("name", TOO_EARLY)
def test_an_attempt_counts_once_the_secret_is_sent(name: str) -> None:
    """Each of the hosts is tried: none of them has seen what it could have counted."""
    kind, server, counted = TOO_EARLY[name]
    reports, came = estate(kind, server, account("CORP\\er"), counted, seconds=1.5 if "silent" in name else 10.0)
    assert came >= HOSTS, [story(report) for report in reports]
    codes = {report.cause.code for report in reports if report.cause}
    assert not codes & {"login.withheld", "login.refused"}
    assert all(report.footprint.login_attempts == 0 for report in reports)
