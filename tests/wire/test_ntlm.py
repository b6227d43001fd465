from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from fixtures.transcripts import load, names
from scanready.wire import OurLimit, WireError, ntlm
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


def test_every_octet_of_our_first_message() -> None:
    """[MS-NLMP] 2.2.1.1: flags, no domain, the workstation behind the version, which is 10.0 with revision 15."""
    flags = 0x80000000 | 0x40000000 | 0x20000000 | 0x02000000 | 0x00080000 | 0x8000 | 0x2000 | 0x0200 | 0x0010 | 0x0007
    expected = struct.pack("<8sIIHHIHHIBBHBBBB", b"NTLMSSP\0", 1, flags, 0, 0, 0, 9, 9, 40, 10, 0, 0, 0, 0, 0, 15)
    assert expected + b"SCANREADY" == ntlm.NEGOTIATE


def told(
    target: bytes = b"",
    flags: int = 0x00800001,
    pairs: bytes | None = None,
    version: bytes = b"",
    offset: int | None = None,
) -> bytes:
    """[MS-NLMP] 2.2.1.2: the parts begin behind the version, or behind the fixed fields where there is none."""
    start = 48 + len(version) if pairs is not None else 32
    head = struct.pack("<8sIHHIIQ", b"NTLMSSP\0", 2, len(target), 9, start if offset is None else offset, flags, 7)
    if pairs is None:
        return head[:32] + target
    described = struct.pack("<QHHI", 0, len(pairs), 9, start + len(target))
    return head[:32] + described + version + target + pairs


