"""An internet for tests: one emulated proxy behind which every name is served, with whatever certificate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from time import time

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background
from fixtures.emulators.certificates import Kind, authority
from scanready.model import Credential, Report
from tests.ladder import climb, target
from tests.websites import answer, tunnel

MICROSOFT = ("login.microsoftonline.com", "outlook.office365.com", "graph.microsoft.com")
S3 = ("s3.amazonaws.com", "s3.eu-west-1.amazonaws.com", "photos.s3.eu-west-1.amazonaws.com")
NAMES = (*MICROSOFT, *S3)


def dated(status: str, *fields: str, body: bytes = b"", ahead: float = 0.0) -> bytes:
    """An answer with the Date of now, or of so many seconds later."""
    return answer(status, f"Date: {formatdate(time() + ahead, usegmt=True)}", *fields, body=body)


def hosts(pages: Mapping[str, bytes], others: bytes) -> Behaviour:
    """Answer by the Host field; HEAD gets no body. Counts: ``METHOD host``."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method = head.split(b" ", 1)[0].decode()
            host = head.partition(b"\r\nHost: ")[2].partition(b"\r\n")[0].decode()
            record.count(f"{method} {host}")
            page = pages.get(host, others)
            writer.write(page.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else page)
            await writer.drain()

    return behaviour


def joining(server: Server) -> Behaviour:
    """A proxy that takes every tunnel to the one server."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        record.count(head.split(b"\r\n")[0].decode().rsplit(" ", 1)[0])
        await tunnel(server, b"HTTP/1.1 200 Connection established\r\n\r\n", reader, writer, record)

    return behaviour


class Internet:
    """Hold a proxy and the server behind it that plays all services."""

    def __init__(self, server: Server, proxy: Server) -> None:
        self.server, self.proxy = server, proxy

    def ask(
        self, service: str, credential: Credential | None = None, *, trusted: bool = True, **options: str
    ) -> Report:
        where = target("cloud", service, None, credential, proxy=f"127.0.0.1:{self.proxy.port}", **options)
        return climb(where, ca_file=str(authority().ca_file) if trusted else None)


@contextlib.contextmanager
def internet(
    pages: Mapping[str, bytes] | None = None,
    others: bytes | None = None,
    kind: Kind = "good",
    names: tuple[str, ...] = NAMES,
) -> Iterator[Internet]:
    """Serve ``pages`` by host, and ``others`` (403) for every other name."""
    behaviour = hosts(pages or {}, others or dated("403 Forbidden"))
    with (
        in_background(behaviour, tls=authority().context(kind, names)) as server,
        in_background(joining(server)) as proxy,
    ):
        yield Internet(server, proxy)
