"""A client library's thread on a stream of ours: it waits no longer than the stream, and lets go when told."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, misbehave, serve
from scanready.causes import common
from scanready.clients import stream_socket as module
from scanready.clients.stream_socket import Bridge
from scanready.climb.explain import Failure
from scanready.net.dial import dial
from scanready.net.stream import PeerClosed, ReadTimeout, Stream
from scanready.wire import Buffer

T = TypeVar("T")


def line(buffer: Buffer) -> bytes | None:
    return buffer.line(1024)


async def echoes(reader: Reader, writer: Writer, record: Record) -> None:
    while said := await reader.readline():
        writer.write(said)


def bridged(
    behaviour: Behaviour, library: Callable[[Bridge], T], seconds: float = 5.0, after: float | None = None
) -> tuple[T, Server]:
    """Run ``library`` in a thread, on a stream to ``behaviour``; end the bridge ``after`` so many seconds."""

    async def run() -> tuple[T, Server]:
        async with serve(behaviour) as server:
            deadline = asyncio.get_running_loop().time() + seconds
            stream = await dial((socket.AF_INET, ("127.0.0.1", server.port)), deadline)
            bridge = Bridge()
            bridge.begin(stream)
            assert not bridge.encrypted
            going = asyncio.get_running_loop().run_in_executor(None, library, bridge)
            if after is not None:
                await asyncio.wait([going], timeout=after)
            else:
                await asyncio.wait([going])
            await bridge.end(stream)
            await stream.close()
            await server.ended()
            return await going, server

    return asyncio.run(run())


def test_a_thread_talks_over_the_stream() -> None:
    def library(bridge: Bridge) -> list[bytes]:
        bridge.send(b"one\ntwo\n")
        return [bridge.receive(line), bridge.receive(line)]

    said, server = bridged(echoes, library)
    assert said == [b"one", b"two"]
    assert server.connections[0].ended == "fin"


@pytest.mark.parametrize(
    ("behaviour", "expected"), [(misbehave.silent, ReadTimeout), (misbehave.half_open, PeerClosed)]
)
def test_what_the_stream_raises_is_raised_in_the_thread(behaviour: Behaviour, expected: type[Exception]) -> None:
    def library(bridge: Bridge) -> float:
        begun = time.monotonic()
        with pytest.raises(expected):
            bridge.receive(line)
        return time.monotonic() - begun

    waited, _ = bridged(behaviour, library, seconds=0.3)
    assert waited < 0.6


def test_the_stream_is_taken_back_while_the_thread_waits() -> None:
    def library(bridge: Bridge) -> list[object]:
        causes: list[object] = []
        for work in (lambda: bridge.receive(line), lambda: bridge.send(b"late")):
            with pytest.raises(Failure) as failure:
                work()
            causes.append(failure.value.cause)
        return causes

    begun = time.monotonic()
    causes, server = bridged(misbehave.silent, library, seconds=30, after=0.2)
    assert causes == [common.OUT_OF_TIME, common.OUT_OF_TIME]
    assert time.monotonic() - begun < 2
    assert server.connections[0].received == b""


def test_another_stream_of_the_climb_is_not_its_business() -> None:
    async def run() -> None:
        async with serve(echoes) as server:
            where, deadline = (socket.AF_INET, ("127.0.0.1", server.port)), asyncio.get_running_loop().time() + 5
            ours, other = await dial(where, deadline), await dial(where, deadline)
            bridge = Bridge()
            bridge.begin(ours)
            await bridge.end(other)
            await asyncio.to_thread(bridge.send, b"still\n")
            assert await ours.receive(line) == b"still"
            for stream in (ours, other):
                await stream.close()

    asyncio.run(run())


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_loop_that_has_stopped_holds_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOP_GONE", 0.2)
    loop = asyncio.new_event_loop()
    left, right = socket.socketpair()
    raised: list[object] = []

    async def begin() -> Bridge:
        bridge = Bridge()
        bridge.begin(Stream(left, "peer", loop.time() + 0.1))  # type: ignore[arg-type]  # no transport: nothing is sent
        return bridge

    bridge = loop.run_until_complete(begin())

    def library() -> None:
        for _ in range(2):
            with pytest.raises(Failure) as failure:
                bridge.receive(line)
            raised.append(failure.value.cause)
            loop.close()

    with left, right:
        thread = threading.Thread(target=library)
        thread.start()
        thread.join(3)
    assert raised == [common.OUT_OF_TIME, common.OUT_OF_TIME]
