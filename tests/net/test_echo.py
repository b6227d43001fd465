"""A port that sends back what it is sent looks like no service."""

from __future__ import annotations

import pytest

from scanready.net.echo import Echoed, EchoWatch
from scanready.wire import WireError

MESSAGE = b"GET / HTTP/1.1\r\n"
REFUSED = WireError("not this protocol")


def word(sent: tuple[bytes, ...], heard: bytes, size: int = 1 << 16, greeting: bytes = b"") -> Exception:
    """Return the error for a peer whose words, ``size`` bytes at a time, no reader understands."""
    echo = EchoWatch()
    echo.hear(greeting)
    for message in sent:
        echo.sent(message)
    for at in range(0, len(heard), size):
        echo.hear(heard[at : at + size])
    return echo.instead_of(REFUSED)


@pytest.mark.parametrize("size", [1, 7, len(MESSAGE), 4 * len(MESSAGE)])
def test_our_first_message_comes_back_in_any_pieces(size: int) -> None:
    found = word((MESSAGE, b"the next"), MESSAGE + b"the next", size)
    assert isinstance(found, Echoed)
    assert found.heard == MESSAGE + b"the next"


def test_of_a_long_message_the_beginning_is_compared() -> None:
    assert isinstance(word((b"x" * 4000,), b"x" * 4000), Echoed)


def test_a_greeting_before_our_first_message_is_not_compared() -> None:
    assert isinstance(word((MESSAGE,), MESSAGE, greeting=b"login: "), Echoed)


def test_eight_bytes_are_a_proof_and_seven_are_none() -> None:
    assert isinstance(word((MESSAGE,), MESSAGE[:8]), Echoed)
    assert word((MESSAGE,), MESSAGE[:7]) is REFUSED


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        pytest.param(MESSAGE, b"GET OUT OF HERE\r\n", id="another word"),
        pytest.param(MESSAGE, MESSAGE[:-1] + b"x", id="another end"),
        pytest.param(b"NOOP\r\n", b"NOOP\r\n", id="a message too short to tell"),
        pytest.param(b"", MESSAGE, id="nothing was sent"),
    ],
)
def test_a_server_of_its_own_is_no_echo(sent: bytes, heard: bytes) -> None:
    assert word((sent,), heard) is REFUSED
