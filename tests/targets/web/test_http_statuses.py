"""Statuses that have more to say than their number: TLS that a server wants, and services behind a delivery network."""

from __future__ import annotations

import pytest

from scanready.clients.http_pages import demand_no_other_tls, failing_service
from scanready.clients.http_talk import Url
from scanready.climb.explain import Failure
from scanready.model import Owner, Step, Verdict
from scanready.wire.http import Response
from tests.ladder import check_of, expect
from tests.websites import answer, serving, tls, visited

HTML = "Content-Type: text/html"
#: The headings of IIS 6 and of IIS 7 to 10, with detailed errors.
WANTS_CERTIFICATE = b"<h2>HTTP Error 403.7 - Forbidden: SSL client certificate is required.<br>IIS</h2>"
DETAILED = b"<h3>HTTP Error 403.7 - Forbidden</h3><h4>The page requires a Secure Sockets Layer client certificate.</h4>"
DASHED = "<title>IIS 10.0 \u2013 403.16 \u2013 Verboten</title>".encode()
WANTS_TLS = b"<h2>403.4 - Forbidden: SSL is required to view this resource.</h2>"


@pytest.mark.parametrize("type_", ["http", "https"])
@pytest.mark.parametrize("body", [WANTS_CERTIFICATE, DETAILED, DASHED], ids=["IIS 6", "IIS 10", "another language"])
def test_iis_that_wants_a_client_certificate(type_: str, body: bytes) -> None:
    with serving(answer("403 Forbidden", HTML, body=body), **(tls() if type_ == "https" else {})) as server:
        report = visited(server, type_)
    expect(report, Verdict.BLOCKED, "tls.client-certificate", step=Step.TLS, owner=Owner.SERVER)


@pytest.mark.parametrize("type_", ["http", "https"])
@pytest.mark.parametrize("status", ["495 SSL Certificate Error", "496 SSL Certificate Required"])
def test_nginx_that_wants_a_client_certificate(type_: str, status: str) -> None:
    with serving(answer(status, HTML), **(tls() if type_ == "https" else {})) as server:
        report = visited(server, type_)
    expect(report, Verdict.BLOCKED, "tls.client-certificate", step=Step.TLS, owner=Owner.SERVER)


def test_nginx_that_wants_tls_on_this_port() -> None:
    with serving(answer("497 HTTP Request Sent to HTTPS Port", HTML)) as server:
        report = visited(server)
        expect(report, Verdict.BLOCKED, "handshake.other-protocol", fix=f"https://127.0.0.1:{server.port}/")


@pytest.mark.parametrize(
    "page",
    [
        answer("403 Forbidden", HTML, body=WANTS_TLS),
        answer("426 Upgrade Required", "Upgrade: TLS/1.2, HTTP/1.1", "Connection: Upgrade"),
        answer("426 Upgrade Required", "Upgrade: TLS/1.0"),
    ],
    ids=["403.4", "426", "426 alone"],
)
def test_a_server_that_wants_tls(page: bytes) -> None:
    with serving(page) as server:
        report = expect(visited(server), Verdict.BLOCKED, "tls.required", step=Step.TLS, owner=Owner.SERVER)
    assert report.cause is not None
    assert Owner.OPERATOR in [other.owner for other in report.cause.also], "the target over TLS is the operator's"


@pytest.mark.parametrize(("port", "entry"), [(80, "https://intranet.example/a"), (8080, None)])
def test_the_same_page_over_tls_is_named_where_its_port_is_known(port: int, entry: str | None) -> None:
    reply = Response(426, "Upgrade Required", "1.1", (("upgrade", "TLS/1.2"),))
    with pytest.raises(Failure, match=r"tls\.required") as raised:
        demand_no_other_tls(Url("http", "intranet.example", port, "/a"), reply, "said")
    fixes = [fix for _, fix in raised.value.also]
    assert fixes == ([f"# In the inventory, in place of this target:\n{entry}"] if entry else [])


@pytest.mark.parametrize("upgrade", [("Upgrade: websocket",), ("Upgrade: h2c",), ()])
def test_an_upgrade_to_another_protocol_is_our_limit(upgrade: tuple[str, ...]) -> None:
    with serving(answer("426 Upgrade Required", *upgrade)) as server:
        report = expect(visited(server), Verdict.UNDECIDED, "scanready.limit", owner=Owner.SCANREADY)
    assert "426" in check_of(report, Step.HANDSHAKE).summary


@pytest.mark.parametrize(
    "body",
    [
        b"<p>Version 403.7 of the product is required",
        b"<p>The total is 1403.7 - see below",
        b"<p>403.14 - Forbidden: the directory is not listed",
        b"",
    ],
)
def test_a_403_without_such_a_substatus_is_forbidden(body: bytes) -> None:
    with serving(answer("403 Forbidden", HTML, body=body)) as server:
        expect(visited(server), Verdict.BLOCKED, "http.forbidden", step=Step.AUTH, owner=Owner.SERVER)


@pytest.mark.parametrize(
    ("page", "product"),
    [
        (answer("403 Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0"), "Squid"),
        (answer("403 Forbidden", HTML, body=b"<title>Web Page Blocked</title>"), "Palo Alto"),
        (answer("451 Blocked", HTML, body=b"<a href=https://block.opendns.com/>Why?</a>"), "Umbrella"),
    ],
)
def test_a_filter_that_refuses_is_not_the_server(page: bytes, product: str) -> None:
    with serving(page) as server:
        report = expect(visited(server), Verdict.BLOCKED, "http.block-page", step=Step.AUTH, owner=Owner.NETWORK)
    assert product in check_of(report, Step.AUTH).summary
    assert report.cause is not None
    assert [other.owner for other in report.cause.also] == [Owner.SERVER], "it may be the site's own firewall"


@pytest.mark.parametrize("status", [*range(520, 528), 529, 530])
def test_a_front_that_does_not_get_the_service_behind(status: int) -> None:
    with serving(answer(f"{status} Origin", "Server: cloudflare")) as server:
        expect(visited(server), Verdict.BLOCKED, "http.unavailable", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, "http.server-error"), (501, "http.server-error"), (502, "http.unavailable"), (561, "http.server-error")],
)
def test_the_service_and_its_front_are_told_apart(status: int, code: str) -> None:
    assert failing_service(status).code == code
