from __future__ import annotations

import pytest
from hypothesis import given

from fixtures.transcripts import load, names
from scanready.wire import UnknownValue, WireError, ntlm, spnego
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


def der(tag: int, content: bytes, octets: int = 0) -> bytes:
    """X.690, 8.1.3: the length in one octet, or in so many behind a count."""
    if not octets and len(content) < 0x80:
        return bytes((tag, len(content))) + content
    octets = octets or (len(f"{len(content):x}") + 1) // 2
    return bytes((tag, 0x80 | octets)) + len(content).to_bytes(octets, "big") + content


SPNEGO_OID = der(6, bytes.fromhex("2b0601050502"))
NTLMSSP_OID = der(6, bytes.fromhex("2b06010401823702020a"))


def first_token(listed: bytes, rest: bytes = b"") -> bytes:
    return der(0x60, SPNEGO_OID + der(0xA0, der(0x30, der(0xA0, der(0x30, listed)) + rest)))


@pytest.mark.parametrize("size", [0, 0x40, 0x79, 0x7F, 0x80, 0xF8, 0xFF, 0x100, 0xFFFF])
def test_our_offer_of_any_size(size: int) -> None:
    token = b"t" * size
    assert spnego.offer_ntlm(token) == first_token(NTLMSSP_OID, der(0xA2, der(0x04, token)))


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("2b06010401823702020a", "NTLM"),
        ("2a864886f712010202", "Kerberos"),
        ("2a864882f712010202", "Kerberos"),
        ("2a864886f71201020203", "Kerberos user-to-user"),
        ("2b06010401823702021e", "NEGOEX"),
        ("2b0601050205", "IAKERB"),
        # X.690, 8.19: the first two numbers are one, 40 x + y, where x is 2 at most
        ("27", "0.39"),
        ("28", "1.0"),
        ("4f", "1.39"),
        ("50", "2.0"),
        ("7f", "2.47"),
        ("883703", "2.999.3"),
        ("2aff7f8100", "1.2.16383.128"),
        ("2a80", "1.2"),
        ("80", "?"),
        ("", "?"),
    ],
)
def test_the_names_of_mechanisms(identifier: str, name: str) -> None:
    listed = der(6, bytes.fromhex(identifier))
    assert spnego.read_offer(first_token(listed * 2)).mechanisms == (name,)
    chosen = der(0xA1, der(0x30, der(0xA1, listed)))
    assert spnego.read_answer(chosen) == spnego.Answer("", name if identifier else "", b"")


def test_a_long_name_is_cut_and_a_long_list_refused() -> None:
    assert spnego.read_offer(first_token(der(6, b"\x2a" + b"\1" * 80))).mechanisms == ("1.2" + ".1" * 63,)
    many = b"".join(der(6, bytes((0x2A, number))) for number in range(64))
    assert len(spnego.read_offer(first_token(many)).mechanisms) == 64
    for listed in (many + NTLMSSP_OID, NTLMSSP_OID + der(5, b"")):
        with pytest.raises(WireError, match="mechanisms"):
            spnego.read_offer(first_token(listed))


@pytest.mark.parametrize("octets", [1, 2, 3, 4])
def test_a_length_may_have_more_octets_than_der_wants(octets: int) -> None:
    inner = der(0x30, der(0xA0, der(0x30, NTLMSSP_OID, octets), octets), octets)
    token = der(0x60, SPNEGO_OID + der(0xA0, inner, octets), octets)
    assert spnego.read_offer(token + b"padding").mechanisms == ("NTLM",)
    with pytest.raises(WireError, match="ends within one of its fields"):
        spnego.read_offer(token[:-1])
    with pytest.raises(WireError, match="a length that DER does not have"):
        spnego.read_offer(token[:1] + bytes((0x80 | octets,)) + token[2 : 1 + octets])


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (der(0x61, b""), "without an initial token"),
        (der(0x60, SPNEGO_OID), "not SPNEGO's"),
        (der(0x60, NTLMSSP_OID + der(0xA0, b"")), "not SPNEGO's"),
        (der(0x60, SPNEGO_OID + der(0xA0, b"") + der(0xA0, b"")), "not SPNEGO's"),
        (der(0x60, SPNEGO_OID + der(0xA1, der(0x30, b""))), "without NegTokenInit"),
        (der(0x60, SPNEGO_OID + der(0xA0, der(0x31, b""))), "without NegTokenInit"),
        (der(0x60, SPNEGO_OID + der(0xA0, der(0x30, der(0xA0, b"")))), "without the list of mechanisms"),
        (bytes(0x10000), "a security token of 65536 bytes"),
        (bytes(0xFFFF), "without an initial token"),
        (b"\x60\x81", "a length that DER does not have"),
        (b"\x60", "a length that DER does not have"),
        (b"\x60\x80" + bytes(128), "a length that DER does not have"),  # an indefinite one
        (b"\x60\x85\0\0\0\0\0", "a length that DER does not have"),
    ],
)
def test_broken_offers(token: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        spnego.read_offer(token)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"", spnego.Answer("", "", b"")),
        (der(0xA0, der(10, b"\0")), spnego.Answer("accept-completed", "", b"")),
        (der(0xA0, der(10, b"\1")) + der(0xA2, der(4, b"t")), spnego.Answer("accept-incomplete", "", b"t")),
        (der(0xA0, der(10, b"\2")), spnego.Answer("reject", "", b"")),
        (der(0xA0, der(10, b"\3")) + der(0xA1, NTLMSSP_OID), spnego.Answer("request-mic", "NTLM", b"")),
        (der(0xA0, der(10, b"")), spnego.Answer("", "", b"")),
        (der(0xA2, b"\4\x81\0"), spnego.Answer("", "", b"")),  # nothing, its length in two octets
    ],
)
def test_answers(fields: bytes, expected: spnego.Answer) -> None:
    assert spnego.read_answer(der(0xA1, der(0x30, fields))) == expected


@pytest.mark.parametrize(("state", "number"), [(b"\4", 4), (b"\0\1", 1), (b"\1\2\3\4\5", 0x01020304)])
def test_a_state_that_there_is_not_is_told(state: bytes, number: int) -> None:
    with pytest.raises(UnknownValue, match=f"the state of SPNEGO is {number} "):
        spnego.read_answer(der(0xA1, der(0x30, der(0xA0, der(10, state)))))


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (der(0xA0, der(0x30, b"")), "without NegTokenResp"),
        (der(0xA1, der(0x31, b"")), "without NegTokenResp"),
        (der(0xA1, der(0x30, der(0xA0, der(4, b"\0")))), "without the state"),
        (der(0xA1, der(0x30, der(0xA1, der(4, b"\0")))), "without the chosen mechanism"),
        (der(0xA1, der(0x30, der(0xA2, der(6, b"\0")))), "without the token"),
    ],
)
def test_broken_answers(token: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        spnego.read_answer(token)


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
