"""One epoll set beyond the contract of the streams: each socket is in it once, and leaves it in time."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import socket
import sys
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from scanready.net.dial import accepting, dial
from scanready.net.epoll_poller import EpollPoller
from scanready.net.loop_poller import LoopPoller
from scanready.net.poller import poller_of
from scanready.net.sockets import Address
from scanready.net.stream import ReadTimeout, Stream
from tests.clock import JumpingLoop, PortableLoop
from tests.net.contract.ends import connected
from tests.net.contract.test_stream_contract import read_line

T = TypeVar("T")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux'; elsewhere the contract runs without"),
    pytest.mark.posix("epoll"),
]


class Counting:
    """Stand for an epoll set, and count what is asked of the system."""

    def __init__(self, poller: EpollPoller) -> None:
        self._set, self.registered, self.unregistered = poller._set, list[int](), list[int]()

    def register(self, descriptor: int, events: int) -> None:
        self.registered.append(descriptor)
        self._set.register(descriptor, events)

    def unregister(self, descriptor: int) -> None:
        self.unregistered.append(descriptor)
        self._set.unregister(descriptor)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = self._set.poll(timeout)
        return found


def run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)


def the_poller() -> EpollPoller:
    found = poller_of(asyncio.get_running_loop())
    assert isinstance(found, EpollPoller)
    return found


def counted() -> Counting:
    poller = the_poller()
    counting = Counting(poller)
    poller._set = counting
    return counting


@pytest.mark.parametrize("lines", [1, 50])
def test_a_talk_of_any_length_registers_its_socket_once(lines: int) -> None:
    """A wait costs no system call: it was two of epoll_ctl, and a timer."""

    async def main() -> tuple[int, int]:
        counting = counted()
        async with connected("clear", seconds=60) as (stream, peer):
            for number in range(lines):
                reading = asyncio.create_task(stream.receive(read_line))
                await asyncio.sleep(0)
                await peer.say(b"%d\n" % number)
                assert await reading == b"%d" % number
        return len(counting.registered), len(counting.unregistered)

    assert run(main()) == (1, 1)


def test_a_dialled_connection_is_registered_once_from_connect_to_close() -> None:
    async def main() -> tuple[int, int]:
        counting = counted()
        server = await asyncio.start_server(lambda _, writer: writer.write(b"hello\n"), "127.0.0.1", 0)
        async with server:
            where: Address = socket.AF_INET, server.sockets[0].getsockname()
            stream = await dial(where, asyncio.get_running_loop().time() + 5)
            assert await stream.receive(read_line) == b"hello"
            await stream.close()
        return len(counting.registered), len(counting.unregistered)

    assert run(main()) == (1, 1)


def test_a_wait_keeps_no_error_of_the_read_before_it() -> None:
    """The error has its frames: with them, a silent target took 2 KB more."""

    async def main() -> list[BlockingIOError]:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with server:
            where: Address = socket.AF_INET, server.sockets[0].getsockname()
            stream = await dial(where, asyncio.get_running_loop().time() + 5)
            waiting = asyncio.create_task(stream.receive(read_line))
            await asyncio.sleep(0.05)
            kept = [one for one in gc.get_objects() if isinstance(one, BlockingIOError)]
            waiting.cancel()
            await stream.close()
        return kept

    assert not run(main())


def test_a_stream_that_is_closed_while_it_waits_fails_at_once() -> None:
    """And the next socket, which has the same number, has nothing of it."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            async with connected("clear", seconds=60) as (stream, _):
                waiting = asyncio.create_task(stream.receive(read_line))
                await asyncio.sleep(0)
                number = stream.sock.fileno()
                stream.sock.close()
                began = loop.time()
                other = await dial((socket.AF_INET, silent.getsockname()), began + 1)
                assert other.sock.fileno() == number
                with pytest.raises(ValueError, match="after it was closed or handed over"):
                    await waiting
                with pytest.raises(ReadTimeout):
                    await other.receive(read_line)
                other.sock.close()
                return loop.time() - began

    assert run(main()) == pytest.approx(1, abs=0.1)


def test_a_detached_socket_leaves_the_set() -> None:
    """A client library reads it in a thread or in another process; its bytes must wake no wait here."""

    async def main() -> None:
        counting = counted()
        async with connected("clear", seconds=60) as (stream, peer):
            stream.deadline = asyncio.get_running_loop().time() + 0.1
            with pytest.raises(ReadTimeout):
                await stream.receive(read_line)
            number = stream.sock.fileno()
            with stream.detach() as taken:
                assert counting.unregistered == [number]
                assert not the_poller()._watched
                await peer.say(b"for the library\n")
                assert counting.poll(0) == []
                assert taken.recv(100) == b"for the library\n"

    run(main())


def test_a_forked_process_leaves_the_set_of_its_parent_alone() -> None:
    async def main() -> bytes:
        async with connected("clear", seconds=60) as (stream, peer):
            reading = asyncio.create_task(stream.receive(read_line))
            await asyncio.sleep(0)
            if not (child := os.fork()):
                stream.sock.close()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            await peer.say(b"still there\n")
            return await reading

    assert run(main()) == b"still there"


def test_a_connection_is_not_open_because_something_was_reported() -> None:
    """An event may be that of another socket that had the number: the connection's own state decides."""

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        with full, socket.socket() as one, socket.socket() as two:
            for taken in (one, two):
                taken.setblocking(False)
                taken.connect_ex(full.getsockname())
            poller = the_poller()
            dialling = asyncio.create_task(accepting((socket.AF_INET, full.getsockname()), loop.time() + 1))
            await asyncio.sleep(0)
            (watched,) = poller._watched.values()
            assert watched.for_room is not None
            watched.for_room.set_result(select.EPOLLERR)
            return await dialling is None

    assert run(main())


def test_the_set_goes_with_its_loop() -> None:
    async def main() -> weakref.ref[EpollPoller]:
        async with connected("clear") as (stream, _):
            assert isinstance(stream, Stream)
        return weakref.ref(the_poller())

    poller = run(main())
    gc.collect()
    assert poller() is None


@pytest.mark.parametrize("why", ["the loop watches no descriptor", "there is no epoll"])
def test_the_loops_own_calls_stand_in(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> object:
        return poller_of(asyncio.get_running_loop())

    if why == "there is no epoll":
        monkeypatch.setattr("scanready.net.epoll_poller.sys.platform", "darwin")
    with asyncio.Runner(loop_factory=PortableLoop if why.startswith("the loop") else JumpingLoop) as runner:
        assert isinstance(runner.run(main()), LoopPoller)
