"""The target types http and https against emulators: the report on each status and on each other protocol."""

from __future__ import annotations

import asyncio

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Writer, in_background
from fixtures.emulators import http as emulated
from fixtures.emulators.certificates import authority
from fixtures.emulators.misbehave import ABSURD_LENGTHS, closes_at_once, drips, endless, says, silent, tls_garbage
from scanready.clients.http_talk import USER_AGENT
from scanready.model import Outcome, Owner, Report, Step, Target, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.ladder import PLENTY, WAIT, check_of, expect, passed, story, target
from tests.websites import BASIC, ER, OK, PAGE, answer, look, serving, tls, visited

# --- healthy ------------------------------------------------------------------------------------------------------


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


def test_a_hash_in_a_path_is_a_part_of_it() -> None:
    """A fragment is never sent (RFC 9110, 7.1): a server may refuse the request, or cut it there."""
    with serving({"/a%23b": OK}) as server:
        expect(visited(server, path="/a#b"), Verdict.SCANNABLE)


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


# --- what a status says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fields", "code", "step", "owner"),
    [
        ("403 Forbidden", (), "http.forbidden", Step.AUTH, Owner.SERVER),
        ("451 Unavailable For Legal Reasons", (), "http.forbidden", Step.AUTH, Owner.SERVER),
        ("404 Not Found", (), "access.not-found", Step.ACCESS, Owner.OPERATOR),
        ("410 Gone", (), "access.not-found", Step.ACCESS, Owner.OPERATOR),
        ("400 Bad Request", (), "http.request-refused", Step.AUTH, Owner.SERVER),
        ("421 Misdirected Request", (), "http.unknown-host", Step.HANDSHAKE, Owner.OPERATOR),
        ("304 Not Modified", (), "http.request-refused", Step.AUTH, Owner.SERVER),
        ("500 Internal Server Error", (), "http.server-error", Step.HANDSHAKE, Owner.SERVER),
        ("502 Bad Gateway", (), "http.unavailable", Step.HANDSHAKE, Owner.SERVER),
        ("503 Service Unavailable", ("Retry-After: 120",), "http.unavailable", Step.HANDSHAKE, Owner.SERVER),
        ("407 Proxy Login", ("Proxy-Authenticate: NTLM",), "http.proxy-between", Step.HANDSHAKE, Owner.NETWORK),
        ("511 Network Authentication Required", (), "http.captive-portal", Step.HANDSHAKE, Owner.NETWORK),
        ("403 Forbidden", ("cf-mitigated: challenge",), "http.challenged", Step.HANDSHAKE, Owner.SERVER),
        ("405 Method Not Allowed", ("x-amzn-waf-action: captcha",), "http.challenged", Step.HANDSHAKE, Owner.SERVER),
    ],
)
def test_a_refusal_blocks(status: str, fields: tuple[str, ...], code: str, step: Step, owner: Owner) -> None:
    with serving(answer(status, *fields)) as server:
        report = expect(visited(server), Verdict.BLOCKED, code, step=step, owner=owner)
    assert report.facts["status"] == int(status[:3])
    assert report.footprint.connections == 1


def test_an_overload_tells_when_to_ask_again_and_is_not_asked_twice() -> None:
    with serving(answer("503 Service Unavailable", "Retry-After: 120")) as server:
        report = visited(server)
    assert "Retry-After: 120 s" in check_of(report, Step.HANDSHAKE).summary
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


def test_an_endless_page_is_read_to_its_cap() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    with in_background(endless(b"1000\r\n" + b"A" * 4096 + b"\r\n", head)) as server:
        report = look(target("http", server.host, server.port))
    assert report.verdict in (Verdict.SCANNABLE, Verdict.BLOCKED), story(report)
    assert report.seconds < PLENTY / 2, "it is not read until the time is over"


def test_get_decides_where_head_and_get_differ() -> None:
    with serving({"HEAD /": OK, "GET /": answer("418 I'm a teapot")}) as server:
        expect(visited(server), Verdict.BLOCKED, "http.request-refused", step=Step.AUTH)


# --- something else answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        b"The plain HTTP request was sent to HTTPS port",
        b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"Bad Request\nThis combination of host and port requires TLS.\n",
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
        (says(b"Two hundred\r\n\r\n"), Verdict.BLOCKED, "handshake.other-protocol"),
        (says(b"HTTP/1.1 two hundred\r\n\r\n"), Verdict.UNDECIDED, "scanready.limit"),
        (endless(prefix=b"HTTP/1.1 200 OK\r\nX: "), Verdict.UNDECIDED, "scanready.limit"),
        (drips(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100, 0.05), Verdict.UNDECIDED, "handshake.too-slow"),
    ],
)
def test_a_peer_that_breaks_the_rules(behaviour: Behaviour, verdict: Verdict, code: str) -> None:
    with in_background(behaviour) as server:
        expect(look(target("http", server.host, server.port), timeout=WAIT), verdict, code)


@pytest.mark.parametrize("behaviour", [tls_garbage(seed=1), says(ABSURD_LENGTHS["tls"])])
def test_broken_tls_blocks_at_tls(behaviour: Behaviour) -> None:
    with in_background(behaviour) as server:
        report = look(target("https", server.host, server.port))
    assert report.verdict is Verdict.BLOCKED, story(report)
    assert report.finding_step is Step.TLS


# --- certificates -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code"),
    [("expired", "tls.expired"), ("wrong-name", "tls.name-mismatch"), ("self-signed", "tls.untrusted")],
)
def test_a_faulty_certificate_limits(kind: str, code: str) -> None:
    with serving(OK, **tls(kind)) as server:
        report = expect(visited(server, "https"), Verdict.LIMITED, code, step=Step.TLS, owner=Owner.SERVER)
    passed(report, Step.HANDSHAKE, Step.ACCESS)


# --- shared ports ------------------------------------------------------------------------------------------------


def both(*targets: Target) -> list[Report]:
    async def run() -> list[Report]:
        return [
            report async for report in verify_all(targets, Settings(timeout=PLENTY, ca_file=str(authority().ca_file)))
        ]

    return asyncio.run(run())


def test_the_same_question_is_asked_once() -> None:
    with serving(OK) as server:
        where = target("http", server.host, server.port)
        for report in both(where, where):
            expect(report, Verdict.SCANNABLE)
    assert server.counts == {"HEAD /": 1, "GET /": 1}
    assert len(server.connections) == 1


def test_a_port_found_to_want_tls_is_still_asked_in_tls() -> None:
    with in_background(plain_or_tls) as server:
        plain, secure = both(*(target(type_, server.host, server.port) for type_ in ("http", "https")))
    expect(plain, Verdict.BLOCKED, "handshake.other-protocol", fix="https://")
    expect(secure, Verdict.BLOCKED, "tls.failed", step=Step.TLS)


async def plain_or_tls(reader: Reader, writer: Writer, record: Record) -> None:
    """nginx's TLS port: a page for who speaks plain HTTP; here, an internal error (alert 80) for who speaks TLS."""
    if await reader.readexactly(1) == b"\x16":
        writer.write(b"\x15\x03\x03\x00\x02\x02\x50")
    else:
        await reader.readuntil(b"\r\n\r\n")
        words = b"The plain HTTP request was sent to HTTPS port"
        writer.write(answer("400 Bad Request", "Connection: close", body=words))
