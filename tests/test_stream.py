"""The byte pipe: partial reads, deadlines, TLS, polite ends, what the kernel tells."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from fixtures.emulators import Reader, Record, Server, Writer, misbehave, serve
from scanready.dialling import dial
from scanready.stream import HungUp, Silent, Stream, TlsFailed
from scanready.wire import Buffer, WireError

T = TypeVar("T")


def line(buffer: Buffer) -> bytes | None:
    return buffer.line(1024)


def talk(
    behaviour: object, talk_: Callable[[Stream, Server], Awaitable[T]], seconds: float = 5.0, **options: object
) -> T:
    """Serve ``behaviour``, dial it, and run ``talk_`` on the stream."""

    async def run() -> T:
        async with serve(behaviour, **options) as server:  # type: ignore[arg-type]
            deadline = asyncio.get_running_loop().time() + seconds
            stream = await dial((socket.AF_INET, ("127.0.0.1", server.port)), deadline)
            try:
                return await talk_(stream, server)
            finally:
                await stream.close()

    return asyncio.run(run())


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
        with pytest.raises(Silent) as error:
            await stream.receive(line)
        assert error.value.heard == b""
        return asyncio.get_running_loop().time() - begun

    assert 0.2 < talk(misbehave.silent, run, seconds=0.3) < 0.6


def test_what_was_heard_goes_with_the_error() -> None:
    async def run(stream: Stream, _: Server) -> bytes:
        with pytest.raises(Silent) as error:
            await stream.receive(lambda buffer: None)
        return error.value.heard

    assert talk(greets_in_pieces, run, seconds=0.3) == b"hello\r\nworld\r\n"


@pytest.mark.parametrize("behaviour", [misbehave.closes_at_once, misbehave.resets, misbehave.half_open])
def test_a_hang_up_is_told(behaviour: object) -> None:
    async def run(stream: Stream, _: Server) -> None:
        with pytest.raises(HungUp):
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


def test_an_endless_peer_is_given_up() -> None:
    async def run(stream: Stream, _: Server) -> None:
        with pytest.raises(WireError, match="no whole message"):
            await stream.receive(lambda buffer: None)

    talk(misbehave.endless(), run)


def test_tls_refuses_bytes_that_were_there_before() -> None:
    async def run(stream: Stream, _: Server) -> None:
        await stream.receive(lambda buffer: True if len(buffer) >= 3 else None)
        with pytest.raises(WireError, match="clear-text bytes"):
            await stream.start_tls("localhost")

    talk(greets_in_pieces, run)


def test_plain_text_instead_of_tls() -> None:
    async def run(stream: Stream, _: Server) -> bytes:
        with pytest.raises(TlsFailed) as error:
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
    said: list[tuple[str, bytes]] = []

    async def run() -> None:
        async with serve(greets_in_pieces) as server:
            deadline = asyncio.get_running_loop().time() + 5
            stream = await dial((socket.AF_INET, ("127.0.0.1", server.port)), deadline, lambda *part: said.append(part))
            await stream.send(b"hi\r\n")
            await stream.receive(line)
            await stream.close()

    asyncio.run(run())
    assert said[0] == ("sent", b"hi\r\n")
    assert b"".join(data for direction, data in said if direction == "received").startswith(b"hello\r\n")


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
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == ["blocked", "connect.local-limit", "agent", "connect"], done.stderr


def test_what_arrives_in_the_very_turn_of_the_deadline_is_not_lost() -> None:
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

        handle = loop._selector.get_key(stream.sock).data[0]  # type: ignore[attr-defined]
        handle._callback = Reads(handle._callback)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await stream.receive(line)

    assert talk(misbehave.sends(lambda: [b"", b"hello\r\n"], 0.05), run, seconds=2) == b"hello"


def test_a_source_port_below_1024_is_taken_where_it_may_be() -> None:
    async def run() -> tuple[bool, bool]:
        async with serve(misbehave.silent) as server:
            deadline = asyncio.get_running_loop().time() + 5
            where = (socket.AF_INET, ("127.0.0.1", server.port))
            streams = [await dial(where, deadline, privileged=True), await dial(where, deadline)]
            said = streams[0].privileged, streams[1].privileged
            for stream in streams:
                await stream.close()
            return said

    low, usual = asyncio.run(run())
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", 1020))
            may = True
        except PermissionError:
            may = False
    assert (low, usual) == (may, False)
