"""A password that one server has heard is in no report of another target: it may be one server, or one owner."""

from __future__ import annotations

import asyncio
import base64

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from fixtures.emulators.postgresql import AUTH_CLEARTEXT
from scanready.model import Credential, Target
from scanready.redaction import HIDDEN
from scanready.report.serialize import as_line
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests.ladder import PLENTY, account, target
from tests.targets.echoing import CLEAR, MARK

HEARD, OTHER = "Horse-battery-77", "staple-Correct-88"


def listener(heard: list[bytes]) -> Behaviour:
    """Return a PostgreSQL that takes passwords, and tells them to clients that have none, or another one."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while True:
            length = int.from_bytes(await reader.readexactly(4))
            startup = await reader.readexactly(length - 4)
            if startup[:2] == b"\0\3":
                break
            writer.write(b"N")
        if not heard or OTHER.encode() in b"".join(heard) or b"tells" not in startup:
            writer.write(AUTH_CLEARTEXT)
            await reader.readexactly(1)
            heard.append((await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4))[:-1])
        text = b" ".join((*heard, *map(base64.b64encode, heard), *(one.hex().encode() for one in heard)))
        body = b"SFATAL\0VFATAL\0C53300\0M" + MARK.encode() + b" " + text + b" " + MARK.encode() + b"\0\0"
        writer.write(b"E" + (len(body) + 4).to_bytes(4) + body)

    return behaviour


def reports(*targets: Target) -> list[str]:
    """Check the targets one after another in one run."""

    async def run() -> list[str]:
        async with Run(Settings(timeout=PLENTY, canary=False)) as going:
            return [as_line(await going.verify(one)) for one in targets]

    return asyncio.run(run())


@pytest.mark.parametrize("second", [account("tells", OTHER), None])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.2"])
def test_a_password_is_masked_in_what_another_target_says(host: str, second: Credential | None) -> None:
    heard: list[bytes] = []
    with in_background(listener(heard)) as server, in_background(listener(heard), "127.0.0.2") as neighbour:
        port = neighbour.port if host == "127.0.0.2" else server.port
        first = target("postgresql", "127.0.0.1", server.port, account("er", HEARD), **CLEAR)
        options = dict(CLEAR) if second else {**CLEAR, "user": "tells"}
        _, last = reports(first, target("postgresql", host, port, second, **options))
    assert HEARD.encode() in heard
    assert MARK in last, "the text arrived"
    assert HIDDEN in last
    for form in (HEARD, base64.b64encode(HEARD.encode()).decode(), HEARD.encode().hex()):
        assert form[:8] not in last


def test_a_word_that_is_a_password_elsewhere_takes_no_sentence_of_another_target() -> None:
    """Its own targets lose the sentence; all others keep theirs, or the loss would tell the word."""
    heard: list[bytes] = [b"password"]
    with in_background(listener(heard)) as server, in_background(listener(heard), "127.0.0.2") as neighbour:
        first = target("postgresql", "127.0.0.1", server.port, account("er", "password"), **CLEAR)
        own, last = reports(first, target("postgresql", "127.0.0.2", neighbour.port, None, user="tells", **CLEAR))
    assert MARK not in own
    assert f"{MARK} password" in last
