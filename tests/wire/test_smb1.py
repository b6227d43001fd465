from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given

from fixtures.transcripts import load, names
from scanready.wire import UnknownValue, WireError, nbt, ntlm, smb1, spnego
from tests.readers import reads, survives
from tests.wire import fuzz
from tests.wire.carried import in_a_frame

NEGOTIATE, SETUP = in_a_frame(smb1.read_negotiate), in_a_frame(smb1.read_session_setup)
CAPTURED = [load(name) for name in names("smb", "*smb1*.s2c.hex")]


def negotiated(name: str) -> smb1.Negotiated:
    found = reads(NEGOTIATE, load(f"smb/{name}.s2c.hex"))
    assert isinstance(found, smb1.Negotiated)
    return found


def test_our_negotiate_is_a_captured_clients() -> None:
    assert nbt.message(smb1.negotiate()) == load("smb/smb1-only-negotiate.c2s.hex")


@pytest.mark.parametrize("length", [80, 81])
def test_our_session_setup(length: int) -> None:
    message = smb1.session_setup(bytes(length))
    assert message[4] == 0x73
    assert message[32] == 12, "twelve words"
    number, _, size = struct.unpack_from("<HIH", message, 33 + 8)
    assert number != 0, "0 may end every other session from this address"
    assert size == length
    count = int.from_bytes(message[57:59], "little")
    assert len(message) == 59 + count
    names = message[59 + length :].removeprefix(b"\0" if length % 2 == 0 else b"")
    assert names.decode("utf-16-le") == "\0scanready\0"
    assert (len(message) - len(names)) % 2 == 0, "UTF-16 begins at an even offset"


def test_samba() -> None:
    found = negotiated("samba4.17-smb1-negotiate")
    assert (found.user_level, found.extended) == (True, True)
    assert (found.signing_enabled, found.signing_required) == (False, False)
    assert found.clock == datetime(2026, 11, 22, 23, 11, 8, 981191, UTC)
    assert found.guid is not None
    assert found.guid.bytes_le == b"smblabb".ljust(16, b"\0")
    assert spnego.read_offer(found.token).mechanisms == ("NTLM",)


def test_windows_server_2003() -> None:
    found = negotiated("SYNTH-windows2003-smb1-negotiate")
    assert (found.extended, found.signing_enabled, found.signing_required) == (True, True, True)
    assert "Kerberos" in spnego.read_offer(found.token).mechanisms


def test_windows_nt() -> None:
    found = negotiated("SYNTH-nt4-smb1-negotiate")
    assert (found.user_level, found.extended, found.guid, found.token) == (True, False, None, b"")
    assert (found.domain, found.server_name) == ("CORP", "NT4")
    assert found.clock == datetime(2025, 11, 23, 20, tzinfo=UTC)


def test_passwords_of_shares() -> None:
    found = negotiated("SYNTH-share-level-smb1-negotiate")
    assert (found.user_level, found.extended, found.clock, found.domain) == (False, False, None, "")


def test_no_dialect_in_common() -> None:
    assert reads(NEGOTIATE, load("smb/samba4.17-smb1-negotiate-refused.s2c.hex")) == smb1.Refused(0)


def test_the_prompt() -> None:
    found = reads(SETUP, load("smb/samba4.17-smb1-sessionsetup-type2.s2c.hex"))
    assert (found.status, found.os, found.software) == (0xC0000016, "Windows 6.1", "Samba 4.17.12-Debian")
    assert ntlm.read_challenge(spnego.read_answer(found.token).token).server_name == "FS-SMB1"
    found = reads(SETUP, load("smb/SYNTH-windows2003-smb1-sessionsetup-type2.s2c.hex"))
    assert found.os == "Windows Server 2003 3790 Service Pack 2"
    assert ntlm.read_challenge(spnego.read_answer(found.token).token).os == "Windows Server 2003 (5.2.3790)"


