"""Answers of SMB servers that impacket does not decode: directories and referrals, whole, cut short and garbled."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.targets.smb.login_answers import Entry, directory, referral
from tests.readers import quickly
from tests.targets.smb import smb_login_peer as peers


def listings() -> Iterator[bytes]:
    yield peers.listing(("a", 0x20), ("bb", 0x10))[8:]
    yield struct.pack("<HHI", 20, 1, 2) + struct.pack("<HHHHIHHH", 3, 34, 0, 0, 1, 34, 34, 34) + bytes(16) + b"a\0\0\0"


def test_a_directory() -> None:
    found = directory(peers.listing((".", 0x10), ("..", 0x10), ("Übersicht.csv", 0x20), ("2026", 0x10))[8:])
    assert found == [Entry("Übersicht.csv", 0x20), Entry("2026", 0x10)]
    assert directory(b"") == []
    last = bytearray(peers.listing(("a", 0x20))[8:])
    last[0] = len(last)  # as SMB 1 may end
    assert directory(bytes(last)) == [Entry("a", 0x20)]


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHHH", 1, 30, 0, 0),
        struct.pack("<HHHHIIHHH", 2, 22, 0, 0, 0, 1, 22, 22, 22),
        struct.pack("<HHHHIHHH", 3, 34, 0, 0, 1, 34, 34, 34) + bytes(16),
        struct.pack("<HHHHIHHH", 4, 34, 0, 4, 1, 34, 34, 34) + bytes(16),
    ],
    ids=["version 1", "version 2", "version 3", "version 4"],
)
def test_referrals_of_every_version(entry: bytes) -> None:
    place = "\\fs02\\data\0".encode("utf-16le")
    whole = struct.pack("<HHI", 20, 1, 2) + entry + place
    assert referral(whole, r"\a\bb\cccc") == ["\\fs02\\data"]
    assert referral(whole, r"\a\bb\cccc\d\e") == ["\\fs02\\data\\d\\e"]


def test_names_of_domain_controllers_are_no_places() -> None:
    entry = struct.pack("<HHHHIHHH", 3, 34, 0, 2, 1, 34, 1, 34) + bytes(16)
    assert referral(struct.pack("<HHI", 20, 1, 2) + entry, "") == []


@given(st.one_of(st.binary(max_size=200), st.tuples(st.integers(0, 120), st.binary(min_size=2, max_size=2))))
def test_nothing_but_value_errors_escapes(noise: bytes | tuple[int, bytes]) -> None:
    for whole in listings():
        if isinstance(noise, bytes):
            data = noise
        else:
            at, octets = noise
            data = whole[:at] + octets + whole[at + 2 :]
        for cut in (data, data[: len(data) // 2]):
            with quickly(), contextlib.suppress(ValueError):
                directory(cut)
            with quickly(), contextlib.suppress(ValueError):
                referral(cut, r"\a\b")
