"""The size of a server's Diffie-Hellman group, read from its flight in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanready.net.tls import dhe_suites
from scanready.wire import Cursor, Reader, Steps, WireError, stepwise
from scanready.wire.tls_key_exchange import KeyExchange
from tests.readers import reads, survives
from tests.wire import fuzz

DHE_RSA_AES128, ECDHE_RSA_AES128, TLS13_AES128 = 0x0033, 0xC013, 0x1301
#: RFC 8446, 4.1.3: the random of a ServerHello that is a HelloRetryRequest.
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def record(content: bytes, kind: int = 22) -> bytes:
    return bytes([kind, 3, 3]) + len(content).to_bytes(2, "big") + content


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def server_hello(suite: int, group: int | None = None, *, share: bytes = b"", session: bytes = b"s" * 32) -> bytes:
    """RFC 5246, 7.4.1.3; with a key share RFC 8446, 4.2.8."""
    extensions = b"\x00\x2b\x00\x02\x03\x04"
    if group is not None:
        value = group.to_bytes(2, "big") + share
        extensions += b"\x00\x33" + len(value).to_bytes(2, "big") + value
    head = b"\x03\x03" + RETRY + bytes([len(session)]) + session + suite.to_bytes(2, "big") + b"\0"
    return message(2, head + len(extensions).to_bytes(2, "big") + extensions)


def key_exchange(modulus: int, padding: int = 0) -> bytes:
    """ServerDHParams (RFC 5246, 7.4.3): modulus, generator, public value, each with a length of two octets."""
    numbers = (bytes(padding) + modulus.to_bytes((modulus.bit_length() + 7) // 8, "big"), b"\2", b"\4" * 8)
    return message(12, b"".join(len(number).to_bytes(2, "big") + number for number in numbers) + b"signature")


def bits_of(flight: bytes, piece: int = 1 << 20) -> int:
    followed = KeyExchange(dhe_suites())
    for at in range(0, len(flight), piece):
        followed.feed(flight[at : at + piece])
    return followed.bits


def reading(size: int) -> Reader[int]:
    """A reader of a flight of that size, as the handshake follows it: part by part."""

    @stepwise
    def read(cursor: Cursor) -> Steps[int]:
        followed = KeyExchange(dhe_suites())
        while cursor.at < size and (part := (yield from cursor.part(size - cursor.at))):
            followed.feed(part)
        if cursor.at < size:
            yield from cursor.cut_short()
        return followed.bits

    return read


CERTIFICATE = message(11, b"\x0c" * 5000)


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize("cut", [1, 100, 16384], ids=lambda size: f"records-of-{size}")
@pytest.mark.parametrize("bits", [512, 2048, 8191, 8192, 9990])
def test_a_group_of_tls_1_2(bits: int, cut: int, piece: int) -> None:
    flight = server_hello(DHE_RSA_AES128) + CERTIFICATE + key_exchange(1 << (bits - 1)) + message(14, b"")
    records = b"".join(record(flight[at : at + cut]) for at in range(0, len(flight), cut))
    assert bits_of(records, piece) == bits


def test_noughts_before_a_modulus_do_not_count() -> None:
    flight = server_hello(DHE_RSA_AES128) + key_exchange((1 << 8192) - 1, padding=1)
    assert bits_of(record(flight)) == 8192


def test_an_elliptic_curve_is_no_group() -> None:
    """Its three first octets, 03 00 17, would be a modulus of 768 octets."""
    flight = server_hello(ECDHE_RSA_AES128) + message(12, b"\x03\x00\x17\x41" + b"\x04" * 900)
    assert bits_of(record(flight)) == 0


@pytest.mark.parametrize(
    ("group", "bits"),
    [(0x0100, 2048), (0x0101, 3072), (0x0102, 4096), (0x0103, 6144), (0x0104, 8192), (0x0105, 0), (0x001D, 0)],
)
@pytest.mark.parametrize("share", [b"", b"\x00\x02ab"], ids=["a-retry", "a-hello"])
def test_a_named_group_of_tls_1_3(group: int, bits: int, share: bytes) -> None:
    assert bits_of(record(server_hello(TLS13_AES128, group, share=share))) == bits


def extended(extensions: bytes, suite: int = TLS13_AES128, session: bytes = b"") -> bytes:
    """A ServerHello with these extensions."""
    head = b"\x03\x03" + RETRY + bytes([len(session)]) + session + suite.to_bytes(2, "big") + b"\0"
    return message(2, head + len(extensions).to_bytes(2, "big") + extensions)


@pytest.mark.parametrize(
    ("extensions", "bits"),
    [
        ("0033 0002 0100", 2048),
        ("0000 0000 0033 0002 0101", 3072),
        ("0001 0001 ff 0033 0002 0102", 4096),
        ("ff33 0002 0100", 0),
        ("0033 0002 01", 0),  # cut
        ("0001 0102 0033 0002 0102", 0),  # a length of two octets, beyond the end
        ("", 0),
    ],
)
def test_the_extensions_of_a_hello(extensions: str, bits: int) -> None:
    flight = record(extended(bytes.fromhex(extensions)))
    assert bits_of(flight) == bits_of(flight, 1) == bits
    assert bits_of(record(extended(bytes.fromhex(extensions), session=b"0123"))) == bits


def test_a_later_hello_takes_the_place_of_the_first() -> None:
    retry, hello = server_hello(TLS13_AES128, 0x0100), server_hello(TLS13_AES128, 0x001D)
    assert bits_of(record(retry) + record(hello)) == 0
    assert bits_of(record(hello + retry)) == 2048
    other = message(11, b"\0\1\1") + message(14, b"") + message(12, b"\0\1\xff")
    assert bits_of(record(server_hello(ECDHE_RSA_AES128) + other)) == 0
    assert bits_of(record(server_hello(DHE_RSA_AES128) + other)) == 8
    assert bits_of(record(server_hello(DHE_RSA_AES128) + message(12, b""))) == 0
    assert bits_of(record(message(2, b"short") + message(12, b"\0\1\xff"))) == 0


@pytest.mark.parametrize(
    ("modulus", "bits"),
    [
        (b"\xff", 8),
        (b"\1", 1),
        (b"\0\1", 1),
        (b"\x80" + bytes(99), 800),
        (bytes(63) + b"\x80" + bytes(99), 800),
        (bytes(64) + b"\1" + bytes(99), 800),
    ],  # octets behind the first 64 count whole
)
def test_the_size_of_a_modulus_is_read_from_its_first_64_octets(modulus: bytes, bits: int) -> None:
    parameters = message(12, len(modulus).to_bytes(2, "big") + modulus)
    assert bits_of(record(server_hello(DHE_RSA_AES128) + parameters)) == bits


def test_what_is_followed_before_a_hello_and_kept_of_a_message() -> None:
    followed = KeyExchange(dhe_suites())
    assert (followed.bits, followed.handshakes) == (0, 0)
    key = message(12, (200).to_bytes(2, "big") + b"\x80" + bytes(199))
    assert bits_of(record(key)) == 0, "nothing said that its group is one of these"
    followed.feed(record(server_hello(DHE_RSA_AES128)) + record(CERTIFICATE)[:100])
    assert followed._body == b""
    followed.feed(record(CERTIFICATE)[100:])
    for octet in record(key)[:-1]:
        followed.feed(bytes([octet]))
    assert (len(followed._body), followed.bits) == (66, 0)
    followed.feed(record(key)[-1:])
    assert (bytes(followed._body), followed.bits, followed.handshakes) == (b"", 1600, 3)
    assert bits_of(record(server_hello(DHE_RSA_AES128) + message(12, b"\0\1" + bytes(70)))) == 0


def test_a_certificate_may_be_longer_than_two_octets_can_say() -> None:
    flight = server_hello(DHE_RSA_AES128) + message(11, b"\x0c" * 70_000) + key_exchange(1 << 2047)
    assert bits_of(b"".join(record(flight[at : at + 16384]) for at in range(0, len(flight), 16384))) == 2048


def test_a_long_hello_is_read_up_to_20000_octets() -> None:
    share = bytes.fromhex("0033 0002 0100")
    for filler, bits in ((20_000 - 40 - 4 - 6, 2048), (20_000 - 40 - 4 - 5, 0)):
        flight = extended(b"\0\1" + filler.to_bytes(2, "big") + bytes(filler) + share)
        assert len(flight) == 4 + 50 + filler
        assert bits_of(b"".join(record(flight[at : at + 16384]) for at in range(0, len(flight), 16384))) == bits


def test_records_of_another_kind_between_are_passed_over() -> None:
    """OpenSSL takes a few warnings, and TLS 1.3 sends a ChangeCipherSpec that means nothing."""
    flight = server_hello(DHE_RSA_AES128) + key_exchange(1 << 9989)
    between = record(b"\x01\x5a", 21) + record(b"\x01", 20) + record(b"")
    records = b"".join(record(flight[at : at + 50]) + between for at in range(0, len(flight), 50))
    assert bits_of(records) == 9990


def test_a_handshake_after_the_handshake_is_counted() -> None:
    followed = KeyExchange(dhe_suites())
    followed.feed(record(server_hello(DHE_RSA_AES128)))
    followed.handshakes = 0
    followed.feed(record(b"encrypted", 23) + record(b"x")[:4])
    assert followed.handshakes == 0
    followed.feed(record(b"x")[4:])
    assert followed.handshakes == 1


FLIGHTS = (
    record(server_hello(DHE_RSA_AES128) + CERTIFICATE + key_exchange(1 << 9989) + message(14, b"")),
    record(server_hello(DHE_RSA_AES128)) + record(CERTIFICATE) + record(key_exchange((1 << 8192) - 1, padding=3)),
    record(server_hello(TLS13_AES128, 0x0104)) + record(b"\x01", 20) + record(b"sealed", 23),
)


@pytest.mark.parametrize(
    ("flight", "bits"), list(zip(FLIGHTS, (9990, 8192, 8192), strict=True)), ids=["one", "two", "three"]
)
def test_a_flight_is_followed_in_any_parts(flight: bytes, bits: int) -> None:
    assert reads(reading(len(flight)), flight) == bits


@given(fuzz.hostile(*FLIGHTS), st.booleans())
def test_hostile_bytes_raise_nothing_and_are_not_kept(data: bytes, eof: bool) -> None:
    answer = survives(reading(max(1, len(data))), data, eof=eof)
    assert answer is None or isinstance(answer, int | WireError)
    followed = KeyExchange(dhe_suites())
    followed.feed(data)
    assert len(followed._body) <= 20_000
