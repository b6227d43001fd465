"""Encrypted logins against what IBM's driver sent: the tokens of its session open under the same numbers as ours."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given

from fixtures.emulators import db2
from fixtures.transcripts import load
from scanready.wire import Buffer, WireError, drda
from scanready.wire.drda_encryption import LENGTH, Exchange
from tests.readers import reads, survives
from tests.wire import fuzz

#: ACCSECRD: mechanism 9, and the emulated server's half of the exchange.
AGREED = db2.reply(0x14AC, f"000611a20009002411dc{db2.PUBLIC.hex()}")


def parameters(flight: bytes, at: int, codepoint: int) -> list[bytes]:
    """The values of one codepoint in the structure that begins at ``at``."""
    content = flight[at + 10 : at + int.from_bytes(flight[at : at + 2], "big")]
    found = []
    while content:
        length = int.from_bytes(content[:2], "big")
        if int.from_bytes(content[2:4], "big") == codepoint:
            found.append(content[4:length])
        content = content[length:]
    return found


def token_of(answer: bytes) -> bytes:
    (reply,) = reads(drda.read_replies, answer, trailing=b"\x00\x15\xd0")
    token = drda.security_of(reply).token
    assert token is not None
    return token


def test_the_vendors_tokens_open_under_the_same_numbers() -> None:
    first = load("drda/ibm_db12.1-encrypted-excsat-accsec.c2s.hex")
    (theirs,) = parameters(first, int.from_bytes(first[:2], "big"), 0x11DC)
    sent = parameters(load("drda/ibm_db12.1-encrypted-secchk-accrdb.c2s.hex"), 0, 0x11DC)
    assert [db2.deciphered(token, theirs).decode("cp500") for token in sent] == [db2.USER, db2.PASSWORD]


@pytest.mark.parametrize("text", [b"", b"1234567", b"12345678", "Passw0rd!".encode("cp500"), b"\xff" * 200])
def test_our_tokens_open_likewise(text: bytes) -> None:
    exchange = Exchange()
    assert len(exchange.public) == LENGTH
    token = exchange.encrypt(token_of(AGREED), text)
    assert db2.deciphered(token, exchange.public) == text
    assert text not in token or not text


def test_every_exchange_has_a_secret_of_its_own() -> None:
    assert Exchange().public != Exchange().public


def test_every_secret_has_255_bits() -> None:
    assert {Exchange()._secret.bit_length() for _ in range(64)} == {255}


@pytest.mark.parametrize("least", [True, False])
def test_every_value_within_the_group_gets_one(least: bool) -> None:
    value = 2 if least else int.from_bytes(PRIME) - 2
    assert len(Exchange().encrypt(value.to_bytes(LENGTH), b"secret")) == 8


PRIME = bytes.fromhex("c62112d73ee613f0947ab31f0f6846a1bff5b3a4ca0d60bc1e4c7a0d8c16b3e3")


@pytest.mark.parametrize(
    "token",
    [
        b"",
        bytes(32),  # 0 and 1: everybody knows the key that comes of them
        bytes(31) + b"\x01",
        PRIME[:-1] + bytes([PRIME[-1] - 1]),  # so for -1
        PRIME,
        b"\xff" * 32,
        db2.PUBLIC[1:],
        db2.PUBLIC + b"\0",
        bytes(64),
    ],
)
def test_values_outside_the_group_get_no_password(token: bytes) -> None:
    with pytest.raises(WireError, match="not a value of DRDA's key exchange"):
        Exchange().encrypt(token, b"secret")


def hostile_token(reply: drda.Object, _: Buffer) -> bytes | None:
    return drda.security_of(reply).token


def hostile_secret(token: bytes, _: Buffer) -> bytes:
    return Exchange().encrypt(token, b"secret")


@given(fuzz.hostile(AGREED))
def test_hostile_answers_raise_nothing_else(data: bytes) -> None:
    found = survives(drda.read_replies, data)
    for reply in found if isinstance(found, tuple) else ():
        token = survives(partial(hostile_token, reply), b"")
        if isinstance(token, bytes):
            survives(partial(hostile_secret, token), b"")


def test_the_seed_of_that_fuzz_is_whole() -> None:
    assert drda.read_replies(Buffer(AGREED)) is not None
