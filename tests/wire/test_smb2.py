from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given

from fixtures.transcripts import load, names
from scanready.wire import OurLimit, UnknownValue, WireError, nbt, ntlm, smb2, spnego
from tests.readers import reads, survives
from tests.wire import fuzz
from tests.wire.carried import in_a_frame

NEGOTIATE, SETUP = in_a_frame(smb2.read_negotiate), in_a_frame(smb2.read_session_setup)
CAPTURED = [load(name) for name in names("smb", "*.s2c.hex")]
LONG_AGO = datetime(2025, 11, 23, 20, tzinfo=UTC)


def negotiated(name: str) -> smb2.Negotiated:
    found = reads(NEGOTIATE, load(f"smb/{name}.s2c.hex"))
    assert isinstance(found, smb2.Negotiated)
    return found


def setup(name: str) -> smb2.Setup:
    return reads(SETUP, load(f"smb/{name}.s2c.hex"))


def test_our_negotiate_is_a_captured_clients() -> None:
    theirs = load("smb/smb2-negotiate.c2s.hex")
    assert nbt.message(smb2.negotiate(theirs[80:96], theirs[130:162])) == theirs


def test_our_session_setup_is_a_captured_clients() -> None:
    theirs = load("smb/smb2-sessionsetup-type1.c2s.hex")
    ours = nbt.message(smb2.session_setup(load("spnego/init-type1.c2s.hex")))
    differing = {at for at in range(len(theirs)) if ours[at] != theirs[at]}
    assert len(ours) == len(theirs)
    assert differing <= {71, 72}, "security mode and capabilities"


@pytest.mark.parametrize(("client", "salt"), [(15, 32), (16, 31)])
def test_lengths_that_are_not_negotiable(client: int, salt: int) -> None:
    with pytest.raises(ValueError, match="16 octets"):
        smb2.negotiate(bytes(client), bytes(salt))


def test_samba() -> None:
    found = negotiated("samba4.17-smb2-negotiate")
    assert (found.dialect, found.cipher, found.dfs) == (0x0311, "AES-128-GCM", True)
    assert (found.signing_enabled, found.signing_required) == (True, False)
    assert found.guid.bytes_le == b"smblabb".ljust(16, b"\0")
    assert found.clock == datetime(2026, 11, 22, 23, 11, 9, 389338, UTC)
    assert spnego.read_offer(found.token).mechanisms == ("NTLM",)


def test_signing_is_required() -> None:
    assert negotiated("samba4.17-smb2-negotiate-signing-required").signing_required
    found = negotiated("samba4.17-dc-smb2-negotiate")
    assert found.signing_required
    assert spnego.read_offer(found.token).mechanisms == ("Kerberos", "NTLM")


def test_older_dialects() -> None:
    oldest = negotiated("samba4.17-smb2-negotiate-202")
    assert (oldest.dialect, oldest.cipher) == (0x0202, "")
    middle = negotiated("SYNTH-smb302-encryption-negotiate")
    assert (middle.dialect, middle.cipher, middle.signing_required) == (0x0302, "AES-128-CCM", True)


def test_windows() -> None:
    found = negotiated("SYNTH-windows2019-smb2-negotiate")
    assert str(found.guid) == "b3a0e7d1-f5c4-4ae6-a1b2-c3d4e5f60718"
    assert found.clock == LONG_AGO
    assert "NTLM" in spnego.read_offer(found.token).mechanisms


def test_no_dialect_in_common() -> None:
    found = reads(NEGOTIATE, load("smb/samba4.17-smb2-negotiate-notsupported.s2c.hex"))
    assert found == smb2.Refused(0xC00000BB)


@pytest.mark.parametrize("name", ["samba4.17-smb1-negotiate", "samba4.17-smb1-negotiate-refused"])
def test_an_answer_in_smb_1(name: str) -> None:
    assert reads(NEGOTIATE, load(f"smb/{name}.s2c.hex")) == smb2.OldDialect()


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("samba4.17-sessionsetup-type2", "SMBLABB"),
        ("samba4.17-dc-sessionsetup-type2", "LABDC"),
        ("SYNTH-windows2019-sessionsetup-type2", "FS01"),
    ],
)
def test_the_prompt(name: str, host: str) -> None:
    found = setup(name)
    assert found.status == smb2.MORE_PROCESSING
    assert ntlm.read_challenge(spnego.read_answer(found.token).token).server_name == host


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("SYNTH-sessionsetup-access-denied", 0xC0000022),
        ("SYNTH-sessionsetup-not-supported", 0xC00000BB),
        ("SYNTH-sessionsetup-ntlm-blocked", 0xC0000418),
        ("SYNTH-sessionsetup-pending", smb2.PENDING),
    ],
)
def test_no_prompt(name: str, status: int) -> None:
    assert setup(name) == smb2.Setup(status, b"")


