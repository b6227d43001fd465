"""The contract of the byte pipe, whatever carries its bytes: see ends.py for how a backend is held to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from scanready.net.stream import MOST_UNREAD, PeerClosed, ReadTimeout, Stream
from scanready.wire import Cursor, Steps, WireError, stepwise
from tests.clock import JumpingLoop
from tests.net.contract.ends import BACKENDS, CHANNELS, Backend, Channel, Spring, TickingLoop, connected
from tests.pace import bound

#: CPU seconds that one turn of the loop may take (tests/pace.py says on which machine).
LONGEST_TURN = 0.05


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Backend:
    return BACKENDS[request.param]


@pytest.fixture(params=CHANNELS)
def channel(request: pytest.FixtureRequest) -> Channel:
    found: Channel = request.param
    return found


@stepwise
def read_line(cursor: Cursor) -> Steps[bytes]:
    return (yield from cursor.line(1 << 20))


@stepwise
def read_for_ever(cursor: Cursor) -> Steps[bytes]:
    while (yield from cursor.part(1 << 30)):
        pass
    return (yield from cursor.cut_short())


@pytest.mark.parametrize("piece", [1, 7, 65_536])
def test_messages_are_whole_in_any_pieces(backend: Backend, channel: Channel, piece: int) -> None:
    lines = [b"hello", b"", b"x" * 3000, b"world"]

    async def run() -> list[bytes]:
        async with connected(channel, piece=piece) as (stream, peer):
            saying = asyncio.create_task(peer.say(b"".join(line + b"\r\n" for line in lines)))
            found = [await stream.receive(read_line) for _ in lines]
            await saying
            return found

    assert backend.run(run()) == lines


def test_both_sides_talk_at_once(backend: Backend, channel: Channel) -> None:
    async def run() -> tuple[bytes, bytes]:
        async with connected(channel) as (stream, peer):
            _, heard, answer, _ = await asyncio.gather(
                stream.send(b"question\n"), peer.hear(), stream.receive(read_line), peer.say(b"answer\n")
            )
            return heard, answer

    assert backend.run(run()) == (b"question\n", b"answer")


def test_a_read_may_be_cancelled_at_any_await(backend: Backend, channel: Channel) -> None:
    """The next read gets the bytes that were read for it: nothing is lost, nothing comes twice."""
    text = b"".join(b"%d\n" % number for number in range(300))

    async def run() -> bytes:
        async with connected(channel, piece=3) as (stream, peer):
            saying = asyncio.create_task(peer.say(text))
            found: list[bytes] = []
            turns = 0
            while len(found) < 300:
                reading = asyncio.create_task(_some(stream, found))
                for _ in range(turns % 7):
                    await asyncio.sleep(0)
                reading.cancel()
                await asyncio.wait([reading])
                turns += 1
            await saying
            return b"".join(line + b"\n" for line in found)

    async def _some(stream: Stream, found: list[bytes]) -> None:
        while len(found) < 300:
            found.append(await stream.receive(read_line))

    assert backend.run(run()) == text


def test_a_peer_that_closes_its_half_is_read_to_the_end(backend: Backend, channel: Channel) -> None:
    async def run() -> tuple[bytes, bytes]:
        async with connected(channel) as (stream, peer):
            await peer.say(b"last words\nand a ha")
            peer.half_close()
            answer = await stream.receive(read_line)
            with pytest.raises(PeerClosed) as error:
                await stream.receive(read_line)
            if channel == "clear":
                await stream.send(b"we may still talk\n")
                assert await peer.hear() == b"we may still talk\n"
            else:  # TLS has no half-close without its own word for the end
                with pytest.raises(PeerClosed):
                    await stream.send(b"we may not talk\n")
            return answer, error.value.heard

    answer, heard = backend.run(run())
    assert (answer, heard) == (b"last words", b"last words\nand a ha")


def test_our_end_is_a_fin_and_what_still_comes_is_drained(backend: Backend, channel: Channel) -> None:
    async def run() -> None:
        async with connected(channel) as (stream, peer):
            await peer.say(b"unread\n" * 1000)
            closing = asyncio.create_task(stream.close())
            while await _raw(peer.sock):  # a reset would raise
                await peer.say(b"more\n")
            peer.half_close()
            await closing

    async def _raw(sock: object) -> bytes:
        return await asyncio.get_running_loop().sock_recv(sock, 1 << 16)  # type: ignore[arg-type]

    backend.run(run())


def test_a_reset_in_the_middle_of_a_message(backend: Backend, channel: Channel) -> None:
    async def run() -> None:
        async with connected(channel) as (stream, peer):
            reading = asyncio.create_task(stream.receive(read_line))
            await peer.say(b"half a li")
            await asyncio.sleep(0.01)
            peer.reset()
            with pytest.raises(PeerClosed):
                await reading

    backend.run(run())


def test_what_came_together_with_a_reset_is_read(backend: Backend, channel: Channel) -> None:
    async def run() -> bytes:
        async with connected(channel) as (stream, peer):
            reading = asyncio.create_task(stream.receive(read_line))
            await asyncio.sleep(0)
            peer.sock.send(peer.sealed(b"last words\nhalf a li"))
            peer.reset()
            answer = await reading
            with pytest.raises(PeerClosed):
                await stream.receive(read_line)
            return answer

    assert backend.run(run()) == b"last words"


def test_the_places_of_silent_peers_are_taken_in_time(backend: Backend) -> None:
    """Waits that are over end before new ones begin: the whole takes its rounds, and no more."""

    async def run() -> float:
        async def waits_in_turn() -> None:
            for _ in range(4):
                async with connected("clear", seconds=1) as (stream, _):
                    with pytest.raises(ReadTimeout):
                        await stream.receive(read_line)

        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(waits_in_turn() for _ in range(50)))
        return asyncio.get_running_loop().time() - began

    assert 4 <= backend.run(run()) < 4.2


def test_silence_ends_at_the_deadline(backend: Backend, channel: Channel) -> None:
    async def run() -> float:
        async with connected(channel, seconds=3) as (stream, peer):
            began = asyncio.get_running_loop().time()
            await peer.say(b"half a li")
            with pytest.raises(ReadTimeout):
                await stream.receive(read_line)
            return asyncio.get_running_loop().time() - began

    assert backend.run(run()) == pytest.approx(3, rel=0.1)


# bytes that are always there


SECONDS = 0.1
SMALL = (b"x\n", b"x" * 700 + b"\n", b"x\n" * 100)


async def _reads_lines(stream: Stream) -> None:
    while True:
        await stream.receive(read_line)


async def _reads_one_message(stream: Stream) -> None:
    await stream.receive(read_for_ever)


@pytest.mark.parametrize("text", SMALL, ids=["a-line", "a-long-line", "many-lines"])
@pytest.mark.parametrize("read", [_reads_lines, _reads_one_message])
def test_the_deadline_holds_and_the_loop_turns_with_bytes_always_there(
    backend: Backend, channel: Channel, text: bytes, read: Callable[[Stream], object]
) -> None:
    async def run() -> tuple[float, int, int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, TickingLoop)
        async with connected(channel, seconds=SECONDS) as (stream, peer):
            assert isinstance(stream.sock, Spring)
            stream.sock.source = lambda: peer.sealed(text)
            began, turns, loop.longest = loop.time(), loop.turns, 0.0
            with pytest.raises((ReadTimeout, WireError)) as error:
                await read(stream)  # type: ignore[misc]
            if isinstance(error.value, WireError):
                assert stream.unread > MOST_UNREAD
            assert loop.longest < bound(LONGEST_TURN)
            return loop.time() - began, loop.turns - turns, stream.sock.reads

    seconds, turns, reads = backend.ticking().run(run())
    assert seconds <= SECONDS * 1.1
    assert reads <= 4 * turns + 5


def test_a_neighbour_has_its_turn_beside_a_peer_that_never_stops(backend: Backend, channel: Channel) -> None:
    async def run() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        async with connected(channel, seconds=SECONDS) as (stream, peer):
            neighbour = asyncio.create_task(tick())
            assert isinstance(stream.sock, Spring)
            stream.sock.source = lambda: peer.sealed(b"x\n")
            with pytest.raises(ReadTimeout):
                await _reads_lines(stream)
            neighbour.cancel()
        return ticks

    assert backend.ticking().run(run()) >= SECONDS / 0.01 * 0.7


def test_cancelling_works_with_bytes_always_there(backend: Backend, channel: Channel) -> None:
    async def run() -> bool:
        async with connected(channel, seconds=1000) as (stream, peer):
            assert isinstance(stream.sock, Spring)
            stream.sock.source = lambda: peer.sealed(b"x\n")
            reading = asyncio.create_task(_reads_lines(stream))
            await asyncio.sleep(0.05)
            reading.cancel()
            await asyncio.wait([reading])
            return reading.cancelled()

    assert backend.ticking().run(run())


def test_a_handshake_that_is_fed_for_ever_meets_the_deadline(backend: Backend) -> None:
    """Warnings that TLS passes over, one after the other."""

    async def run() -> float:
        loop = asyncio.get_running_loop()
        async with connected("clear", seconds=SECONDS) as (stream, _):
            assert isinstance(stream.sock, Spring)
            stream.sock.source = lambda: b"\x16\x03\x03\x40\x00\x02\x00\xff\xff"[: 1 + stream.sock.reads % 9]
            began = loop.time()
            with pytest.raises(Exception):  # noqa: B017, PT011  # TLS may refuse the bytes before that
                await stream.start_tls("localhost")
            return loop.time() - began

    assert backend.ticking().run(run()) <= SECONDS * 1.1


def test_bytes_that_came_by_the_deadline_are_taken_once(backend: Backend, channel: Channel) -> None:
    """A loop that is late reads what came in time, and then no more."""

    async def run() -> bytes:
        async with connected(channel) as (stream, peer):
            await peer.say(b"in time\nhalf")
            await asyncio.sleep(0.01)
            stream.deadline = asyncio.get_running_loop().time() - 1
            answer = await stream.receive(read_line)
            await peer.say(b" too late\n")
            await asyncio.sleep(0.01)
            with pytest.raises(ReadTimeout):
                await stream.receive(read_line)
            return answer

    assert backend.run(run()) == b"in time"


@pytest.mark.parametrize("patience", [None, 2.0], ids=["until the deadline", "until the first byte"])
def test_bytes_that_came_while_the_loop_was_busy_past_the_time_are_taken(
    backend: Backend, channel: Channel, patience: float | None
) -> None:
    """The wait ends in the very turn in which the socket is read: the peer was not silent."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        async with connected(channel, seconds=3) as (stream, peer):
            stream.wait_for_first_byte(patience)
            waiting = asyncio.create_task(stream.receive(read_line))
            await asyncio.sleep(0)
            peer.sock.send(peer.sealed(b"in time\n"))
            loop._jumps.now += 100  # a neighbour computes
            return await waiting

    assert backend.run(run()) == b"in time"


