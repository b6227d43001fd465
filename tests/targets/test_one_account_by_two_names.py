"""A host by two names, and an account by two names: a wrong password is sent there once."""

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

ACCEPTS = mailbox()
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


def test_two_names_of_one_host_and_a_host_that_accepts_anything() -> None:
    """A password that another host accepts may be wrong here: two logins do not go out at once."""
    who = Credential("mail", "er", "Wrong-pw-77")

    async def run(accepts: int, *ports: int) -> list[Report]:
        first = [target("imap", "127.0.0.2", accepts, who, **CLEAR)]
        then = [target("imap", host, port, who, **CLEAR) for host in ("127.0.0.1", "localhost") for port in ports]
        return [report async for report in verify_all([*first, *then])]

    with (
        in_background(ACCEPTS, "127.0.0.2") as elsewhere,
        in_background(REFUSES) as one,
        in_background(REFUSES) as two,
    ):
        reports = asyncio.run(run(elsewhere.port, one.port, two.port))
        sent = one.counts["LOGIN"] + two.counts["LOGIN"]
    found = [report.cause.code for report in reports if report.target.host != "127.0.0.2" and report.cause]
    assert sorted(found) == ["login.refused", *["login.withheld"] * 3]
    assert sent == 1
