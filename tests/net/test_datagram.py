"""Questions over UDP: asked again, answered once, and never blocked by silence."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest

from fixtures.limits import HANG
from scanready.causes import common
from scanready.climb.explain import explain
from scanready.model import Step
from scanready.net import datagram
from scanready.net.sockets import Address
from scanready.net.stream import ConnectError, UdpTimeout
from scanready.wire import WireError
from tests.clock import JumpingLoop
from tests.clock import run as run_on_a_jumping_clock
from tests.closed_ports import closed_udp_port

Answer = Callable[[bytes, int], list[bytes]]


class Peer(asyncio.DatagramProtocol):
    """Answers the n-th question with what ``answer`` says."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heard: list[tuple[bytes, int]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append((data, addr[1]))
        for piece in self.answer(data, len(self.heard)):
            self.transport.sendto(piece, addr)


@contextlib.asynccontextmanager
async def peer(answer: Answer) -> AsyncIterator[tuple[Peer, Address]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Peer(answer), local_addr=("127.0.0.1", 0))
    try:
        yield protocol, (socket.AF_INET, transport.get_extra_info("sockname"))
    finally:
        transport.close()


def asked(answer: Answer, seconds: float, privileged: bool = False) -> tuple[bytes, list[tuple[bytes, int]]]:
    async def run() -> tuple[bytes, list[tuple[bytes, int]]]:
        async with peer(answer) as (there, address):
            deadline = asyncio.get_running_loop().time() + seconds
            reply = await datagram.ask(address, b"who?", only_named, deadline, privileged=privileged)
            return reply, there.heard

    return asyncio.run(run())


def only_named(data: bytes) -> bytes | None:
    if data == b"broken":
        raise WireError("broken")
    return data if data.startswith(b"I am") else None


def test_an_answer_is_returned_and_others_are_passed_over() -> None:
    reply, heard = asked(lambda data, nth: [b"noise", b"I am it"], 2)
    assert reply == b"I am it"
    assert [data for data, _ in heard] == [b"who?"]


def test_a_lost_question_is_asked_again_with_the_same_bytes_from_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram, "INTERVAL", 0.05)
    reply, heard = asked(lambda data, nth: [b"I am it"] if nth == 3 else [], 2)
    assert reply == b"I am it"
    assert len(heard) == 3
    assert len(set(heard)) == 1


def test_silence_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram, "INTERVAL", 0.05)
    with pytest.raises(UdpTimeout) as caught:
        asked(lambda data, nth: [], 0.2)
    caught.value.waited = 3.0  # as long as a probe really asks
    found = explain(caught.value, Step.CONNECT, "rpc")
    assert found.cause is common.UDP_SILENT
    assert not found.cause.definite


def test_too_short_a_silence_is_out_of_time() -> None:
    with pytest.raises(UdpTimeout) as caught:
        asked(lambda data, nth: [], 0.05)
    assert explain(caught.value, Step.CONNECT, "rpc").cause is common.OUT_OF_TIME


def test_a_broken_answer_is_a_wire_error() -> None:
    with pytest.raises(WireError):
        asked(lambda data, nth: [b"broken"], 2)


def test_a_flood_of_other_answers_ends() -> None:
    with pytest.raises(WireError, match="none answers the request"):
        asked(lambda data, nth: [b"noise"] * 100, 5)


def test_a_closed_port_says_so_itself() -> None:
    async def run() -> None:
        with closed_udp_port() as where:
            await datagram.ask(where, b"who?", only_named, asyncio.get_running_loop().time() + HANG)

    with pytest.raises(ConnectError) as caught:
        asyncio.run(run())
    found = explain(caught.value, Step.CONNECT, "rpc")
    assert found.cause is common.REFUSED
    assert "UDP" in found.detail


def test_a_privileged_port_is_used_where_it_may_be() -> None:
    _, heard = asked(lambda data, nth: [b"I am it"], 2, privileged=True)
    may = _may_bind_low_ports()
    assert (heard[0][1] < 1024) is may


def _may_bind_low_ports() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", 1021))
        except PermissionError:
            return False
    return True


def test_an_answer_that_came_while_the_loop_was_busy_past_the_time_counts() -> None:
    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
            there.bind(("127.0.0.1", 0))
            where = (socket.AF_INET, there.getsockname())
            asking = asyncio.create_task(datagram.ask(where, b"who?", only_named, loop.time() + 0.5))
            loop.add_reader(there, lambda: busy(loop, there))
            try:
                return await asking
            finally:
                loop.remove_reader(there)

    def busy(loop: JumpingLoop, there: socket.socket) -> None:
        question, back = there.recvfrom(100)
        there.sendto(b"I am " + question, back)
        loop._jumps.now += 100  # a neighbour computes

    assert run_on_a_jumping_clock(run()) == b"I am who?"
