"""Readers that keep their place: what a message costs to read does not depend on the pieces it comes in.

A reader is written as a generator over a :class:`Cursor`, from the first byte of a message to its last::

    @stepwise
    def read_answer(cursor: Cursor) -> Steps[Answer]:
        header = yield from cursor.take(4)
        body = yield from cursor.take(int.from_bytes(header))
        return Answer(body)

It waits where it is for bytes that have not come. So it looks at each byte once, however many pieces a peer makes, and
it is not even called before the bytes that it waits for are there. The buffer keeps all of a message until its reader
returns: a reader takes a whole message or nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Generator
from typing import Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar

from .buffer import Buffer, WireError

T = TypeVar("T")
P = ParamSpec("P")

#: A reader's generator. It yields the number of bytes that the buffer must hold before it is worth resuming.
Steps = Generator[float, None, T]


class Cursor:
    """Read one message from a buffer. ``at`` is the number of bytes passed; the methods wait for bytes to come.

    At the end of the connection a method that waits does so for ever, unless it says otherwise: the message has no
    rest, and the stream says so.
    """

    __slots__ = ("_buffer", "at")

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self.at = 0

    @property
    def ready(self) -> int:
        """The number of bytes that have come and were not passed."""
        return len(self._buffer) - self.at

    def shown(self, most: int) -> bytes:
        """Return what has come of the next ``most`` bytes without waiting, to quote it or to judge it early."""
        return self._buffer.peek(min(most, self.ready), self.at) or b""

    def passed(self) -> bytes:
        """Return all bytes of this message that were passed."""
        return self._buffer.peek(self.at) or b""

    def peek(self, count: int) -> Steps[bytes]:
        """Return the next ``count`` bytes without passing them."""
        while (found := self._buffer.peek(count, self.at)) is None:
            yield self.at + count
        return found

    def take(self, count: int) -> Steps[bytes]:
        """Pass ``count`` bytes, and return them."""
        found = yield from self.peek(count)
        self.at += count
        return found

    def skip(self, count: int) -> Steps[None]:
        """Pass ``count`` bytes without looking at them."""
        while self.ready < count:
            yield self.at + count
        self.at += count

    def until(self, needle: bytes, most: int) -> Steps[bytes]:
        """Pass everything up to ``needle``, and return it with the needle.

        Raises:
            WireError: the needle does not end within ``most`` bytes.
        """
        searched = self.at
        while (found := self._buffer.find(needle, self.at + most, searched)) is None:
            if self.ready >= most:
                raise WireError(f"more than {most} bytes without {needle!r}")
            searched = max(self.at, len(self._buffer) - len(needle) + 1)
            yield len(self._buffer) + 1
        return (yield from self.take(found + len(needle) - self.at))

    def line(self, limit: int) -> Steps[bytes]:
        """Pass one line ended by LF, and return it without its line end.

        Raises:
            WireError: no line end within ``limit`` bytes.
        """
        try:
            line = yield from self.until(b"\n", limit)
        except WireError:
            raise WireError(f"a line of more than {limit} bytes") from None
        return line.rstrip(b"\r\n")

    def part(self, most: int, end: bytes = b"") -> Steps[bytes]:
        """Pass what has come, at most ``most`` bytes and never beyond the byte ``end``; wait for one at least.

        A reader that judges a text before it is whole uses it. Nothing is returned at the end of the connection.
        """
        while not self.ready:
            if self._buffer.eof:
                return b""
            yield self.at + 1
        size = min(self.ready, most)
        if end and (found := self._buffer.find(end, self.at + size, self.at)) is not None:
            size = found + 1 - self.at
        return (yield from self.take(size))

    def lead(self, most: int, recognise: Callable[[bytes], object]) -> Steps[bytes]:
        """Return the next ``most`` bytes (few), without passing them; ``recognise`` judges them as they come.

        So a peer that speaks another protocol is recognised by its first bytes, instead of a wait for the rest.
        """
        while True:
            start = self.shown(most)
            recognise(start)
            if len(start) == most:
                return start
            yield self.at + len(start) + 1

    def cut_short(self) -> Steps[NoReturn]:
        """Wait for ever: the connection has ended within a message, and the stream says so."""
        while True:
            yield math.inf


class Underway(Generic[T]):
    """A message that a reader has begun: where the reader waits, and for how many bytes in the buffer."""

    __slots__ = ("call", "cursor", "steps", "wanted")

    def __init__(self, call: object, cursor: Cursor, steps: Steps[T]) -> None:
        self.call, self.cursor, self.steps = call, cursor, steps
        self.wanted = 0.0


class Stepwise(Generic[P, T]):
    """A reader that keeps its place in the buffer between two calls; see :func:`stepwise`.

    ``steps`` is its generator, for a reader that is made of others.
    """

    def __init__(self, steps: Callable[Concatenate[Cursor, P], Steps[T]]) -> None:
        self.steps = steps
        functools.update_wrapper(self, steps)

    def __call__(self, buffer: Buffer, *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Return the next message and take it from ``buffer``; None, and take nothing, while it is not whole.

        The reader resumes where it waited if it is called with the same arguments, and otherwise begins anew: after a
        message, after an error, and after another reader was called.
        """
        call = (self, args, kwargs)
        underway: Underway[Any] | None = buffer.underway
        if underway is None or underway.call != call:
            cursor = Cursor(buffer)
            underway = Underway(call, cursor, self.steps(cursor, *args, **kwargs))
        elif len(buffer) < underway.wanted and not buffer.eof:
            return None
        buffer.underway = None
        try:
            underway.wanted = next(underway.steps)
        except StopIteration as end:
            buffer.discard(underway.cursor.at)
            answer: T = end.value
            return answer
        buffer.underway = underway
        return None


def stepwise(steps: Callable[Concatenate[Cursor, P], Steps[T]]) -> Stepwise[P, T]:
    """Make a reader of a generator function, whose first parameter is the cursor."""
    return Stepwise(steps)
