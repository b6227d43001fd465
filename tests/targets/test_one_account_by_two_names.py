"""One account of a host that the inventory has under two names: a wrong password of it is sent once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fixtures.emulators import in_background
from scanready.model import Credential
from scanready.run.engine import verify_all
from tests.ladder import target
from tests.targets.echoing import CLEAR
from tests.targets.imap.imap_peers import mailbox

if TYPE_CHECKING:
    from scanready.model import Report

REFUSES = mailbox(LOGIN=b"c1 NO [AUTHENTICATIONFAILED] no\r\n")


def test_two_ports_of_one_host() -> None:
    one, two = (Credential(name, "er", "Wrong-pw-77") for name in ("mail", "mail-too"))

    async def run(*ports: int) -> list[Report]:
        targets = [target("imap", "127.0.0.1", port, who, **CLEAR) for port, who in zip(ports, (one, two), strict=True)]
        return [report async for report in verify_all(targets)]

    with in_background(REFUSES) as first, in_background(REFUSES) as second:
        reports = asyncio.run(run(first.port, second.port))
        sent = first.counts["LOGIN"] + second.counts["LOGIN"]
    assert sorted(report.cause.code for report in reports if report.cause) == ["login.refused", "login.withheld"]
    assert sent == 1
