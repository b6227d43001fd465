from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, UnknownValue, WireError, sqli
from tests.readers import reads, survives
from tests.wire import fuzz

ANSWERS = [load(name) for name in names("sqli", "*.s2c.hex")]


def answer(name: str) -> sqli.Answer:
    return reads(sqli.read_answer, load(f"sqli/SYNTH-ids-{name}.s2c.hex"))


def test_our_request_has_the_blocks_of_a_drivers() -> None:
    ours = sqli.connect("u1", "p1", "ifxsrv", host="vm")
    theirs = load("sqli/informix_driver2026.9-conreq.c2s.hex")
    assert int.from_bytes(ours[:2], "big") == len(ours)
    upto = theirs.index(b"\x00\x6a")  # their environment and process differ from ours
    assert ours[2:upto] == theirs[2:upto]
    assert ours[-2:] == theirs[-2:]


def string(text: bytes) -> bytes:
    """The length counts the NUL at the end."""
    return struct.pack(">H", len(text) + 1) + text + b"\0"


def packet(kind: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">HBBH", len(body) + 6 if length is None else length, kind, 0x3C, 0) + body


def body_of(block: int, rest: bytes, first: bytes = b"\0\x64\0\x65\0\0\0\x3d", version_block: int = 108) -> bytes:
    """The body of an answer: two blocks, the version and two strings more, 42 octets of terms, the result."""
    head = first + string(b"IEEEI") + struct.pack(">H", version_block) + b"srvinfx".ljust(12, b"\0")
    return head + string(b"Version 14") + string(b"Serial") + string(b"x") + bytes(42) + struct.pack(">H", block) + rest


def result(code: int, os_error: int, rest: bytes) -> bytes:
    return bytes(6) + struct.pack(">hhI", code, os_error, 9) + rest


HOST = b"\0\x6b\0\0\0\0" + bytes(8) + string(b"db1")


def test_the_end_of_our_request() -> None:
    ours = sqli.connect("u1", "", "ifxsrv", host="vm")
    end = string(b"ifxsrv") + bytes(10) + b"\0\x6a\0\0" + struct.pack(">HIII", 107, 0, 1, 0) + string(b"vm") + b"\0\0"
    assert ours.endswith(end + string(b".") + b"\0\x7f")
    assert string(b"u1") + b"\0\1\0ol\0" in ours, "a password of nothing"
    assert b"\x03\xfd" + b"u" * 1020 + b"\0" in sqli.connect("u" * 2000, "", "s", host="h")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (body_of(102, result(-951, 13, b"\0\3u@c\0" + HOST)), (-951, 13, "u@c", "db1")),
        (body_of(102, result(0, 0, b"\0\0" + HOST)), (0, 0, "", "db1")),
        (body_of(102, result(32767, -1, b"no host")), (32767, -1, "no host", "")),
        (body_of(102, result(0, 0, b"")), (0, 0, "", "")),
        (body_of(102, result(1, 2, b"x" * 300)), (1, 2, "x" * 255, "")),
    ],
)
@pytest.mark.parametrize("kind", [sqli.CONACC, sqli.CONREJ, sqli.REDIRECT])
def test_the_fields_of_a_result(kind: int, body: bytes, expected: tuple[int, int, str, str]) -> None:
    assert reads(sqli.read_answer, packet(kind, body)) == sqli.Answer(kind, "Version 14", *expected)


