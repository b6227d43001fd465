from __future__ import annotations

import pytest

from scanready.wire import Buffer, OurLimit, UnknownValue, WireError


def test_bytes_come_out_as_they_came_in() -> None:
    buffer = Buffer(b"abc")
    assert (buffer.eof, buffer.underway, buffer.everything()) == (False, None, b"abc")
    buffer.feed(b"def")
    assert (buffer.peek(2), buffer.peek(2, 4), buffer.peek(2, 5), buffer.peek(6), buffer.peek(7)) == (
        *(b"ab", b"ef", None, b"abcdef", None),
    )
    assert (buffer.take(2), buffer.take(0), len(buffer)) == (b"ab", b"", 4)
    buffer.underway = "a reader"
    buffer.discard(1)
    assert (buffer.underway, buffer.take(3), len(buffer)) == (None, b"def", 0)
    with pytest.raises(ValueError, match="only take what is there"):
        buffer.take(1)


def test_a_search_goes_on_where_it_ended() -> None:
    """The needle may have come half; a search from an offset of its own, or for another needle, begins there."""
    buffer = Buffer(b"GET / HTTP/1.1\r\nHost: x\r\n\r")
    assert buffer.find(b"\r\n\r\n", 100) is None
    assert buffer._searched == len(buffer) - 3, "the last three bytes may begin it"
    buffer.feed(b"\n")
    assert buffer.find(b"\r\n\r\n", 100) == 23
    assert (buffer.find(b"\r\n", 100), buffer.find(b"\r\n", 100, 15), buffer.find(b"\r\n", 15)) == (14, 23, None)
    assert buffer._searched == 14, "no further than the limit"
    assert (buffer.find(b"G", 100), buffer.find(b"\r\n", 16, 0), buffer.find(b"G", 1)) == (0, 14, 0)


def test_an_offset_of_its_own_leaves_the_search_for_the_needle() -> None:
    buffer = Buffer(b"ab")
    assert buffer.find(b"c", 9, 1) is None
    buffer.feed(b"c")
    assert (buffer._needle, buffer._searched) == (b"", 0)
    assert Buffer(b"").find(b"abc", 9) is None
    short = Buffer(b"a")
    assert (short.find(b"abc", 9), short._searched) == (None, 0)


def test_after_bytes_were_taken_the_search_begins_anew() -> None:
    buffer = Buffer(b"xxxxxxxx")
    assert buffer.find(b"\n", 99) is None
    buffer.take(8)
    buffer.feed(b"\nabc")
    assert buffer.find(b"\n", 99) == 0


def test_lines() -> None:
    buffer = Buffer(b"one\r\ntwo\n\r\r\nfour")
    assert [buffer.line(5), buffer.line(5), buffer.line(5), buffer.line(5)] == [b"one", b"two", b"", None]
    assert buffer.everything() == b"four"
    with pytest.raises(WireError, match="a line of more than 4 bytes"):
        buffer.line(4)
    assert Buffer(b"1234\n").line(5) == b"1234"
    with pytest.raises(WireError, match="a line of more than 4 bytes"):
        Buffer(b"1234\n").line(4)


def test_an_unknown_value_is_told() -> None:
    number, octets = UnknownValue("the status", 133), UnknownValue("the coding", b"x" * 65)
    assert str(number) == "the status is 133 (0x85), a value that is not known here"
    assert (number.field, number.value, number.heard) == ("the status", 133, b"")
    assert str(octets) == f"the coding is b'{'x' * 64}', a value that is not known here"
    assert octets.value == b"x" * 65
    assert isinstance(OurLimit("much"), WireError)
