"""The targets http and https through a proxy, and with a credential."""

from __future__ import annotations

import sys

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from scanready.clients.http_login_errors import broken_challenge
from scanready.model import Outcome, Owner, Step, Verdict
from tests.ladder import check_of, expect, target
from tests.websites import BASIC, ER, OK, PAGE, answer, look, moved, proxying, serving, site, tls, visited

# --- proxies ------------------------------------------------------------------------------------------------------


def test_https_goes_through_the_proxys_tunnel() -> None:
    with serving(OK, **tls()) as server, in_background(proxying(server)) as proxy:
        report = expect(visited(server, "https", proxy=f"127.0.0.1:{proxy.port}"), Verdict.SCANNABLE)
        assert proxy.counts == {f"CONNECT 127.0.0.1:{server.port}": 1}
    assert report.footprint.connections == 1
    assert report.facts["proxy"] == f"127.0.0.1:{proxy.port}"
    assert check_of(report, Step.RESOLVE).outcome is Outcome.SKIPPED


def test_http_is_asked_of_the_proxy_in_absolute_form() -> None:
    page = answer("200 OK", "Via: 1.1 proxy (squid/5.7)", body=PAGE)
    with serving({"http://site.example/": page}) as proxy:
        report = look(target("http", "site.example", 80, proxy=f"http://127.0.0.1:{proxy.port}"))
    expect(report, Verdict.SCANNABLE)
    assert proxy.counts == {"HEAD http://site.example/": 1, "GET http://site.example/": 1}
    assert report.footprint.connections == 1


def test_a_proxy_that_does_not_name_itself_is_asked_for_a_name_that_cannot_be() -> None:
    gone = answer("503 Service Unavailable", "X-Squid-Error: ERR_DNS_FAIL 0")
    with serving({"http://site.example/": OK, "http://scanready.invalid/": gone}) as proxy:
        where = target("http", "site.example", 80, proxy=f"127.0.0.1:{proxy.port}")
        expect(look(where), Verdict.SCANNABLE)
        proxy.behaviour = site({"http://site.example/": OK, "http://scanready.invalid/": OK})
        expect(look(where), Verdict.BLOCKED, "http.not-a-proxy", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


@pytest.mark.parametrize(
    ("status", "code", "owner"),
    [
        ("403 Filtered", "http.proxy-refused", Owner.NETWORK),
        ("502 Bad Gateway", "http.proxy-refused", Owner.NETWORK),
        ("503 Service Unavailable", "http.proxy-refused", Owner.NETWORK),
        ("504 Gateway Timeout", "http.proxy-refused", Owner.NETWORK),
        ("500 Unable to connect", "http.proxy-refused", Owner.NETWORK),
        ("407 Proxy Authentication Required", "http.proxy-login", Owner.NETWORK),
        ("400 Bad Request", "http.not-a-proxy", Owner.OPERATOR),
        ("405 Method Not Allowed", "http.not-a-proxy", Owner.OPERATOR),
    ],
)
def test_a_refused_tunnel(status: str, code: str, owner: Owner) -> None:
    refusal = answer(status, 'Proxy-Authenticate: Basic realm="p"')
    with serving({"site.example:443": refusal}) as proxy:
        report = look(target("https", "site.example", proxy=f"127.0.0.1:{proxy.port}"))
    expect(report, Verdict.BLOCKED, code, step=Step.CONNECT, owner=owner)


def test_a_proxy_that_wants_a_login_for_plain_http() -> None:
    page = answer("407 Proxy Authentication Required", "Proxy-Authenticate: NTLM", "Proxy-Authenticate: Negotiate")
    with serving({"http://site.example/": page}) as proxy:
        where = target("http", "site.example", proxy=f"127.0.0.1:{proxy.port}")
        report = expect(look(where), Verdict.BLOCKED, "http.proxy-login", step=Step.HANDSHAKE)
        assert report.facts["proxy_auth_methods"] == ["NTLM", "Negotiate"]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (answer("504 Gateway Timeout"), "http.proxy-refused"),
        (answer("403 Filtered"), "http.proxy-refused"),
        (answer("503 Service Unavailable", "Via: 1.1 p", "X-Squid-Error: ERR_DNS_FAIL 0"), "http.proxy-refused"),
        (answer("503 Service Unavailable", "Via: 1.1 p"), "http.unavailable"),
        (answer("403 Forbidden", "Via: 1.1 p"), "http.forbidden"),
    ],
)
def test_a_refusal_is_the_proxys_or_the_sites(reply: bytes, code: str) -> None:
    with serving({"http://site.example/": reply}) as proxy:
        report = look(target("http", "site.example", proxy=f"127.0.0.1:{proxy.port}"))
    expect(report, Verdict.BLOCKED, code)


# --- login --------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_sent_once() -> None:
    with serving(BASIC, **tls()) as server:
        report = visited(server, "https", ER)
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert report.footprint.login_attempts == 1
    assert server.counts == {"HEAD /": 1, "GET /": 1}