def test_the_fields_of_a_redirect() -> None:
    body = body_of(103, b"\0\x02" + string(b"redirect=a|b|1"))
    found = reads(sqli.read_answer, packet(sqli.REDIRECT, body))
    assert found == sqli.Answer(sqli.REDIRECT, "Version 14", 0, 0, "redirect=a|b|1", "")
    assert found.destination == sqli.Destination("a", "b", "1")
    for service, port in (("1", 1), ("65535", 65535), ("0", None), ("65536", None), ("\u0661x", None)):
        assert sqli.Destination("a", "b", service).port == port
    accepted = sqli.Answer(sqli.CONACC, "", 0, 0, "redirect=a|b|1", "")
    assert accepted.destination is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packet(2, body_of(103, result(0, 0, b""))), "where an SQLI packet has its result is 103 "),
        (packet(13, body_of(104, result(0, 0, b""))), "where an SQLI packet has its result is 104 "),
        (packet(2, body_of(102, result(0, 0, b""), version_block=109)), "where an SQLI packet has its version is 109 "),
        (packet(16, body_of(102, b"")), "the type of an SQLI packet is 16 "),
    ],
)
def test_what_is_not_known_is_told(data: bytes, words: str) -> None:
    with pytest.raises(UnknownValue, match=words):
        sqli.read_answer(Buffer(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (packet(16, b"\0\x64\0\x65\0\0\0\x3e"), "^not an answer in SQLI$"),
        (packet(1, body_of(102, b"")), "but a connection request"),
        (b"\0\x46\2\x3d", "^not an answer in SQLI$"),
        (packet(2, b"", 63), "an SQLI packet of 63 bytes"),
        (packet(2, b"\0\x64\0\x65\0\0\0\x3d", 8193), "an SQLI packet of 8193 bytes"),
        (packet(2, body_of(102, b"", first=b"\0\x64\0\x65\0\0\0\x3e")), "without its first block"),
        (packet(2, body_of(102, result(0, 0, b""))[:-1]), "ends before a field of 4 bytes"),
    ],
)
def test_broken_answers(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        sqli.read_answer(Buffer(data))


def test_the_shortest_and_the_longest_packet() -> None:
    with pytest.raises(WireError, match="without its first block"):
        sqli.read_answer(Buffer(packet(2, bytes(58))))
    longest = body_of(102, result(0, 0, b"")).ljust(8186, b"\0")
    assert sqli.read_answer(Buffer(packet(2, longest))) is not None


def test_a_goodbye_has_two_octets() -> None:
    assert reads(sqli.read_goodbye, sqli.EXIT) == b"\0\x38"


def test_an_accepted_connection() -> None:
    found = answer("accepted")
    assert found.kind == sqli.CONACC
    assert found.version == "IBM Informix Dynamic Server Version 14.10.FC7"
    assert (found.code, found.host) == (0, "dbhost01")


@pytest.mark.parametrize("code", [761, 908, 951, 956])
def test_refusals(code: int) -> None:
    found = answer(f"refused-{code}")
    assert (found.kind, found.code) == (sqli.CONREJ, -code)


def test_a_refusal_as_informix_1150_gives_it() -> None:
    found = answer("refused-951-ids11.50")
    assert (found.kind, found.code, found.os_error) == (sqli.CONREJ, -951, 0)
    assert found.about == "nmap@agent01"
    assert found.host == "dbhost01"


def test_a_redirect() -> None:
    found = answer("redirect-destination")
    assert found.kind == sqli.REDIRECT
    assert found.destination == sqli.Destination("ol_hr2", "db2.corp", "9088")
    assert found.destination.port == 9088


def test_a_redirect_that_does_not_say_where_to() -> None:
    found = answer("redirect")
    assert (found.kind, found.destination) == (sqli.REDIRECT, None)


@pytest.mark.parametrize(
    ("text", "destination"),
    [
        ("redirect:ol_hr2|10.0.0.7|sqlexec", ("ol_hr2", "10.0.0.7", "sqlexec")),
        ("x=ol_hr2:db2:99999", ("ol_hr2", "db2", "99999")),
        ("redirect=ol_hr2|db2.corp", None),
        ("redirect=ol_hr2|db2.corp|9088|more", None),
        ("redirect=ol_hr2|fe80::1|9088", None),  # the address contains a separator, so the format is ambiguous
        ("redirect=ol_hr2||9088", None),
        ("redirect=ol_hr2|db2, port: 1, server: x|9088", None),
        ("", None),
    ],
)
def test_what_a_redirect_says(text: str, destination: tuple[str, str, str] | None) -> None:
    found = sqli.Answer(sqli.REDIRECT, "", 0, 0, text, "").destination
    assert found == (sqli.Destination(*destination) if destination else None)
    assert found is None or found.port is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x00\x10\x03\x3c\x10\x00",  # shorter than its fixed part
        b"\xff\xff\x03\x3c\x10\x00",
        b"\x00\xc6\x01\x3c\x10\x00",  # a request
        b"\x00\x46\x03\x3c\x10\x00" + b"\x01" * 64,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(WireError):
        sqli.read_answer(Buffer(data))


@given(fuzz.hostile(*ANSWERS), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(sqli.read_answer, data, eof=eof)
