"""Answers that are easily taken for something better or worse than they are: filters, old and new HTTP, slow logins."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background, misbehave
from fixtures.emulators.certificates import authority
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.ladder import WAIT, account, check_of, expect, logins_end, passed, story, target
from tests.websites import BASIC, ER, OK, PAGE, answer, look, serving, tls, visited

HTML = "Content-Type: text/html"


def against(behaviour: Behaviour, credential: Credential | None = None, type_: str = "http", **options: Any) -> Report:
    with in_background(behaviour, **(tls() if type_ == "https" else {})) as server:
        return look(target(type_, server.host, server.port, credential, **options))


# --- pages that are none -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"The requested URL was rejected. Please consult with your administrator.<br>Your support ID is: 1",
        b"<iframe src=x></iframe>Request unsuccessful. Incapsula incident ID: 1-2",
        b"<title>Just a moment...</title><script src=/cdn-cgi/challenge-platform/h/b/orchestrate></script>",
        b"<title>Web Page Blocked</title>",
    ],
)
def test_the_block_page_of_a_filter_is_no_page_of_the_site(body: bytes) -> None:
    with serving(answer("200 OK", HTML, body=body)) as server:
        report = visited(server)
    expect(report, Verdict.LIMITED, "http.block-page", step=Step.ACCESS, owner=Owner.NETWORK)


def test_a_challenge_that_only_get_meets() -> None:
    challenge = answer("202 Accepted", "x-amzn-waf-action: challenge")
    with serving({"HEAD /": OK, "/": challenge}) as server:
        report = visited(server)
    expect(report, Verdict.BLOCKED, "http.challenged", step=Step.ACCESS)


def test_a_page_that_sends_its_visitors_to_another_host() -> None:
    portal = b'<html><META content="0; URL=http://portal.example/login" http-equiv="refresh">'
    with serving(answer("200 OK", HTML, body=portal)) as server:
        report = visited(server)
    there = "http://portal.example/login"
    expect(report, Verdict.LIMITED, "http.redirects-elsewhere", step=Step.ACCESS, fix=there)
    own = b'<meta http-equiv=refresh content="5;url=/start"><p>Welcome'
    with serving({"/": answer("200 OK", HTML, body=own), "/start": OK}) as server:
        expect(visited(server), Verdict.SCANNABLE)


def test_a_page_that_quotes_what_a_server_says_is_a_page() -> None:
    body = b"<p>What 'The plain HTTP request was sent to HTTPS port' and 'No required SSL certificate was sent' mean"
    with serving(answer("200 OK", HTML, body=body)) as server:
        expect(visited(server), Verdict.SCANNABLE)


# --- HTTP that is not quite ours ---------------------------------------------------------------------------------

# Written after RFC 9113: an empty SETTINGS, and GOAWAY with PROTOCOL_ERROR as nghttp2 and Go answer HTTP/1.1.
SETTINGS = bytes.fromhex("000000 04 00 00000000")
GOAWAY = bytes.fromhex("000008 07 00 00000000 00000000 00000001")


@pytest.mark.parametrize("type_", ["http", "https"])
@pytest.mark.parametrize("frames", [SETTINGS, SETTINGS + GOAWAY, GOAWAY])
def test_http2_alone_is_our_limit(frames: bytes, type_: str) -> None:
    async def http2(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frames)
        await misbehave.swallow(reader)

    expect(against(http2, type_=type_), Verdict.UNDECIDED, "scanready.limit", owner=Owner.SCANREADY)


def alerts(number: int) -> Behaviour:
    """Answer a ClientHello with an alert (RFC 8446, 6): fatal, and its number."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readexactly(5)
        writer.write(b"\x15\x03\x03\x00\x02\x02" + bytes([number]))

    return behaviour


@pytest.mark.parametrize(
    ("number", "verdict", "code"),
    [
        (40, Verdict.BLOCKED, "tls.no-common-cipher"),
        (71, Verdict.BLOCKED, "tls.no-common-cipher"),
        (70, Verdict.BLOCKED, "tls.version"),
        (42, Verdict.BLOCKED, "tls.client-certificate"),
        (43, Verdict.BLOCKED, "tls.client-certificate"),
        (46, Verdict.BLOCKED, "tls.client-certificate"),
        (48, Verdict.BLOCKED, "tls.client-certificate"),
        (116, Verdict.BLOCKED, "tls.client-certificate"),
        (112, Verdict.BLOCKED, "tls.name-mismatch"),
        (80, Verdict.BLOCKED, "tls.failed"),
        (109, Verdict.BLOCKED, "tls.failed"),
        (120, Verdict.UNDECIDED, "scanready.limit"),
    ],
)
def test_what_an_alert_means(number: int, verdict: Verdict, code: str) -> None:
    with in_background(alerts(number)) as server:
        report = look(target("https", server.host, server.port))
    expect(report, verdict, code, step=Step.TLS)
    unnamed = "no server name (SNI) was sent" in check_of(report, Step.TLS).summary
    assert unnamed == (number in (40, 80, 109, 112)), "the target is an address"


