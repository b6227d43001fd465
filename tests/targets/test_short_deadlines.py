"""A target's time is one second, and its server falls silent at any of its answers: the report ends within 1.1 s."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

import pytest

from fixtures.emulators import (
    Behaviour,
    Reader,
    Record,
    Writer,
    db2,
    ews,
    in_background,
    informix,
    mssql,
    mysql,
    oracle,
    secure,
    sybase,
)
from fixtures.emulators.certificates import authority
from scanready.model import Report
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.ladder import account, story, target
from tests.pace import held_up
from tests.targets import echoing
from tests.targets.imap.imap_peers import mailbox
from tests.targets.smb import smb_login_peer as smb

if sys.platform != "linux":
    pytest.skip("reads the kernel's sched-stats", allow_module_level=True)

SECONDS = 1.0
#: Answers after which a server is silent.
POINTS = range(9)
CLEAR = {"allow_cleartext": True}
UNTRUSTED = {"allow_untrusted": True}


class Falls:
    """A connection whose server's side sends a few times, and then no more; the client's end is all that ends it."""

    def __init__(self, writer: Writer, left: list[int]) -> None:
        self._writer = writer
        self._left = left

    def write(self, data: bytes) -> None:
        """Send, as long as it may."""
        if self._left[0] > 0:
            self._left[0] -= 1
            self._writer.write(data)

    async def drain(self) -> None:
        """See :class:`Writer`."""
        await self._writer.drain()

    def close(self) -> None:
        """Stay."""


def falls_silent(behaviour: Behaviour, after: int) -> Behaviour:
    """Return the server that is silent once it has sent ``after`` times, counted over all its connections."""
    left = [after]

    async def silent(reader: Reader, writer: Writer, record: Record) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, EOFError):
            await behaviour(reader, Falls(writer, left), record)
        await record.lost.wait()

    return silent


async def page(reader: Reader, writer: Writer, record: Record) -> None:
    """Ask every request for a login."""
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b'HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n')


def inside_tls(behaviour: Behaviour) -> Behaviour:
    """Return the server inside TLS, whose handshake counts among what it sends."""

    async def secured(reader: Reader, writer: Writer, record: Record) -> None:
        await behaviour(*await secure(reader, writer, record, authority().context("good")), record)

    return secured


#: By type: a server that lets the account in, or refuses it late; and the options of the target.
SERVERS: dict[str, tuple[Behaviour, dict[str, Any]]] = {
    "mysql": (mysql.mariadb_10_11, {}),
    "postgresql": (echoing.postgresql("no"), CLEAR),
    "mssql": (mssql.Server(), {}),
    "sybase": (sybase.server(), CLEAR),
    "informix": (informix.server(), {"server": "ol_hr", **CLEAR}),
    "db2": (db2.server(mechanisms=(3,)), {"database": "SAMPLE", **CLEAR}),
    "oracle": (oracle.listener(), {"service": "ORCL"}),
    "imap": (mailbox(), CLEAR),
    "imaps": (inside_tls(mailbox()), UNTRUSTED),
    "http": (page, CLEAR),
    "https": (inside_tls(page), UNTRUSTED),
    "ews": (inside_tls(ews.Exchange()), UNTRUSTED),
    "smb": (
        smb.server({9: 0xC0000022}),
        {"share": "finance"},
    ),  # WRITE, to the pipe of the list of shares: access denied
}


@pytest.mark.parametrize("type_", SERVERS)
def test_wherever_it_falls_silent(type_: str) -> None:
    behaviour, options = SERVERS[type_]

    async def run() -> list[Report]:
        return [report async for report in verify_all(targets, Settings(timeout=SECONDS, canary=False, per_host=100))]

    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(in_background(falls_silent(behaviour, point))) for point in POINTS]
        targets = [
            target(type_, "127.0.0.1", server.port, account(f"er{point}"), **options)
            for point, server in enumerate(servers)
        ]
        before = held_up()
        reports = asyncio.run(run())
        lost = max(0.0, held_up() - before)
    late = [f"{report.seconds:.2f} s: {story(report)}" for report in reports if report.seconds - lost > SECONDS * 1.1]
    assert not late, "\n".join(late)
    assert any(report.seconds > SECONDS / 2 for report in reports), "a server was silent"