@pytest.mark.parametrize("says", [b"SSH-2.0-x\r\n", b""], ids=["speaks", "closes"])
def test_a_peer_that_is_no_silent_one_is_heard_by_a_busy_loop(backend: Backend, channel: Channel, says: bytes) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        async with connected(channel, seconds=1000) as (stream, peer):
            listening = asyncio.create_task(stream.expect_silence(2))
            await asyncio.sleep(0)
            if says:
                peer.sock.send(peer.sealed(says))
            else:
                peer.half_close()
            loop._jumps.now += 100
            await listening

    with pytest.raises(WireError if says else PeerClosed):
        backend.run(run())


def test_more_than_the_budget_is_refused(backend: Backend, channel: Channel) -> None:
    @stepwise
    def read_too_much(cursor: Cursor) -> Steps[bytes]:
        return (yield from cursor.take(1 << 30))

    async def run() -> int:
        async with connected(channel, seconds=1000) as (stream, peer):
            assert isinstance(stream.sock, Spring)
            stream.sock.source = lambda: peer.sealed(b"x" * 8_000)
            with pytest.raises(WireError, match="without completing a message"):
                await stream.receive(read_too_much)
            return stream.unread

    assert backend.run(run()) <= MOST_UNREAD + (1 << 14)


# the way out