def consents(consent: bytes) -> Behaviour:
    """Agree to TLS as PostgreSQL does, and answer the ClientHello with an alert: unrecognized_name."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readexactly(8)
        writer.write(consent)
        await alerts(112)(reader, writer, record)

    return behaviour


@pytest.mark.parametrize(
    ("type_", "behaviour"), [("imaps", alerts(112)), ("ews", alerts(112)), ("postgresql", consents(b"S"))]
)
def test_an_address_is_no_name_for_any_type(type_: str, behaviour: Behaviour) -> None:
    """Proxies find the tenant by the name: of mail servers and databases, too."""
    with in_background(behaviour) as server:
        report = look(target(type_, server.host, server.port))
    expect(report, Verdict.BLOCKED, "tls.name-mismatch", step=Step.TLS)
    assert "name it by its host name" in check_of(report, Step.TLS).summary


@pytest.mark.parametrize(("number", "name"), [(0, "close_notify"), (122, "alert 122"), (200, "alert 200")])
def test_an_alert_that_openssl_has_no_name_for_is_told(number: int, name: str) -> None:
    with in_background(alerts(number)) as server:
        report = look(target("https", server.host, server.port))
    expect(report, Verdict.BLOCKED, "tls.failed", step=Step.TLS)
    assert f"the TLS alert {name}" in check_of(report, Step.TLS).summary


@pytest.mark.parametrize("type_", ["https", "imaps"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_demanded_in_tls(version: ssl.TLSVersion, type_: str) -> None:
    context = authority().context.__wrapped__(authority(), "good")  # one of its own, to change it
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority().ca_file)

    async def never_reached(reader: Reader, writer: Writer, record: Record) -> None:
        await misbehave.swallow(reader)

    with in_background(never_reached, tls=context) as server:
        report = look(target(type_, server.host, server.port))
    expect(report, Verdict.BLOCKED, "tls.client-certificate", owner=Owner.SERVER)


def test_a_server_that_would_do_without_a_certificate_shows_it_to_us() -> None:
    context = authority().context.__wrapped__(authority(), "good")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers("ADH-AES128-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0")
    with serving(OK, tls=context) as server:
        expect(visited(server, "https"), Verdict.SCANNABLE)


def test_a_server_that_hangs_up_on_head() -> None:
    async def no_head(reader: Reader, writer: Writer, record: Record) -> None:
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
            writer.write(OK)

    report = expect(against(no_head), Verdict.SCANNABLE)
    assert report.footprint.connections <= 3, story(report)


def test_a_body_after_head_that_comes_late() -> None:
    """It would be taken for the answer to the next question."""

    async def with_body(reader: Reader, writer: Writer, record: Record) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            known = OK if b"HEAD" not in request else b""
            writer.write(known or OK.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            await writer.drain()
            if not known:
                await reader.readexactly(1)  # the next question has begun
                writer.write(PAGE)
                await writer.drain()
                return

    report = expect(against(with_body), Verdict.SCANNABLE)
    passed(report, Step.ACCESS)


@pytest.mark.parametrize(
    ("reply", "verdict", "code"),
    [
        (b"Hello, this is HTTP/0.9\r\n", Verdict.BLOCKED, "handshake.other-protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Verdict.UNDECIDED, "scanready.limit"),
        (answer("200 OK"), Verdict.LIMITED, "http.empty"),
        (answer("204 No Content"), Verdict.LIMITED, "http.empty"),
        (answer("401 Unauthorized"), Verdict.BLOCKED, "http.no-password-scheme"),
        (answer("401 Unauthorized", "WWW-Authenticate: Hawk"), Verdict.BLOCKED, "http.no-password-scheme"),
        (answer("407 Proxy", "Proxy-Authenticate: Basic realm=x"), Verdict.BLOCKED, "http.proxy-between"),
        (answer("421 Misdirected Request"), Verdict.BLOCKED, "http.unknown-host"),
        (answer("425 Too Early"), Verdict.BLOCKED, "http.request-refused"),
        (answer("451 Unavailable For Legal Reasons"), Verdict.BLOCKED, "http.forbidden"),
        (answer("511 Network Authentication Required"), Verdict.BLOCKED, "http.captive-portal"),
        (answer("300 Multiple Choices"), Verdict.BLOCKED, "http.request-refused"),
    ],
)
def test_answers_of_every_kind(reply: bytes, verdict: Verdict, code: str) -> None:
    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).startswith(b"HEAD") and reply.startswith(b"HTTP/")
        writer.write(reply.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if head else reply)

    expect(against(behaviour), verdict, code)


def test_a_tunnel_that_is_never_opened_is_not_a_filtered_proxy() -> None:
    with in_background(misbehave.silent) as proxy:
        where = target("https", "192.0.2.1", 443, proxy=f"127.0.0.1:{proxy.port}")
        report = look(where, timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.CONNECT)
    assert "proxy did not answer" in check_of(report, Step.CONNECT).summary


# --- logins ------------------------------------------------------------------------------------------------------


def after_the_login(reply: bytes, *, drips: bool = False) -> Behaviour:
    """Ask for Basic; after the login send ``reply``, and with ``drips`` single bytes until the connection ends."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while b"Authorization" not in await reader.readuntil(b"\r\n\r\n"):
            writer.write(BASIC)
        writer.write(reply)
        while drips:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    return behaviour


