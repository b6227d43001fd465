"""Play web sites for tests: pages by path, constructed after RFC 9110 and 9112, with texts of the named products."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background
from fixtures.emulators.certificates import authority
from scanready.model import Credential, Report, Target
from tests.ladder import account, climb, target

PAGE = b"<!doctype html><title>Intranet</title><p>Ada Lovelace"
FORM = b"<form method=post><input name=u><input type='password' name=p></form>"
ER = account("er")
TOKEN = base64.b64encode(b"er:Passw0rd!")


def answer(status: str, *fields: str, body: bytes = b"") -> bytes:
    """One response, its connection kept unless a field says otherwise."""
    head = [f"HTTP/1.1 {status}", "Server: nginx/1.22.1", *fields, f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


OK = answer("200 OK", "Content-Type: text/html", body=PAGE)
BASIC = answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="Lab"')


def moved(location: str, status: str = "302 Found", *fields: str) -> bytes:
    return answer(status, f"Location: {location}", *fields)


def site(pages: Mapping[str, bytes], logged_in: Mapping[str, bytes] | None = None) -> Behaviour:
    """Answer by path, or by method and path; with a right Basic login from ``logged_in``. HEAD gets no body."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path, _ = head.decode().split(" ", 2)
            record.count(f"{method} {path}")
            known = logged_in if logged_in is not None and b"Authorization: Basic " + TOKEN in head else pages
            page = known.get(f"{method} {path}") or known.get(path) or answer("404 Not Found")
            writer.write(page.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else page)
            await writer.drain()
            if b"\r\nConnection: close" in page:
                return

    return behaviour


@contextlib.contextmanager
def serving(
    pages: Mapping[str, bytes] | bytes, logged_in: Mapping[str, bytes] | None = None, **options: Any
) -> Iterator[Server]:
    behaviour = site({"/": pages} if isinstance(pages, bytes) else pages, logged_in)
    with in_background(behaviour, **options) as server:
        yield server


def visited(server: Server, type_: str = "http", credential: Credential | None = None, **options: Any) -> Report:
    return look(target(type_, server.host, server.port, credential, **options))


def look(where: Target, **settings: Any) -> Report:
    return climb(where, **({"ca_file": str(authority().ca_file)} | settings))


def tls(kind: str = "good") -> dict[str, Any]:
    return {"tls": authority().context(kind)}


async def tunnel(server: Server, established: bytes, reader: Reader, writer: Writer, record: Record) -> None:
    """Connect to ``server``, say so, and pass on what either says."""
    there_reader, there_writer = await asyncio.open_connection(server.host, server.port)
    writer.write(established)

    async def onward() -> None:
        while data := await reader.read(16384):
            there_writer.write(data)
        there_writer.close()

    record.tasks.append(asyncio.create_task(onward()))
    while data := await there_reader.read(16384):
        writer.write(data)


def proxying(server: Server) -> Behaviour:
    """Return a proxy that joins each client's tunnel with ``server`` and answers absolute-form requests with a page."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        record.count(head.split(b" ", 2)[0].decode() + " " + head.split(b" ", 2)[1].decode())
        if not head.startswith(b"CONNECT"):
            writer.write(OK)
            return
        established = b"HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n"
        await tunnel(server, established, reader, writer, record)

    return behaviour