def test_a_peer_that_takes_nothing_blocks_a_send_until_the_deadline(backend: Backend, channel: Channel) -> None:
    async def run() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.1)
                ticks += 1

        async with connected(channel, seconds=3) as (stream, _):
            neighbour = asyncio.create_task(tick())
            began = loop.time()
            with pytest.raises(ReadTimeout):
                await stream.send(bytes(16 << 20))
            neighbour.cancel()
            return loop.time() - began, ticks

    seconds, ticks = backend.run(run())
    assert seconds == pytest.approx(3, rel=0.1)
    assert ticks >= 25


def test_a_slow_taker_gets_all_of_it(backend: Backend, channel: Channel) -> None:
    data = bytes(range(256)) * 4096

    async def run() -> bytes:
        async with connected(channel, seconds=60) as (stream, peer):
            sending = asyncio.create_task(stream.send(data))
            heard = b""
            while len(heard) < len(data):
                heard += await peer.hear()
                await asyncio.sleep(0.01)
            await sending
            return heard

    assert backend.run(run()) == data


def test_a_blocked_send_may_be_cancelled(backend: Backend, channel: Channel) -> None:
    async def run() -> bool:
        async with connected(channel, seconds=1000) as (stream, _):
            sending = asyncio.create_task(stream.send(bytes(16 << 20)))
            await asyncio.sleep(0.05)
            sending.cancel()
            await asyncio.wait([sending])
            return sending.cancelled()

    assert backend.run(run())
