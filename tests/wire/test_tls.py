from __future__ import annotations

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
    for whole in (ALERT, FLIGHT, HELLO):
        assert all(tls.begins_like_tls(whole[:count]) for count in range(1, len(whole)))
    assert not any(map(tls.begins_like_tls, (b"", b"SSH", b"\x16\x02", b"\x16\x03\x05", b"\x16\x03\x03\xff\xff")))
