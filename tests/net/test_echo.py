"""A port that sends back what it is sent looks like no service."""

from __future__ import annotations

import collections

import pytest

from scanready.net.echo import Echoed, EchoWatch
from scanready.wire import WireError

MESSAGE = b"SSH-2.0-scanready_0.1\r\n"


def watch(*sent: bytes) -> EchoWatch:
    echo = EchoWatch()
    for message in sent:
        echo.sent(message)
    return echo


@pytest.mark.parametrize("size", [1, 7, len(MESSAGE), 4 * len(MESSAGE)])
def test_our_first_message_comes_back_in_any_pieces(size: int) -> None:
    echo, back = watch(MESSAGE, b"the next"), MESSAGE + b"the next"
    pieces = [back[at : at + size] for at in range(0, len(back), size)]
    with pytest.raises(Echoed) as caught:
        collections.deque(map(echo.hear, pieces))
    assert MESSAGE.startswith(caught.value.heard[: len(MESSAGE)])


def test_a_greeting_before_our_first_message_is_not_compared() -> None:
    echo = watch()
    echo.hear(b"login: ")
    echo.sent(MESSAGE)
    with pytest.raises(Echoed):
        echo.hear(MESSAGE)


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        pytest.param(MESSAGE, b"SSH-2.0-OpenSSH_9.2\r\n", id="another name"),
        pytest.param(MESSAGE, MESSAGE[:-1] + b"x", id="another end"),
        pytest.param(b"NOOP\r\n", b"NOOP\r\n", id="a message too short to tell"),
        pytest.param(b"", MESSAGE, id="nothing was sent"),
    ],
)
def test_a_server_of_its_own_is_no_echo(sent: bytes, heard: bytes) -> None:
    watch(sent).hear(heard)


def test_a_part_of_our_message_that_no_reader_understands_is_an_echo() -> None:
    echo, refused = watch(MESSAGE), WireError("not this protocol")
    echo.hear(MESSAGE[:7])
    assert echo.instead_of(refused) is refused, "seven bytes prove nothing"
    echo.hear(MESSAGE[7:8])
    assert isinstance(echo.instead_of(refused), Echoed)