def header(command: int, status: int = 0, number: int | None = None, flags: int = 1) -> bytes:
    """[MS-SMB2] 2.2.1.2."""
    number = command if number is None else number
    return struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 0, status, command, 1, flags, 0, number, 0, 0, 0, bytes(16))


def answer(
    *,
    dialect: int = 0x0311,
    mode: int = 1,
    capabilities: int = 0,
    token: bytes = b"",
    contexts: tuple[tuple[int, bytes], ...] = (),
    ticks: int = 0,
) -> bytes:
    """[MS-SMB2] 2.2.4: the contexts begin at the first multiple of eight after the token."""
    at = -(-(128 + len(token)) // 8) * 8
    listed = b"".join(
        (struct.pack("<HHI", kind, len(data), 0) + data).ljust(-(-(8 + len(data)) // 8) * 8, b"\0")
        for kind, data in contexts
    )
    sizes = struct.pack("<HHHH16sI", 65, mode, dialect, len(contexts), bytes(range(16)), capabilities)
    rest = struct.pack("<IIIQQHHI", 9, 9, 9, ticks, 7, 128, len(token), at)
    whole = header(0) + sizes + rest + token
    return whole.ljust(at, b"\0") + listed if contexts else whole


@pytest.mark.parametrize(
    ("told", "cipher"),
    [
        (answer(), ""),
        (answer(contexts=((1, b"\0"), (2, b"\1\0\1\0"))), "AES-128-CCM"),
        (answer(contexts=((9, b"x" * 9), (2, b"\1\0\2\0"), (8, b"\1\0\2\0"))), "AES-128-GCM"),
        (answer(contexts=((2, b"\1\0\3\0"),), token=b"t"), "AES-256-CCM"),
        (answer(contexts=((2, b"\1\0\4\0"),), token=b"token-of-17-bytes"), "AES-256-GCM"),
        (answer(contexts=((2, b"\1\0\0\0"),)), ""),
        (answer(contexts=((2, b"\1\0\0\1"),)), "a cipher that is not known here (0x0100)"),
        (answer(contexts=((2, b""),)), ""),
        (answer(contexts=((5, b""),) * 31 + ((2, b"\1\0\1\0"),)), "AES-128-CCM"),
        (answer(dialect=0x0302, capabilities=0x40), "AES-128-CCM"),
        (answer(dialect=0x0300, capabilities=0x40), "AES-128-CCM"),
        (answer(dialect=0x0300, capabilities=0xBF), ""),
        (answer(dialect=0x0210, capabilities=0x40), ""),
        (answer(dialect=0x0202, contexts=((2, b"\1\0\1\0"),)), ""),
    ],
)
def test_the_cipher_that_was_chosen(told: bytes, cipher: str) -> None:
    found = smb2.read_negotiate(told)
    assert isinstance(found, smb2.Negotiated)
    assert found.cipher == cipher


@pytest.mark.parametrize(("mode", "enabled", "required"), [(0, 0, 0), (1, 1, 0), (2, 1, 1), (3, 1, 1), (0xFFFC, 0, 0)])
def test_all_that_a_server_tells(mode: int, enabled: int, required: int) -> None:
    ticks = (datetime(2026, 1, 2, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10 + 9
    found = smb2.read_negotiate(answer(mode=mode, capabilities=1, token=b"TOKEN", ticks=ticks))
    identifier = UUID("03020100-0504-0706-0809-0a0b0c0d0e0f")
    clock = datetime(2026, 1, 2, tzinfo=UTC)
    assert found == smb2.Negotiated(0x0311, bool(enabled), bool(required), identifier, True, "", clock, b"TOKEN")
    without = smb2.read_negotiate(answer(capabilities=0xFE, ticks=(1 << 64) - 1))
    assert isinstance(without, smb2.Negotiated)
    assert (without.dfs, without.clock, without.token) == (False, None, b"")


def test_an_answer_of_the_shortest_form() -> None:
    assert isinstance(smb2.read_negotiate(answer()[:128]), smb2.Negotiated)
    with pytest.raises(WireError, match="negotiate is cut short"):
        smb2.read_negotiate(answer()[:127])
    with pytest.raises(WireError, match="no SMB 2 message"):
        smb2.read_negotiate(header(0)[:63])
    setup_ = header(1, smb2.MORE_PROCESSING) + struct.pack("<HHHH", 9, 1, 0, 0)
    assert smb2.read_session_setup(setup_) == smb2.Setup(smb2.MORE_PROCESSING, b"")
    with pytest.raises(WireError, match="setup is cut short"):
        smb2.read_session_setup(setup_[:71])
    with_token = header(1) + struct.pack("<HHHH", 9, 0, 74, 3) + b"..abc"
    assert smb2.read_session_setup(with_token) == smb2.Setup(0, b"abc")
    assert smb2.read_session_setup(header(1, 0xC0000022)) == smb2.Setup(0xC0000022, b"")
    assert smb2.read_negotiate(header(0, 0xC00000BB)) == smb2.Refused(0xC00000BB)


def test_contexts_that_are_not_there() -> None:
    with pytest.raises(OurLimit, match="33 negotiate contexts, of which 32 are read"):
        smb2.read_negotiate(answer(contexts=((5, b""),) * 33))
    whole = answer(contexts=((2, b"\1\0\1\0abcd"),))
    for cut, words in (
        (len(whole) - 1, "contents of a negotiate context lie"),
        (len(whole) - 9, "contexts lie outside"),
    ):
        with pytest.raises(WireError, match=words):
            smb2.read_negotiate(whole[:cut])
    assert smb2.read_negotiate(answer(contexts=((2, b""),))) is not None
    early = answer(contexts=((2, b""),))
    with pytest.raises(WireError, match="contexts lie outside"):
        smb2.read_negotiate(early[:124] + struct.pack("<I", 56) + early[128:])
    with pytest.raises(UnknownValue, match=r"the dialect that the server chose is 767 \(0x2ff\)"):
        smb2.read_negotiate(answer(dialect=0x02FF))


@pytest.mark.parametrize(
    "told",
    [
        header(0, number=1) + answer()[64:],  # the answer to another message
        header(1, number=0) + answer()[64:],
        header(0, flags=0xFFFFFFFE) + answer()[64:],  # from a client
    ],
)
def test_another_message_is_no_answer(told: bytes) -> None:
    with pytest.raises(WireError):
        smb2.read_negotiate(told)


def spoiled(at: int, with_: bytes) -> bytes:
    whole = load("smb/SYNTH-windows2019-smb2-negotiate.s2c.hex")[4:]
    return whole[:at] + with_ + whole[at + len(with_) :]


@pytest.mark.parametrize(
    "message",
    [
        b"\xfeSMB",
        spoiled(0, b"\xfdSMB"),
        spoiled(4, b"\x41"),  # a header of another size
        spoiled(12, b"\x05"),  # another command
        spoiled(16, b"\x00"),  # no answer
        spoiled(20, b"\x08"),  # more messages behind it
        spoiled(24, b"\x07"),  # another message's answer
        spoiled(64, b"\x09"),  # another body
        spoiled(68, b"\xff\x02"),  # SMB 2.???, which answers only an SMB 1 negotiate
        spoiled(68, b"\x99\x02"),
        spoiled(70, b"\xff\xff"),  # 65535 contexts
        spoiled(120, b"\xff\xff"),  # mechanisms beyond the end
        spoiled(120, b"\x10\x00"),  # mechanisms in the header
        spoiled(124, b"\xff\xff\xff\x7f"),  # contexts beyond the end
        spoiled(0, b"")[:120],
    ],
)
def test_broken_answers(message: bytes) -> None:
    with pytest.raises(WireError):
        smb2.read_negotiate(message)
    with pytest.raises(WireError):
        smb2.read_session_setup(message)


@pytest.mark.parametrize(("at", "with_"), [(64, b"\x41"), (68, b"\xff\xff"), (70, b"\xff\xff")])
def test_a_broken_prompt(at: int, with_: bytes) -> None:
    whole = load("smb/samba4.17-sessionsetup-type2.s2c.hex")[4:]
    with pytest.raises(WireError):
        smb2.read_session_setup(whole[:at] + with_ + whole[at + len(with_) :])


@given(fuzz.hostile(*CAPTURED))
def test_nothing_but_wire_error_escapes(data: bytes) -> None:
    survives(NEGOTIATE, data)
    survives(SETUP, data)
    survives(in_a_frame(smb2.read_negotiate), nbt.message(data[4:]))
