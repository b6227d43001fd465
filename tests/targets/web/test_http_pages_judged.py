"""A page with the status 200 is judged by what a scan reads: forms, filters, portals, scripts, in any coding."""

from __future__ import annotations

import gzip
import zlib

import pytest

from fixtures.emulators import Reader, Record, Writer, in_background
from scanready.model import Owner, Step, Verdict
from tests.ladder import check_of, expect, target
from tests.websites import ER, FORM, answer, look, serving, site, tls, visited

HTML = "Content-Type: text/html"
WELCOME = b"<h1>Welcome</h1><p>Reports of all the departments, by year and by author.<a href=/2026>2026</a>"
BLOCKED = b"<title>Web Page Blocked</title><p>Access to the web page you were trying to visit has been blocked."
REFRESH = b'<html><META content="0; URL=http://portal.example/login" http-equiv="refresh">'
CHALLENGE = b"<title>Just a moment...</title><script src=/cdn-cgi/challenge-platform/h/b/orchestrate></script>"


def page(body: bytes, *fields: str) -> bytes:
    return answer("200 OK", HTML, *fields, body=body)


#: Twenty megabytes of zeros.
LARGE = gzip.compress(bytes(20_000_000), compresslevel=1, mtime=0)
CODINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
}


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize(
    ("body", "code", "owner"),
    [
        (BLOCKED, "http.block-page", Owner.NETWORK),
        (CHALLENGE, "http.block-page", Owner.NETWORK),
        (REFRESH, "http.redirects-elsewhere", Owner.OPERATOR),
        (FORM, "http.login-form", Owner.SERVER),
        (b" \r\n", "http.empty", Owner.SERVER),
    ],
)
def test_a_coding_that_nobody_asked_for_hides_nothing(coding: str, body: bytes, code: str, owner: Owner) -> None:
    with serving(page(CODINGS[coding](body), f"Content-Encoding: {coding}")) as server:
        expect(visited(server), Verdict.LIMITED, code, step=Step.ACCESS, owner=owner)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_page_in_a_coding_is_a_page(coding: str) -> None:
    with serving(page(CODINGS[coding](WELCOME), f"Content-Encoding: {coding}")) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
    assert f"{len(WELCOME)} bytes of text/html" in check_of(report, Step.ACCESS).summary


def test_words_for_the_wrong_port_are_read_in_any_coding() -> None:
    body = gzip.compress(b"<h1>The plain HTTP request was sent to HTTPS port</h1>", mtime=0)
    refusal = answer("400 Bad Request", "Content-Encoding: gzip", "Connection: close", body=body)
    with serving(refusal) as server:
        expect(visited(server), Verdict.BLOCKED, "handshake.other-protocol", owner=Owner.OPERATOR, fix="https://")


@pytest.mark.parametrize(
    ("coding", "body", "words"),
    [
        ("br", b"\x0b\x02\x80hello\x03", "br"),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\x00", "zstd"),
        ("gzip", BLOCKED, "gzip"),
        ("gzip", LARGE, "grow"),
        ("gzip, gzip", gzip.compress(LARGE, mtime=0), "grow"),
    ],
)
def test_what_cannot_be_decoded_is_our_limit(coding: str, body: bytes, words: str) -> None:
    with serving(page(body, f"Content-Encoding: {coding}")) as server:
        report = visited(server)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS, owner=Owner.SCANREADY)
    assert words in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize(
    ("body", "verdict", "code"),
    [
        (gzip.compress(FORM, mtime=0), Verdict.UNDECIDED, "http.login-unproven"),
        (gzip.compress(WELCOME, mtime=0), Verdict.SCANNABLE, None),
        (b"\x0b\x02\x80hello\x03", Verdict.UNDECIDED, "scanready.limit"),
    ],
)
def test_a_page_behind_a_login_is_decoded_as_well(body: bytes, verdict: Verdict, code: str | None) -> None:
    encoded = page(body, f"Content-Encoding: {'gzip' if body.startswith(gzip.compress(b'')[:2]) else 'br'}")
    asks = answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="Lab"')
    with in_background(site({"/": asks}, {"/": encoded})) as server:
        expect(visited(server, "http", ER, allow_cleartext=True), verdict, code)


@pytest.mark.parametrize(
    "script",
    [
        b"/cdn-cgi/challenge-platform/h/b/scripts/jsd/1a2b/invisible.js",  # Cloudflare puts it into pages of its sites
        b"/cdn-cgi/challenge-platform/scripts/jsd/main.js",
        b"/TSPD/0a1b?type=8",  # and F5
        b"/_Incapsula_Resource?SWJIYLWA=1",
    ],
)
def test_a_page_with_content_and_the_script_of_a_firewall_is_a_page(script: bytes) -> None:
    with serving(page(WELCOME + b'<script src="' + script + b'"></script>')) as server:
        expect(visited(server), Verdict.SCANNABLE)


@pytest.mark.parametrize("kind", ["utf-16", "utf-16be", "utf-32", "utf-32le", "utf-32be"])
@pytest.mark.parametrize("marked", [True, False])
def test_a_block_page_in_wide_characters(kind: str, marked: bool) -> None:
    coding = kind if kind[-1] == "e" else f"{kind}-le"
    body = ("\ufeff" * marked + BLOCKED.decode()).encode(coding)
    with serving(answer("200 OK", f"{HTML}; charset={kind}", body=body)) as server:
        expect(visited(server), Verdict.LIMITED, "http.block-page", owner=Owner.NETWORK)


