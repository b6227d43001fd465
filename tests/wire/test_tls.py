from __future__ import annotations

import ssl

import pytest
from hypothesis import given

from fixtures.transcripts import load
from scanready.wire import tls
from tests.wire import fuzz

ALERT = load("tls/openssl3.0-alert-protocol-version.s2c.hex")
FLIGHT = load("tls/openssl3.0-tls1.2-server-flight.s2c.hex")
HELLO = load("tls/openssl3.0-tls1.2-client-hello.c2s.hex")


def test_an_alert_says_its_name() -> None:
    assert tls.alert(ALERT) == tls.Alert("fatal", "protocol_version", 70)
    assert tls.alert(ALERT + b"more") == tls.Alert("fatal", "protocol_version", 70)


@pytest.mark.parametrize(
    ("data", "number", "description"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x28", 40, "handshake_failure"),
        (b"\x15\x03\x03\x00\x02\x01\x00", 0, "close_notify"),
        (b"\x15\x03\x03\x00\x02\x02\x74", 116, "certificate_required"),
        (b"\x15\x03\x03\x00\x02\x02\xfe", 254, "alert 254"),
    ],
)
def test_alerts_of_the_registry(data: bytes, number: int, description: str) -> None:
    found = tls.alert(data)
    assert found is not None
    assert (found.number, found.description) == (number, description)


def test_every_alert_has_a_name() -> None:
    """IANA, "TLS Alerts"; the names of the standard library are in capitals."""
    for known in ssl.AlertDescription:
        name = known.name.removeprefix("ALERT_DESCRIPTION_").lower().replace("user_cancelled", "user_canceled")
        found = tls.alert(b"\x15\3\3\0\2\2" + bytes([known]))
        assert found == tls.Alert("fatal", name, known.value)
    others = {21: "decryption_failed", 30: "decompression_failure", 41: "no_certificate", 60: "export_restriction"}
    others |= {86: "inappropriate_fallback", 100: "no_renegotiation", 109: "missing_extension"}
    for number, name in {
        **others,
        116: "certificate_required",
        120: "no_application_protocol",
        121: "ech_required",
    }.items():
        assert tls.alert(b"\x15\3\3\0\2\1" + bytes([number])) == tls.Alert("warning", name, number)
    assert tls.alert(b"\x15\3\0\0\2\3\1") == tls.Alert("level 3", "alert 1", 1)


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        (b"\x14\3\0\0\1", True),
        (b"\x18\3\4\x48\0", True),  # 2^14 + 2048
        (b"\x16\3\4\x48\1", False),
        (b"\x13\3\0\0\1", False),
        (b"\x19\3\0\0\1", False),
        (b"\x16\4\0\0\1", False),
        (b"\x16\3\5\0\1", False),
        (b"\x16\3\3\0\0", False),
    ],
)
def test_the_header_of_a_record(head: bytes, is_one: bool) -> None:
    assert [tls.looks_like_tls(head + b"x"), tls.looks_like_tls(head)] == [is_one, is_one]
    assert [tls.begins_like_tls(head + b"x"), tls.begins_like_tls(head)] == [is_one, is_one]
    assert not tls.looks_like_tls(head[:4])


def test_a_server_hello_is_told_by_its_sixth_octet() -> None:
    assert tls.starts_with_server_hello(FLIGHT)
    assert tls.starts_with_server_hello(b"\x16\3\3\0\1\2")
    for other in (HELLO, FLIGHT[:5], b"\x17" + FLIGHT[1:], b"\x16\3\3\0\1\1"):
        assert not tls.starts_with_server_hello(other)


def test_only_an_alert_of_two_octets_is_readable() -> None:
    for at, octet in ((0, 0x16), (1, 4), (3, 1), (4, 3)):
        assert tls.alert(ALERT[:at] + bytes([octet]) + ALERT[at + 1 :]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ALERT[:6],
        b"\x15\x03\x03\x00\x1a" + bytes(26),  # encrypted: nothing can be said about it
        FLIGHT,
        b"HTTP/1.1 400 Bad Request\r\n",
    ],
)
def test_what_is_no_readable_alert(data: bytes) -> None:
    assert tls.alert(data) is None


def test_what_looks_like_tls() -> None:
    assert all(map(tls.looks_like_tls, (ALERT, FLIGHT, HELLO)))


@pytest.mark.parametrize(
    "data",
    [
        HELLO[:4],
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x16\x02\x00\x00\x10",  # no such major version
        b"\x16\x03\x05\x00\x10",  # nor minor
        b"\x16\x03\x03\xff\xff",  # longer than a record may be
        b"\x16\x03\x03\x00\x00",
        b"\x19\x03\x03\x00\x10",
    ],
)
def test_what_does_not_look_like_tls(data: bytes) -> None:
    assert not tls.looks_like_tls(data)


@given(fuzz.hostile(ALERT, FLIGHT, HELLO))
def test_nothing_escapes(data: bytes) -> None:
    tls.alert(data)
    assert tls.begins_like_tls(data) or not tls.looks_like_tls(data)
    assert tls.looks_like_tls(data) or not tls.starts_with_server_hello(data)


def test_the_beginning_of_a_record() -> None:
    spoiled = {1: b"\x13", 2: b"\x16\4", 3: b"\x16\3\5", 5: b"\x16\3\3\0\0"}
    for at, begun in spoiled.items():
        assert not tls.begins_like_tls(begun)
        assert at == 1 or tls.begins_like_tls(begun[:-1])
    for whole in (ALERT, FLIGHT, HELLO):
        assert all(tls.begins_like_tls(whole[:count]) for count in range(1, len(whole)))
    assert not any(map(tls.begins_like_tls, (b"", b"SSH", b"\x16\x02", b"\x16\x03\x05", b"\x16\x03\x03\xff\xff")))
