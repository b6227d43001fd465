"""Why a broker cannot be used is said in words that fit."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest

pytest.importorskip("kombu")

from scanready.fleet.connection import Broker, BrokerError, opened
from scanready.fleet.faults import explained

BROKER = Broker("127.0.0.1", 5671, "a", "x")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "ended the connection: start it, see its log"),
        (ConnectionRefusedError(111, "Connection refused"), "refuses the connection: start RabbitMQ there"),
        (TimeoutError("timed out"), "does not answer within"),
    ],
)
def test_the_reason_fits(error: OSError, words: str) -> None:
    assert words in explained(BROKER, error, opening=True)


def test_a_broker_that_ends_in_the_handshake_is_not_called_one_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def end() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = server.accept()
                    with sock:
                        sock.recv(1 << 16)

        threading.Thread(target=end, daemon=True).start()
        with pytest.raises(BrokerError, match="ended the connection"):
            opened(Broker("127.0.0.1", server.getsockname()[1], "a", "x"))
