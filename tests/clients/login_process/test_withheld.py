"""A secret that must not leave any more: of a login that parts from its server, and of one that is relayed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scanready.causes import common
from scanready.clients.login_process.processes import LoginProcesses
from scanready.clients.login_process.relayed import Framing, Headers, Relayed
from scanready.climb.explain import Failure
from scanready.climb.login_result import LoginResult
from scanready.climb.login_trace import SecretTrace
from tests.clients.login_process import logins
from tests.in_process import Anywhere
from tests.ladder import account

#: A number, the length of the word that follows, and the word; the second kind has the secret.
FRAMING = Framing(2, lambda head: (2 + head[1], head[0]), frozenset({1}))
SECONDS = 9.0


class Answers(Anywhere):
    """Permits that a login begins, and so many secrets."""

    def __init__(self, secrets: int) -> None:
        super().__init__()
        self._left = secrets + 1

    def permit(self) -> None:
        """Take one of them."""
        self._left -= 1
        if self._left < 0:
            raise Failure(common.LOGIN_WITHHELD, "refused elsewhere meanwhile")


def login(visit: Callable[..., Any], where: Callable[[int], Any], network: Anywhere) -> tuple[Any, bytes]:
    """Log in at a server that says "ok" to whatever it gets; return what became of it, and all bytes that came."""
    received = bytearray()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionResetError):  # a client that closes before it has read "ok" resets
            while data := await reader.read(100):
                received.extend(data)
                writer.write(b"ok")
        writer.close()
        ended.set()

    async def run() -> Any:
        server = await asyncio.start_server(served, "127.0.0.1", 0)
        processes, begun = LoginProcesses(), asyncio.get_running_loop().time()
        arguments = where(server.sockets[0].getsockname()[1]), account("er")
        try:
            outcome = await processes.run(visit, arguments, begun + SECONDS, begun + SECONDS, network)
        except Failure as failure:
            outcome = failure
        finally:
            processes.close()
            server.close()
        await asyncio.wait_for(ended.wait(), SECONDS)
        return outcome

    ended = asyncio.Event()
    return asyncio.run(run()), bytes(received)


def relayed(trace: SecretTrace) -> Callable[[int], logins.RelayedWhere]:
    return lambda port: logins.RelayedWhere(Relayed("127.0.0.1", port, FRAMING, trace), trace)


def test_a_login_that_parts_says_its_last_word() -> None:
    trace = logins.PartingTrace()
    outcome, received = login(logins.call_and_part, lambda port: logins.PartingWhere(port, trace), Answers(0))
    assert isinstance(outcome, Failure), outcome
    assert (outcome.cause, outcome.detail) == (common.LOGIN_WITHHELD, "refused elsewhere meanwhile")
    assert received == b"goodbye"
    assert not trace.sent


def test_a_login_that_may_send_its_secret_does() -> None:
    trace = logins.PartingTrace()
    outcome, received = login(logins.call_and_part, lambda port: logins.PartingWhere(port, trace), Answers(1))
    assert outcome == LoginResult(read="sent")
    assert received == b"Passw0rd!"
    assert trace.sent


def test_a_relay_keeps_the_secret_back() -> None:
    trace = SecretTrace()
    outcome, received = login(logins.call_by_relay, relayed(trace), Answers(0))
    assert isinstance(outcome, Failure), outcome
    assert outcome.cause is common.LOGIN_WITHHELD
    assert received == b"\1\5hello"
    assert not trace.sent


def test_a_relay_carries_what_may_leave() -> None:
    trace = SecretTrace()
    outcome, received = login(logins.call_by_relay, relayed(trace), Answers(1))
    assert outcome == LoginResult(read="sent")
    assert received == b"\1\5hello\2\11Passw0rd!"
    assert trace.sent


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_headers_are_found_in_pieces_of_any_size(size: int) -> None:
    words = b"\1\5hello\1\0\2\11Passw0rd!\1\1x"
    headers = Headers(FRAMING)
    found = [headers.feed(words[at : at + size]) for at in range(0, len(words), size)]
    assert list(itertools.chain(*found)) == [1, 1, 2, 1]
    if size == 1:
        assert [at for at, kinds in enumerate(found) if 2 in kinds] == [10], "as soon as the header is whole"


def test_a_length_that_is_too_small_is_that_of_a_header() -> None:
    headers = Headers(replace(FRAMING, read=lambda head: (0, head[0])))
    assert headers.feed(b"\1\0\2\0") == [1, 2]