@pytest.mark.parametrize("field", [HTML, "X: no type"])
def test_a_block_page_in_gzip_without_a_word(field: str) -> None:
    with serving(answer("200 OK", field, body=gzip.compress(BLOCKED, mtime=0))) as server:
        expect(visited(server), Verdict.LIMITED, "http.block-page", owner=Owner.NETWORK)


# --- forms -------------------------------------------------------------------------------------------------------


def test_a_login_form_beside_content_is_a_page_with_content() -> None:
    with serving(page(b"<p>" + b"All the news of the day. " * 200 + FORM)) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
    assert "login_form" not in report.facts


@pytest.mark.parametrize(
    "body",
    [
        FORM,
        b"<p>Authorised use only. " * 20 + FORM,
        b"<form action=/login><p>" + b"Terms of use. " * 300 + b"<input type=password></form>",
    ],
    ids=["alone", "with a notice", "with terms inside"],
)
def test_a_login_form_alone_is_all_that_a_scan_sees(body: bytes) -> None:
    with serving(page(body)) as server:
        report = visited(server)
    expect(report, Verdict.LIMITED, "http.login-form", step=Step.ACCESS, owner=Owner.SERVER)
    assert report.facts["login_form"] is True


# --- filters and portals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"<script>window._cf_chl_opt={}</script>", "Cloudflare"),
        (b"<div id=sec-if-cpt-container>", "Akamai"),
        (b"<script src=/_Incapsula_Resource?SWJIYLWA=7></script>", "Imperva"),
        (b"<script src=/TSPD/08a1?type=5></script><noscript>Please enable JavaScript to view the page.", "F5"),
        (b"<p>Please wait<script src=https://ct.captcha-delivery.com/c.js></script>", "DataDome"),
        (b"<script>document.cookie=toHex(slowAES.decrypt(c,2,a,b));location.href='/?ok'</script>", "testcookie"),
    ],
)
def test_a_challenge_is_named(body: bytes, named: str) -> None:
    with serving(page(body)) as server:
        report = expect(visited(server), Verdict.LIMITED, "http.block-page", step=Step.ACCESS, owner=Owner.NETWORK)
    assert named in check_of(report, Step.ACCESS).summary


@pytest.mark.parametrize("mark", [b"<script src=/TSPD/08a1></script>", b"<script src=/_Incapsula_Resource?x></script>"])
def test_a_firewalls_script_in_a_page_of_the_site_is_no_challenge(mark: bytes) -> None:
    with serving(page(WELCOME + mark)) as server:
        expect(visited(server), Verdict.SCANNABLE)


@pytest.mark.parametrize(
    "body",
    [
        b"<p>Log in<!-- <WISPAccessGatewayParam><Redirect></WISPAccessGatewayParam> -->",
        b"<script>window.location='/fgtauth?0a1b2c'</script>",
        b"<p>Welcome, guest<a href=https://n12.network-auth.com/splash/x>go on</a>",
    ],
)
def test_a_portal_of_the_network_is_not_the_site(body: bytes) -> None:
    with serving(page(body)) as server:
        expect(visited(server), Verdict.LIMITED, "http.captive-portal", step=Step.ACCESS, owner=Owner.NETWORK)


# --- scripts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"<title>App</title><div id=root></div><script src=/main.js></script>",
        b"<noscript>You need to enable JavaScript to run this app.</noscript><script src=/main.js></script>",
        b"<p>Checking your browser before you can go on. This takes up to five seconds.<script>var x</script>",
        b"<script>location.replace('/start?js=1')</script>",
    ],
)
def test_a_page_that_only_scripts_can_fill_is_limited(body: bytes) -> None:
    with serving(page(body)) as server:
        expect(visited(server), Verdict.LIMITED, "http.scripts-only", step=Step.ACCESS, owner=Owner.SERVER)


@pytest.mark.parametrize(
    "script",
    [
        b"window.location.href = 'http://portal.example/login'",
        b'document.location="http://portal.example/login"',
        b"top.location.replace('http://portal.example/login')",
    ],
)
def test_a_script_that_sends_its_visitors_to_another_host(script: bytes) -> None:
    with serving(page(b"<script>" + script + b"</script>")) as server:
        report = visited(server)
    there = "http://portal.example/login"
    expect(report, Verdict.LIMITED, "http.redirects-elsewhere", step=Step.ACCESS, owner=Owner.OPERATOR, fix=there)


@pytest.mark.parametrize(
    "body",
    [
        b"<h1>It works!</h1>",
        WELCOME + b"<script>if (old) location.href = 'http://other.example/'</script>",
        b"<frameset><frame src=/menu><frame src=/main></frameset><script>var x</script>",
        b"<h1>Statistics of the library, since 1999</h1><script src=/counter.js></script>",
    ],
)
def test_a_small_page_is_a_page(body: bytes) -> None:
    with serving({"/": page(body), "/main": page(WELCOME)}) as server:
        expect(visited(server), Verdict.SCANNABLE)


def test_text_that_is_no_html_is_a_page() -> None:
    plain = answer("200 OK", "Content-Type: application/json", body=b'{"password": "<input type=password>"}')
    with serving(plain) as server:
        expect(visited(server), Verdict.SCANNABLE)


def test_exchange_is_not_judged_by_a_page_that_was_not_read() -> None:
    async def encoded(reader: Reader, writer: Writer, record: Record) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(page(b"\x0b\x02\x80hello\x03", "Content-Encoding: br"))

    with in_background(encoded, **tls()) as server:
        report = look(target("ews", server.host, server.port))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)
