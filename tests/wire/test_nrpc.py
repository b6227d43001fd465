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
