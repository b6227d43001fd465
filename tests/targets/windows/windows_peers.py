"""Endpoint mappers of literal bytes: errors that fixtures/emulators/dcom.py, a whole Windows, does not make.

``mapper(lookup=FAULT_5, alter=HANGS_UP)`` answers each kind of message with its bytes; the number of the call is put
into them. Kinds: ``bind``, ``login_bind`` (with NTLM), ``alter``, ``login`` (an alter_context with NTLM), ``alive``,
``lookup``, ``map``, ``free``, ``other``. The PDUs are built here; none is captured from a server.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from socket import inet_aton, socket
from typing import Any

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from fixtures.emulators.misbehave import swallow
from fixtures.transcripts import load
from scanready.model import Credential, Report
from scanready.net.this_agent import this_agent
from tests.ladder import climb, target

AGENT = this_agent("proxy", "Windows")

ACCEPTED, ABSENT, NOT_NOW, FEATURES, NO_FEATURES = (0, 0), (2, 1), (2, 2), (3, 1), (2, 2)
#: In place of an answer: the peer closes the connection, or sends nothing.
HANGS_UP, SILENT = b"", None
Answer = bytes | list[bytes] | None


def pdu(kind: int, body: bytes, flags: int = 3, token: bytes = b"") -> bytes:
    """Build a PDU of call 0, with the security trailer of an NTLM login before ``token``."""
    trailer = b"\x0a\x02\x00\x00SC\0\0" + token if token else b""
    length = 16 + len(body) + len(trailer)
    return struct.pack("<BBBB4sHHI", 5, 0, kind, flags, b"\x10\0\0\0", length, len(token), 0) + body + trailer


def ack(*results: tuple[int, int], kind: int = 12, token: bytes = b"") -> bytes:
    """Build a bind_ack (12) or an alter_context_resp (15)."""
    address = b"\4\x00135\0\0\0" if kind == 12 else b"\0\0\0\0"
    rows = b"".join(struct.pack("<HH", *row) + bytes(20) for row in results)
    return pdu(kind, struct.pack("<HHI", 5840, 5840, 1) + address + struct.pack("<I", len(results)) + rows, token=token)


def nak(reason: int) -> bytes:
    """Build a bind_nak with the only version of the protocol."""
    return pdu(13, struct.pack("<HBBB", reason, 1, 5, 0))


def fault(status: int) -> bytes:
    """Build a fault."""
    return pdu(3, struct.pack("<IHBBII", 32, 0, 0, 0, status, 0), flags=0x23)


def response(stub: bytes, flags: int = 3) -> bytes:
    """Build one fragment of a response."""
    return pdu(2, struct.pack("<IHBB", len(stub), 0, 0, 0) + stub, flags)


def table(*ports: int | tuple[str, int], handle: bytes = bytes(20), status: int = 0) -> bytes:
    """Build an answer to ept_lookup: one RPC service on each of these TCP ports, at 0.0.0.0 or the given address."""
    count = len(ports)
    places = [where if isinstance(where, tuple) else ("0.0.0.0", where) for where in ports]
    stub = handle + struct.pack("<IIII", count, 100, 0, count) + (bytes(16) + struct.pack("<IIII", 3, 0, 1, 0)) * count
    for number, (address, port) in enumerate(places):
        floors = [b"\x0d" + bytes([number]) * 16 + b"\1\0", b"\0\0", b"\x0d" + bytes(18), b"\0\0", b"\x0b", b"\0\0"]
        floors += [b"\x07", struct.pack(">H", port), b"\x09", inet_aton(address)]
        tower = b"\5\0" + b"".join(struct.pack("<H", len(half)) + half for half in floors)
        stub += struct.pack("<II", len(tower), len(tower)) + tower + bytes(-len(tower) % 4)
    return response(stub + struct.pack("<I", status))


NOT_REGISTERED = table(status=0x16C9A0D6)
FAULT_5 = fault(5)


def alive(name: str = "127.0.0.1") -> bytes:
    """The literal answer to ServerAlive2 with another name, as long as its own, in the first binding's place."""
    assert len(name) == 9
    literal = load("dcom/SYNTH-win2019-serveralive2.s2c.hex")
    return literal.replace("WIN-SRV19".encode("utf-16-le"), name.encode("utf-16-le"))