def pair(kind: int, value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode("utf-16-le")
    return struct.pack("<HH", kind, len(raw)) + raw


def test_each_name_has_its_number() -> None:
    """[MS-NLMP] 2.2.2.1."""
    ticks = (datetime(2026, 1, 2, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10 + 7
    names = [pair(number, name) for number, name in enumerate(("S", "D", "s.d", "d", "f"), 1)]
    pairs = b"".join(names) + pair(6, b"\2\0\0\0") + pair(7, ticks.to_bytes(8, "little")) + pair(1, "second")
    found = ntlm.read_challenge(told("T\0".encode("utf-16-le"), pairs=pairs + pair(0, "") + pair(2, "behind the end")))
    clock = datetime(2026, 1, 2, tzinfo=UTC)
    assert found == ntlm.Challenge("T", "S", "D", "s.d", "d", "f", None, clock, 0x00800001)
    for clock_of in (b"\xff" * 8, bytes(8), b"\1" * 7, b"\1" * 9):
        assert ntlm.read_challenge(told(pairs=pair(7, clock_of))).timestamp is None


def test_a_list_of_names_may_end_without_its_end() -> None:
    assert ntlm.read_challenge(told(pairs=pair(1, "S"))).server_name == "S"
    assert ntlm.read_challenge(told(pairs=pair(1, "S") + b"\2\0\2")).server_name == "S"
    assert ntlm.read_challenge(told(pairs=b"")).server_name == ""
    with pytest.raises(WireError, match="goes beyond its end"):
        ntlm.read_challenge(told(pairs=pair(1, "S")[:-1]))
    many = ntlm.read_challenge(told(pairs=pair(6, b"") * 62 + pair(1, "S") + pair(0, "")))
    assert many.server_name == "S"
    with pytest.raises(OurLimit, match="more than 64 names"):
        ntlm.read_challenge(told(pairs=pair(6, b"") * 64 + pair(0, "")))
    longest = "x" * 256
    assert ntlm.read_challenge(told(pairs=pair(1, longest))).server_name == longest
    with pytest.raises(WireError, match="a name of 514 bytes"):
        ntlm.read_challenge(told(pairs=pair(1, longest + "x")))


@pytest.mark.parametrize(
    ("flags", "version", "expected"),
    [
        (0x02800001, bytes((10, 0)) + struct.pack("<HI", 20348, 15), (10, 0, 20348)),
        (0x02800001, bytes((6, 3)) + struct.pack("<HI", 9600, 15), (6, 3, 9600)),
        (0x02800001, bytes(8), None),
        (0x00800001, bytes((10, 0)) + struct.pack("<HI", 20348, 15), None),
        (0x02800001, bytes((10, 0)) + struct.pack("<HHB", 20348, 0, 0), None),  # cut: 55 octets
    ],
)
def test_the_version_is_there_where_a_flag_says_so(
    flags: int, version: bytes, expected: tuple[int, int, int] | None
) -> None:
    assert ntlm.read_challenge(told(flags=flags, pairs=b"", version=version)).version == expected


def test_names_are_told_only_where_a_flag_says_so() -> None:
    whole = told(flags=0x00000001, pairs=pair(1, "S"))
    assert ntlm.read_challenge(whole).server_name == ""
    short = told("T".encode("utf-16-le"), 0x00800001)  # Windows NT ends before the names
    assert len(short) < 48
    assert ntlm.read_challenge(short).target == "T"
    assert ntlm.read_challenge(told(b"T\xe9", 0x00800000)).target == "T\ufffd"


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (told()[:31], "an NTLM message of 31 bytes"),
        (told(bytes(65_504), 0), "an NTLM message of 65536 bytes"),
        (told(bytes(65_503), 0), "a name of 65503 bytes"),
        (told(b"x" * 513, 0), "a name of 513 bytes"),
        (told(b"ab", offset=31), r"lies outside of it \(2 bytes at 31\)"),
        (told(b"ab", offset=33), r"lies outside of it \(2 bytes at 33\)"),
        (told()[:8] + b"\3" + told()[9:], "of type 3 where the challenge"),
        (b"NTLMSSP\1" + told()[8:], "no NTLM message: it starts with b'NTLMSSP"),
    ],
)
def test_broken_challenges(token: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        ntlm.read_challenge(token)


def test_a_part_of_nothing_may_be_said_to_lie_anywhere() -> None:
    assert ntlm.read_challenge(told(offset=0xFFFFFFFF)).target == ""


@pytest.mark.parametrize(
    ("major", "minor", "builds"),
    [
        (5, 0, {2195: "Windows 2000"}),
        (5, 1, {2600: "Windows XP"}),
        (5, 2, {3790: "Windows Server 2003"}),
        (6, 0, {6000: "Vista", 6001: "Server 2008", 6002: "Server 2008 SP2", 6003: "Server 2008 SP2"}),
        (6, 1, {7600: "Server 2008 R2 or", 7601: "Server 2008 R2 SP1"}),
        (6, 2, {9200: "Server 2012 or"}),
        (6, 3, {9600: "Server 2012 R2"}),
        (10, 0, {10240: "1507", 10586: "1511", 14393: "Server 2016", 15063: "1703", 16299: "1709", 17134: "1803"}),
        (10, 0, {17763: "Server 2019", 18362: "1903", 18363: "1909", 19041: "2004", 19042: "20H2", 19043: "21H1"}),
        (10, 0, {19044: "10 21H2", 19045: "22H2", 20348: "Server 2022", 22000: "11 21H2", 22621: "11 22H2"}),
        (10, 0, {22631: "23H2", 25398: "Server 23H2", 26100: "Server 2025", 26200: "25H2"}),
    ],
)
def test_the_builds_of_windows(major: int, minor: int, builds: dict[int, str]) -> None:
    """Microsoft, "Windows 10 release information" and its like for older ones."""
    for build, name in builds.items():
        version = bytes((major, minor)) + struct.pack("<HI", build, 15)
        os = ntlm.read_challenge(told(flags=0x02800001, pairs=b"", version=version)).os
        assert os is not None
        assert name in os
        assert os.endswith(f" ({major}.{minor}.{build})")


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


def test_a_version_that_no_windows_has_names_none() -> None:
    """impacket's smbserver has 0xff in all its octets, which is no Windows 255."""
    token = load("ntlm/SYNTH-windows2019-challenge.s2c.hex")
    assert ntlm.read_challenge(token[:48] + b"\xff" * 8 + token[56:]).os is None
