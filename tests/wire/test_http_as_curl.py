"""The reader reads the answers that curl reads, and calls the others a limit of its own: one table, from curl 7.88.1.

Each answer was sent to `curl -sS` by a server that closes after it. "read": exit status 0; "cut": 18, a body that ends
before its length; "refused": any other. Where this reader differs, the table says how.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from scanready.wire import Buffer, OurLimit, UnknownValue, WireError, http

LENGTH = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


def plain(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([status, *lines, b""]) + LENGTH


def at_the_end(data: bytes) -> Buffer:
    buffer = Buffer(data)
    buffer.eof = True
    return buffer


@dataclass(frozen=True)
class Case:
    data: bytes
    curl: str  # "read", "cut" or "refused"
    ours: str = ""  # if different
    status: int = 200
    body: bytes = b"hello"


CASES = {
    "plain": Case(plain(), "read"),
    # names and lines
    "a blank before the colon": Case(plain(b"X-A : b"), "read"),
    "a blank in the name": Case(plain(b"X A: b"), "read"),
    "a slash in the name": Case(plain(b"X/A: b"), "read"),
    "brackets in the name": Case(plain(b"X(A): b"), "read"),
    "UTF-8 in the name": Case(plain(b"X\xc3\xa9: b"), "read"),
    "no name": Case(plain(b": b"), "read"),
    "no colon": Case(plain(b"no colon"), "refused"),
    "a status line as field": Case(plain(b"HTTP/1.1 200 OK"), "refused"),
    "a NUL in the value": Case(plain(b"X: a\0b"), "refused"),
    "a NUL in the name": Case(plain(b"X\0: b"), "refused"),
    "a control in the value": Case(plain(b"X: a\x01b"), "read"),
    "a CR in the value": Case(plain(b"X: a\rb"), "read"),
    "a folded line": Case(plain(b"X: a", b" b"), "read"),
    "a folded first line": Case(plain(b" X: a"), "refused"),
    "bare LF": Case(b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "read"),
    "LF and CRLF": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello", "read"),
    "bare CR": Case(b"HTTP/1.1 200 OK\rContent-Length: 5\r\rhello", "refused"),
    "a long value": Case(plain(b"X: " + b"a" * 20000), "read"),
    "a longer value": Case(plain(b"X: " + b"a" * 90000), "read", "refused"),
    "too long a value": Case(plain(b"X: " + b"a" * 200000), "refused"),
    "2,000 lines": Case(plain(*[b"X: a"] * 2000), "read"),
    "20,000 lines": Case(plain(*[b"X: a"] * 20000), "read", "refused"),
    # the status line
    "no reason": Case(plain(status=b"HTTP/1.1 200"), "read"),
    "a blank for a reason": Case(plain(status=b"HTTP/1.1 200 "), "read"),
    "Latin-1 in the reason": Case(plain(status=b"HTTP/1.1 200 Tr\xe8s bien"), "read"),
    "a control in the reason": Case(plain(status=b"HTTP/1.1 200 O\x01K"), "read"),
    "two blanks": Case(plain(status=b"HTTP/1.1  200 OK"), "read"),
    "a tab": Case(plain(status=b"HTTP/1.1\t200 OK"), "refused"),
    "four digits": Case(plain(status=b"HTTP/1.1 2000 OK"), "refused"),
    "two digits": Case(plain(status=b"HTTP/1.1 20 OK"), "refused"),
    "words for digits": Case(b"HTTP/1.1 two hundred\r\n\r\n", "refused"),
    "status 600": Case(plain(status=b"HTTP/1.1 600 Odd"), "read", status=600),
    "status 999": Case(plain(status=b"HTTP/1.1 999 Odd"), "read", status=999),
    "status 000": Case(plain(status=b"HTTP/1.1 000 Odd"), "refused"),
    "lower case": Case(plain(status=b"http/1.1 200 OK"), "read"),
    "HTTP/1.2": Case(plain(status=b"HTTP/1.2 200 OK"), "refused"),
    "HTTP/2.0 in words": Case(plain(status=b"HTTP/2.0 200 OK"), "read"),
    "HTTP/2 in words": Case(plain(status=b"HTTP/2 200"), "read"),
    "HTTP/0.9 in words": Case(plain(status=b"HTTP/0.9 200 OK"), "refused"),
    "no version": Case(plain(status=b"HTTP 200 OK"), "refused"),
    "ICY": Case(plain(status=b"ICY 200 OK"), "refused"),
    "an empty line first": Case(b"\r\n" + plain(), "refused"),
    "a blank first": Case(b" " + plain(), "refused"),
    "HTML alone": Case(b"<html>hello</html>", "refused"),
    "HTML alone, declared": Case(b"<!DOCTYPE html>hello", "refused"),
    # the length of the body
    "1.0 without fields": Case(b"HTTP/1.0 200 OK\r\n\r\nhello", "read"),
    "1.0 without fields and reason": Case(b"HTTP/1.0 200\r\n\r\nhello", "read"),
    "1.1 without fields": Case(b"HTTP/1.1 200 OK\r\n\r\nhello", "read"),
    "the length twice": Case(plain(b"Content-Length: 5"), "read"),
    "the length as a list": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", "read"),
    "two lengths": Case(plain(b"Content-Length: 6"), "cut", "refused"),
    "a negative length": Case(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello", "refused"),
    "a word for a length": Case(b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nhello", "refused"),
    "an empty length": Case(b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello", "refused"),
    "a plus": Case(b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "read"),
    "a unit": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 5 bytes\r\n\r\nhello", "read"),
    "an absurd length": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nhello", "read", "cut"),
    "more than the length": Case(plain() + b" and more", "read"),
    "less than the length": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "cut"),
    "204 with a length": Case(plain(status=b"HTTP/1.1 204 No Content"), "read", status=204, body=b""),
    "304 with a length": Case(plain(status=b"HTTP/1.1 304 Not Modified"), "read", status=304, body=b""),
    # transfer codings
    "chunked twice in one": Case(CHUNKED.replace(b"chunked", b"chunked, chunked") + CHUNKS, "read"),
    "chunked twice": Case(CHUNKED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") + CHUNKS, "read"),
    "chunked in capitals": Case(CHUNKED.replace(b"chunked", b"CHUNKED") + CHUNKS, "read"),
    "chunked in 1.0": Case(CHUNKED.replace(b"1.1", b"1.0") + CHUNKS, "read"),
    "chunked and a length": Case(CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n") + CHUNKS, "read"),
    "identity": Case(plain(b"Transfer-Encoding: identity"), "read"),
    "an unknown coding": Case(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\nhello", "refused"),
    "a chunk's extension": Case(CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n", "read"),
    "blanks after the size": Case(CHUNKED + b"5  \r\nhello\r\n0\r\n\r\n", "read"),
    "zeros before the size": Case(CHUNKED + b"000005\r\nhello\r\n0\r\n\r\n", "read"),
    "chunks with LF": Case(CHUNKED + b"5\nhello\n0\n\n", "read"),
    "a size with 0x": Case(CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", "cut", "refused"),
    "a size with 0X": Case(CHUNKED + b"0X5;a\r\nhello\r\n0\r\n\r\n", "cut", "refused"),
    "the end after 0x": Case(CHUNKED + b"0x5", "cut", "refused"),
    "zero with an extension": Case(CHUNKED + b"5\r\nhello\r\n0 ;a=b\r\n\r\n", "read"),
    "several zeros": Case(CHUNKED + b"5\r\nhello\r\n000\r\n\r\n", "read"),
    "no size": Case(CHUNKED + b"zz\r\n", "refused"),
    "a page for a chunk": Case(CHUNKED + b"<html>hello", "refused"),
    "a blank before the size": Case(CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", "refused"),
    "too long a size": Case(CHUNKED + b"f" * 30 + b"\r\n", "refused"),
    "no line end after a chunk": Case(CHUNKED + b"5\r\nhello0\r\n\r\n", "refused"),
    "no last chunk": Case(CHUNKED + b"5\r\nhello\r\n", "cut"),
    # several answers, and the end
    "100 first": Case(b"HTTP/1.1 100 Continue\r\n\r\n" + plain(), "read"),
    "101": Case(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nhello", "read", "refused", status=101),
    "the end in a field": Case(b"HTTP/1.1 200 OK\r\nContent-Len", "read", "ended", body=b""),
    "the end after a field": Case(b"HTTP/1.1 200 OK\r\nServer: x\r\n", "read", "ended", body=b""),
    "the end after the status": Case(b"HTTP/1.1 200 OK\r\n", "read", "ended", body=b""),
    "the end in the status": Case(b"HTTP/1.1 200 OK", "refused", "ended"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_answer_is_read_as_curl_reads_it(case: Case) -> None:
    reader = http.ResponseReader("GET")
    outcome = case.ours or case.curl
    if outcome == "refused":
        with pytest.raises((OurLimit, UnknownValue)):
            reader(at_the_end(case.data))
        return
    answer = reader(at_the_end(case.data))
    if outcome == "ended":
        assert answer is None, "the stream says that the connection ended"
        return
    assert answer is not None
    assert (answer.status, answer.body) == (case.status, case.body)
    assert answer.truncated == (outcome == "cut")


def test_a_body_ends_at_its_length_whatever_the_pieces() -> None:
    buffer = Buffer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
    reader = http.ResponseReader("GET")
    assert reader(buffer) is None
    buffer.feed(b"56789" + plain())
    answer = reader(buffer)
    assert answer is not None
    assert (answer.body, buffer.everything()) == (b"0123456789", plain())


@pytest.mark.parametrize("data", [b"hello, world", b"SSH-2.0-x\r\n", b"\x15\x03\x03\0\2\2\x28", b"\r\nlogin: ", b"+OK"])
def test_what_is_no_http_is_no_limit_of_ours(data: bytes) -> None:
    with pytest.raises(WireError) as caught:
        http.ResponseReader("GET")(Buffer(data))
    assert not isinstance(caught.value, OurLimit)


def test_controls_do_not_reach_a_report() -> None:
    answer = http.ResponseReader("HEAD")(Buffer(b"HTTP/1.1 200 O\x1b[1mK\r\nSer\x07ver: a\rb\x1b]0;x\r\n\r\n"))
    assert answer is not None
    assert (answer.reason, answer.headers) == ("O [1mK", (("ser ver", "a b ]0;x"),))
