"""Play what answers in the place of a configured proxy: web servers, portals, limits, and proxies that close."""

from __future__ import annotations

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from scanready.model import Owner, Report, Step, Verdict
from tests.ladder import WAIT, expect, finding_of, target
from tests.websites import ER, look

HTTP, HTTPS = "http", "https"
PORTAL = b"<html><a href='http://x.network-auth.com/splash/?a=b'>Log in to the network</a>"
FILTER = b"<html><title>Web Page Blocked</title>"


def says(data: bytes) -> Behaviour:
    """Answer each request with the same bytes."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            record.count(head.split(b" ", 1)[0].decode())
            if b"\r\nAuthorization:" in head:
                record.offence("a login")
            writer.write(data)
            await writer.drain()
            if b"Content-Length" not in data:
                return

    return behaviour


def head(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


def page(body: bytes) -> bytes:
    return head("200 OK", "Content-Type: text/html", f"Content-Length: {len(body)}") + body


def through(type_: str, data: bytes, **settings: float) -> Report:
    with in_background(says(data)) as proxy:
        where = target(type_, "site.example", None, ER, proxy=f"{proxy.host}:{proxy.port}")
        report = look(where, **settings)
        assert not proxy.offences
        return report


@pytest.mark.parametrize("scheme", ["Basic realm=x", "NTLM", "Digest realm=x, nonce=1"])
def test_a_web_server_that_requires_a_login_is_no_proxy_and_gets_no_credential(scheme: str) -> None:
    report = through(HTTP, head("401 Unauthorized", f"WWW-Authenticate: {scheme}", "Content-Length: 0"))
    expect(report, Verdict.BLOCKED, "http.not-a-proxy", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert report.footprint.login_attempts == 0


def test_a_login_of_the_site_itself_passes_a_proxy_that_names_itself() -> None:
    answer = head("401 Unauthorized", "WWW-Authenticate: Basic realm=x", "Via: 1.1 squid", "Content-Length: 0")
    expect(through(HTTP, answer), Verdict.UNDECIDED, "login.withheld")


def test_a_login_of_the_site_itself_passes_a_proxy_without_a_name() -> None:
    async def proxy(reader: Reader, writer: Writer, record: Record) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            there = b"scanready.invalid" not in request
            login = head("401 Unauthorized", "WWW-Authenticate: Basic realm=x", "Content-Length: 0")
            writer.write(login if there else head("502 Bad Gateway", "Content-Length: 0"))
            await writer.drain()

    with in_background(proxy) as server:
        where = target(HTTP, "site.example", None, None, proxy=f"{server.host}:{server.port}")
        expect(look(where), Verdict.READY)


@pytest.mark.parametrize(
    ("answer", "verdict", "code", "owner"),
    [
        (head("429 Too Many Requests", "Retry-After: 9"), Verdict.UNDECIDED, "handshake.throttled", Owner.SERVER),
        (head("600 Whatever"), Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        (head("999 Denied"), Verdict.UNDECIDED, "scanready.limit", Owner.SCANREADY),
        (head("401 Unauthorized"), Verdict.BLOCKED, "http.not-a-proxy", Owner.OPERATOR),
        (head("511 Login", "Content-Length: 0"), Verdict.BLOCKED, "http.captive-portal", Owner.NETWORK),
        (head("302 Found", "Location: http://p.corp/fgtauth?1"), Verdict.BLOCKED, "http.captive-portal", Owner.NETWORK),
        (head("302 Found", "Location: http://block.corp/"), Verdict.BLOCKED, "http.proxy-refused", Owner.NETWORK),
        (page(b"<html>It works!"), Verdict.BLOCKED, "http.not-a-proxy", Owner.OPERATOR),
        (head("200 OK", "Content-Length: 900"), Verdict.BLOCKED, "http.not-a-proxy", Owner.OPERATOR),
        (head("200 OK") + b"<html>It works!", Verdict.BLOCKED, "http.not-a-proxy", Owner.OPERATOR),
        (page(PORTAL), Verdict.BLOCKED, "http.captive-portal", Owner.NETWORK),
        (page(FILTER), Verdict.BLOCKED, "http.block-page", Owner.NETWORK),
    ],
)
def test_an_answer_to_connect(answer: bytes, verdict: Verdict, code: str, owner: Owner) -> None:
    expect(through(HTTPS, answer), verdict, code, owner=owner)


def test_the_address_of_a_refusing_redirect_is_shown() -> None:
    report = through(HTTPS, head("302 Found", "Location: http://block.corp/?why"))
    assert "http://block.corp/?why" in finding_of(report).detail


def test_a_portal_that_redirects_every_request_is_no_mistake_in_the_inventory() -> None:
    report = through(HTTP, head("302 Found", "Location: http://p.corp/fgtauth?1", "Content-Length: 0"))
    expect(report, Verdict.BLOCKED, "http.captive-portal", step=Step.HANDSHAKE, owner=Owner.NETWORK)


@pytest.mark.parametrize("type_", [HTTP, HTTPS])
def test_a_proxy_that_closes_the_connection_refuses(type_: str) -> None:
    expect(through(type_, b""), Verdict.BLOCKED, "http.proxy-refused", owner=Owner.NETWORK)


@pytest.mark.parametrize("type_", [HTTP, HTTPS])
def test_a_silent_proxy_says_nothing_about_the_target(type_: str) -> None:
    async def silent(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.read()

    with in_background(silent) as proxy:
        where = target(type_, "site.example", None, None, proxy=f"{proxy.host}:{proxy.port}")
        expect(look(where, timeout=WAIT), Verdict.UNDECIDED, "scanready.out-of-time")