def test_a_password_does_not_travel_in_clear_unless_permitted() -> None:
    with serving(BASIC, {"/": OK}) as server:
        report = expect(visited(server, credential=ER), Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
        assert report.footprint.login_attempts == 0
        expect(visited(server, credential=ER, allow_cleartext=True), Verdict.SCANNABLE)


def test_a_credential_is_not_sent_where_nobody_asks() -> None:
    with serving(OK, **tls()) as server:
        report = expect(visited(server, "https", ER), Verdict.SCANNABLE)
    assert "the credential was not sent" in check_of(report, Step.LOGIN).summary
    assert b"Authorization" not in server.connections[0].received


@pytest.mark.parametrize(
    ("page", "verdict", "code", "step"),
    [
        (answer("403 Forbidden"), Verdict.LIMITED, "access.denied", Step.ACCESS),
        (answer("404 Not Found"), Verdict.BLOCKED, "access.not-found", Step.ACCESS),
        (answer("200 OK"), Verdict.LIMITED, "http.empty", Step.ACCESS),
        (answer("409 Conflict"), Verdict.UNDECIDED, "http.login-unproven", Step.LOGIN),
        (moved("/home"), Verdict.UNDECIDED, "scanready.limit", Step.ACCESS),
        (answer("500 Internal Server Error"), Verdict.BLOCKED, "http.server-error", Step.LOGIN),
        (answer("503 Service Unavailable"), Verdict.BLOCKED, "http.unavailable", Step.LOGIN),
        (answer("429 Too Many Requests"), Verdict.UNDECIDED, "handshake.throttled", Step.HANDSHAKE),
    ],
)
def test_after_the_login(page: bytes, verdict: Verdict, code: str, step: Step) -> None:
    with serving(BASIC, {"/": page}, **tls()) as server:
        expect(visited(server, "https", ER), verdict, code, step=step)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Len",
        b"HTTP/1.1 401",
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\n",
    ],
    ids=["200", "200 and half a reason", "200 line", "200 and half a field", "401", "401 and a challenge", "503 line"],
)
def test_an_answer_to_the_login_that_is_cut_short_judges_nothing(head: bytes) -> None:
    """http.client takes the beginning of a head for a whole one, and a status without its end for a page or a no."""
    with in_background(cut_short(head)) as server:
        report = visited(server, credential=ER, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "login.broken-off", step=Step.LOGIN)
    assert report.footprint.login_attempts == 1


def cut_short(head: bytes) -> Behaviour:
    """Return a server that asks for a login, and ends the connection in the head of the answer to it."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while b"\r\nAuthorization" not in await reader.readuntil(b"\r\n\r\n"):
            writer.write(BASIC)
        writer.write(head)

    return behaviour


def test_without_the_libraries_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests_ntlm", None)
    with serving(BASIC, {"/": OK}, **tls()) as server:
        report = expect(visited(server, "https", ER), Verdict.UNDECIDED, "agent.driver-missing", owner=Owner.AGENT)
    assert report.finding is not None
    assert "scanready[web]" in report.finding.detail
    assert server.counts == {"HEAD /": 1}


def test_a_false_ntlm_server_is_our_limit() -> None:
    with serving(answer("401 Unauthorized", "WWW-Authenticate: NTLM"), **tls()) as server:
        expect(visited(server, "https", ER), Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        ("NTLM AAAA", "the server's challenge for ntlm is invalid: it is too short or not base64"),
        ("NTLM !!!", "the server's challenge for ntlm is invalid"),
        ("NTLM TlRMTVNTUAAC", "the server's challenge for ntlm is invalid"),
        ("NTLM TlRMTVNTUAACAAAA", "Invalid NTLM Challenge"),
        ('Digest realm="x"', "the server's challenge for digest is invalid: it has no nonce"),
        ("Digest", "the server's challenge for digest is invalid: it has no realm"),
    ],
)
def test_a_broken_challenge_is_a_sentence(offered: str, words: str) -> None:
    with serving(answer("401 Unauthorized", f"WWW-Authenticate: {offered}"), **tls()) as server:
        report = expect(visited(server, "https", ER), Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN)
    assert words in check_of(report, Step.LOGIN).summary
    assert "Error: '" not in check_of(report, Step.LOGIN).summary
    assert report.footprint.login_attempts == 0


def test_a_proxys_challenge_without_the_servers_is_a_sentence() -> None:
    text = broken_challenge("requests", "ntlm", KeyError("www-authenticate"))
    assert text == "the server's answer to the login with ntlm has no challenge (WWW-Authenticate)"


@pytest.mark.parametrize("status", ["600 Odd", "999 Request denied", "299 Fine", "512 Odd"])
def test_an_unknown_status_after_a_login_is_undecided(status: str) -> None:
    with serving(BASIC, {"/": answer(status, "Content-Type: text/html", body=PAGE)}, **tls()) as server:
        report = expect(visited(server, "https", ER), Verdict.UNDECIDED, "scanready.limit")
    assert status[:3] in check_of(report, Step.LOGIN).summary