@pytest.mark.parametrize("type_", ["http", "https"])
@pytest.mark.parametrize("reply", [b"HTTP/1.1 200 OK\r\nX-Drip: ", b"HTTP/1.1 200 OK\r\n\r\n", b""])
def test_a_server_that_drips_after_the_login_holds_no_thread(reply: bytes, type_: str) -> None:
    with in_background(after_the_login(reply, drips=True), **(tls() if type_ == "https" else {})) as server:
        report = look(target(type_, server.host, server.port, ER, allow_cleartext=True), timeout=WAIT)
        assert logins_end()
    assert report.verdict in (Verdict.UNDECIDED, Verdict.SCANNABLE), story(report)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"garbage\r\n\r\n",
    ],
)
def test_what_breaks_off_after_the_login_is_no_bug_and_no_refusal(reply: bytes) -> None:
    report = against(after_the_login(reply), ER, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)


def digest(realm: str = "Lab", **challenge: str) -> Behaviour:
    """Play a server with MD5 and qop=auth, written after RFC 7616, section 3.4, and like Apache httpd."""
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    fields = {"realm": f'"{realm}"', "nonce": f'"{nonce}"', "qop": '"auth"', "algorithm": "MD5"} | challenge
    asks = answer("401 Unauthorized", "WWW-Authenticate: Digest " + ", ".join(f"{k}={v}" for k, v in fields.items()))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            method, path, _ = head.split(" ", 2)
            given = dict(re.findall(r'(\w+)="?([^",\r]*)"?', head.partition("Authorization: Digest ")[2]))
            if given:
                record.count("logins")
            parts = (given.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
            wanted = md5(f"{md5(f'er:{realm}:Passw0rd!')}:{':'.join(parts)}:{md5(f'{method}:{path}')}")
            writer.write(OK if given.get("response") == wanted else asks)
            await writer.drain()

    return behaviour


def test_digest() -> None:
    for password, verdict, code in (("Passw0rd!", Verdict.SCANNABLE, None), ("no", Verdict.BLOCKED, "login.refused")):
        with in_background(digest()) as server:
            report = look(target("http", server.host, server.port, account("er", password), path="/a?b=c"))
            expect(report, verdict, code)
            assert server.counts["logins"] == report.footprint.login_attempts == 1


@pytest.mark.parametrize("challenge", [{"algorithm": "SHA-512-256"}, {"qop": '"auth-int"'}, {"stale": "TRUE"}])
def test_a_digest_that_requests_does_not_know_is_our_limit(challenge: dict[str, str]) -> None:
    report = against(digest(**challenge), account("er", "whatever"))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)


@pytest.mark.parametrize(
    ("offered", "then"),
    [
        ('Digest realm="Lab", nonce="n", qop="auth"', "Basic realm=Lab"),
        ("NTLM", "Basic realm=Lab"),
        ("NTLM", "Negotiate"),
        ('Digest realm="Lab", nonce="n", qop="auth"', "Bearer"),
    ],
)
def test_a_scheme_that_is_withdrawn_ends_the_login_before_the_secret(offered: str, then: str) -> None:
    async def withdraws(reader: Reader, writer: Writer, record: Record) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            record.count("HEAD" if head.startswith(b"HEAD") else "other")
            asks = offered if head.startswith(b"HEAD") else then
            writer.write(answer("401 Unauthorized", f"WWW-Authenticate: {asks}"))
            await writer.drain()

    with in_background(withdraws) as server:
        report = look(target("http", server.host, server.port, account("er", "Passw0rd!"), allow_cleartext=True))
        received = b"".join(connection.received for connection in server.connections)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0
    assert b"response=" not in received
    assert b"Authorization: Basic" not in received
