"""The targets http and https against emulators: each status, redirect, proxy and login has its own answer.

Pages are written by hand after RFC 9110 and 9112, in the words of the products they name.
"""

from __future__ import annotations

import base64
import contextlib
import sys
from collections.abc import Iterator, Mapping

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, in_background
from fixtures.emulators import http as emulated
from fixtures.emulators.certificates import authority
from fixtures.emulators.misbehave import ABSURD_LENGTHS, closes_at_once, drips, endless, says, silent, tls_garbage
from scanready.handshakes.http import USER_AGENT, Url
from scanready.model import Credential, Outcome, Owner, Report, Step, Target, Verdict
from tests.climb import account, check_of, climb, expect, passed, story, target

PAGE = b"<!doctype html><title>Intranet</title><p>Ada Lovelace"
FORM = b"<form method=post><input name=u><input type='password' name=p></form>"
ER = account("er")
TOKEN = base64.b64encode(b"er:Passw0rd!")

# --- the site ----------------------------------------------------------------------------------------------------


def answer(status: str, *fields: str, body: bytes = b"") -> bytes:
    """One response, its connection kept unless a field says otherwise."""
    head = [f"HTTP/1.1 {status}", "Server: nginx/1.22.1", *fields, f"Content-Length: {len(body)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


OK = answer("200 OK", "Content-Type: text/html", body=PAGE)
BASIC = answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="Lab"')


def moved(location: str, status: str = "302 Found", *fields: str) -> bytes:
    return answer(status, f"Location: {location}", *fields)


def site(pages: Mapping[str, bytes], logged_in: Mapping[str, bytes] | None = None) -> Behaviour:
    """Answer by path, or by method and path; with a right Basic login from ``logged_in``. HEAD gets no body."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, path, _ = head.decode().split(" ", 2)
            record.count(f"{method} {path}")
            known = logged_in if logged_in is not None and b"Authorization: Basic " + TOKEN in head else pages
            said = known.get(f"{method} {path}") or known.get(path) or answer("404 Not Found")
            writer.write(said.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else said)
            await writer.drain()
            if b"\r\nConnection: close" in said:
                return

    return behaviour


@contextlib.contextmanager
def serving(
    pages: Mapping[str, bytes] | bytes, logged_in: Mapping[str, bytes] | None = None, **options: object
) -> Iterator[Server]:
    behaviour = site({"/": pages} if isinstance(pages, bytes) else pages, logged_in)
    with in_background(behaviour, **options) as server:  # type: ignore[arg-type]
        yield server


def visited(server: Server, type_: str = "http", credential: Credential | None = None, **options: object) -> Report:
    return look(target(type_, server.host, server.port, credential, **options))


def look(where: Target, **settings: object) -> Report:
    return climb(where, **({"timeout": 4, "ca_file": str(authority().ca_file)} | settings))


def tls(kind: str = "good") -> dict[str, object]:
    return {"tls": authority().context(kind)}  # type: ignore[arg-type]


# --- healthy -----------------------------------------------------------------------------------------------------


def test_an_open_page_is_scannable_on_one_connection() -> None:
    with serving(OK) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
        server.wait(1)
    assert server.counts == {"HEAD /": 1, "GET /": 1}
    assert report.footprint.connections == len(server.connections) == 1
    assert server.connections[0].ended == "fin"
    assert f"User-Agent: {USER_AGENT}".encode() in server.connections[0].received
    assert report.facts["product"] == "nginx"
    assert report.facts["version"] == "1.22.1"
    assert report.facts["status"] == 200
    assert report.facts["auth_methods"] == ["anonymous"]
    assert f"{len(PAGE)} bytes of text/html" in check_of(report, Step.ACCESS).summary
    assert check_of(report, Step.LOGIN).outcome is Outcome.SKIPPED


def test_a_login_asked_for_is_ready_with_one_request() -> None:
    with serving(BASIC) as server:
        report = expect(visited(server), Verdict.READY)
    assert server.counts == {"HEAD /": 1}
    assert report.facts["auth_methods"] == ["Basic"]
    assert report.footprint.login_attempts == 0


def test_the_ways_to_log_in_are_told_in_order() -> None:
    with in_background(emulated.ntlm) as server:
        report = expect(visited(server), Verdict.READY)
    assert report.facts["auth_methods"] == ["Negotiate", "NTLM"]
    assert report.facts["product"] == "Microsoft-IIS"


def test_depth_auth_reads_no_page() -> None:
    with serving(OK) as server:
        where = target("http", server.host, server.port)
        expect(look(where, depth=Step.AUTH), Verdict.READY)
    assert server.counts == {"HEAD /": 1}


def test_https_reads_the_page_in_tls_and_ends_it_politely() -> None:
    with serving(OK, **tls()) as server:
        report = expect(visited(server, "https"), Verdict.SCANNABLE)
        server.wait(1)
    passed(report, Step.TLS, Step.HANDSHAKE, Step.AUTH, Step.ACCESS)
    assert report.facts["tls"] == "TLSv1.3"
    assert report.footprint.connections == len(server.connections) == 1
    assert server.offences == {}  # it would count a TLS session that ends without close_notify


@pytest.mark.parametrize("refusal", ["405 Method Not Allowed", "501 Not Implemented", "403 Forbidden", "404 Not Found"])
def test_a_refused_head_is_asked_again_with_get_on_the_same_connection(refusal: str) -> None:
    with serving({"HEAD /": answer(refusal), "GET /": OK}) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
    assert server.counts == {"HEAD /": 1, "GET /": 1}
    assert report.footprint.connections == 1


def test_a_connection_that_is_not_kept_costs_one_more() -> None:
    with in_background(emulated.no_head) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
        server.wait(2)
    assert report.footprint.connections == len(server.connections) == 2


def test_the_path_and_its_query_are_carried_as_written() -> None:
    with serving({"/a%20b/?q=%2F&r=%C3%A9": OK}) as server:
        expect(visited(server, path="/a b/?q=%2F&r=é"), Verdict.SCANNABLE)


def test_the_same_question_is_asked_once_for_a_login_prompt_and_the_credential_alone_twice() -> None:
    with serving(BASIC, {"/": OK}, **tls()) as server:
        report = expect(visited(server, "https", ER), Verdict.SCANNABLE)
    assert server.counts == {"HEAD /": 1, "GET /": 1}
    assert report.footprint.login_attempts == 1
    assert report.footprint.connections == 2
    assert "logged in as er with basic" in check_of(report, Step.LOGIN).summary


def test_the_clock_of_the_server_is_compared() -> None:
    with serving(
        answer("401 Unauthorized", "WWW-Authenticate: Basic", "Date: Thu, 01 Jan 1970 00:00:00 GMT")
    ) as server:
        report = visited(server)
    assert report.facts["clock_skew_seconds"] < -50 * 365 * 86400


# --- what a status says ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fields", "code", "step", "owner"),
    [
        ("403 Forbidden", (), "http.forbidden", Step.AUTH, Owner.SERVER),
        ("451 Unavailable For Legal Reasons", (), "http.forbidden", Step.AUTH, Owner.SERVER),
        ("404 Not Found", (), "access.not-found", Step.ACCESS, Owner.OPERATOR),
        ("410 Gone", (), "access.not-found", Step.ACCESS, Owner.OPERATOR),
        ("400 Bad Request", (), "http.request-refused", Step.AUTH, Owner.SERVER),
        ("421 Misdirected Request", (), "http.request-refused", Step.AUTH, Owner.SERVER),
        ("304 Not Modified", (), "http.request-refused", Step.AUTH, Owner.SERVER),
        ("500 Internal Server Error", (), "http.server-error", Step.HANDSHAKE, Owner.SERVER),
        ("502 Bad Gateway", (), "http.unavailable", Step.HANDSHAKE, Owner.SERVER),
        ("503 Service Unavailable", ("Retry-After: 120",), "http.unavailable", Step.HANDSHAKE, Owner.SERVER),
        ("407 Proxy Authentication Required", ("Proxy-Authenticate: NTLM",), "http.proxy-between", Step.HANDSHAKE, Owner.NETWORK),
        ("511 Network Authentication Required", (), "http.captive-portal", Step.HANDSHAKE, Owner.NETWORK),
        ("403 Forbidden", ("cf-mitigated: challenge",), "http.challenged", Step.HANDSHAKE, Owner.SERVER),
        ("405 Method Not Allowed", ("x-amzn-waf-action: captcha",), "http.challenged", Step.HANDSHAKE, Owner.SERVER),
    ],
)  # fmt: skip
def test_a_refusal_blocks(status: str, fields: tuple[str, ...], code: str, step: Step, owner: Owner) -> None:
    with serving(answer(status, *fields)) as server:
        report = expect(visited(server), Verdict.BLOCKED, code, step=step, owner=owner)
    assert report.facts["status"] == int(status[:3])
    assert report.footprint.connections == 1


def test_an_overload_tells_when_to_ask_again_and_is_not_asked_twice() -> None:
    with serving(answer("503 Service Unavailable", "Retry-After: 120")) as server:
        report = visited(server)
    assert "after 120 s" in check_of(report, Step.HANDSHAKE).summary
    assert server.counts == {"HEAD /": 1}


def test_a_rate_limit_is_undecided_and_not_asked_twice() -> None:
    with serving(answer("429 Too Many Requests", "Retry-After: 60")) as server:
        expect(visited(server), Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE)
    assert server.counts == {"HEAD /": 1}


def test_a_forbidden_page_names_the_line_that_permits_the_agent() -> None:
    with serving(answer("403 Forbidden")) as server:
        expect(visited(server), Verdict.BLOCKED, "http.forbidden", fix="allow 127.0.0.1;")
    apache = answer("403 Forbidden").replace(b"nginx/1.22.1", b"Apache/2.4.62 (Debian)")
    with serving(apache) as server:
        expect(visited(server), Verdict.BLOCKED, "http.forbidden", fix="Require ip 127.0.0.1")


@pytest.mark.parametrize("offer", ["Bearer realm=x", "OAuth, DPoP"])
def test_a_login_that_no_password_can_do(offer: str) -> None:
    with serving(answer("401 Unauthorized", f"WWW-Authenticate: {offer}")) as server:
        expect(visited(server, credential=ER), Verdict.BLOCKED, "http.no-password-scheme", step=Step.AUTH)
    with serving(answer("401 Unauthorized")) as server:
        expect(visited(server), Verdict.BLOCKED, "http.no-password-scheme")


def test_negotiate_alone_is_undecided_and_costs_the_account_nothing() -> None:
    with serving(answer("401 Unauthorized", "WWW-Authenticate: Negotiate")) as server:
        report = expect(visited(server, credential=ER), Verdict.UNDECIDED, "http.negotiate-only", owner=Owner.SERVER)
    assert report.footprint.login_attempts == 0


@pytest.mark.parametrize("page", [answer("200 OK"), answer("200 OK", body=b" \r\n\t"), answer("204 No Content")])
def test_an_empty_page_limits(page: bytes) -> None:
    with serving(page) as server:
        expect(visited(server), Verdict.LIMITED, "http.empty", step=Step.ACCESS, owner=Owner.SERVER)


def test_a_login_form_is_told() -> None:
    with serving(answer("200 OK", "Content-Type: text/html", body=FORM)) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
    assert report.facts["login_form"] is True
    assert "login form" in check_of(report, Step.ACCESS).summary


def test_an_endless_page_is_read_to_its_cap() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    with in_background(endless(b"1000\r\n" + b"A" * 4096 + b"\r\n", head)) as server:
        report = look(target("http", server.host, server.port))
    assert report.verdict in (Verdict.SCANNABLE, Verdict.BLOCKED), story(report)
    assert report.seconds < 4


def test_head_and_get_that_differ_are_a_limit_of_ours() -> None:
    with serving({"HEAD /": OK, "GET /": answer("418 I'm a teapot")}) as server:
        expect(visited(server), Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)


# --- redirects ---------------------------------------------------------------------------------------------------


def test_a_redirect_on_the_same_server_stays_on_its_connection() -> None:
    with serving({"/": moved("/portal/"), "/portal/": moved("home?x=1"), "/portal/home?x=1": OK}) as server:
        report = expect(visited(server), Verdict.SCANNABLE)
    assert report.footprint.connections == len(server.connections) == 1
    assert "/portal/home" in check_of(report, Step.ACCESS).summary
    assert report.facts["location"] == "home?x=1"


def test_a_redirect_to_another_port_of_the_host_costs_one_connection_more() -> None:
    with serving(OK, **tls()) as secure, serving(moved(f"https://127.0.0.1:{secure.port}/")) as plain:
        report = expect(visited(plain), Verdict.SCANNABLE)
    assert report.footprint.connections == 2
    assert check_of(report, Step.HANDSHAKE).endpoint == f"127.0.0.1:{secure.port}"


def test_a_redirect_to_a_bad_certificate_limits() -> None:
    with serving(OK, **tls("expired")) as secure, serving(moved(f"https://127.0.0.1:{secure.port}/")) as plain:
        expect(visited(plain), Verdict.LIMITED, "tls.expired", step=Step.HANDSHAKE)


def test_a_redirect_to_a_closed_port_blocks() -> None:
    with serving(OK) as gone:
        pass
    with serving(moved(f"https://127.0.0.1:{gone.port}/", "301 Moved Permanently")) as plain:
        report = expect(visited(plain), Verdict.BLOCKED, "http.redirect-unreachable", owner=Owner.NETWORK)
    assert report.finding_step is Step.HANDSHAKE
    assert report.facts["redirect"] == f"https://127.0.0.1:{gone.port}/"
    assert f"127.0.0.1:{gone.port}: reset" in check_of(report, Step.HANDSHAKE).summary


def test_a_redirect_to_another_host_limits_and_gets_no_credential() -> None:
    with serving(BASIC, host="127.0.0.2") as other, serving(moved(f"http://127.0.0.2:{other.port}/login")) as server:
        there = f"http://127.0.0.2:{other.port}/login"
        other.behaviour = site({"/login": BASIC})
        report = visited(server, credential=ER, allow_cleartext=True)
    expect(report, Verdict.LIMITED, "http.redirects-elsewhere", step=Step.AUTH, owner=Owner.OPERATOR, fix=there)
    assert report.footprint.login_attempts == 0
    assert b"Authorization" not in b"".join(record.received for record in other.connections)
    assert "was not sent" in check_of(report, Step.LOGIN).summary


def test_an_open_page_of_another_host_is_not_taken_for_the_target() -> None:
    with serving({"/block": OK}, host="127.0.0.2") as other:
        with serving(moved(f"http://127.0.0.2:{other.port}/block")) as server:
            report = expect(visited(server), Verdict.LIMITED, "http.redirects-elsewhere")
    assert other.counts == {"HEAD /block": 1}
    assert check_of(report, Step.ACCESS).outcome is Outcome.SKIPPED


def test_the_credential_does_not_go_to_another_port() -> None:
    with serving(BASIC, **tls()) as secure, serving(moved(f"https://127.0.0.1:{secure.port}/")) as plain:
        report = visited(plain, credential=ER, allow_cleartext=True)
    assert report.verdict is Verdict.READY, story(report)
    assert report.footprint.login_attempts == 0
    assert check_of(report, Step.LOGIN).outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    "location", ["/", "app://open", "http://[::1/", "http://a b/", "http://127.0.0.1:22/", "http://127.0.0.1:3306/"]
)
def test_a_redirect_that_leads_nowhere_blocks(location: str) -> None:
    with serving(moved(location)) as server:
        report = visited(server)
    expect(report, Verdict.BLOCKED, "http.redirect-broken", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.footprint.connections == 1


def test_a_circle_for_who_keeps_no_cookies_is_our_limit() -> None:
    with serving({"/": moved("/in", "302 Found", "Set-Cookie: seen=1"), "/in": moved("/")}) as server:
        expect(visited(server), Verdict.UNDECIDED, "scanready.limit")


def test_redirects_without_end_are_not_followed_without_end() -> None:
    with serving({f"/{'x' * step}": moved(f"/{'x' * (step + 1)}") for step in range(50)}) as server:
        expect(visited(server), Verdict.UNDECIDED, "scanready.limit")
    assert sum(server.counts.values()) <= 8


def test_at_most_three_further_endpoints_are_contacted() -> None:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(serving(OK)) for _ in range(6)]
        for here, there in zip(servers, servers[1:], strict=False):
            here.behaviour = site({"/": moved(f"http://127.0.0.1:{there.port}/")})
        report = visited(servers[0])
    expect(report, Verdict.UNDECIDED, "scanready.limit")
    assert [len(server.connections) for server in servers] == [1, 1, 1, 1, 0, 0]
    assert report.footprint.connections == 4


# --- proxies -----------------------------------------------------------------------------------------------------


def proxying(server: Server) -> Behaviour:
    """Join whoever asks for a tunnel with ``server``; what is asked in absolute form gets a page."""

    async def behaviour(reader: Reader, writer: Writer, record: Record) -> None:
        import asyncio

        head = await reader.readuntil(b"\r\n\r\n")
        record.count(head.split(b" ", 2)[0].decode() + " " + head.split(b" ", 2)[1].decode())
        if not head.startswith(b"CONNECT"):
            writer.write(OK)
            return
        there_reader, there_writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n")

        async def onward() -> None:
            while data := await reader.read(16384):
                there_writer.write(data)
            there_writer.close()

        record.tasks.append(asyncio.create_task(onward()))
        while data := await there_reader.read(16384):
            writer.write(data)

    return behaviour


def test_https_goes_through_the_proxys_tunnel() -> None:
    with serving(OK, **tls()) as server, in_background(proxying(server)) as proxy:
        report = expect(visited(server, "https", proxy=f"127.0.0.1:{proxy.port}"), Verdict.SCANNABLE)
        assert proxy.counts == {f"CONNECT 127.0.0.1:{server.port}": 1}
    assert report.footprint.connections == 1
    assert report.facts["proxy"] == f"127.0.0.1:{proxy.port}"
    assert check_of(report, Step.RESOLVE).outcome is Outcome.SKIPPED


def test_http_is_asked_of_the_proxy_in_absolute_form() -> None:
    with serving({"http://site.example/": OK}) as proxy:
        report = look(target("http", "site.example", 80, proxy=f"http://127.0.0.1:{proxy.port}"))
    expect(report, Verdict.SCANNABLE)
    assert proxy.counts == {"HEAD http://site.example/": 1, "GET http://site.example/": 1}


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
    said = answer(status, 'Proxy-Authenticate: Basic realm="p"')
    with serving({"site.example:443": said}) as proxy:
        report = look(target("https", "site.example", proxy=f"127.0.0.1:{proxy.port}"))
    expect(report, Verdict.BLOCKED, code, step=Step.CONNECT, owner=owner)


def test_a_proxy_that_wants_a_login_for_plain_http() -> None:
    page = answer("407 Proxy Authentication Required", "Proxy-Authenticate: NTLM", "Proxy-Authenticate: Negotiate")
    with serving({"http://site.example/": page}) as proxy:
        where = target("http", "site.example", proxy=f"127.0.0.1:{proxy.port}")
        report = expect(look(where), Verdict.BLOCKED, "http.proxy-login", step=Step.HANDSHAKE)
        assert report.facts["proxy_auth_methods"] == ["NTLM", "Negotiate"]
        named = target("http", "site.example", proxy=f"127.0.0.1:{proxy.port}", proxy_credential="corp")
        expect(look(named), Verdict.UNDECIDED, "scanready.limit")


def test_a_plain_page_that_the_proxy_cannot_get() -> None:
    with serving({"http://site.example/": answer("504 Gateway Timeout")}) as proxy:
        report = look(target("http", "site.example", proxy=f"127.0.0.1:{proxy.port}"))
    expect(report, Verdict.BLOCKED, "http.proxy-refused", step=Step.HANDSHAKE)


# --- something else answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        b"The plain HTTP request was sent to HTTPS port",
        b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        b"Client sent an HTTP request to an HTTPS server.\n",
    ],
)
def test_http_to_a_port_that_wants_tls(words: bytes) -> None:
    with serving(answer("400 Bad Request", "Connection: close", body=words)) as server:
        report = visited(server)
        server.wait(2)
    fix = f"https://127.0.0.1:{server.port}/"
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR, fix=fix)


def test_http_to_a_port_that_wants_a_client_certificate() -> None:
    with serving(answer("400 Bad Request", body=b"<h1>No required SSL certificate was sent</h1>"), **tls()) as server:
        expect(visited(server, "https"), Verdict.BLOCKED, "tls.client-certificate", owner=Owner.SERVER)


def test_tls_to_a_port_that_speaks_plain_http() -> None:
    with in_background(emulated.ok) as server:
        expect(visited(server, "https"), Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER)


@pytest.mark.parametrize("type_", ["http", "https"])
@pytest.mark.parametrize(
    ("banner", "named"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "SSH"),
        (b"220 mail.example ESMTP Postfix\r\n", "SMTP"),
        (b"220 ProFTPD Server (files) [10.0.0.7]\r\n", "FTP"),
    ],
)
def test_another_protocol_is_named(type_: str, banner: bytes, named: str) -> None:
    with in_background(says(banner)) as server:
        report = expect(visited(server, type_), Verdict.BLOCKED, "handshake.other-protocol", owner=Owner.OPERATOR)
    assert report.finding is not None
    assert named in report.finding.detail


@pytest.mark.parametrize(
    ("behaviour", "verdict", "code"),
    [
        (silent, Verdict.BLOCKED, "handshake.silent"),
        (closes_at_once, Verdict.BLOCKED, "handshake.hung-up"),
        (says(b"HTTP/1.1 two hundred\r\n\r\n"), Verdict.BLOCKED, "handshake.malformed"),
        (endless(prefix=b"HTTP/1.1 200 OK\r\nX: "), Verdict.BLOCKED, "handshake.malformed"),
        (drips(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100, 0.05), Verdict.UNDECIDED, "handshake.too-slow"),
    ],
)
def test_a_peer_that_breaks_the_rules(behaviour: Behaviour, verdict: Verdict, code: str) -> None:
    with in_background(behaviour) as server:
        report = expect(look(target("http", server.host, server.port), timeout=1), verdict, code)
    assert report.seconds < 2


@pytest.mark.parametrize("behaviour", [tls_garbage(seed=1), says(ABSURD_LENGTHS["tls"])])
def test_broken_tls_blocks_at_tls(behaviour: Behaviour) -> None:
    with in_background(behaviour) as server:
        report = look(target("https", server.host, server.port), timeout=1)
    assert report.verdict is Verdict.BLOCKED, story(report)
    assert report.finding_step is Step.TLS


# --- certificates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code"),
    [("expired", "tls.expired"), ("wrong-name", "tls.name-mismatch"), ("self-signed", "tls.untrusted")],
)
def test_a_faulty_certificate_limits(kind: str, code: str) -> None:
    with serving(OK, **tls(kind)) as server:
        report = expect(visited(server, "https"), Verdict.LIMITED, code, step=Step.TLS, owner=Owner.SERVER)
    passed(report, Step.HANDSHAKE, Step.ACCESS)


# --- login -------------------------------------------------------------------------------------------------------


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
        (answer("409 Conflict"), Verdict.BLOCKED, "http.request-refused", Step.ACCESS),
        (moved("/home"), Verdict.UNDECIDED, "scanready.limit", Step.ACCESS),
        (answer("500 Internal Server Error"), Verdict.BLOCKED, "http.server-error", Step.LOGIN),
        (answer("503 Service Unavailable"), Verdict.BLOCKED, "http.unavailable", Step.LOGIN),
        (answer("429 Too Many Requests"), Verdict.UNDECIDED, "handshake.throttled", Step.LOGIN),
    ],
)
def test_after_the_login(page: bytes, verdict: Verdict, code: str, step: Step) -> None:
    with serving(BASIC, {"/": page}, **tls()) as server:
        expect(visited(server, "https", ER), verdict, code, step=step)


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


# --- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b", "http://h/b"),
        ("//other/x", "http://other/x"),
        ("https://H/", "https://h/"),
        ("?q=1", "http://h/a?q=1"),
        ("http://h:8080", "http://h:8080/"),
        ("http://[fe80::1]/", "http://[fe80::1]/"),
        ("/a b\x1b", "http://h/a%20b%1B"),
        ("http://user:secret@other/", "http://other/"),
        ("javascript:alert(1)", None),
        ("http://", "http://h/a"),
        ("http://h:99999/", None),
    ],
)
def test_where_a_redirect_leads(location: str, leads_to: str | None) -> None:
    found = Url("http", "h", 80, "/a").joined(location)
    assert (str(found) if found else None) == leads_to
