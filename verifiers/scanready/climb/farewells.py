"""Track the open connections of a climb, and close each one politely wherever the climb stops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

from scanready.net.stream import Stream, StreamError
from scanready.wire import WireError

from .confinement import confined

#: How a talk is ended when the climb is over, so that the server neither logs an error nor counts an offence.
Farewell = Callable[[Stream], Awaitable[None]]

#: Seconds in which a talk is ended, its polite close included: this is manners, not judging. A MySQL server that is
#: left before it has refused a login counts that towards banning the agent, and it greets only after a reverse look-up,
#: a few tenths of a second where nothing is cached.
FAREWELL = 0.5
#: A climb stops a tenth before its target's time is over, and its farewell ends at most a tenth after it: of that
#: fifth, ``_LATE`` seconds are for the close and a busy agent. A server gets ``_LEAST`` seconds in any case.
_GRACE_SHARE = 0.1
_SHARE, _LATE, _LEAST = 0.2, 0.2, 0.25
#: The end of every farewell, in parts of a target's whole time; one that begins later gets ``_LATEST_LEAST`` seconds.
_LATEST, _LATEST_LEAST = 1.05, 0.03


def grace_of(seconds: float) -> float:
    """Return the seconds kept back for a polite close from a target's whole time: a tenth, at most :data:`FAREWELL`."""
    return min(FAREWELL, _GRACE_SHARE * seconds)


def farewell_within(seconds: float) -> float:
    """Return the seconds for a farewell to a target whose whole time is ``seconds``; from 3.5 s on it is all of it."""
    return max(_LEAST, min(FAREWELL, _SHARE * seconds - _LATE))


def latest_farewell(started: float, seconds: float) -> float:
    """Return the time by which every farewell of a climb has ended that began at ``started`` and has ``seconds``."""
    return started + _LATEST * seconds


class Farewells:
    """The connections to which one climb owes a polite end, each within ``seconds``, and by ``latest`` (loop time)."""

    def __init__(self, seconds: float = FAREWELL, latest: float | None = None) -> None:
        self._seconds = seconds
        self._latest = latest
        self._open: list[tuple[Stream, Farewell | None]] = []
        self._leaving: list[asyncio.Task[None]] = []

    def move(self, seconds: float) -> None:
        """Have all ends later by ``seconds``, for which the climb's time stood still."""
        if self._latest is not None:
            self._latest += seconds
        for stream, _ in self._open:
            stream.deadline += seconds

    def owe(self, stream: Stream, farewell: Farewell | None = None) -> None:
        """Note a connection as soon as it is there."""
        self._open.append((stream, farewell))

    def settle_on(self, streams: Iterable[Stream], farewell: Farewell | None) -> None:
        """Say how these are to be ended."""
        wanted = list(streams)
        self._open = [(stream, farewell if stream in wanted else before) for stream, before in self._open]

    async def leave(self, stream: Stream) -> None:
        """End one now."""
        for entry in [entry for entry in self._open if entry[0] is stream]:
            self._open.remove(entry)
            await _say_goodbye(*entry, self._seconds_left())

    async def part_from(self, spares: list[Stream], seconds: float) -> None:
        """Say goodbye to further addresses of a name while the climb goes on, and for as long as it does.

        A server that is slow to greet is slow at all its addresses: waiting for it twice, or leaving it at the first
        word, would be rude or long. ``seconds`` are what is left of the climb.
        """
        if not spares:
            return
        for entry in [entry for entry in self._open if entry[0] in spares]:
            self._open.remove(entry)
            # Made without `create_task`, which would make it a part of the climb that is abandoned with a verifier.
            self._leaving.append(asyncio.Task(_say_goodbye(*entry, self._seconds_left(seconds))))
        await asyncio.sleep(0)  # each begins before the climb goes on

    async def leave_all(self) -> None:
        """End all talks side by side; those that were left already have as long as the last one.

        Raises:
            Exception: a bug in a farewell.
        """
        if len(self._open) == 1 and not self._leaving:  # nearly always: no tasks for that
            await _say_goodbye(*self._open.pop(), self._seconds_left())
            return
        loop = asyncio.get_running_loop()
        seconds = self._seconds_left()
        ends = [loop.call_later(seconds, leaving.cancel) for leaving in self._leaving]
        entries, self._open = self._open, []
        ended = await asyncio.gather(
            *self._leaving, *(_say_goodbye(*entry, seconds) for entry in entries), return_exceptions=True
        )
        for end in ends:
            end.cancel()
        for error in ended:
            if isinstance(error, Exception):
                raise error

    def _seconds_left(self, first: float = 0.0) -> float:
        """Return how long a farewell may take that waits up to ``first`` seconds before it is one."""
        seconds = first + self._seconds
        if self._latest is None:
            return seconds
        return min(seconds, max(_LATEST_LEAST, self._latest - asyncio.get_running_loop().time()))


async def _say_goodbye(stream: Stream, farewell: Farewell | None, seconds: float) -> None:
    end = asyncio.get_running_loop().time() + seconds
    stream.wait_for_first_byte(None)
    stream.deadline = end
    try:
        if farewell is not None and stream.sock.fileno() >= 0:  # else closed, or handed over to a client library
            # The verdict stands: a peer that spoils the farewell changes nothing.
            with contextlib.suppress(StreamError, WireError, OSError):
                await confined(farewell(stream), end)
    finally:
        await stream.close(end)
