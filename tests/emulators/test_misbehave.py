"""Check the misbehaving peers: each misbehaves as its name says, and ends at once when its server stops."""

from __future__ import annotations

import asyncio
import time

import pytest

from fixtures.emulators import Behaviour, misbehave, serve

#: Seconds within which an endless peer must be gone; it would take far longer by itself.
AT_ONCE = 20.0


async def hear(behaviour: Behaviour, count: int) -> tuple[bytes, str]:
    """Connect, say one octet and read up to ``count``; return what was heard and how it went on."""
    async with serve(behaviour) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        try:
            writer.write(b"\x16")
            heard = await asyncio.wait_for(reader.readexactly(count), 0.5)
        except TimeoutError:
            return b"", "silence"
        except asyncio.IncompleteReadError as end:
            return end.partial, "fin"
        except ConnectionResetError:
            return b"", "rst"
        finally:
            writer.close()
        return heard, "open"


@pytest.mark.parametrize(
    ("behaviour", "heard", "ending"),
    [
        (misbehave.silent, b"", "silence"),
        (misbehave.half_open, b"", "fin"),
        (misbehave.resets, b"", "rst"),
        (misbehave.says(b"* OK"), b"* OK", "open"),
        (misbehave.says_and_closes(b"SSH-"), b"SSH-", "fin"),
        (misbehave.drips(b"slow", interval=60), b"s", "open"),
        (misbehave.endless(b"A", prefix=b"SSH-"), b"SSH-AAAA", "open"),
        (misbehave.absurd_length("mysql"), misbehave.ABSURD_LENGTHS["mysql"], "open"),
        (misbehave.tls_garbage(1), b"\x16\x03\x03\x02\x00", "open"),
    ],
)
def test_it_does_what_it_says(behaviour: Behaviour, heard: bytes, ending: str) -> None:
    count = len(heard) if ending == "open" else 100
    began = time.monotonic()
    assert asyncio.run(hear(behaviour, count)) == (heard, ending)
    assert time.monotonic() - began < AT_ONCE


def test_garbage_is_the_same_for_the_same_seed() -> None:
    first, again, other = (asyncio.run(hear(misbehave.garbage(seed), 5000))[0] for seed in (1, 1, 2))
    assert len(first) == 5000
    assert first == again
    assert first != other


def test_an_immediate_close_is_a_close() -> None:
    """FIN or RST: it depends on whether our octet was there first, as with a real server."""
    assert asyncio.run(hear(misbehave.closes_at_once, 100)) in [(b"", "fin"), (b"", "rst")]


def test_a_reset_comes_in_the_middle() -> None:
    heard, ending = asyncio.run(hear(misbehave.says_and_resets(b"SSH-2.0-"), 100))
    assert ending == "rst" or heard == b"SSH-"


def test_a_full_backlog_never_answers() -> None:
    async def main() -> None:
        async with misbehave.full_backlog() as port:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 0.5)

    asyncio.run(main())


def test_an_endless_peer_does_not_grow() -> None:
    """It waits for us: what is queued stays bounded, and leaving ends it."""

    async def main() -> None:
        async with serve(misbehave.endless()) as server:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            await reader.readexactly(10 * misbehave.CHUNK)
            writer.close()
            await server.ended()

    asyncio.run(main())
