from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, WireError, tibero
from tests.readers import reads, survives
from tests.wire import fuzz

GREETING, REFUSAL = load("tibero/SYNTH-greeting.s2c.hex"), load("tibero/SYNTH-refusal.s2c.hex")


def test_the_greeting_that_the_vendors_driver_answers() -> None:
    assert reads(tibero.read_greeting, GREETING) == tibero.Greeting(tibero.GREETING, 64, 6)


def test_a_refusal_in_its_place() -> None:
    assert reads(tibero.read_greeting, REFUSAL) == tibero.Greeting(tibero.REFUSAL, 64, None)


@pytest.mark.parametrize("name", names("tibero", "SYNTH-refusal*.s2c.hex"))
def test_refusals_with_whatever_inside(name: str) -> None:
    """The vendor's driver took each for a failed login; which number it has, and where, is not public."""
    assert reads(tibero.read_greeting, load(name)) == tibero.Greeting(tibero.REFUSAL, 64, None)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"\x4a\x00\x00\x00\x0a8.0.36\x00",
        struct.pack(">II", 0, 59) + bytes(100),
        struct.pack(">II", 0, 1 << 30) + bytes(100),
        struct.pack(">IIQI", 0, 64, 0, 1) + bytes(60),  # the driver refuses majors below 2
        struct.pack(">IIQI", 0, 64, 0, 21) + bytes(60),
    ],
)
def test_what_is_no_greeting(data: bytes) -> None:
    with pytest.raises(WireError):
        tibero.read_greeting(Buffer(data))


@given(fuzz.hostile(GREETING, REFUSAL), st.booleans())
def test_nothing_but_wire_error_escapes(data: bytes, eof: bool) -> None:
    survives(tibero.read_greeting, data, eof=eof)
