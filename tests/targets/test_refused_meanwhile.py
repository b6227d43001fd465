"""A login under way when another server refuses the account does not send its secret any more."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from scanready.climb import guard
from scanready.model import Credential, Report
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests.ladder import PLENTY, target
from tests.targets.echoing import CLEAR
from tests.targets.imap.imap_peers import mailbox

if TYPE_CHECKING:
    import pytest

CORP = Credential("scan", "er", "Passw0rd!", authority="corp")


def imap(verdict: bytes, *, slow: bool = False) -> Behaviour:
    """Return a mail server; a slow one lets the connection of the login wait for its greeting."""
    served, number = mailbox(LOGIN=verdict), itertools.count()

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        if next(number) and slow:
            await asyncio.sleep(1.5)
        await served(reader, writer, record)

    return behaviour


ACCEPTED, REFUSED = b"c1 OK Logged in\r\n", b"c1 NO [AUTHENTICATIONFAILED] no\r\n"


async def checked(type_: str, ports: list[int]) -> list[Report]:
    """Check the first by itself, as it proves the account, and the others at once."""
    first, *others = (target(type_, "127.0.0.1", port, CORP, **CLEAR) for port in ports)
    async with Run(Settings(timeout=PLENTY, canary=False)) as run:
        return [await run.verify(first), *await asyncio.gather(*map(run.verify, others))]


def test_no_password_leaves_after_a_refusal_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "ESTABLISHED", 1)
    with (
        in_background(imap(ACCEPTED)) as proves,
        in_background(imap(REFUSED)) as refuses,
        in_background(imap(REFUSED, slow=True)) as slow,
    ):
        reports = asyncio.run(checked("imap", [proves.port, refuses.port, slow.port]))
    codes = [report.cause.code if report.cause else "" for report in reports]
    assert codes == ["", "login.refused", "login.withheld"]
    assert [server.counts["LOGIN"] for server in (proves, refuses, slow)] == [1, 1, 0]
    assert [report.footprint.login_attempts for report in reports] == [1, 1, 0]
