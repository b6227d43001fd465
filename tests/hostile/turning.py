"""Servers that are honest up to one of their answers, and mean harm from then on; in a process of its own.

    python -m tests.hostile.turning NAME

Prints the ports as JSON, one line: for each harm and each number of honest answers one server, on an address of its
own. With the end of its standard input it prints which of them turned, and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, ews, mysql, serve
from fixtures.emulators.certificates import authority
from tests.hostile.hostile_logins import LIBRARIES
from tests.targets.imap.imap_peers import mailbox
from tests.targets.test_short_deadlines import SERVERS
from tests.websites import BASIC, OK, answer, site

HARMS = ("endless", "announced", "drips")
#: Bytes of a flood between two rests, and their seconds: a server that never rests leaves no core for the others.
_BATCH, _REST = 1 << 16, 0.005
_CLEAR, _UNTRUSTED = {"allow_cleartext": True}, {"allow_untrusted": True}
_OF = {library.name: library for library in LIBRARIES}


@dataclass(frozen=True)
class Honest:
    """A server that lets the account in, and what it sends once it means harm.

    Attributes:
        type: of the target.
        behaviour: its honest part.
        options: of the target.
        endless: is sent for ever, or byte by byte.
        announced: says that 4 GB, or the most that the protocol can say, follow; then they do.
        tls: whether all of it is inside TLS.
        turns: the answers of a whole visit, or as many as are tried.
        seconds: of the target, enough to come behind the password.
    """

    type: str
    behaviour: Behaviour
    options: dict[str, Any] = field(default_factory=dict)
    endless: bytes = b"\0" * 4096
    announced: bytes = b"\xff" * 8
    tls: bool = False
    turns: int = 8
    seconds: float = 4.0


def _web(type_: str, behaviour: Behaviour, endless: bytes, *, tls: bool = False, **more: Any) -> Honest:
    announced = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 4294967296\r\n\r\n"
    return Honest(type_, behaviour, _UNTRUSTED if tls else _CLEAR, endless, announced, tls, **more)


_BOMB = answer("401 No", "WWW-Authenticate: Basic", "Content-Encoding: gzip", body=gzip.compress(bytes(300 << 20), 1))
_ENDLESS_401 = b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\n\r\n" + b"x" * 60_000
_LITERAL = b"* 1 FETCH (BODY[HEADER] {4294967295}\r\n"
_LITERALS = b"* 1 FETCH (BODY[] {1000}\r\n" + b"x" * 1000 + b")\r\n"
_SITE = site({"/": BASIC}, {"/": OK})

HONEST = {
    "postgresql": Honest(
        "postgresql", *SERVERS["postgresql"], _OF["psycopg"].endless, _OF["psycopg"].announced, turns=4
    ),
    "mysql": Honest(
        "mysql", mysql.server(mysql.GREETING_10_11_PLAIN, verdict=mysql.OK), _CLEAR, announced=b"\xff\xff\xff\2"
    ),
    "mysql-in-tls": Honest("mysql", *SERVERS["mysql"], announced=b"\xff\xff\xff\2", turns=5),
    "mssql": Honest("mssql", *SERVERS["mssql"], _OF["pytds"].endless, _OF["pytds"].announced),
    "sybase": Honest("sybase", *SERVERS["sybase"], b"\4\0\2\0\0\0\0\0" + b"\xe5" * 504, b"\4\0\xff\xff\0\0\0\0"),
    "informix": Honest(
        "informix", *SERVERS["informix"], _OF["informix-driver"].endless, _OF["informix-driver"].announced
    ),
    "db2": Honest("db2", *SERVERS["db2"], b"\0\x0a\xd0\x42\0\1\0\4\x14\x43", b"\xff\xff\xd0\3\0\1\xff\xff\x24\x1b"),
    "oracle": Honest("oracle", *SERVERS["oracle"], _OF["oracledb"].endless, _OF["oracledb"].announced),
    "imap": Honest("imap", mailbox(), _CLEAR, b"* 1 FETCH (UID 1)\r\n" * 200, _LITERAL),
    "imap-literals": Honest("imap", mailbox(), _CLEAR, _LITERALS, b"+ "),
    "imaps": Honest("imaps", mailbox(), _UNTRUSTED, _LITERALS, _LITERAL, tls=True),
    "http": _web("http", _SITE, _ENDLESS_401, turns=2),
    "https": _web("https", _SITE, _ENDLESS_401, tls=True, turns=2),
    "https-packed": _web("https", _SITE, _BOMB, tls=True, turns=2),
    "ews": _web("ews", ews.Exchange(), _BOMB, tls=True, turns=7, seconds=8.0),
    "smb": Honest("smb", *SERVERS["smb"], _OF["impacket, SMB kept alive"].endless, _OF["impacket, SMB"].announced),
}


class Turned(Exception):
    """The honest part is over."""


class _Honestly:
    """A connection on which the server sends so many times, over all its connections, and then turns."""

    def __init__(self, writer: Writer, left: list[int]) -> None:
        self._writer, self._left, self._turned = writer, left, False

    def write(self, data: bytes) -> None:
        """Send, as long as it is honest."""
        if self._left[0] > 0:
            self._left[0] -= 1
            self._writer.write(data)
        elif not self._turned:
            self._turned = True
            raise Turned

    async def drain(self) -> None:
        """See :class:`Writer`."""
        await self._writer.drain()

    def close(self) -> None:
        """See :class:`Writer`."""
        self._writer.close()


def turning(honest: Honest, after: int, harm: str) -> Behaviour:
    """Return the server that does harm once it has sent ``after`` times; it counts ``turned``."""
    left = [after]

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        try:
            await honest.behaviour(reader, _Honestly(writer, left), record)
        except Turned:
            record.count("turned")
            async for piece in _pieces(honest, harm):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(_REST)
            await record.lost.wait()

    return behaviour


async def _pieces(honest: Honest, harm: str) -> AsyncIterator[bytes]:
    match harm:
        case "endless":
            while True:
                yield honest.endless * (1 + _BATCH // len(honest.endless))
        case "announced":
            yield honest.announced
            for _ in range(4096):
                yield bytes(1 << 20)
        case "drips":
            for at in range(len(honest.endless)):
                yield honest.endless[at : at + 1]
                await asyncio.sleep(0.1)


def cases(honest: Honest) -> Iterator[tuple[str, str, int]]:
    """Yield an address, a harm, and the honest answers before it."""
    for number, (harm, after) in enumerate((harm, after) for harm in HARMS for after in range(honest.turns)):
        yield f"127.0.0.{11 + number}", harm, after


async def run(name: str) -> None:
    """Play one of :data:`HONEST` until standard input ends."""
    honest = HONEST[name]
    tls = authority().context("good") if honest.tls else None
    async with contextlib.AsyncExitStack() as held:
        servers: list[Server] = [
            await held.enter_async_context(serve(turning(honest, after, harm), host, tls=tls))
            for host, harm, after in cases(honest)
        ]
        print(json.dumps([server.port for server in servers]), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps([bool(server.counts["turned"]) for server in servers]), flush=True)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
