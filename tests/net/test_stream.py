"""The byte pipe: partial reads, deadlines, TLS, polite ends, what the kernel tells."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, misbehave, secure, serve
from fixtures.emulators.certificates import authority
from fixtures.limits import HANG
from scanready.net.dial import dial
from scanready.net.echo import Echoed
from scanready.net.epoll_poller import EpollPoller
from scanready.net.framing import Framing
from scanready.net.stream import ConnectError, PeerClosed, ReadTimeout, Stream, TlsError
from scanready.wire import Buffer, WireError
from tests.clock import WatchesNoDescriptor

T = TypeVar("T")


def line(buffer: Buffer) -> bytes | None:
    return buffer.line(1024)


def talk(
    behaviour: Behaviour,
    talk_: Callable[[Stream, Server], Awaitable[T]],
    seconds: float = 5.0,
    loop: type[asyncio.AbstractEventLoop] | None = None,
    **options: Any,
) -> T:
    """Serve ``behaviour``, dial it, and run ``talk_`` on the stream."""

    async def run() -> T:
        async with serve(behaviour, **options) as server:
            deadline = asyncio.get_running_loop().time() + seconds
            stream = await dial((socket.AF_INET, ("127.0.0.1", server.port)), deadline)
            try:
                return await talk_(stream, server)
            finally:
                await stream.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


async def greets_in_pieces(reader: Reader, writer: Writer, record: Record) -> None:
    for part in (b"hel", b"lo\r\nwor", b"ld\r\n"):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.01)
    await misbehave.swallow(reader)


def test_messages_are_whole_however_they_arrive() -> None:
    async def run(stream: Stream, _: Server) -> list[bytes]:
        return [await stream.receive(line), await stream.receive(line)]

    assert talk(greets_in_pieces, run) == [b"hello", b"world"]


def test_silence_ends_at_the_deadline() -> None:
    async def run(stream: Stream, _: Server) -> float:
        begun = asyncio.get_running_loop().time()
        with pytest.raises(ReadTimeout) as error:
            await stream.receive(line)
        assert error.value.heard == b""
        return asyncio.get_running_loop().time() - begun

    assert 0.2 < talk(misbehave.silent, run, seconds=0.3) < 0.6


def test_the_patience_for_a_first_byte_runs_from_the_read() -> None:
    """Our own pause before the read is not part of it: a shorter wait would be too short to call it silence."""

    async def run(stream: Stream, _: Server) -> ReadTimeout:
        stream.wait_for_first_byte(0.3)
        await asyncio.sleep(0.2)
        with pytest.raises(ReadTimeout) as caught:
            await stream.receive(line)
        return caught.value

    error = talk(misbehave.silent, run)
    assert error.patience == 0.3
    assert error.waited >= 0.3 - 1 / 64  # a tick of a coarse clock (tests/as_if_windows)


def test_what_was_heard_goes_with_the_error() -> None:
    async def run(stream: Stream, _: Server) -> bytes:
        with pytest.raises(ReadTimeout) as error:
            await stream.receive(lambda buffer: None)
        return error.value.heard

    assert talk(greets_in_pieces, run, seconds=0.3) == b"hello\r\nworld\r\n"


@pytest.mark.parametrize("ends", [misbehave.says_and_closes, misbehave.says_and_resets])
@pytest.mark.parametrize(("text", "between"), [(b"whole\n", True), (b"whole\nbroken", False), (b"", False)])
def test_a_connection_ends_between_messages_or_in_one(
    ends: Callable[[bytes], Behaviour], text: bytes, between: bool
) -> None:
    async def run(stream: Stream, server: Server) -> PeerClosed:
        for _ in range(text.count(b"\n")):
            await stream.receive(line)
        with pytest.raises(PeerClosed) as error:
            await stream.receive(line)
        return error.value

    whole = text * 2 if ends is misbehave.says_and_resets else text  # which says a half
    assert talk(ends(whole), run).between is between


@pytest.mark.parametrize("behaviour", [misbehave.closes_at_once, misbehave.resets, misbehave.half_open])
def test_a_hang_up_is_told(behaviour: Behaviour) -> None:
    async def run(stream: Stream, _: Server) -> None:
        with pytest.raises(PeerClosed):
            await stream.receive(line)

    talk(behaviour, run)


def test_a_broken_protocol_carries_what_was_heard() -> None:
    def refuses(buffer: Buffer) -> bytes | None:
        if len(buffer):
            raise WireError("not my protocol")
        return None

    async def run(stream: Stream, _: Server) -> bytes:
        with pytest.raises(WireError) as error:
            await stream.receive(refuses)
        return error.value.heard

    assert talk(greets_in_pieces, run).startswith(b"hel")


OURS = b"sqAAA message of ours"


async def echoes_haltingly(reader: Reader, writer: Writer, record: Record) -> None:
    message = await reader.readexactly(len(OURS))
    for part in (message[:2], message[2:]):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.05)
    await misbehave.swallow(reader)


def refuses_two_bytes(buffer: Buffer) -> bytes | None:
    if len(buffer) >= 2:
        raise WireError("not my protocol")
    return None


def test_an_echo_whose_first_bytes_no_reader_takes_is_one_all_the_same() -> None:
    async def run(stream: Stream, _: Server) -> None:
        await stream.send(OURS)
        with pytest.raises(Echoed):
            await stream.receive(refuses_two_bytes)

    talk(echoes_haltingly, run)


@pytest.mark.parametrize("behaviour", [misbehave.says(b"sq"), misbehave.says_and_closes(b"sq")])
def test_who_only_begins_as_we_do_is_waited_for_a_second_at_most(behaviour: Behaviour) -> None:
    async def run(stream: Stream, _: Server) -> float:
        begun = asyncio.get_running_loop().time()
        await stream.send(OURS)
        with pytest.raises(WireError, match="not my protocol") as error:
            await stream.receive(refuses_two_bytes)
        assert error.value.heard == b"sq"
        return asyncio.get_running_loop().time() - begun

    assert talk(behaviour, run, seconds=10.0) < 2.0


def test_an_endless_peer_is_given_up() -> None:
    async def run(stream: Stream, _: Server) -> None:
        with pytest.raises(WireError, match="without completing a message"):
            await stream.receive(lambda buffer: None)

    talk(misbehave.endless(), run)


def test_tls_refuses_bytes_that_were_there_before() -> None:
    async def run(stream: Stream, _: Server) -> None:
        await stream.receive(lambda buffer: True if len(buffer) >= 3 else None)
        with pytest.raises(TlsError, match="clear-text data") as refused:
            await stream.start_tls("localhost")
        assert refused.value.securing

    talk(greets_in_pieces, run)


def test_plain_text_instead_of_tls() -> None:
    async def run(stream: Stream, _: Server) -> bytes:
        with pytest.raises(TlsError) as error:
            await stream.start_tls("localhost")
        return error.value.heard

    assert talk(misbehave.says(b"220 mail.example ESMTP Postfix\r\n"), run).startswith(b"220 mail")


def test_a_polite_end_is_a_fin_never_a_reset() -> None:
    async def run(stream: Stream, server: Server) -> str:
        await stream.receive(line)  # and leave the second line unread
        await stream.close()
        await server.ended()
        return str(server.connections[0].ended)

    assert talk(greets_in_pieces, run) == "fin"


def test_a_transcript_hears_both_sides() -> None:
    tapped: list[tuple[str, bytes]] = []

    async def run() -> None:
        async with serve(greets_in_pieces) as server:
            deadline = asyncio.get_running_loop().time() + 5
            stream = await dial(
                (socket.AF_INET, ("127.0.0.1", server.port)), deadline, lambda *part: tapped.append(part)
            )
            await stream.send(b"hi\r\n")
            await stream.receive(line)
            await stream.close()

    asyncio.run(run())
    assert tapped[0] == ("sent", b"hi\r\n")
    assert b"".join(data for direction, data in tapped if direction == "received").startswith(b"hello\r\n")


@pytest.mark.posix("limits of a process")
def test_out_of_descriptors_is_our_own_limit() -> None:
    """In a process of its own: what runs out there must not run out here."""
    script = """
