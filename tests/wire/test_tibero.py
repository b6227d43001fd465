from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transcripts import load, names
from scanready.wire import Buffer, OurLimit, UnknownValue, WireError, tibero
from tests.readers import reads, survives
from tests.wire import fuzz

GREETING, REFUSAL = load("tibero/SYNTH-greeting.s2c.hex"), load("tibero/SYNTH-refusal.s2c.hex")


def test_the_greeting_that_the_vendors_driver_answers() -> None:
    assert reads(tibero.read_greeting, GREETING) == tibero.Greeting(tibero.GREETING, 64, 6)


def test_a_refusal_in_its_place() -> None:
    assert reads(tibero.read_greeting, REFUSAL) == tibero.Greeting(tibero.REFUSAL, 64, None)


def test_a_type_after_which_the_vendors_client_reads_on() -> None:
    with pytest.raises(UnknownValue, match="first message of a Tibero-like server is 144 "):
        tibero.read_greeting(Buffer(greeting(64, kind=144)))


@pytest.mark.parametrize("name", names("tibero", "SYNTH-refusal*.s2c.hex"))
def test_refusals_with_whatever_inside(name: str) -> None:
    """The vendor's driver took each for a failed login; which number it has, and where, is not public."""
    assert reads(tibero.read_greeting, load(name)) == tibero.Greeting(tibero.REFUSAL, 64, None)


def greeting(length: int, major: int = 6, kind: int = 0) -> bytes:
    return struct.pack(">IIQi", kind, length, 0, major) + bytes(max(0, length - 4))


@pytest.mark.parametrize("length", [60, 61, 4096])
def test_the_sizes_of_a_greeting(length: int) -> None:
    assert reads(tibero.read_greeting, greeting(length)) == tibero.Greeting(tibero.GREETING, length, 6)
    assert reads(tibero.read_greeting, greeting(length, 99, 76)) == tibero.Greeting(tibero.REFUSAL, length, None)


@pytest.mark.parametrize("length", [4097, 1 << 20])
def test_a_longer_greeting_is_our_limit(length: int) -> None:
    with pytest.raises(OurLimit, match=f"of {length} bytes; scanready reads at most 4096"):
        tibero.read_greeting(Buffer(greeting(length)))


@pytest.mark.parametrize("length", [0, 59, (1 << 20) + 1])
def test_what_is_no_length(length: int) -> None:
    with pytest.raises(WireError, match=f"^a greeting of {length} bytes$"):
        tibero.read_greeting(Buffer(greeting(length)[:16]))


@pytest.mark.parametrize("major", [2, 20])
def test_the_versions_that_the_vendors_client_accepts(major: int) -> None:
    assert reads(tibero.read_greeting, greeting(64, major)) == tibero.Greeting(tibero.GREETING, 64, major)


@pytest.mark.parametrize(("major", "told"), [(1, "1"), (21, "21"), (-1, "-1"), (0x02000000, "33554432")])
def test_another_version_is_told(major: int, told: str) -> None:
    with pytest.raises(UnknownValue, match=f"Tibero-like greeting is {told} "):
        tibero.read_greeting(Buffer(greeting(64, major)))


def test_another_type_is_told_by_four_octets() -> None:
    for kind in (1, 75, 77, 0x01000000):
        with pytest.raises(WireError, match="does not look like"):
            tibero.read_greeting(Buffer(kind.to_bytes(4, "big")))


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
