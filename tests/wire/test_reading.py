"""Readers that keep their place: what they wait for, what they take, and when they begin anew."""

from __future__ import annotations

import math
from typing import TypeVar

import pytest

from scanready.wire import Buffer, Cursor, Steps, WireError, stepwise
from tests.readers import reads

T = TypeVar("T")


@stepwise
def read_counted(cursor: Cursor, extra: int = 0) -> Steps[tuple[bytes, bytes]]:
    """Read a length of one octet, and so many bytes and ``extra``."""
    (size,) = yield from cursor.take(1)
    body = yield from cursor.take(size + extra)
    return body, cursor.passed()


def wanted(buffer: Buffer) -> float:
    """The bytes that the reader under way waits for."""
    number: float = buffer.underway.wanted
    return number


def test_a_message_is_taken_whole_or_not_at_all() -> None:
    assert reads(read_counted, b"\x03abc") == (b"abc", b"\x03abc")
    assert vars(read_counted)["__name__"] == "read_counted"
    assert "a length of one octet" in str(read_counted.__doc__)


def test_a_reader_goes_on_where_it_waited_and_says_for_how_much() -> None:
    buffer = Buffer(b"\x03ab")
    assert read_counted(buffer) is None
    first = buffer.underway
    assert (wanted(buffer), first.cursor.at, first.cursor.ready) == (4, 1, 2)
    buffer.feed(b"")
    assert read_counted(buffer) is None
    assert buffer.underway is first, "not even called before it has what it waits for"
    assert read_counted(buffer, extra=1) is None, "with other arguments it begins anew"
    assert (buffer.underway is first, wanted(buffer)) == (False, 5)
    buffer.feed(b"c")
    assert read_counted(buffer) == (b"abc", b"\x03abc")
    assert (buffer.underway, len(buffer)) == (None, 0)


def test_another_reader_and_an_error_begin_anew() -> None:
    @stepwise
    def read_spoiled(cursor: Cursor) -> Steps[bytes]:
        yield from cursor.take(2)
        raise WireError("spoiled")

    buffer = Buffer(b"\x01")
    assert read_counted(buffer) is None
    assert read_spoiled(buffer) is None
    buffer.feed(b"a")
    with pytest.raises(WireError, match="spoiled"):
        read_spoiled(buffer)
    assert (buffer.underway, buffer.everything()) == (None, b"\x01a")
    assert read_counted(buffer) == (b"a", b"\x01a")


def test_at_the_end_a_reader_is_called_once_more() -> None:
    @stepwise
    def read_rest(cursor: Cursor) -> Steps[bytes]:
        rest = b""
        while piece := (yield from cursor.part(2)):
            rest += piece
        return rest

    buffer = Buffer(b"abc")
    assert read_rest(buffer) is None
    assert wanted(buffer) == 4
    buffer.eof = True
    assert read_rest(buffer) == b"abc"
    assert len(buffer) == 0


def steps(data: bytes, *, eof: bool = False, at: int = 0) -> Cursor:
    buffer = Buffer(data)
    buffer.eof = eof
    cursor = Cursor(buffer)
    cursor.at = at
    return cursor


def result(reading: Steps[T]) -> T:
    """Return the result of a method of the cursor that does not wait."""
    with pytest.raises(StopIteration) as ended:
        next(reading)
    value: T = ended.value.value
    return value


def test_what_a_cursor_shows() -> None:
    cursor = steps(b"abcdef", at=2)
    assert (cursor.ready, cursor.shown(3), cursor.shown(99), cursor.passed()) == (4, b"cde", b"cdef", b"ab")
    assert (result(cursor.peek(2)), cursor.at, result(cursor.take(2)), cursor.at) == (b"cd", 2, b"cd", 4)
    assert (next(cursor.peek(3)), next(cursor.take(5)), next(cursor.skip(3)), cursor.at) == (7, 9, 7, 4)
    assert (result(cursor.skip(2)), cursor.at, cursor.ready) == (None, 6, 0)
    assert (cursor.shown(9), steps(b"").passed()) == (b"", b"")


def test_up_to_a_needle() -> None:
    cursor = steps(b"--ab\r\ncd\r", at=2)
    assert (result(cursor.until(b"\r\n", 4)), cursor.at) == (b"ab\r\n", 6)
    waiting = cursor.until(b"\r\n", 4)
    assert next(waiting) == 10
    cursor._buffer.feed(b"\n")
    assert (result(waiting), cursor.at) == (b"cd\r\n", 10)
    for most in (3, 2):
        with pytest.raises(WireError, match=rf"more than {most} bytes without b'\\r\\n'"):
            next(steps(b"ab\r\n").until(b"\r\n", most))
    waiting = steps(b"ab").until(b"\r\n", 3)
    assert next(waiting) == 3


def test_a_needle_is_searched_once_in_each_byte() -> None:
    class Watched(Buffer):
        begun: list[int | None] = []  # noqa: RUF012  # one buffer

        def find(self, needle: bytes, limit: int, start: int | None = None) -> int | None:
            self.begun.append(start)
            return super().find(needle, limit, start)

    buffer = Watched(b"?abcd\r")
    cursor = Cursor(buffer)
    cursor.at = 1
    waiting = cursor.until(b"\r\n", 99)
    next(waiting)
    buffer.feed(b"xyz")
    next(waiting)
    assert buffer.begun == [1, 5], "the CR may have been the first half"


def test_lines() -> None:
    cursor = steps(b"one\r\ntwo\n")
    assert [result(cursor.line(5)), result(cursor.line(4)), cursor.at] == [b"one", b"two", 9]
    with pytest.raises(WireError, match=r"^a line of more than 4 bytes$"):
        next(steps(b"one\r\n").line(4))


def test_parts() -> None:
    assert result(steps(b"abcd").part(3)) == b"abc"
    assert result(steps(b"abcd").part(9)) == b"abcd"
    assert result(steps(b"xab\ncd\n", at=1).part(9, b"\n")) == b"ab\n"
    assert result(steps(b"xab\ncd\n", at=1).part(2, b"\n")) == b"ab"
    assert result(steps(b"\nab\n", at=1).part(3, b"\n")) == b"ab\n", "the first end was passed"
    assert result(steps(b"ab").part(9, b"\n")) == b"ab"
    assert next(steps(b"ab", at=2).part(9)) == 3
    assert result(steps(b"ab", eof=True, at=2).part(9)) == b""
    cursor = steps(b"ab\ncd", at=0)
    assert (result(cursor.part(9, b"\n")), cursor.at) == (b"ab\n", 3)


def test_a_lead_is_judged_as_it_comes() -> None:
    judged: list[bytes] = []
    cursor = steps(b"?ab", at=1)
    waiting = cursor.lead(4, judged.append)
    assert next(waiting) == 4
    cursor._buffer.feed(b"cdef")
    assert (result(waiting), judged, cursor.at) == (b"abcd", [b"ab", b"abcd"], 1)


def test_a_message_that_was_cut_short_is_waited_for_without_end() -> None:
    waiting = steps(b"", eof=True).cut_short()
    assert [next(waiting), next(waiting)] == [math.inf, math.inf]
