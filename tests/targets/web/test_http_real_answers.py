"""Answers of real peers: servers without HEAD, TLS and clear text on the wrong port, load balancers, HTTP/2 only.

The bytes of HAProxy 2.6.12, nginx 1.22.1 and `openssl s_server` 3.0 are captured. Each test asserts verdict, step,
cause, owner and advice.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background, misbehave
from fixtures.emulators.certificates import authority
from scanready.model import Owner, Step, Verdict
from tests.ladder import WAIT, expect, finding_of, passed, story, target
from tests.websites import OK, PAGE, answer, look, serving, tls, visited

HTML = "Content-Type: text/html"
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html"
    b"\r\n\r\n<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n"
    b"</body></html>\n"
)
INVALID = (
    b"HTTP/1.1 400 Bad request\r\nContent-length: 90\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: "
    b"text/html\r\n\r\n<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n"
)
GO = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"  # to every method


def heads(to_head: bytes | None, to_get: bytes = OK) -> Behaviour:
    """Answer HEAD with ``to_head``, or not at all (None), and GET with ``to_get``."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method = head.split(b" ", 1)[0].decode()
            record.count(method)
            if method == "HEAD" and to_head is None:
                await misbehave.swallow(reader)
                return
            reply = to_get if method == "GET" else to_head
            writer.write(reply or b"")
            await writer.drain()
            if not reply or b"close" in reply.lower() or reply.startswith(b"HTTP/1.0"):
                return

    return behaviour


# --- HTTP that is not quite HTTP ---------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["http", "https"])
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX Powered/By: x\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200\nContent-Type: text/html\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Type:\r\n text/html\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.0 200\r\n\r\nhello",
    ],
    ids=["names", "LF and no reason", "folded, two lengths", "chunked twice", "HTTP/1.0 alone"],
)
def test_what_curl_reads_is_scannable(head: bytes, type_: str) -> None:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        end = b"\n\n" if b"\n\n" in head else b"\r\n\r\n"
        writer.write(head.partition(end)[0] + end if asked.startswith(b"HEAD") else head)

    with in_background(behaviour, **(tls() if type_ == "https" else {})) as server:
        expect(visited(server, type_), Verdict.SCANNABLE)


@pytest.mark.parametrize("type_", ["http", "https", "ews"])
@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1\t200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"ICY 200 OK\r\nicy-name: radio\r\n\r\n",
        b"<html><body>hello</body></html>",
        b"HTTP/1.1 200 OK\rServer: CR alone\r\r",
    ],
    ids=["tab", "no colon", "ICY", "no head", "CR alone"],
)
def test_what_this_reader_refuses_is_a_limit_of_ours(reply: bytes, type_: str) -> None:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)

    with in_background(behaviour, **({} if type_ == "http" else tls())) as server:
        report = look(target(type_, server.host, server.port))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)


def test_a_port_whose_http_is_not_read_gets_no_other_protocol() -> None:
    with in_background(misbehave.says(b"ICY 200 OK\r\n\r\n")) as server:
        report = look(target("http", server.host, server.port))
    assert report.facts["speaks"] == "http"


# --- HEAD without an answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["http", "https"])
def test_a_head_that_is_never_answered_leaves_time_for_get(type_: str) -> None:
    """As `openssl s_server -www`, whose session tickets are no answer either."""
    with in_background(heads(None), **(tls() if type_ == "https" else {})) as server:
        report = expect(look(target(type_, server.host, server.port), timeout=WAIT), Verdict.SCANNABLE)
    assert server.counts == {"HEAD": 1, "GET": 1}
    assert report.footprint.connections == 2


@pytest.mark.parametrize(
    "to_head",
    [
        b"",
        b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 501 Not Implemented\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbad",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot there",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot there",
    ],
    ids=["hang-up", "405", "501", "400 with a body", "404 with a body", "200 with a body"],
)
def test_head_is_not_what_decides(to_head: bytes) -> None:
    with in_background(heads(to_head)) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
    assert server.counts["GET"] == 1
    passed(report, Step.HANDSHAKE, Step.AUTH, Step.ACCESS)


def test_silence_after_head_and_get_is_silence() -> None:
    with in_background(misbehave.silent) as server:
        report = look(target("http", server.host, server.port), timeout=WAIT)
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE, owner=Owner.NETWORK)
    assert report.footprint.connections == 2


def test_silence_in_tls_is_the_web_servers() -> None:
    with in_background(misbehave.silent, **tls()) as server:
        report = look(target("https", server.host, server.port), timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "handshake.too-slow", step=Step.HANDSHAKE, owner=Owner.SERVER)


# --- TLS on one side only ----------------------------------------------------------------------------------------


def alerts(number: int) -> Behaviour:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readexactly(5)
        writer.write(b"\x15\x03\x01\x00\x02\x02" + bytes([number]))

    return behaviour


@pytest.mark.parametrize("number", [10, 22, 70, 80], ids=["unexpected", "overflow", "version", "internal"])
def test_an_alert_to_plain_http_advises_https_on_one_connection(number: int) -> None:
    with in_background(alerts(number)) as server:
        report = look(target("http", server.host, server.port, path="/a"))
    fix = f"https://127.0.0.1:{server.port}/a"
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR, fix=fix)
    assert report.facts["speaks"] == "tls"
    assert len(server.connections) == report.footprint.connections == 1