import asyncio, resource, os
from scanready import Settings, Target, verify
async def main():
    settings = Settings(canary=False)
    await verify(Target("127.0.0.1", "postgresql", 1), settings)  # imports all it needs
    lowest = os.dup(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    report = await verify(Target("127.0.0.1", "postgresql", 1), settings)
    print(report.verdict, report.cause.code, report.cause.owner, report.finding_step)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=HANG)
    assert done.stdout.split() == ["blocked", "connect.local-limit", "agent", "connect"], done.stderr


@pytest.mark.posix("the selector of the loop")
@pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, WatchesNoDescriptor], ids=["epoll", "socket-calls"])
def test_what_arrives_in_the_very_turn_of_the_deadline_is_not_lost(loop: type[asyncio.SelectorEventLoop]) -> None:
    """The loop has read it already when the wait is over: who reads on, in the farewell say, still gets it."""

    async def run(stream: Stream, server: Server) -> bytes:
        loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(stream.receive(line))
        await asyncio.sleep(0)  # it waits for the socket

        class Reads:
            """Cancels the task in the turn in which the socket was read for it."""

            def __init__(self, read: Callable[..., object]) -> None:
                self.read = read

            def __call__(self, *arguments: object) -> object:
                loop.call_soon(waiting.cancel)
                return self.read(*arguments)

        poller = stream._poller
        watched = poller._set if isinstance(poller, EpollPoller) else stream.sock
        handle = loop._selector.get_key(watched).data[0]  # type: ignore[attr-defined]  # asyncio's own
        handle._callback = Reads(handle._callback)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await stream.receive(line)

    says = misbehave.sends(lambda: [b"", b"hello\r\n"], 0.05)
    assert talk(says, run, seconds=2, loop=loop) == b"hello"


