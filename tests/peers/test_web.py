"""`http`, `https` and `ews` at lighttpd, nghttpd (HTTP/2 only) and behind mitmproxy, beside what curl gets."""

from __future__ import annotations

import pytest

from fixtures.lab.accounts import PASSWORD, SCANNER
from fixtures.lab.certificates import Certificate
from fixtures.lab.lab import Lab
from fixtures.lab.web_peers import Lighttpd, Mitmproxy, Nghttpd
from scanready.model import Credential, Owner, Step, Verdict
from tests.ladder import account, climb, expect, finding_of, story, target
from tests.peers.running import by_curl, running

ME, WRONG = account(SCANNER), account(SCANNER, "wrong")


def certificate(lab: Lab, label: str) -> Certificate:
    return lab.authority.issue(f"peer-{label}", [f"peer-{label}.lab"])


def lighttpd(lab: Lab) -> Lighttpd:
    return running(lab, Lighttpd, "lighttpd", lambda host, own: Lighttpd(host, own, certificate(lab, "lighttpd")))


def nghttpd(lab: Lab, *, clear: bool) -> Nghttpd:
    label = "nghttpd-clear" if clear else "nghttpd"
    return running(lab, Nghttpd, label, lambda host, own: Nghttpd(host, own, certificate(lab, label), clear=clear))


def mitmproxy(lab: Lab, site: str = "good") -> Mitmproxy:
    before = lab.nginx().site(site).hostname
    label = f"mitmproxy-{site}"
    return running(lab, Mitmproxy, label, lambda host, own: Mitmproxy(host, own, before, lab.authority.root))


# lighttpd ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["http", "https"])
@pytest.mark.parametrize(
    ("path", "credential", "verdict", "code"),
    [
        ("/", None, Verdict.SCANNABLE, None),
        ("/basic/", None, Verdict.READY, None),
        ("/digest/", ME, Verdict.SCANNABLE, None),
        ("/digest/", WRONG, Verdict.BLOCKED, "login.refused"),
        ("/nothing", None, Verdict.BLOCKED, "access.not-found"),
    ],
    ids=["open", "prompt", "digest", "wrong-password", "not-found"],
)
def test_lighttpd(
    lab: Lab, type_: str, path: str, credential: Credential | None, verdict: Verdict, code: str | None
) -> None:
    server = lighttpd(lab)
    report = expect(climb(target(type_, server.hostname, None, credential, path=path), lab.agent), verdict, code)
    assert report.facts["product"] == "lighttpd"
    who = ("-u", f"{credential.username}:{credential.password}", "--digest") if credential else ()
    got, printed = by_curl(lab, f"{type_}://{server.hostname}{path}", "--fail", *who)
    assert got is (verdict is Verdict.SCANNABLE), f"{printed}\n{story(report)}"


@pytest.mark.parametrize(
    ("type_", "verdict", "code"),
    [("https", Verdict.SCANNABLE, None), ("http", Verdict.UNDECIDED, "login.withheld")],
)
def test_basic_only_over_tls(lab: Lab, type_: str, verdict: Verdict, code: str | None) -> None:
    server = lighttpd(lab)
    report = climb(target(type_, server.hostname, None, ME, path="/basic/"), lab.agent)
    expect(report, verdict, code)
    assert by_curl(lab, f"{type_}://{server.hostname}/basic/", "--fail", "-u", f"{SCANNER}:{PASSWORD}")[0]


def test_lighttpd_hangs_up_on_plain_http_at_its_tls_port(lab: Lab) -> None:
    server = lighttpd(lab)
    report = climb(target("http", server.hostname, 443), lab.agent)
    expect(report, Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "requires TLS" in finding_of(report).detail
    assert not by_curl(lab, f"http://{server.hostname}:443/")[0]


# HTTP/2 only ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["https", "console", "ews"])
def test_http2_only_in_tls(lab: Lab, type_: str) -> None:
    server = nghttpd(lab, clear=False)
    report = climb(target(type_, server.hostname, 443), lab.agent)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)
    assert "selects h2 by ALPN" in finding_of(report).detail


def test_curl_agrees_that_it_is_http2_only(lab: Lab) -> None:
    server = nghttpd(lab, clear=False)
    assert by_curl(lab, f"https://{server.hostname}/", "--fail", "--http2")[0]
    assert not by_curl(lab, f"https://{server.hostname}/", "--fail", "--http1.1")[0]


def test_http2_only_in_clear(lab: Lab) -> None:
    server = nghttpd(lab, clear=True)
    report = climb(target("http", server.hostname), lab.agent)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.HANDSHAKE, owner=Owner.SCANREADY)
    assert "HTTP/2" in finding_of(report).detail
    assert by_curl(lab, f"http://{server.hostname}/", "--fail", "--http2-prior-knowledge")[0]
    assert not by_curl(lab, f"http://{server.hostname}/", "--fail")[0]


def test_tls_at_http2_in_clear(lab: Lab) -> None:
    report = climb(target("https", nghttpd(lab, clear=True).hostname, 80), lab.agent)
    expect(report, Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER)
    assert "HTTP/2" in finding_of(report).detail


# TLS inspection ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["https", "console"])
def test_mitmproxy_is_an_inspection_device(lab: Lab, type_: str) -> None:
    server = mitmproxy(lab)
    report = climb(target(type_, server.hostname), lab.agent)
    expect(report, Verdict.LIMITED, "tls.intercepted", step=Step.TLS, owner=Owner.NETWORK)
    assert "mitmproxy" in finding_of(report).detail
    url = f"https://{server.hostname}/"
    assert not by_curl(lab, url)[0]
    assert by_curl(lab, url, "--insecure")[0]


def test_no_credential_goes_through_mitmproxy(lab: Lab) -> None:
    server = mitmproxy(lab, "basic")
    report = climb(target("https", server.hostname, None, ME), lab.agent)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert report.footprint.login_attempts == 0
    assert "mitmproxy" in story(report)
