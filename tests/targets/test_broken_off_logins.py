"""Servers that take a password and end the talk without an answer: each may have counted it as a wrong one.

An account that no server has accepted is worth three of those logins (``guard.MOST_OPEN``), whatever the protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from scanready.climb.guard import MOST_OPEN
from scanready.model import Report, Verdict
from scanready.run.engine import Settings, verify_all
from tests.ladder import account, target

if sys.platform != "linux":
    pytest.skip("127.0.0.2 and its like are addresses of Linux's loopback", allow_module_level=True)

HOSTS = MOST_OPEN + 3
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


def http(end: bytes) -> Behaviour:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                if b"\r\nAuthorization: " in request:
                    record.count("secrets")
                    writer.write(end)
                    return
                writer.write(b'HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n')

    return behaviour


def estate(kind: str, behaviour: Behaviour) -> tuple[Sequence[Report], int]:
    """Check so many hosts with one account; return their reports, and how many of them got its password."""
    with contextlib.ExitStack() as servers:
        there = [servers.enter_context(in_background(behaviour, host=f"127.0.4.{n + 1}")) for n in range(HOSTS)]
        options = {"allow_cleartext": True}
        targets = [target(kind, one.host, one.port, account("er"), **options) for one in there]

        async def run() -> list[Report]:
            return [report async for report in verify_all(targets, Settings(canary=False))]

        return asyncio.run(run()), sum(one.counts["secrets"] for one in there)


@pytest.mark.parametrize("end", ENDS, ids=["nothing", "garbage"])
@pytest.mark.parametrize(("kind", "server"), [("imap", imap), ("postgresql", postgresql), ("http", http)])
def test_a_password_that_nobody_answers_leaves_three_times_at_most(kind: str, server: object, end: bytes) -> None:
    assert callable(server)
    reports, secrets = estate(kind, server(end))
    assert secrets == MOST_OPEN
    assert {report.verdict for report in reports} == {Verdict.UNDECIDED}
    codes = [report.cause.code for report in reports if report.cause]
    assert codes.count("login.withheld") == HOSTS - MOST_OPEN


@pytest.mark.parametrize("server", [a_long_line, a_long_number])
def test_what_the_library_cannot_read_is_no_refusal(server: object) -> None:
    assert callable(server)
    reports, secrets = estate("imap", server(b""))
    assert secrets == MOST_OPEN
    codes = [report.cause.code for report in reports if report.cause]
    assert sorted(codes) == ["login.withheld"] * (HOSTS - MOST_OPEN) + ["scanready.limit"] * MOST_OPEN