def test_a_refusal_that_came_while_the_loop_was_busy_is_no_silence() -> None:
    """A full listener drops the first SYN; closed, it refuses the one that is sent again after a second."""

    async def run(full: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, full.close)
        loop.call_later(0.2, time.sleep, 1.5)  # a neighbour computes: deadline and refusal are met in one turn
        await dial((socket.AF_INET, full.getsockname()), loop.time() + 0.5)

    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as stack:
        for _ in range(2):
            taken = stack.enter_context(socket.socket())
            taken.setblocking(False)
            taken.connect_ex(full.getsockname())
        with pytest.raises(ConnectError) as failed:
            asyncio.run(run(full))
    assert failed.value.errno == errno.ECONNREFUSED


def test_a_source_port_below_1024_is_taken_where_it_may_be() -> None:
    async def run() -> tuple[bool, bool]:
        async with serve(misbehave.silent) as server:
            deadline = asyncio.get_running_loop().time() + 5
            where = (socket.AF_INET, ("127.0.0.1", server.port))
            streams = [await dial(where, deadline, privileged=True), await dial(where, deadline)]
            privileged = streams[0].privileged, streams[1].privileged
            for stream in streams:
                await stream.close()
            return privileged

    low, usual = asyncio.run(run())
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", 1020))
            may = True
        except PermissionError:
            may = False
    assert (low, usual) == (may, False)


# TLS inside another protocol: here each packet is an F, a u16 length, and that many bytes of TLS.