def answer(command: int, words: bytes, data: bytes, status: int = 0, flags2: int = 0xC001) -> bytes:
    header = struct.pack("<4sBIBHH8sHHHHH", b"\xffSMB", command, status, 0x98, flags2, 0, bytes(8), 0, 0, 0, 0, 0)
    return header + bytes((len(words) // 2,)) + words + struct.pack("<H", len(data)) + data


def negotiate_words(mode: int = 0, capabilities: int = 0, ticks: int = 0, challenge: int = 0) -> bytes:
    """[MS-CIFS] 2.2.4.52.2: dialect, mode, two counts, two sizes, session key, capabilities, clock, zone, challenge."""
    return struct.pack("<HBHHIIIIQhB", 0, mode, 9, 9, 9, 9, 9, capabilities, ticks, 60, challenge)


def understood(words: bytes, data: bytes = b"", flags2: int = 0x4001) -> smb1.Negotiated:
    found = smb1.read_negotiate(answer(0x72, words, data, flags2=flags2))
    assert isinstance(found, smb1.Negotiated)
    return found


@pytest.mark.parametrize(
    ("mode", "user", "enabled", "required"),
    [(0, 0, 0, 0), (1, 1, 0, 0), (2, 0, 0, 0), (4, 0, 1, 0), (8, 0, 1, 1), (0xF0, 0, 0, 0), (0x0F, 1, 1, 1)],
)
def test_the_modes_of_security(mode: int, user: int, enabled: int, required: int) -> None:
    found = understood(negotiate_words(mode))
    assert (found.user_level, found.signing_enabled, found.signing_required) == (user == 1, enabled == 1, required == 1)


def test_all_that_a_server_tells() -> None:
    names = "CORP\0NT4\0more\0".encode("utf-16-le")
    ticks = 0x01DC_5CA0_0000_0000
    clock = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
    found = understood(negotiate_words(capabilities=4, ticks=ticks, challenge=8), bytes(8) + names)
    assert (found.domain, found.server_name, found.clock, found.extended) == ("CORP", "NT4", clock, False)
    assert understood(negotiate_words(capabilities=0xFB & ~4), names).domain == "", "no Unicode, no names"
    assert understood(negotiate_words(capabilities=1), names, flags2=0x8000).domain == "CORP"
    assert understood(negotiate_words(capabilities=4), names[:8]).server_name == ""
    long = "D".ljust(600, "d").encode("utf-16-le")
    assert len(understood(negotiate_words(capabilities=4), long).domain) == 512, "1,024 octets"
    assert understood(negotiate_words(ticks=(1 << 64) - 1)).clock is None
    extended = understood(negotiate_words(capabilities=0x80000000), bytes(range(16)) + b"TOKEN")
    assert (extended.token, extended.domain) == (b"TOKEN", "")
    assert extended.guid == UUID("03020100-0504-0706-0809-0a0b0c0d0e0f")
    with pytest.raises(WireError, match="within the server's GUID"):
        understood(negotiate_words(capabilities=0x80000000), bytes(15))
    assert understood(negotiate_words(capabilities=0x7FFFFFFB), b"").extended is False


@pytest.mark.parametrize(("length", "pad"), [(2, b"\0"), (3, b""), (256, b"\0")])
def test_names_begin_at_an_even_offset(length: int, pad: bytes) -> None:
    texts = "Windows 5.1\0LAN\0CORP\0".encode("utf-16-le")
    words = struct.pack("<HHHH", 0xFF, 0, 0, length)
    found = smb1.read_session_setup(answer(0x73, words, b"t" * length + pad + texts, 0xC0000016))
    assert found == smb1.Setup(0xC0000016, b"t" * length, "Windows 5.1", "LAN")
    old = smb1.read_session_setup(answer(0x73, words, b"t" * length + b"x" * 2000, 0, 0x4001))
    assert (len(old.os), old.software) == (1024, "")


def test_every_word_of_our_session_setup() -> None:
    message = smb1.session_setup(b"tok")
    header = struct.pack("<4sBIBHH8sHHHHH", b"\xffSMB", 0x73, 0, 0x18, 0xC843, 0, bytes(8), 0, 0xFFFF, 0xFEFF, 0, 0)
    words = struct.pack("<BBHHHHIHII", 0xFF, 0, 0, 0xFFFF, 2, 1, 0, 3, 0, 0x800000D4)
    names = "\0scanready\0".encode("utf-16-le")
    assert message == header + b"\x0c" + words + struct.pack("<H", 3 + len(names)) + b"tok" + names


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (answer(0x72, b"", b"")[:34], "no SMB 1 message"),
        (answer(0x72, b"\xff\xff", b"")[:36], "ends within its words"),
        (answer(0x72, b"\xff\xff", b"ab")[:38], "ends within its bytes"),
        (answer(0x72, b"\xff\xff", b"")[:9] + b"\x7f" + answer(0x72, b"\xff\xff", b"")[10:], "answers SMB 1 command"),
        (answer(0x72, bytes(36), b""), "not that of NT LM 0.12"),
        (answer(0x72, b"", b""), "not that of NT LM 0.12"),
    ],
)
def test_broken_messages(message: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        smb1.read_negotiate(message)


def test_a_dialect_that_was_not_offered_is_told() -> None:
    with pytest.raises(UnknownValue, match="by its number in our list, is 258 "):
        smb1.read_negotiate(answer(0x72, b"\2\1", b""))
    for words in (b"\xff\xff", b"\xff\xff\0\0"):
        assert smb1.read_negotiate(answer(0x72, words, b"")) == smb1.Refused(0)


def test_octets_behind_a_message_are_not_its_own() -> None:
    found = smb1.read_session_setup(answer(0x73, struct.pack("<HHHH", 0xFF, 0, 0, 1), b"t", 0, 0x4001) + b"rest")
    assert found == smb1.Setup(0, b"t", "", "")


def test_a_refused_session() -> None:
    found = reads(SETUP, nbt.message(answer(0x73, b"", b"", 0xC0000022)))
    assert found == smb1.Setup(0xC0000022, b"", "", "")
    assert reads(NEGOTIATE, nbt.message(answer(0x72, b"", b"", 0xC00000BB))) == smb1.Refused(0xC00000BB)


def test_names_in_an_old_code_page() -> None:
    message = answer(0x73, struct.pack("<HHHH", 0xFF, 0, 0, 2), b"\xa1\0Unix\0Samba 3.0\0LAB\0", 0xC0000016, 0x4001)
    found = smb1.read_session_setup(message)
    assert (found.token, found.os, found.software) == (b"\xa1\0", "Unix", "Samba 3.0")


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xfeSMB" + bytes(60),
        answer(0x71, b"", b""),
        answer(0x72, b"\0\0", b""),  # the core protocol of 1984
        answer(0x72, bytes(26), b""),  # LANMAN
        answer(0x72, b"\1\0" + bytes(32), b""),
        answer(0x72, bytes(19) + b"\0\0\0\x80" + bytes(11), b"short"),
        answer(0x73, bytes(6), b""),
        answer(0x73, struct.pack("<HHHH", 0xFF, 0, 0, 9), b"short"),
        answer(0x72, bytes(34), b"")[:60],
        answer(0x72, b"", b"")[:33] + b"\xff\xff",
    ],
)
def test_broken_answers(message: bytes) -> None:
    with pytest.raises(WireError):
        smb1.read_negotiate(message)
    with pytest.raises(WireError):
        smb1.read_session_setup(message)


@given(fuzz.hostile(*CAPTURED))
def test_nothing_but_wire_error_escapes(data: bytes) -> None:
    survives(NEGOTIATE, data)
    survives(SETUP, data)
    survives(in_a_frame(smb1.read_negotiate), nbt.message(data[4:]))
