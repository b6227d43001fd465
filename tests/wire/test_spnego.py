from __future__ import annotations

import pytest
from hypothesis import given

from fixtures.transcripts import load, names
from scanready.wire import WireError, ntlm, spnego
from tests.readers import reads, survives
from tests.wire import fuzz
from tests.wire.carried import behind_a_length, measured

OFFERS = [load(name) for name in (*names("spnego", "*init.s2c.hex"), *names("spnego", "*init-type1.c2s.hex"))]
ANSWERS = [load(name) for name in names("spnego", "*.s2c.hex") if "init" not in name]


def offered(name: str) -> tuple[str, ...]:
    return reads(behind_a_length(spnego.read_offer), measured(load(f"spnego/{name}.hex"))).mechanisms


def answered(name: str) -> spnego.Answer:
    return reads(behind_a_length(spnego.read_answer), measured(load(f"spnego/{name}.s2c.hex")))


def test_our_offer_is_a_captured_clients() -> None:
    theirs = load("spnego/init-type1.c2s.hex")
    assert spnego.offer_ntlm(theirs[-40:]) == theirs
    assert spnego.read_offer(spnego.offer_ntlm(ntlm.NEGOTIATE)).mechanisms == ("NTLM",)


def test_a_token_too_long() -> None:
    with pytest.raises(ValueError, match="64 KiB"):
        spnego.offer_ntlm(bytes(0x10000))
    assert spnego.read_offer(spnego.offer_ntlm(bytes(0xFF00))).mechanisms == ("NTLM",)


@pytest.mark.parametrize(
    ("name", "mechanisms"),
    [
        ("samba4.17-init.s2c", ("NTLM",)),
        ("samba4.17-dc-init.s2c", ("Kerberos", "NTLM")),
        ("SYNTH-windows2019-init.s2c", ("NEGOEX", "Kerberos", "Kerberos user-to-user", "NTLM")),
        ("SYNTH-kerberos-only-init.s2c", ("Kerberos",)),
        ("init-type1.c2s", ("NTLM",)),
    ],
)
def test_mechanisms(name: str, mechanisms: tuple[str, ...]) -> None:
    assert offered(name) == mechanisms


def test_a_challenge_is_carried() -> None:
    found = answered("samba4.17-resp-type2")
    assert (found.state, found.mechanism) == ("accept-incomplete", "NTLM")
    assert ntlm.read_challenge(found.token).server_name == "SMBLABB"


def test_the_end() -> None:
    assert answered("samba4.17-accepted") == spnego.Answer("accept-completed", "", b"")
    assert answered("SYNTH-reject") == spnego.Answer("reject", "", b"")


def test_an_unknown_mechanism_is_told_in_numbers() -> None:
    listed = bytes.fromhex("a00a 3008 0606 2a03 0405 8609")  # 1.2.3.4.5.777
    inner = b"\xa0" + bytes((len(listed) + 2,)) + b"\x30" + bytes((len(listed),)) + listed
    token = b"\x60" + bytes((len(inner) + 8,)) + bytes.fromhex("06062b0601050502") + inner
    assert spnego.read_offer(token).mechanisms == ("1.2.3.4.5.777",)


def test_an_offer_of_nothing() -> None:
    token = bytes.fromhex("600c 0606 2b0601050502 a002 3000")
    assert spnego.read_offer(token).mechanisms == ()


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"\x60",
        b"\x60\x80\x00\x00",  # an indefinite length
        b"\x60\x84\xff\xff\xff\xff",
        b"\x60\x85\x00\x00\x00\x00\x01\x00",
        bytes.fromhex("600a 0608 2b06010505050207"),  # another mechanism's
        bytes.fromhex("a107 3005 a003 0a0109"),  # a state that there is not
        bytes.fromhex("a107 3005 a003 040102"),  # a state that is no number
        bytes(0x10000),
        ntlm.NEGOTIATE,
    ],
)
def test_what_is_neither(token: bytes) -> None:
    for read in (spnego.read_offer, spnego.read_answer):
        with pytest.raises(WireError):
            read(token)


@given(fuzz.hostile(*OFFERS, *ANSWERS))
def test_nothing_but_wire_error_escapes(data: bytes) -> None:
    survives(behind_a_length(spnego.read_offer), measured(data))
    survives(behind_a_length(spnego.read_answer), measured(data))
