"""Servers that begin their part of a TLS handshake and do not end it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from typing import Any, NoReturn

from fixtures.emulators import Behaviour, Reader, Record, Writer, misbehave
from fixtures.emulators.certificates import authority

#: A fatal alert, handshake_failure (RFC 8446, 6.2).
ALERT = b"\x15\x03\x03\0\2\2\x28"


def flight(hello: bytes) -> bytes:
    """Return the server's answer to this client's hello, from ServerHello on."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(hello)
    with contextlib.suppress(ssl.SSLWantReadError):
        authority().context("good").wrap_bio(incoming, outgoing, server_side=True).do_handshake()
    return outgoing.read()


def server_hello(hello: bytes) -> bytes:
    """Return the first record of that answer, the ServerHello."""
    answer = flight(hello)
    return answer[: 5 + int.from_bytes(answer[3:5])]


#: The server's answer to the hello, and its behaviour afterwards: silence, a FIN or a reset.
WAYS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "silence after the hello": (lambda _: b"", "silent"),
    "silence after the server's hello": (server_hello, "silent"),
    "silence in the certificate": (lambda hello: flight(hello)[:300], "silent"),
    "silence in half a record": (lambda hello: server_hello(hello)[:20], "silent"),
    "silence in half a header": (lambda hello: server_hello(hello)[:2], "silent"),
    "end after the server's hello": (server_hello, "fin"),
    "end in half a record": (lambda hello: server_hello(hello)[:20], "fin"),
    "end in half a header": (lambda hello: server_hello(hello)[:2], "fin"),
    "reset after the server's hello": (server_hello, "reset"),
    "alert": (lambda _: ALERT, "fin"),
}


async def stall(way: str, hello: bytes, reader: Reader, writer: Writer, record: Record) -> NoReturn:
    """Do as much of a handshake as the way says, in answer to this hello.

    Raises:
        ConnectionAbortedError: always, as :func:`fixtures.emulators.secure` does where there is no TLS session.
    """
    answer, end = WAYS[way]
    writer.write(answer(hello))
    if end == "silent":
        await misbehave.swallow(reader)
    elif end == "reset":
        record.reset()
    raise ConnectionAbortedError(way)


def secure(way: str) -> Callable[..., Any]:
    """Return what stands in the place of :func:`fixtures.emulators.secure` in an emulator."""

    async def secured(reader: Reader, writer: Writer, record: Record, *_: Any) -> Any:
        await stall(way, await reader.read(1 << 16), reader, writer, record)

    return secured


def from_the_first_byte(way: str) -> Behaviour:
    """Return a server that has only TLS; it answers other bytes than a hello with an alert, as OpenSSL does."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        first = await reader.read(1 << 16)
        if first[:1] != b"\x16":
            writer.write(ALERT)
            return
        await stall(way, first, reader, writer, record)

    return behaviour
