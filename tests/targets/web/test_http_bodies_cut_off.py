"""A page whose connection ends before its announced end was not read, whatever came of it."""

from __future__ import annotations

import gzip

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from scanready.model import Owner, Step, Verdict
from scanready.wire.http import MAX_BODY
from tests.ladder import check_of, expect
from tests.websites import ER, FORM, TOKEN, visited

TEXT = b"<title>Intranet</title><p>" + b"All the news of the day. " * 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
ASKS = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="Lab"\r\nContent-Length: 0\r\n\r\n'
CHUNK = b"%x\r\n%b\r\n" % (len(TEXT), TEXT)


def closing(head: bytes, body: bytes, *, login: bool = False) -> Behaviour:
    """Answer each request with these octets, HEAD without ``body``, and close the connection."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        if login and b"Authorization: Basic " + TOKEN not in asked:
            writer.write(ASKS)
        else:
            writer.write(head + b"\r\n" + (b"" if asked.startswith(b"HEAD") else body))

    return behaviour


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize(
    ("fields", "body", "words"),
    [
        (b"Content-Length: 5000\r\n", TEXT, "of 5000 bytes"),
        (b"Content-Length: %d\r\n" % (len(TEXT) + 1), TEXT, f"after {len(TEXT)} of {len(TEXT) + 1} bytes"),
        (b"Content-Length: 99999999999999999999999\r\n", TEXT, "of 99999999999999999999999 bytes"),
        (b"Content-Length: 9223372036854775807\r\n", TEXT, "of 9223372036854775807 bytes"),
        (b"Transfer-Encoding: chunked\r\n", CHUNK, "before the last chunk"),
        (b"Transfer-Encoding: chunked\r\n", CHUNK[:-9], "before the last chunk"),
        (b"Transfer-Encoding: chunked\r\n", CHUNK[:-2], "before the last chunk"),
        (b"Transfer-Encoding: chunked\r\n", CHUNK + b"5", "before the last chunk"),
        (b"Content-Encoding: gzip\r\nContent-Length: 5000\r\n", gzip.compress(TEXT, mtime=0)[:-20], "of 5000 bytes"),
    ],
)
def test_an_end_before_the_announced_end(fields: bytes, body: bytes, words: str, login: bool) -> None:
    with in_background(closing(HEAD + fields, body, login=login)) as server:
        report = visited(server, "http", ER, allow_cleartext=True) if login else visited(server)
    expect(report, Verdict.UNDECIDED, "access.broken-off", step=Step.ACCESS, owner=Owner.SERVER)
    summary = check_of(report, Step.ACCESS).summary
    assert ("the connection ended after" if login else words) in summary


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (b"", TEXT),
        (b"Content-Length: %d\r\n" % len(TEXT), TEXT),
        (b"Content-Length: %d\r\n" % (len(TEXT) - 1), TEXT),
        (b"Transfer-Encoding: chunked\r\n", CHUNK + b"0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", CHUNK + b"0\r\n"),
        (b"Transfer-Encoding: chunked\r\n", CHUNK + b"0\r\nX: trailer\r\n"),
        (b"Content-Length: 900000\r\n", TEXT + b"x " * MAX_BODY),
        (b"Transfer-Encoding: chunked\r\n", b"80000\r\n" + TEXT + b"x " * MAX_BODY),
    ],
    ids=[
        "until the end",
        "whole",
        "more",
        "chunks",
        "no last line",
        "in a trailer",
        "our bound",
        "our bound in chunks",
    ],
)
def test_a_page_that_is_whole_or_that_this_check_stops_reading(fields: bytes, body: bytes) -> None:
    with in_background(closing(HEAD + fields, body)) as server:
        expect(visited(server), Verdict.SCANNABLE)


def test_what_a_filter_shows_is_known_before_its_page_ends() -> None:
    page = b"<title>Web Page Blocked</title><p>Access has been blocked."
    with in_background(closing(HEAD + b"Content-Length: 5000\r\n", page)) as server:
        expect(visited(server), Verdict.LIMITED, "http.block-page", owner=Owner.NETWORK)


def test_a_part_of_a_login_form_proves_nothing() -> None:
    with in_background(closing(HEAD + b"Content-Length: 5000\r\n", FORM)) as server:
        expect(visited(server), Verdict.UNDECIDED, "access.broken-off")
