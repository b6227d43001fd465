"""Bounds of our own: an answer that keeps to its protocol and is longer than a codec reads says nothing of its server.

Each case has a twin that is broken, which stays a plain WireError where the protocol itself forbids it.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable

import pytest

from scanready.climb.explain import explain
from scanready.model import Step
from scanready.wire import (
    Buffer,
    OurLimit,
    WireError,
    dcerpc,
    dcom,
    drda,
    epm,
    imap,
    ntlm,
    postgresql,
    spnego,
    sqli,
    tds5,
    tds7,
)
from scanready.wire.rpc import message, mount, nfs4

Read = Callable[[bytes], object]


def through(reader: Callable[..., object], **given: object) -> Read:
    """Read from a buffer that has all the bytes."""
    return lambda data: reader(Buffer(data), **given)


def tds(payload: bytes, size: int) -> bytes:
    """A reply in packets of ``size`` octets ([MS-TDS] 2.2.3.1; TDS 5.0 has the same header)."""
    parts = [payload[at : at + size - 8] for at in range(0, len(payload), size - 8)]
    return b"".join(
        struct.pack(">BBHHBB", 4, at == len(parts) - 1, len(part) + 8, 0, 1, 0) + part for at, part in enumerate(parts)
    )


def der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x83]) + len(content).to_bytes(3, "big") + content


def offer(mechanisms: int) -> bytes:
    """A NegTokenInit with so many times NTLM (RFC 4178, 4.2.1)."""
    listed = der(0x30, b"\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a" * mechanisms)
    return der(0x60, b"\x06\x06\x2b\x06\x01\x05\x05\x02" + der(0xA0, der(0x30, der(0xA0, listed))))


def alive(strings: bytes, security: bytes = b"\0\0") -> bytes:
    """An answer to ServerAlive2 with these bindings ([MS-DCOM] 2.2.19)."""
    count = (len(strings) + len(security)) // 2
    stub = struct.pack("<HHIIHH", 5, 7, 1, count, count, len(strings) // 2) + strings + security
    return stub + bytes(-len(stub) % 4) + bytes(8)


def towers(count: int) -> bytes:
    """An answer to ept_map with so many towers that are not there (C706, appendix O)."""
    return bytes(20) + struct.pack("<IIII", count, count, 0, count) + bytes(4 * count) + bytes(4)


def annotated(length: int) -> bytes:
    """A page of ept_lookup with one entry, whose annotation has so many octets."""
    entry = bytes(16) + struct.pack("<III", 0, 0, length) + b"x" * length
    return bytes(20) + struct.pack("<IIII", 1, 100, 0, 1) + entry + bytes(-length % 4) + bytes(4)


def tower(floors: int, each: bytes = b"\x01\0\x09\x01\0\0") -> bytes:
    octets = struct.pack("<H", floors) + each * floors
    return (
        bytes(20)
        + struct.pack("<IIII", 1, 1, 0, 1)
        + struct.pack("<III", 1, len(octets), len(octets))
        + octets
        + bytes(8)
    )


def bound(results: int) -> bytes:
    """A bind_ack with so many results (C706, 12.6.4.4), as no bind of ours asks for."""
    one = struct.pack("<HH", 0, 0) + uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le + struct.pack("<I", 2)
    body = struct.pack("<HHIH", 5840, 5840, 1, 4) + b"135\0" + b"\0\0" + bytes([results, 0, 0, 0]) + one * results
    return struct.pack("<BBBB4sHHI", 5, 0, 12, 3, b"\x10\0\0\0", 16 + len(body), 0, 1) + body


def fragment(flags: int, size: int = 5000) -> bytes:
    body = struct.pack("<IHBB", size, 0, 0, 0) + bytes(size)
    return struct.pack("<BBBB4sHHI", 5, 0, 2, flags, b"\x10\0\0\0", 16 + len(body), 0, 1) + body


def tagged(data: bytes) -> object:
    return imap.read_tagged("c1")(Buffer(data))


def replied(results: bytes) -> bytes:
    return struct.pack(">I", 0) + results


STRUCTURE = bytes.fromhex("753ad0420001753414435fff")[:10]  # of 30,010 octets; another follows
ONE_DRDA = bytes.fromhex("000ad042000100041443")  # EXCSATRD without a parameter, and another structure follows

LIMITS: dict[str, tuple[Read, bytes, str]] = {
    "tds5, octets": (through(tds5.read_answer), tds(b"\xae\xff\xff" * 100_000, 512), "more than 262144 bytes"),
    "tds5, tokens": (through(tds5.read_answer), tds(b"\x79\0\0\0\0" * 600, 512), "more than 512 tokens"),
    "tds7, octets": (through(tds7.read_login_answer), tds(bytes(2 << 20), 32_000), "more than 65536 bytes"),
    "drda, octets": (through(drda.read_replies), (STRUCTURE + bytes(30_000)) * 4, "65536 bytes"),
    "drda, structures": (through(drda.read_replies), ONE_DRDA * 40, "32 structures"),
    "imap, a greeting": (through(imap.read_greeting), b"* OK " + b"x" * 9000, "a greeting of more than 8192"),
    "imap, a line": (tagged, b"* X " + b"x" * 9000, "a line of more than 8192"),
    "imap, lines": (tagged, b"* X\r\n" * 1100, "1000 lines"),
    "imap, a literal": (tagged, b"* X {99999}\r\n", "a literal of 99999 bytes"),
    "imap, octets": (tagged, (b"* X " + b"x" * 8000 + b"\r\n") * 10, "65536 bytes without an answer"),
    "dcom, string bindings": (dcom.read_server_alive2, alive(b"\x07\0\0\0" * 600 + b"\0\0"), "512 string bindings"),
    "dcom, security bindings": (
        dcom.read_server_alive2,
        alive(b"\0\0", b"\x0a\0\xff\xff\0\0" * 600 + b"\0\0"),
        "512 security bindings",
    ),
    "dcom, a text": (dcom.read_server_alive2, alive(b"\x07\0" + b"a\0" * 600 + b"\0\0\0\0"), "512 characters"),
    "epm, towers": (epm.read_map, towers(2000), "2000 towers"),
    "epm, an annotation": (epm.read_lookup, annotated(300), "300 bytes of an annotation"),
    "epm, floors": (epm.read_map, tower(20), "a tower of 20 floors"),
    "dcerpc, results": (through(dcerpc.read_answer), bound(20), "results for 20 interfaces"),
    "dcerpc, octets": (
        through(dcerpc.read_answer),
        fragment(1) + fragment(0) * 100,
        "which are all that is read",
    ),
    "spnego, mechanisms": (spnego.read_offer, offer(70), "70 mechanisms"),
    "spnego, octets": (spnego.read_offer, offer(6000), "a security token of"),
    "ntlm, octets": (ntlm.read_challenge, b"NTLMSSP\0\2\0\0\0" + bytes(70_000), "an NTLM message of"),
    "postgresql, parameters": (
        through(postgresql.read_session),
        (b"S" + struct.pack(">I", 20_006) + b"a\0" + b"x" * 19_999 + b"\0") * 4,
        "bytes of session parameters",
    ),
    "postgresql, notices": (
        through(postgresql.read_startup_answer),
        (b"N" + struct.pack(">I", 20_004) + b"Mx\0" + bytes(19_997)) * 4,
        "bytes of notices",
    ),
    "sqli, octets": (
        through(sqli.read_answer),
        bytes.fromhex("4000023c0000 006400650000003d") + bytes(100),
        "an SQLI packet of 16384 bytes",
    ),
    "rpc, octets": (
        through(message.read_reply),
        struct.pack(">III", 0x80000000 | 8 << 20, 1, 1) + bytes(100),
        "an RPC reply of more than",
    ),
    "nfs4, flavors": (
        nfs4.parse,
        struct.pack(">IIIIII", 0, 0, 1, 33, 0, 100) + bytes(400),
        "100 authentication flavors",
    ),
    "nfs4, a bitmap": (nfs4.parse, struct.pack(">IIIIII", 0, 0, 1, 9, 0, 100) + bytes(400), "a bitmap of 100 words"),
    "mount, flavors": (mount.parse_mounted, replied(struct.pack(">I8sI", 8, bytes(8), 100) + bytes(400)), "100 auth"),
}

#: The same, without room for the announced number, or where the protocol does not have so much.
BROKEN: dict[str, tuple[Read, bytes]] = {
    "tds5, a packet of two octets": (through(tds5.read_answer), bytes.fromhex("0401000200000000")),
    "dcom, a text without an end": (dcom.read_server_alive2, alive(b"\x07\0" + b"a\0" * 600)),
    "epm, towers in no room": (epm.read_map, towers(2000)[:60]),
    "epm, an annotation in no room": (epm.read_lookup, annotated(300)[:80]),
    "epm, floors in no room": (epm.read_map, tower(20, b"\x01\0\x09")),
    "dcerpc, results in no room": (
        through(dcerpc.read_answer),
        bound(20)[:9] + bound(1)[9:-24].replace(b"\1\0\0\0", b"\x14\0\0\0"),
    ),
    "spnego, something else in the list": (spnego.read_offer, offer(70).replace(b"\x06\x0a", b"\x04\x0a")),
    "sqli, a negative length": (through(sqli.read_answer), bytes.fromhex("c000023c0000006400650000003d")),
    "sqli, another block": (through(sqli.read_answer), bytes.fromhex("4000023c0000006500650000003d")),
    "rpc, no reply": (through(message.read_reply), struct.pack(">III", 0x80000000 | 8 << 20, 1, 0) + bytes(100)),
    "nfs4, flavors in no room": (nfs4.parse, struct.pack(">IIIIII", 0, 0, 1, 33, 0, 100) + bytes(40)),
    "mount, flavors in no room": (mount.parse_mounted, replied(struct.pack(">I8sI", 8, bytes(8), 100) + bytes(40))),
}


@pytest.mark.parametrize("name", LIMITS)
def test_more_than_is_read_is_a_limit_of_ours(name: str) -> None:
    read, data, words = LIMITS[name]
    with pytest.raises(OurLimit, match=words) as caught:
        read(data)
    finding = explain(caught.value, Step.HANDSHAKE, "another")
    assert (finding.cause.code, finding.cause.definite) == ("scanready.limit", False)


@pytest.mark.parametrize("name", BROKEN)
def test_what_the_protocol_forbids_is_broken(name: str) -> None:
    read, data = BROKEN[name]
    with pytest.raises(WireError) as caught:
        read(data)
    assert not isinstance(caught.value, OurLimit), caught.value