def packed(data: bytes, size: int = 0xFFFF) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"F" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def unpacked(buffer: Buffer) -> bytes | None:
    kind = buffer.peek(1)
    if kind is None:
        return None
    header, skipped = (3, 3) if kind == b"F" else (5, 0)
    if not skipped and not 0x14 <= kind[0] <= 0x17:
        raise WireError("no packet")
    if (head := buffer.peek(header)) is None:
        return None
    length = header + int.from_bytes(head[-2:], "big")
    return buffer.take(length)[skipped:] if len(buffer) >= length else None


IN_PACKETS = Framing(packed, unpacked)


class InPackets:
    """The server's side: what TLS reads and writes while ``framing`` goes in packets of at most ``size`` bytes."""

    def __init__(self, reader: Reader, writer: Writer, size: int = 0xFFFF) -> None:
        self.reader, self.writer, self.size, self.framing = reader, writer, size, True

    def go_dark(self) -> None:
        self.reader.go_dark()

    async def read(self, most: int, /) -> bytes:
        if not self.framing:
            return await self.reader.read(most)
        head = await self.reader.readexactly(3)
        assert head[:1] == b"F", "what follows the handshake of TLS 1.3 is not read here"
        return await self.reader.readexactly(int.from_bytes(head[1:], "big"))

    def write(self, data: bytes) -> None:
        self.writer.write(packed(data, self.size) if self.framing else data)

    async def drain(self) -> None:
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()


def shouts_in_tls(size: int = 0xFFFF, *, to_the_end: bool = False) -> Behaviour:
    """A server that says back a line, its handshake (or, ``to_the_end``, all it writes) in packets."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        below = InPackets(reader, writer, size)
        inside, answers = await secure(cast("Reader", below), below, record, authority().context())
        below.framing = to_the_end
        if to_the_end:
            below.read = reader.read  # type: ignore[method-assign]  # the client stops with its handshake
        answers.write((await inside.readuntil(b"\n")).upper())
        await misbehave.swallow(inside)

    return behaviour


@pytest.mark.parametrize("size", [0xFFFF, 100, 1])
@pytest.mark.parametrize("to_the_end", [False, True])
def test_tls_inside_another_protocol(size: int, to_the_end: bool) -> None:
    async def run(stream: Stream, server: Server) -> bytes:
        session = await stream.start_tls("localhost", framing=IN_PACKETS)
        assert session.version == "TLSv1.3"
        assert session.chain
        await stream.send(b"hello" * 5000 + b"\n")
        answer = await stream.receive(lambda buffer: buffer.line(1 << 16))
        await stream.close()
        await server.ended()
        assert server.offences == {}
        return answer

    assert talk(shouts_in_tls(size, to_the_end=to_the_end), run) == b"HELLO" * 5000


def test_what_is_no_packet_is_told_with_what_was_heard() -> None:
    async def run(stream: Stream, _: Server) -> bytes:
        with pytest.raises(WireError, match="no packet") as error:
            await stream.start_tls("localhost", framing=IN_PACKETS)
        return error.value.heard

    assert talk(misbehave.says(b"220 mail.example ESMTP Postfix\r\n"), run).startswith(b"220 mail")


def test_an_alert_in_a_packet_is_an_alert() -> None:
    alert = b"\x15\x03\x03\x00\x02\x02\x46"

    async def run(stream: Stream, _: Server) -> tuple[str, bytes]:
        with pytest.raises(TlsError) as error:
            await stream.start_tls("localhost", framing=IN_PACKETS)
        return error.value.reason, error.value.heard

    assert talk(misbehave.says(packed(alert)), run) == ("TLSV1_ALERT_PROTOCOL_VERSION", alert)


@pytest.mark.parametrize("part", [b"F", b"F\xff\xff" + b"\x16" * 100])
def test_a_packet_that_never_ends_is_waited_for_until_the_deadline(part: bytes) -> None:
    async def run(stream: Stream, _: Server) -> None:
        with pytest.raises(ReadTimeout):
            await stream.start_tls("localhost", framing=IN_PACKETS)

    talk(misbehave.says(part), run, seconds=0.3)