TYPE_2 = load("dcom/SYNTH-win2019-ntlm-challenge.s2c.hex")

#: A Windows that takes up one interface a time, which lists no port.
WINDOWS: Mapping[str, Answer] = {
    "bind": ack(ACCEPTED, NOT_NOW, NOT_NOW, FEATURES),
    "login_bind": ack(ACCEPTED, NOT_NOW, NOT_NOW, FEATURES, token=TYPE_2),
    "alter": ack(ACCEPTED, kind=15),
    "login": ack(ACCEPTED, kind=15, token=TYPE_2),
    "alive": alive(),
    "lookup": NOT_REGISTERED,
    "map": NOT_REGISTERED,
    "free": response(bytes(24)),
    "other": fault(0x1C010002),
}
_CALLS = {(0, 2): "lookup", (0, 3): "map", (0, 4): "free", (1, 5): "alive"}


def mapper(**answers: Answer) -> Behaviour:
    """A Windows, but for these answers; a list holds one for each time, the last for all further ones."""
    says = {**WINDOWS, **answers}

    async def converse(reader: Reader, writer: Writer, record: Record) -> None:
        while True:
            header = await reader.readexactly(16)
            length, token, call = struct.unpack_from("<HHI", header, 8)
            body = await reader.readexactly(length - 16)
            name = {11: "bind", 14: "alter"}.get(header[2]) or _CALLS.get(struct.unpack_from("<HH", body, 4), "other")
            if token:
                name = {"bind": "login_bind", "alter": "login"}[name]
            answer = says[name]
            if isinstance(answer, list):
                answer = answer[min(record.counts[name], len(answer) - 1)]
            record.count(name)
            if answer is SILENT:
                await swallow(reader)
                return
            if not answer:
                return
            writer.write(numbered(answer, call))
            await writer.drain()
            if answer[2] == 13:
                return

    return converse


def numbered(flight: bytes, call: int) -> bytes:
    """Put the number of a call into every PDU of a flight, as long as their lengths are true."""
    done = b""
    while len(flight) >= 16 and 16 <= (length := int.from_bytes(flight[8:10], "little")) <= len(flight):
        done += flight[:12] + struct.pack("<I", call) + flight[16:length]
        flight = flight[length:]
    return done + flight


async def rpc_service(reader: Reader, writer: Writer, record: Record) -> None:
    """Play a service on a dynamic port that accepts a bind to any interface."""
    header = await reader.readexactly(16)
    await reader.readexactly(int.from_bytes(header[8:10], "little") - 16)
    record.count("binds")
    writer.write(numbered(ack(ACCEPTED), int.from_bytes(header[12:16], "little")))
    await swallow(reader)


@contextmanager
def closed_ports(count: int, beside: int = 0) -> Iterator[list[int]]:
    """Reserve closed ports of 127.0.0.1 that no process can open meanwhile, on the same side of 49152 as ``beside``."""
    held: list[socket] = []
    numbers = iter(range(61000, 65535) if beside >= 49152 else range(20000, 30000))
    try:
        while len(held) < count:
            one = socket()
            try:
                one.bind(("127.0.0.1", next(numbers)))
            except OSError:
                one.close()
            else:
                held.append(one)
        yield [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def climbed(port: int, credential: Credential | None = None, host: str = "127.0.0.1", **settings: Any) -> Report:
    """Climb as from a Windows agent."""
    return climb(target("windows", host, port, credential), agent=AGENT, **settings)


def asked(**answers: bytes | list[bytes] | None) -> Report:
    """Climb to a mapper whose one listed port is an RPC service."""
    with (
        in_background(rpc_service) as service,
        in_background(mapper(**{"lookup": table(service.port), **answers})) as host,
    ):
        return climbed(host.port)
