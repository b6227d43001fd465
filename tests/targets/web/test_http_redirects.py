"""Redirects are followed as evidence, within bounds, and never with a credential."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest

from fixtures.emulators import http as emulated
from fixtures.emulators import in_background, misbehave
from scanready.clients.http_talk import Url
from scanready.climb.other_services import SERVICES
from scanready.model import Outcome, Owner, Step, Verdict
from tests.closed_ports import closed_port
from tests.ladder import check_of, expect, finding_of
from tests.websites import BASIC, ER, OK, answer, moved, serving, site, tls, visited

# --- redirects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "asked"), [("/voil\u00e0", "/voil%C3%A0"), ("/V\u00c5", "/V%C3%85")])
def test_a_redirect_keeps_the_last_octet_of_its_location(path: str, asked: str) -> None:
    with serving({"/": moved(path), asked: OK}) as server:
        expect(visited(server), Verdict.SCANNABLE)
    assert f"GET {asked}" in server.counts


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
        expect(visited(plain), Verdict.LIMITED, "tls.expired", step=Step.TLS)


def test_a_redirect_to_a_closed_port_blocks() -> None:
    with closed_port() as gone, serving(moved(f"https://127.0.0.1:{gone}/", "301 Moved Permanently")) as plain:
        report = expect(visited(plain), Verdict.BLOCKED, "http.redirect-unreachable", owner=Owner.NETWORK)
    assert report.finding_step is Step.HANDSHAKE
    assert report.facts["redirect"] == f"https://127.0.0.1:{gone}/"
    assert f"127.0.0.1:{gone}: connection refused (reset)" in check_of(report, Step.HANDSHAKE).summary


def test_a_redirect_to_a_port_without_tls_is_the_servers_fault() -> None:
    with in_background(emulated.ok) as clear, serving(moved(f"https://127.0.0.1:{clear.port}/")) as plain:
        expect(visited(plain), Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER)


def test_a_redirect_to_another_host_gets_no_credential() -> None:
    with (
        serving(BASIC, host="127.0.0.2") as other,
        serving(moved(f"http://127.0.0.2:{other.port}/login"), host="127.0.0.3", port=other.port) as server,
    ):
        there = f"http://127.0.0.2:{other.port}/login"
        other.behaviour = site({"/login": BASIC})
        report = visited(server, credential=ER, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR, fix=there)
    prompt = check_of(report, Step.AUTH)
    assert prompt.finding is not None
    assert prompt.finding.cause.code == "http.redirects-elsewhere"
    assert report.footprint.login_attempts == 0
    assert b"Authorization" not in b"".join(record.received for record in other.connections)
    assert "was not sent" in check_of(report, Step.LOGIN).summary


def test_an_open_page_of_another_host_is_not_taken_for_the_target() -> None:
    with (
        serving({"/block": OK}, host="127.0.0.2") as other,
        serving(moved("/"), host="127.0.0.3", port=other.port) as server,
    ):
        server.behaviour = site({"/": moved(f"http://127.0.0.2:{other.port}/block")})
        report = expect(visited(server), Verdict.LIMITED, "http.redirects-elsewhere")
    assert other.counts == {"HEAD /block": 1}
    assert check_of(report, Step.ACCESS).outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    "status", ["405 Method Not Allowed", "501 Not Implemented", "404 Not Found", "400 Bad Request"]
)
def test_another_host_is_asked_head_alone_and_without_a_query(status: str) -> None:
    """GET may do something there, and so may a query: the answer to less says nothing against the target."""
    with (
        serving(answer(status), host="127.0.0.2") as other,
        serving(moved("/"), host="127.0.0.3", port=other.port) as server,
    ):
        server.behaviour = site({"/": moved(f"http://127.0.0.2:{other.port}/?reboot=1")})
        report = expect(visited(server), Verdict.LIMITED, "http.redirects-elsewhere")
    assert other.counts == {"HEAD /": 1}
    assert check_of(report, Step.ACCESS).outcome is Outcome.SKIPPED


def test_another_host_that_hangs_up_on_head_is_asked_nothing_more() -> None:
    with (
        in_background(misbehave.closes_at_once, "127.0.0.2") as other,
        serving(moved("/"), host="127.0.0.3", port=other.port) as server,
    ):
        server.behaviour = site({"/": moved(f"http://127.0.0.2:{other.port}/x")})
        expect(visited(server), Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE)
    assert all(record.received.count(b"HTTP/1.1") <= 1 for record in other.connections)
    assert b"GET" not in b"".join(record.received for record in other.connections)


def test_another_port_of_another_host_gets_no_byte() -> None:
    with serving(OK, host="127.0.0.2") as thief, serving(moved(f"http://127.0.0.2:{thief.port}/")) as server:
        report = expect(visited(server), Verdict.UNDECIDED, "scanready.not-followed", owner=Owner.OPERATOR)
    assert thief.connections == []
    assert report.facts["redirect"] == f"http://127.0.0.2:{thief.port}/"


def test_a_port_of_the_host_that_another_service_has_gets_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(OK) as thief, serving(moved(f"http://127.0.0.1:{thief.port}/")) as server:
        monkeypatch.setitem(SERVICES, thief.port, "a printer")
        report = expect(visited(server), Verdict.UNDECIDED, "scanready.not-followed")
    assert thief.connections == []
    assert f"{thief.port}/, the port of a printer" in finding_of(report).detail


def test_the_credential_does_not_go_to_another_port() -> None:
    with serving(BASIC, **tls()) as secure, serving(moved(f"https://127.0.0.1:{secure.port}/")) as plain:
        report = visited(plain, credential=ER, allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, fix=f"https://127.0.0.1:{secure.port}/")
    assert report.footprint.login_attempts == 0


@pytest.mark.parametrize("port", [22, 444, 591, 1025, 3306, 9088, 50000])
def test_a_redirect_to_another_services_port_is_our_policy_and_no_fault(port: int) -> None:
    with serving(moved(f"http://127.0.0.1:{port}/")) as server:
        report = visited(server)
    expect(report, Verdict.UNDECIDED, "scanready.not-followed", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert f"127.0.0.1:{port}/, " in finding_of(report).detail
    assert report.facts["redirect"] == f"http://127.0.0.1:{port}/"
    assert report.footprint.connections == 1


@pytest.mark.parametrize("location", ["/", "app://open", "http://[::1/", "http://a b/"])
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
        for here, there in pairwise(servers):
            here.behaviour = site({"/": moved(f"http://127.0.0.1:{there.port}/")})
        report = visited(servers[0])
    expect(report, Verdict.UNDECIDED, "scanready.limit")
    assert [len(server.connections) for server in servers] == [1, 1, 1, 1, 0, 0]
    assert report.footprint.connections == 4


# --- addresses ----------------------------------------------------------------------------------------------------


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
        ("/caf\xc3\xa9", "http://h/caf%C3%A9"),
        ("/caf\xe9?q=\xe9", "http://h/caf%E9?q=%E9"),
        ("/caf%C3%A9", "http://h/caf%C3%A9"),
        ("/\u0142", "http://h/%C5%82"),
        ("http://caf\xc3\xa9.example/", "http://xn--caf-dma.example/"),
        ("http://caf\xe9.example/", None),
        ("http://caf%C3%A9.example/", "http://xn--caf-dma.example/"),
        ("javascript:alert(1)", None),
        ("http://", "http://h/a"),
        ("http://h:99999/", None),
    ],
)
def test_where_a_redirect_leads(location: str, leads_to: str | None) -> None:
    found = Url("http", "h", 80, "/a").joined(location)
    assert (str(found) if found else None) == leads_to
