"""The end of a connection is found behind the errors that libraries make of it."""

from __future__ import annotations

import http.client
import ssl

import pytest
import requests
import urllib3

from scanready.clients.peer_ended import peer_ended

RESET = ConnectionResetError(104, "Connection reset by peer")
CLOSED = http.client.RemoteDisconnected("Remote end closed connection without response")


def wrapped(error: Exception, behind: Exception) -> Exception:
    try:
        raise error from behind
    except type(error) as raised:
        return raised


@pytest.mark.parametrize(
    "error",
    [
        RESET,
        BrokenPipeError(32, "Broken pipe"),
        CLOSED,
        urllib3.exceptions.ProtocolError("Connection aborted.", CLOSED),
        requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", RESET)),
        wrapped(ValueError("Reraised from ConnectionError"), RESET),
    ],
    ids=["reset", "pipe", "closed", "of urllib3", "of requests", "of a library above"],
)
def test_an_end(error: Exception) -> None:
    assert peer_ended(error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connection refused"),
        requests.ConnectionError("anything else"),
        ssl.SSLError(1, "decryption failed"),
        http.client.BadStatusLine("hello"),
        TimeoutError("timed out"),
        wrapped(ValueError("x"), KeyError("www-authenticate")),
    ],
    ids=["refused", "of requests", "TLS", "no status", "time", "of a library above"],
)
def test_no_end(error: Exception) -> None:
    assert not peer_ended(error)


def test_a_circle_ends() -> None:
    one, other = ValueError("x"), ValueError("y")
    one.__context__, other.__context__ = other, one
    assert not peer_ended(one)
