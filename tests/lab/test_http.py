"""The targets http and https against nginx, Apache httpd and tinyproxy: every site, and what its log says."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.lab.web import PAGE, SITES
from fixtures.limits import HANG
from scanready.clients.http_talk import USER_AGENT
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from tests.ladder import account, check_of, climb, expect, passed, story, target
from tests.websites import BASIC, ER, OK, look, moved, serving, tls


def name_of(lab: Lab, site: str) -> str:
    return lab.nginx().site(site).hostname


def visited(lab: Lab, type_: str, site: str, credential: Credential | None = None, **options: Any) -> Report:
    return climb(target(type_, name_of(lab, site), credential=credential, **options), lab.agent)


def our_lines(lab: Lab) -> list[str]:
    log = lab.nginx().directory / "access.log"
    return [line for line in log.read_text().splitlines() if USER_AGENT in line]


def scanner(lab: Lab, password: str = "") -> Credential:
    return account(lab.nginx().user, password) if password else account(lab.nginx().user)


# --- healthy -----------------------------------------------------------------------------------------------------


def test_an_open_page_is_scannable(lab: Lab) -> None:
    report = expect(visited(lab, "http", "plain"), Verdict.SCANNABLE)
    passed(report, Step.RESOLVE, Step.CONNECT, Step.HANDSHAKE, Step.AUTH, Step.ACCESS)
    assert f"read {len(PAGE)} bytes of text/html" in check_of(report, Step.ACCESS).summary
    assert report.facts["product"] == "nginx"
    assert report.facts["clock_skew_seconds"] in (-1, 0, 1)
    assert report.footprint.connections == 1, story(report)


@pytest.mark.parametrize("site", ["good", "new-tls"])
def test_an_open_page_over_tls_is_scannable(lab: Lab, site: str) -> None:
    report = expect(visited(lab, "https", site), Verdict.SCANNABLE)
    assert report.facts["tls"] == ("TLSv1.3" if site == "new-tls" else "TLSv1.2")  # nginx 1.22's own default
    assert report.footprint.connections == 1, story(report)


def test_the_tls_facts_are_what_openssl_sees(lab: Lab) -> None:
    name = name_of(lab, "good")
    facts = visited(lab, "https", "good").facts
    output = lab.agent.command(["openssl", "s_client", "-connect", f"{name}:443", "-servername", name], input="").stdout
    assert f"New, {facts['tls']}, Cipher is {facts['tls_cipher']}" in output
    # The leaf is the first of the chain that s_client lists: "i:O = scanready lab, CN = lab intermediate".
    issuer = re.findall(r"\n\s*i:(.*)", output)[0]
    assert sorted(re.split(r"\s*,\s*", issuer.replace(" = ", "="))) == sorted(facts["tls_issuer"].split(","))
    leaf = lab.agent.command(["openssl", "x509", "-noout", "-enddate", "-dateopt", "iso_8601"], input=output).stdout
    assert leaf.strip().removeprefix("notAfter=").replace(" ", "T").rstrip("Z") + "+00:00" == facts["tls_expires"]


@pytest.mark.parametrize(
    ("type_", "site", "depth", "lines"),
    [
        ("https", "basic", Step.ACCESS, ['HEAD / HTTP/1.1" 401']),
        ("http", "plain", Step.AUTH, ['HEAD / HTTP/1.1" 200']),
        ("http", "plain", Step.ACCESS, ['HEAD / HTTP/1.1" 200', 'GET / HTTP/1.1" 200']),
        ("http", "plain", Step.CONNECT, []),
        ("https", "good", Step.TLS, []),
    ],
)
def test_the_access_log_has_one_line_for_each_request(
    lab: Lab, type_: str, site: str, depth: Step, lines: list[str]
) -> None:
    before = len(our_lines(lab))
    climb(target(type_, name_of(lab, site)), lab.agent, depth=depth)
    wait_until(lambda: len(our_lines(lab)) >= before + len(lines))
    found = our_lines(lab)[before:]
    assert len(found) == len(lines), found
    assert all(expected in line for expected, line in zip(lines, found, strict=True)), found
    assert all(line.endswith(f'"{USER_AGENT}"') for line in found)


@pytest.mark.parametrize(
    ("type_", "site", "depth"),
    [("https", "good", Step.ACCESS), ("https", "good", Step.TLS), ("https", "self-signed", Step.ACCESS)],
)
def test_the_error_log_has_no_complaint(lab: Lab, type_: str, site: str, depth: Step) -> None:
    log = lab.nginx().directory / "error.log"
    before = len(log.read_text())
    climb(target(type_, name_of(lab, site)), lab.agent, depth=depth)
    complaints = [line for line in log.read_text()[before:].splitlines() if "SSL" in line or "reset" in line]
    assert complaints == []


def test_over_ipv6_with_a_certificate_for_names_only(lab: Lab) -> None:
    where = lab.nginx().site("plain")
    report = expect(climb(target("http", where.address6), lab.agent), Verdict.SCANNABLE)
    assert check_of(report, Step.CONNECT).endpoint == f"[{where.address6}]:80"
    secure = lab.nginx().site("good")
    expect(climb(target("https", secure.address6), lab.agent), Verdict.LIMITED, "tls.name-mismatch", step=Step.TLS)


# --- certificates and TLS ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "code"),
    [
        ("expired", "tls.expired"),
        ("not-yet-valid", "tls.expired"),
        ("wrong-name", "tls.name-mismatch"),
        ("self-signed", "tls.untrusted"),
        ("no-intermediate", "tls.untrusted"),
        ("old-tls", "tls.version"),
    ],
)
def test_what_is_wrong_with_tls_limits(lab: Lab, site: str, code: str) -> None:
    report = expect(visited(lab, "https", site), Verdict.LIMITED, code, step=Step.TLS, owner=Owner.SERVER)
    passed(report, Step.HANDSHAKE, Step.AUTH, Step.ACCESS)


def test_a_client_certificate_demanded_by_nginx(lab: Lab) -> None:
    report = visited(lab, "https", "client-certificate")
    expect(report, Verdict.BLOCKED, "tls.client-certificate", owner=Owner.SERVER)


def test_a_client_certificate_demanded_by_apache(lab: Lab) -> None:
    report = climb(target("https", lab.apache().site("client-certificate").hostname), lab.agent)
    expect(report, Verdict.BLOCKED, "tls.client-certificate", owner=Owner.SERVER)


def test_plain_http_on_443(lab: Lab) -> None:
    expect(visited(lab, "https", "plain-on-443"), Verdict.BLOCKED, "tls.not-offered", step=Step.TLS, owner=Owner.SERVER)
    expect(climb(target("http", name_of(lab, "plain-on-443"), 443), lab.agent), Verdict.SCANNABLE)


def test_plain_http_to_the_tls_port(lab: Lab) -> None:
    name, apache = name_of(lab, "good"), lab.apache().site("ntlm").hostname
    for host in (name, apache):
        report = climb(target("http", host, 443), lab.agent)
        expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, fix=f"https://{host}:443/")
        assert report.finding is not None
        assert "requires TLS" in report.finding.detail


# --- statuses ----------------------------------------------------------------------------------------------------


def test_a_forbidden_site(lab: Lab) -> None:
    report = visited(lab, "http", "forbidden")
    line = f"allow {lab.agent.address};"
    expect(report, Verdict.BLOCKED, "http.forbidden", step=Step.AUTH, owner=Owner.SERVER, fix=line)


def test_a_page_that_is_not_there(lab: Lab) -> None:
    for report in (visited(lab, "http", "not-found"), visited(lab, "http", "plain", path="/nothing/here")):
        expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)


def test_a_site_in_maintenance(lab: Lab) -> None:
    report = visited(lab, "http", "unavailable")
    expect(report, Verdict.BLOCKED, "http.unavailable", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert "Retry-After: 120 s" in check_of(report, Step.HANDSHAKE).summary


def test_an_empty_page(lab: Lab) -> None:
    expect(visited(lab, "http", "empty"), Verdict.LIMITED, "http.empty", step=Step.ACCESS, owner=Owner.SERVER)


def test_a_folder_without_a_file_is_an_empty_page(lab: Lab) -> None:
    apache = climb(target("http", lab.apache().address, path="/empty/"), lab.agent)
    for report in (visited(lab, "http", "empty-folder"), apache):
        expect(report, Verdict.LIMITED, "http.empty", step=Step.ACCESS, owner=Owner.SERVER)
        assert "is an empty directory listing" in check_of(report, Step.ACCESS).summary
    expect(visited(lab, "http", "full-folder"), Verdict.SCANNABLE)


def test_a_missing_page_with_the_status_of_a_page(lab: Lab) -> None:
    report = visited(lab, "http", "soft-404", path="/nothing")
    expect(report, Verdict.LIMITED, "http.error-page", step=Step.ACCESS, owner=Owner.SERVER)
    expect(visited(lab, "http", "soft-404"), Verdict.SCANNABLE)


def test_a_page_of_maintenance_with_the_status_of_a_page(lab: Lab) -> None:
    report = visited(lab, "http", "maintenance-page")
    expect(report, Verdict.UNDECIDED, "http.maintenance", step=Step.ACCESS, owner=Owner.SERVER)


def test_a_site_that_wants_an_upgrade_to_tls(lab: Lab) -> None:
    report = visited(lab, "http", "upgrade")
    entry = (Owner.OPERATOR, "https://upgrade.web.lab/")
    expect(report, Verdict.BLOCKED, "tls.required", step=Step.TLS, owner=Owner.SERVER, also=entry)


# --- redirects ---------------------------------------------------------------------------------------------------


def test_a_redirect_to_another_host_is_followed_and_told(lab: Lab) -> None:
    report = visited(lab, "http", "redirect-to-https")
    there = "https://good.web.lab/"
    expect(report, Verdict.LIMITED, "http.redirects-elsewhere", step=Step.AUTH, owner=Owner.OPERATOR, fix=there)
    assert report.facts["location"] == there
    assert report.footprint.connections == 2
    assert check_of(report, Step.HANDSHAKE).endpoint == "good.web.lab:443"


def test_a_redirect_to_a_filtered_port_names_the_rule(lab: Lab) -> None:
    there = lab.nginx().site("good").address
    rule = f"ip saddr {lab.agent.address} ip daddr {there} tcp dport 443 accept"
    for policy in ("drop", "reject with icmp type admin-prohibited"):
        with lab.policy(f"ip daddr {there} tcp dport 443 {policy}"):
            report = visited(lab, "http", "redirect-to-https")
        expect(report, Verdict.BLOCKED, "http.redirect-unreachable", step=Step.HANDSHAKE, owner=Owner.NETWORK, fix=rule)
        assert "redirects to https://good.web.lab/" in check_of(report, Step.HANDSHAKE).summary


@pytest.mark.parametrize("site", ["redirect-to-refused", "redirect-to-nowhere"])
def test_a_redirect_to_where_nobody_answers(lab: Lab, site: str) -> None:
    lab.dns()
    report = visited(lab, "http", site)
    expect(report, Verdict.BLOCKED, "http.redirect-unreachable", step=Step.HANDSHAKE, owner=Owner.NETWORK)


def test_a_redirect_loop(lab: Lab) -> None:
    report = visited(lab, "http", "redirect-loop")
    expect(report, Verdict.BLOCKED, "http.redirect-broken", step=Step.HANDSHAKE, owner=Owner.SERVER)
    assert report.footprint.connections == 1


# --- login -------------------------------------------------------------------------------------------------------


def offered(lab: Lab, url: str) -> list[str]:
    """The schemes as requests sees them."""

    def ask() -> str:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=HANG, verify=str(lab.authority.root)).headers["WWW-Authenticate"]

    return [challenge.split()[0] for challenge in lab.agent.run(ask).split(", ")]


def test_basic_is_asked_for(lab: Lab) -> None:
    report = expect(visited(lab, "https", "basic"), Verdict.READY)
    assert report.facts["auth_methods"] == offered(lab, f"https://{name_of(lab, 'basic')}/") == ["Basic"]
    assert report.footprint.connections == 1
    assert report.footprint.login_attempts == 0


def test_a_basic_login(lab: Lab) -> None:
    report = expect(visited(lab, "https", "basic", scanner(lab)), Verdict.SCANNABLE)
    passed(report, Step.LOGIN, Step.ACCESS)
    assert f"read {len(PAGE)} bytes" in check_of(report, Step.ACCESS).summary
    assert report.footprint.login_attempts == 1


def test_a_wrong_basic_password_is_tried_once(lab: Lab) -> None:
    before = lab.nginx().log.count("password mismatch")
    report = visited(lab, "https", "basic", scanner(lab, "not-this-one"))
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert lab.nginx().log.count("password mismatch") == before + 1


def test_what_may_not_be_found_after_the_login(lab: Lab) -> None:
    report = visited(lab, "https", "basic", scanner(lab), path="/nothing")
    expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS)
    passed(report, Step.LOGIN)


def test_an_account_that_is_known_and_not_permitted(lab: Lab) -> None:
    """Apache says 401 to strangers, and 403 to a right password of an account without the right."""
    apache = lab.apache()
    where = target("http", apache.address, credential=scanner(lab), path="/others/", allow_cleartext=True)
    report = expect(climb(where, lab.agent), Verdict.LIMITED, "access.denied", step=Step.ACCESS, owner=Owner.SERVER)
    passed(report, Step.LOGIN)
    assert "without a credential it answers 401" in check_of(report, Step.ACCESS).summary
    assert report.footprint.login_attempts == 1
    wrong = replace(where, credential=scanner(lab, "not-this-one"))
    expect(climb(wrong, lab.agent), Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)


def test_a_login_that_leads_to_a_login_page_is_not_proven(lab: Lab) -> None:
    report = visited(lab, "https", "login-to-a-form", scanner(lab))
    expect(report, Verdict.UNDECIDED, "http.login-unproven", step=Step.LOGIN, owner=Owner.SERVER)
    assert report.footprint.login_attempts == 1


def test_a_login_that_leads_to_a_page_is_accepted_and_not_followed(lab: Lab) -> None:
    before = len(our_lines(lab))
    report = visited(lab, "https", "login-to-a-page", scanner(lab))
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.ACCESS)
    passed(report, Step.LOGIN)
    wait_until(lambda: len(our_lines(lab)) >= before + 3, 5)
    statuses = [line.split('" ')[1][:3] for line in our_lines(lab)[before:]]
    assert statuses == ["401", "302", "401"], "asked, logged in, compared"


def test_a_password_over_plain_http_is_withheld(lab: Lab) -> None:
    apache = lab.apache()
    where = target("http", apache.address, credential=scanner(lab), path="/basic/")
    report = expect(climb(where, lab.agent), Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0
    permitted = target("http", apache.address, credential=scanner(lab), path="/basic/", allow_cleartext=True)
    expect(climb(permitted, lab.agent), Verdict.SCANNABLE)


def test_digest(lab: Lab) -> None:
    """The password is not readable on the way, so plain http is no reason to keep it back."""
    apache = lab.apache()
    where = target("http", apache.address, path="/digest/")
    assert expect(climb(where, lab.agent), Verdict.READY).facts["auth_methods"] == ["Digest"]
    for password, verdict, code in ((PASSWORD, Verdict.SCANNABLE, None), ("wrong", Verdict.BLOCKED, "login.refused")):
        before = apache.log.count("password mismatch")
        report = climb(replace(where, credential=account(apache.user, password)), lab.agent)
        expect(report, verdict, code)
        curl = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "--digest", "-u", f"{apache.user}:{password}"]
        done = lab.agent.command([*curl, f"http://{apache.address}/digest/"])
        assert (done.stdout == "200") == (verdict is Verdict.SCANNABLE), done
        assert apache.log.count("password mismatch") - before == (0 if code is None else 2), "ours, and curl's"


def test_ntlm(lab: Lab) -> None:
    apache = lab.apache()
    host, path = apache.site("ntlm").hostname, "/negotiate/"
    report = expect(climb(target("https", host, path=path), lab.agent), Verdict.READY)
    assert report.facts["auth_methods"] == offered(lab, f"https://{host}{path}") == ["Negotiate", "NTLM"]
    user = f"{apache.domain}\\{apache.user}"
    report = climb(target("https", host, credential=account(user), path=path), lab.agent)
    expect(report, Verdict.SCANNABLE)
    assert "with ntlm" in check_of(report, Step.LOGIN).summary
    wrong = climb(target("https", host, credential=account(user, "not-this-one"), path=path), lab.agent)
    expect(wrong, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert wrong.footprint.login_attempts == 1


def test_the_credential_follows_the_redirect_from_80_to_443_of_the_same_host(lab: Lab) -> None:
    def run() -> tuple[Report, Counter[str]]:
        with (
            serving(moved("https://127.0.0.1/"), port=80) as plain,
            serving(BASIC, {"/": OK}, port=443, **tls()) as secure,
        ):
            return look(target("http", "127.0.0.1", credential=ER)), plain.counts + secure.counts

    report, requests_seen = lab.agent.run(run)
    expect(report, Verdict.SCANNABLE)
    assert check_of(report, Step.LOGIN).endpoint == "127.0.0.1:443"
    assert requests_seen == {"HEAD /": 2, "GET /": 1}


def test_no_credential_is_sent_to_an_open_page(lab: Lab) -> None:
    report = expect(visited(lab, "https", "good", scanner(lab)), Verdict.SCANNABLE)
    assert check_of(report, Step.LOGIN).outcome is Outcome.SKIPPED
    assert report.footprint.login_attempts == 0


# --- proxies and firewalls ---------------------------------------------------------------------------------------


def through(lab: Lab, type_: str, host: str, port: int | None = None, variant: str = "open", **options: Any) -> Report:
    return climb(target(type_, host, port, proxy=f"{lab.proxy(variant).address}:3128", **options), lab.agent)


def test_both_go_through_a_proxy_where_the_direct_way_is_closed(lab: Lab) -> None:
    plain, good = lab.nginx().site("plain"), lab.nginx().site("good")
    with lab.policy(f"ip saddr {lab.agent.address} ip daddr {{ {plain.address}, {good.address} }} drop"):
        report = expect(through(lab, "http", plain.hostname), Verdict.SCANNABLE)
        assert "tinyproxy" in report.facts["via"]
        report = expect(through(lab, "https", good.hostname), Verdict.SCANNABLE)
        passed(report, Step.CONNECT, Step.TLS)


def test_a_login_through_the_proxy(lab: Lab) -> None:
    where = target("https", name_of(lab, "basic"), credential=scanner(lab), proxy=f"{lab.proxy().address}:3128")
    expect(climb(where, lab.agent), Verdict.SCANNABLE)


@pytest.mark.parametrize(
    ("type_", "site", "step"), [("http", "plain", Step.HANDSHAKE), ("https", "good", Step.CONNECT)]
)
def test_a_proxy_with_a_login(lab: Lab, type_: str, site: str, step: Step) -> None:
    report = through(lab, type_, name_of(lab, site), variant="authenticated")
    expect(report, Verdict.BLOCKED, "http.proxy-login", step=step, owner=Owner.NETWORK)
    assert report.facts["proxy_auth_methods"] == ["Basic"]


def test_a_proxy_that_forbids_the_port(lab: Lab) -> None:
    expect(through(lab, "https", name_of(lab, "good"), variant="443-only"), Verdict.SCANNABLE)
    report = through(lab, "https", name_of(lab, "plain"), 80, variant="443-only")
    expect(report, Verdict.BLOCKED, "http.proxy-refused", step=Step.CONNECT, owner=Owner.NETWORK)


def test_a_proxy_that_does_not_find_the_host(lab: Lab) -> None:
    report = through(lab, "https", "no-such-name.lab")
    expect(report, Verdict.BLOCKED, "http.proxy-refused", step=Step.CONNECT)


def test_plain_http_that_the_proxy_or_the_site_refuses(lab: Lab) -> None:
    expect(through(lab, "http", "no-such-name.lab"), Verdict.BLOCKED, "http.proxy-refused", step=Step.HANDSHAKE)
    expect(through(lab, "http", name_of(lab, "unavailable")), Verdict.BLOCKED, "http.unavailable")
    expect(through(lab, "http", name_of(lab, "forbidden")), Verdict.BLOCKED, "http.forbidden")


def test_a_web_server_that_is_no_proxy(lab: Lab) -> None:
    proxies = {"nginx": lab.nginx().site("plain").address, "apache": lab.apache().address}
    for address in proxies.values():
        report = climb(target("https", name_of(lab, "good"), proxy=f"{address}:80"), lab.agent)
        expect(report, Verdict.BLOCKED, "http.not-a-proxy", step=Step.CONNECT, owner=Owner.OPERATOR)
        report = climb(target("http", name_of(lab, "plain"), proxy=f"{address}:80"), lab.agent)
        expect(report, Verdict.BLOCKED, "http.not-a-proxy", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


def test_a_proxy_behind_a_firewall_names_the_rule(lab: Lab) -> None:
    proxy = lab.proxy().address
    with lab.policy(f"ip daddr {proxy} tcp dport 3128 drop"):
        report = through(lab, "https", name_of(lab, "good"))
    rule = f"ip saddr {lab.agent.address} ip daddr {proxy} tcp dport 3128 accept"
    expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule)


def test_the_firewall_in_the_middle(lab: Lab) -> None:
    site = lab.nginx().site("good")
    with lab.policy(f"ip daddr {site.address} tcp dport 443 drop"):
        report = visited(lab, "https", "good")
    rule = f"ip saddr {lab.agent.address} ip daddr {site.address} tcp dport 443 accept"
    expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule)


def test_a_machine_that_answers_on_every_port_proves_nothing(lab: Lab) -> None:
    with lab.nginx().host.every_port_leads_to(80):
        report = visited(lab, "http", "plain")
    expect(report, Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE)


def test_every_site_of_the_lab_is_checked_here() -> None:
    source = Path(__file__).read_text()
    assert [site for site in SITES if f'"{site}"' not in source] == []
