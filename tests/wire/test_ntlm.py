from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given

from fixtures.transcripts import load, names
from scanready.wire import WireError, ntlm
from tests.readers import reads, survives
from tests.wire import fuzz
from tests.wire.carried import behind_a_length, measured

CHALLENGES = [load(name) for name in names("ntlm", "*.s2c.hex")]
READER = behind_a_length(ntlm.read_challenge)


def challenge(name: str) -> ntlm.Challenge:
    return reads(READER, measured(load(f"ntlm/{name}.s2c.hex")))


def test_our_first_message_names_a_workstation_and_nobody() -> None:
    kind, flags, domain, _, _, length, _, offset = struct.unpack_from("<IIHHIHHI", ntlm.NEGOTIATE, 8)
    assert ntlm.NEGOTIATE[:8] == b"NTLMSSP\0"
    assert (kind, domain) == (1, 0)
    assert ntlm.NEGOTIATE[offset : offset + length] == b"SCANREADY"
    assert flags & 0x02000000, "who tells no version is told none"
    assert not flags & 0x00000800, "an anonymous login is not asked for"


def test_samba() -> None:
    found = challenge("samba4.17-challenge")
    assert (found.target, found.server_name, found.domain, found.dns_host) == ("SMBLABB", "SMBLABB", "SMBLABB", "vm")
    assert (found.dns_domain, found.forest) == ("", "")
    assert found.version == (6, 1, 0)
    assert found.os is None, "no Windows has build 0"
    assert found.timestamp == datetime(2026, 11, 22, 23, 11, 10, 715249, UTC)


def test_a_domain_controller() -> None:
    found = challenge("samba4.17-dc-challenge")
    assert (found.target, found.domain, found.server_name) == ("LAB", "LAB", "LABDC")
    assert (found.dns_host, found.dns_domain) == ("labdc.lab.example", "lab.example")


def test_windows() -> None:
    found = challenge("SYNTH-windows2019-challenge")
    assert (found.target, found.server_name, found.domain) == ("CORP", "FS01", "CORP")
    assert (found.dns_host, found.dns_domain, found.forest) == ("fs01.corp.example", "corp.example", "example")
    assert found.version == (10, 0, 17763)
    assert found.os == "Windows Server 2019 or Windows 10 1809 (10.0.17763)"
    assert found.timestamp == datetime(2025, 11, 23, 20, tzinfo=UTC)


def test_the_example_of_the_specification() -> None:
    found = challenge("SYNTH-ms-nlmp-4.2.4-challenge")
    assert (found.target, found.server_name, found.domain) == ("Server", "Server", "Domain")
    assert found.version == (6, 0, 6000)
    assert found.timestamp is None


def spoiled(at: int, with_: bytes) -> bytes:
    whole = load("ntlm/SYNTH-windows2019-challenge.s2c.hex")
    return whole[:at] + with_ + whole[at + len(with_) :]


def test_an_unknown_build_is_told_as_a_number() -> None:
    assert ntlm.read_challenge(spoiled(50, b"\x60\xea")).os == "Windows 10.0.60000"


def test_a_server_of_old_tells_no_more_than_its_name() -> None:
    header = b"NTLMSSP\0" + struct.pack("<IHHII", 2, 3, 3, 32, 0x00008202) + bytes(8)
    found = reads(READER, measured(header + b"NT4"))
    assert (found.target, found.server_name, found.version, found.os, found.timestamp) == ("NT4", "", None, None, None)


def test_a_clock_that_no_calendar_has() -> None:
    whole = load("ntlm/SYNTH-windows2019-challenge.s2c.hex")
    mad = whole[:-12] + b"\xff" * 8 + whole[-4:]
    assert ntlm.read_challenge(mad).timestamp is None
    assert ntlm.read_challenge(whole[:-12] + bytes(8) + whole[-4:]).timestamp is None


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"NTLMSSP\0",
        b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02" + bytes(40),
        ntlm.NEGOTIATE,
        spoiled(12, b"\xff\xff"),  # the target's name beyond the end
        spoiled(16, b"\x00\x00\x00\x01"),
        spoiled(40, b"\xff\xff"),  # all names beyond the end
        spoiled(66, b"\xff\xff"),  # one of them
        bytes(0x10001),
    ],
)
def test_what_is_no_challenge(token: bytes) -> None:
    with pytest.raises(WireError):
        ntlm.read_challenge(token)


def test_a_name_longer_than_any() -> None:
    token = b"NTLMSSP\0" + struct.pack("<IHHII", 2, 600, 600, 32, 1) + bytes(8 + 600)
    with pytest.raises(WireError, match="a name of 600 bytes"):
        ntlm.read_challenge(token)


def test_names_without_end() -> None:
    pairs = struct.pack("<HH", 6, 0) * 500
    token = b"NTLMSSP\0" + struct.pack("<IHHII", 2, 0, 0, 48, 0x00800001) + bytes(16)
    token += struct.pack("<HHI", len(pairs), len(pairs), 48) + pairs
    with pytest.raises(WireError, match="more than"):
        ntlm.read_challenge(token)


@given(fuzz.hostile(*CHALLENGES))
def test_nothing_but_wire_error_escapes(data: bytes) -> None:
    survives(READER, measured(data))
