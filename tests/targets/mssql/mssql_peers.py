"""One climb against an emulated SQL Server, and what everybody on the way could read of it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background, mssql
from scanready.model import Credential, Report
from tests.ladder import account, climb, target

ER = account(mssql.USER, mssql.PASSWORD)
WINDOWS = account(f"{mssql.DOMAIN}\\{mssql.WINDOWS_USER}")
SETTINGS = ("timeout", "depth", "canary", "tap")


def asked(
    behaviour: Behaviour, credential: Credential | None = None, *, host: str = "127.0.0.1", **options: Any
) -> tuple[Report, Server]:
    """Climb for ``behaviour``; what is no option of the target is a setting of the run."""
    settings = {"canary": False} | {name: options.pop(name) for name in SETTINGS if name in options}
    with in_background(behaviour, host) as server:
        report = climb(target("mssql", host, server.port, credential, **options), **settings)
        server.wait(len(server.connections))
    return report, server


def logged_in(behaviour: Behaviour, **options: Any) -> tuple[Report, Server]:
    """Climb with the account that the emulators let in."""
    return asked(behaviour, ER, **options)


def on_the_way(to: Behaviour, credential: Credential | None = ER, **options: Any) -> tuple[Report, bytes, Server]:
    """Climb through somebody who listens; return what was to be read in both directions."""
    heard = bytearray()

    async def pump(reader: asyncio.StreamReader, writer: Writer) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(1 << 16):
                heard.extend(part)
                writer.write(part)
                await writer.drain()

    with in_background(to) as behind:

        async def listens(reader: Reader, writer: Writer, record: Record) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", behind.port)
            answers = asyncio.create_task(pump(there, writer))
            await pump(reader, back)
            back.close()
            await answers

        report, _ = asked(listens, credential, **options)
        behind.wait(len(behind.connections))
    return report, bytes(heard), behind


def disguises(secret: str) -> list[bytes]:
    """Every shape in which TDS could carry a text."""
    wide = secret.encode("utf-16-le")
    return [secret.encode(), wide, bytes(((byte << 4 | byte >> 4) & 0xFF) ^ 0xA5 for byte in wide)]