@pytest.mark.parametrize(
    "reply",
    [
        GO,
        answer("400 Bad Request", "Connection: close", body=b"The plain HTTP request was sent to HTTPS port"),
        answer("400 Bad Request", body=b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />"),
    ],
    ids=["Go", "nginx", "Apache httpd"],
)
def test_words_that_come_with_the_answer_to_head_are_enough(reply: bytes) -> None:
    with in_background(heads(reply, reply)) as server:
        report = visited(server)
    fix = f"https://127.0.0.1:{server.port}/"
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR, fix=fix)
    assert server.counts == {"HEAD": 1}
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    "reply",
    [
        OK,
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 400 Bad request version\r\n\r\n",
        b"<!DOCTYPE HTML>\n<html><p>Error code: 400</p></html>\n",  # Python's http.server
    ],
    ids=["OK", "400", "400 of HTTP 1.0", "a page without a status line"],
)
def test_plain_http_at_an_https_port_advises_http_on_one_connection(reply: bytes) -> None:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readexactly(5)
        writer.write(reply)

    with in_background(behaviour) as server:
        report = look(target("https", server.host, server.port, path="/a"))
    entry = (Owner.OPERATOR, f"# In the inventory, in place of this target:\nhttp://127.0.0.1:{server.port}/a")
    expect(report, Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER, also=entry)
    assert finding_of(report).fix is None
    # nginx answers a PROXY header on its TLS port with the 400 that it has for a TLS hello in clear.
    assert ("PROXY protocol" in story(report)) is (b" 400 " in reply)
    assert len(server.connections) == report.footprint.connections == 1


# --- load balancers ----------------------------------------------------------------------------------------------


def test_a_load_balancer_without_a_backend() -> None:
    with serving(UNAVAILABLE) as server:
        report = expect(visited(server), Verdict.BLOCKED, "http.unavailable", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.cause is not None
    assert "no backend passes the load balancer's health check" in report.cause.meaning


def test_a_backend_that_gets_the_proxy_protocol_and_does_not_expect_it() -> None:
    with serving(INVALID) as server:
        report = expect(visited(server), Verdict.BLOCKED, "http.request-refused", step=Step.AUTH, owner=Owner.SERVER)
    assert report.cause is not None
    assert "PROXY protocol" in report.cause.meaning
    assert "send-proxy" in report.cause.remedy


@pytest.mark.parametrize("behaviour", [misbehave.closes_at_once, misbehave.resets, heads(b"", b"")])
def test_a_hang_up_names_tls_the_backend_and_the_proxy_protocol_before_a_ban(behaviour: Behaviour) -> None:
    """`openssl s_server` and HAProxy (TLS, accept-proxy, no backend) hang up on plain HTTP without an alert."""
    with in_background(behaviour) as server:
        report = expect(visited(server), Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.cause is not None
    order = [report.cause.remedy.index(word) for word in ("https://", "backend", "PROXY protocol", "fail2ban")]
    assert order == sorted(order)
    assert "PROXY protocol" in report.cause.meaning
    assert report.finding is not None
    assert "requires TLS" in report.finding.detail
    assert len(server.connections) <= 2


# --- HTTP/2 only, and the choice by ALPN ------------------------------------------------------------------------


def picking(*protocols: str) -> dict[str, Any]:
    context: ssl.SSLContext = authority().context.__wrapped__(authority(), "good")
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return {"tls": context}


@pytest.mark.parametrize(
    ("protocols", "verdict", "code", "reply"),
    [
        (("h2",), Verdict.UNDECIDED, "scanready.limit", "selects h2 by ALPN; it supports only HTTP/2"),
        (("http/1.1",), Verdict.BLOCKED, "handshake.hung-up", "by ALPN it selected http/1.1"),
        (("h2", "http/1.1"), Verdict.BLOCKED, "handshake.hung-up", "by ALPN it selected http/1.1"),
        ((), Verdict.BLOCKED, "handshake.hung-up", "by ALPN it selected neither http/1.1 nor h2"),
    ],
    ids=["h2", "1.1", "both", "none"],
)
def test_a_hang_up_in_tls_says_what_is_picked(
    protocols: tuple[str, ...], verdict: Verdict, code: str, reply: str
) -> None:
    async def hangs_up(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.read(1)

    with in_background(hangs_up, **picking(*protocols)) as server:
        report = look(target("https", server.host, server.port))
    expect(report, verdict, code, step=Step.HANDSHAKE)
    assert report.finding is not None
    assert reply in report.finding.detail
    assert report.footprint.connections == 2


def test_a_server_without_alpn_that_hangs_up_on_head_still_gets_its_get() -> None:
    with in_background(heads(b""), **picking()) as server:
        expect(look(target("https", server.host, server.port)), Verdict.SCANNABLE)


def test_a_page_is_asked_for_as_it_is() -> None:
    with serving(answer("200 OK", HTML, body=PAGE)) as server:
        expect(visited(server), Verdict.SCANNABLE)
        server.wait(1)
    assert server.connections[0].received.count(b"\r\nAccept-Encoding: identity\r\n") == 2


def test_the_time_that_head_leaves_is_for_get() -> None:
    """GET is answered late, and still within the time that is left."""

    async def slow(reader: Reader, writer: Writer, record: Record) -> None:
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"HEAD"):
            await misbehave.swallow(reader)
            return
        await asyncio.sleep(0.5)
        writer.write(OK)

    with in_background(slow) as server:
        expect(look(target("http", server.host, server.port), timeout=WAIT), Verdict.SCANNABLE)
