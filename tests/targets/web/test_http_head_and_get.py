"""Servers that answer HEAD otherwise than GET, which is how a scan asks: GET decides."""

from __future__ import annotations

import asyncio

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background, misbehave
from scanready.model import Outcome, Owner, Step, Verdict
from tests.ladder import check_of, expect, finding_of, target
from tests.websites import BASIC, ER, OK, answer, look, moved, serving, tls, visited


def first(to_head: bytes) -> Behaviour:
    """Answer HEAD with these bytes and hang up, and GET with a page."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            record.count(head.split(b" ")[0].decode())
            writer.write(to_head if head.startswith(b"HEAD") else OK)
            await writer.drain()
            if head.startswith(b"HEAD") and not to_head.endswith(b"\r\n\r\n"):
                return

    return behaviour


TO_HEAD = {
    "503": answer("503 Service Unavailable"),
    "304": answer("304 Not Modified"),
    "300": answer("300 Multiple Choices"),
    "302 to nowhere": answer("302 Found"),
    "407": answer("407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="p"'),
    "401 without a scheme": answer("401 Unauthorized"),
    "302 to a dead host": moved("http://127.0.0.9:1/"),
    "302 to no name": moved("http://no-such-host.invalid/"),
    "302 in a circle": moved("/"),
    "299": answer("299 Odd"),
    "999": answer("999 Odd"),
    "a line": b"OK\r\n",
    "a broken status line": b"HTTP/1.1 two hundred\r\n\r\n",
    "a head that ends": b"HTTP/1.1 200 OK\r\nServ",
}


@pytest.mark.parametrize("to_head", TO_HEAD.values(), ids=TO_HEAD)
def test_a_page_that_only_get_shows_is_a_page(to_head: bytes) -> None:
    with in_background(first(to_head)) as server:
        expect(visited(server), Verdict.SCANNABLE)
        assert server.counts == {"HEAD": 1, "GET": 1}


@pytest.mark.parametrize("status", ["429 Too Many Requests", "511 Network Authentication Required"])
def test_a_limit_and_a_portal_are_believed_at_once(status: str) -> None:
    with serving(answer(status)) as server:
        visited(server)
    assert server.counts == {"HEAD /": 1}


def test_a_login_prompt_is_believed_at_once() -> None:
    with serving(BASIC) as server:
        expect(visited(server), Verdict.READY)
    assert server.counts == {"HEAD /": 1}


def test_a_port_of_another_protocol_gets_no_second_question() -> None:
    with in_background(misbehave.says(b"SSH-2.0-OpenSSH_9.2p1\r\n")) as server:
        expect(visited(server), Verdict.BLOCKED, "handshake.other-protocol")
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("to_get", "verdict", "code", "step"),
    [
        (BASIC, Verdict.READY, None, Step.AUTH),
        (moved("/home"), Verdict.SCANNABLE, None, Step.ACCESS),
        (moved("/"), Verdict.BLOCKED, "http.redirect-broken", Step.HANDSHAKE),
        (answer("403 Forbidden"), Verdict.BLOCKED, "http.forbidden", Step.AUTH),
        (answer("404 Not Found"), Verdict.BLOCKED, "access.not-found", Step.ACCESS),
        (answer("409 Conflict"), Verdict.BLOCKED, "http.request-refused", Step.AUTH),
        (answer("503 Service Unavailable"), Verdict.BLOCKED, "http.unavailable", None),
        (answer("999 Odd"), Verdict.UNDECIDED, "scanready.limit", None),
    ],
    ids=["401", "302", "circle", "403", "404", "409", "503", "999"],
)
def test_what_only_get_meets(to_get: bytes, verdict: Verdict, code: str | None, step: Step | None) -> None:
    with serving({"HEAD /": OK, "GET /": to_get, "/home": OK}) as server:
        report = expect(visited(server), verdict, code)
    if code and step:
        assert report.finding_step is step
    assert server.counts["GET /"] == 1


def test_a_login_that_only_get_asks_for_is_done() -> None:
    with serving({"HEAD /": OK, "GET /": BASIC}, {"GET /": OK}, **tls()) as server:
        report = expect(visited(server, "https", ER), Verdict.SCANNABLE)
    assert report.footprint.login_attempts == 1
    assert check_of(report, Step.LOGIN).outcome is Outcome.PASSED


#: The beginning of an answer; a part of its first line does not show what it is.
CUT = {
    b"HTTP/1.1 200 OK\r\nServ": "handshake.broken-off",
    b"HTTP/1.1 20": "handshake.malformed",
    b"HTTP/1.1 200 OK\r\n": "handshake.broken-off",
}


@pytest.mark.parametrize("type_", ["http", "https", "ews"])
@pytest.mark.parametrize(("data", "code"), CUT.items())
def test_an_end_within_the_head_is_the_servers(data: bytes, code: str, type_: str) -> None:
    with in_background(ends(data), **({} if type_ == "http" else tls())) as server:
        report = look(target(type_, server.host, server.port))
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "the server closed the connection" in finding_of(report).detail


@pytest.mark.parametrize(("data", "code"), CUT.items())
def test_a_reset_within_the_head_is_the_servers_as_well(data: bytes, code: str) -> None:
    with in_background(ends(data, resets=True)) as server:
        report = look(target("http", server.host, server.port))
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE, owner=Owner.SERVER)


def ends(data: bytes, *, resets: bool = False) -> Behaviour:
    """Answer a request with ``data``, and end the connection, or reset it once the data has arrived."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        if resets:
            await writer.drain()
            await asyncio.sleep(0.1)
            record.reset()

    return behaviour
