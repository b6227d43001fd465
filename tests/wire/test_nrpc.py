from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load
from scanready.wire import Buffer, WireError, nrpc
from tests.readers import reads, survives
from tests.wire import fuzz

QUESTION, ANSWER = load("nrpc/SYNTH-open-session.c2s.hex"), load("nrpc/SYNTH-open-session-reply.s2c.hex")
NAME = "CN=NOTES01/OU=SERVERS/O=EXAMPLE"


def test_the_question_is_the_one_of_the_traces() -> None:
    assert nrpc.OPEN_SESSION == QUESTION
    assert len(QUESTION) == 4 + QUESTION[0] == 62


def test_the_answer_names_the_server() -> None:
    assert reads(nrpc.read_opened, ANSWER) == nrpc.Opened(NAME)


def test_a_name_that_is_elsewhere_is_found() -> None:
    moved = ANSWER[:0x21] + b"\0\0" + ANSWER[0x23:0x3B] + b"\0\0\0\0" + ANSWER[0x3B:]
    moved = (len(moved) - 4).to_bytes(4, "little") + moved[4:]
    assert reads(nrpc.read_opened, moved) == nrpc.Opened(NAME)


def test_an_answer_without_a_name() -> None:
    nameless = ANSWER.replace(b"CN=", b"\0\0\0")
    assert reads(nrpc.read_opened, nameless) == nrpc.Opened("")


def opened(size: int, name: bytes = b"", length: int | None = None) -> bytes:
    """An answer of ``size`` octets with a name at 0x3B, whose length stands at 0x21."""
    head = (size - 4).to_bytes(4, "little") + b"\x2f\0\0\0\3\0\0\x40\2\x0f" + bytes(19)
    length = len(name) if length is None else length
    return ((head + length.to_bytes(2, "little")).ljust(0x3B, b"\0") + name).ljust(size, b"\0")


@pytest.mark.parametrize("size", [0x3B, 0x3C, 4096])
def test_the_sizes_of_an_answer(size: int) -> None:
    assert reads(nrpc.read_opened, opened(size)) == nrpc.Opened("")
    for other in (0x3A, 4097):
        with pytest.raises(WireError, match=f"an NRPC answer of {other} bytes"):
            nrpc.read_opened(Buffer(opened(other)[:4]))
        assert nrpc.read_opened(Buffer(opened(other)[:3])) is None
    with pytest.raises(WireError, match="an NRPC answer of 16777275 bytes"):
        nrpc.read_opened(Buffer(b"\x37\0\0\1"))


def test_the_length_of_the_name_has_two_octets() -> None:
    whole = opened(0x3B + 8, b"CN=A/O=B", 4)
    assert reads(nrpc.read_opened, whole[:0x23] + b"\1" + whole[0x24:]) == nrpc.Opened("CN=A")


@pytest.mark.parametrize(
    ("name", "length", "server"),
    [
        (b"CN=A/O=B", None, "CN=A/O=B"),
        (b"CN=A/O=B", 4, "CN=A"),  # the name ends where its length says
        (b"cn=a", None, "cn=a"),
        (b"CN=", None, ""),
        (b"CN=" + b"x" * 253, None, "CN=" + "x" * 253),
        (b"CN=" + b"x" * 260, None, "CN=" + "x" * 253),
        (b"CN=A\xe9", None, "CN=A\ufffd"),
        (b"..CN=A\x1fB", None, "CN=A"),
        (b"CN=A\x7f", 4, "CN=A"),
        (b"CN=A", 0, "CN=A"),
        (b"CN=A", 0x100, "CN=A"),
    ],
)
def test_the_name_of_the_server(name: bytes, length: int | None, server: str) -> None:
    whole = opened(0x3B + len(name), name, length)
    assert reads(nrpc.read_opened, whole) == nrpc.Opened(server)


def test_a_name_before_the_mark_is_none() -> None:
    """Only the length and the kind of the message stand there."""
    whole = opened(0x3B)
    spoiled = whole[:4] + b"CN=A" + whole[8:]
    assert reads(nrpc.read_opened, spoiled) == nrpc.Opened("")


def test_the_mark_is_judged_as_it_comes() -> None:
    whole = opened(0x3B)
    for at in range(8, 14):
        spoiled = whole[:at] + bytes([whole[at] ^ 1])
        assert nrpc.read_opened(Buffer(spoiled[:at])) is None
        with pytest.raises(WireError, match="does not begin as an NRPC"):
            nrpc.read_opened(Buffer(spoiled))


@pytest.mark.parametrize(
    "data",
    [
        QUESTION,  # an echo: 2 where the answer has 3
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"\x10\0\0\0" + ANSWER[4:],  # too short for what it holds
        b"\xff\xff\xff\x7f" + ANSWER[4:],
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(WireError):
        nrpc.read_opened(Buffer(data))


@given(fuzz.hostile(ANSWER, QUESTION), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(nrpc.read_opened, data, eof=eof)
