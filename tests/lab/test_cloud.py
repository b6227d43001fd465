"""The target cloud against real TLS servers, real proxies, real inspection and a captive portal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import certifi
import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.clouds import CLOUDS, address_of
from fixtures.lab.lab import Lab
from fixtures.lab.squid import INSPECTOR
from scanready.model import Outcome, Owner, Report, Step, Verdict
from scanready.report.story import tell
from tests.ladder import check_of, climb, expect, passed, story, target


@pytest.fixture(autouse=True)
def internet(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lab's authority is in everybody's list; the names are where they belong when a test ends."""
    lab.clouds()
    monkeypatch.setattr(certifi, "where", lambda: str(lab.authority.root))
    yield
    for name, addresses in lab.dns().records.items():
        if name in CLOUDS and addresses != [address_of(name)]:
            lab.dns().record(name, address_of(name))


def asked(lab: Lab, service: str = "exchange-online", ca_file: str | None = None, **options: Any) -> Report:
    return climb(target("cloud", service, **options), lab.agent, ca_file=ca_file)


def through(lab: Lab, variant: str, service: str = "exchange-online", ca_file: str | None = None) -> Report:
    return asked(lab, service, ca_file, proxy=f"{lab.squid(variant).address}:3128")


# --- the service answers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "options", "endpoints"),
    [
        ("exchange-online", {}, 3),
        ("microsoft365", {"tenant": "contoso"}, 5),
        ("s3", {"region": "eu-west-1"}, 2),
        ("azure-blobs", {"account": "contoso"}, 1),
    ],
)
def test_a_service_that_answers_is_ready(lab: Lab, service: str, options: dict[str, str], endpoints: int) -> None:
    report = expect(asked(lab, service, **options), Verdict.READY)
    assert len(report.facts["endpoints"]) == endpoints
    assert report.footprint.connections == endpoints
    assert "private" not in report.facts
    passed(report, Step.CONNECT, Step.TLS, Step.HANDSHAKE)


def test_the_access_log_has_one_line_for_each_request_and_no_complaint(lab: Lab) -> None:
    server = lab.clouds()
    before = len(server.log)
    expect(asked(lab, "azure-blobs", account="contoso"), Verdict.READY)
    added = [line for line in server.log[before:].splitlines() if "scanready" in line]
    assert [line.split('"')[1].split()[0] for line in added] == ["HEAD"]
    assert "SSL" not in server.log[before:]


def test_a_closed_endpoint_names_the_rule(lab: Lab) -> None:
    there = address_of("graph.microsoft.com")
    with lab.policy(f"ip daddr {there} tcp dport 443 drop"):
        report = asked(lab)
    rule = f"ip saddr {lab.agent.address} ip daddr {there} tcp dport 443 accept"
    expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule)
    assert len(report.facts["endpoints"]) == 2, "the others are asked all the same"


def test_a_dead_address_beside_a_living_one_is_a_finding(lab: Lab) -> None:
    """Each address of a name is dialled; one that is closed may be the one that the scanner takes."""
    name = "graph.microsoft.com"
    lab.dns().record(name, address_of(name), lab.host("no-cloud").address)
    report = asked(lab)
    expect(report, Verdict.LIMITED, "connect.refused", step=Step.CONNECT)


# --- names -------------------------------------------------------------------------------------------------------


def test_a_name_that_the_filter_leads_to_nobody(lab: Lab) -> None:
    lab.dns().record("graph.microsoft.com", "0.0.0.0")
    expect(asked(lab), Verdict.BLOCKED, "cloud.sinkholed", step=Step.RESOLVE, owner=Owner.NETWORK)


def test_a_private_endpoint_of_the_service_is_a_fact(lab: Lab) -> None:
    lab.dns().record("contoso.blob.core.windows.net", lab.clouds().address)
    report = expect(asked(lab, "azure-blobs", account="contoso"), Verdict.READY)
    assert report.facts["private"] == [lab.clouds().address]
    assert report.facts["private_endpoint"] is True


@pytest.mark.parametrize("site", ["good", "self-signed"])
def test_a_private_address_that_is_somebody_elses_is_not(lab: Lab, site: str) -> None:
    lab.dns().record("contoso.blob.core.windows.net", lab.nginx().site(site).address)
    report = asked(lab, "azure-blobs", account="contoso")
    expect(report, Verdict.BLOCKED, "cloud.portal", step=Step.HANDSHAKE, owner=Owner.NETWORK)
    found = {check.finding.cause.code for check in report.checks if check.step is Step.TLS and check.finding}
    assert ("cloud.private-answer" in found) == (site == "self-signed"), story(report)


# --- proxies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["squid", "tinyproxy"])
def test_through_a_proxy_where_the_direct_way_is_closed(lab: Lab, kind: str) -> None:
    proxy = lab.squid("open") if kind == "squid" else lab.proxy("open")
    with lab.policy(f"ip saddr {lab.agent.address} ip daddr 20.60.7.0/24 drop"):
        report = expect(asked(lab, proxy=f"{proxy.address}:3128"), Verdict.READY)
    assert check_of(report, Step.RESOLVE).outcome is Outcome.SKIPPED
    assert report.footprint.connections == 3


@pytest.mark.parametrize("kind", ["squid", "tinyproxy"])
def test_a_proxy_with_a_login(lab: Lab, kind: str) -> None:
    proxy = lab.squid("login") if kind == "squid" else lab.proxy("authenticated")
    report = asked(lab, proxy=f"{proxy.address}:3128")
    expect(report, Verdict.BLOCKED, "http.proxy-login", step=Step.CONNECT, owner=Owner.NETWORK)
    assert report.facts["proxy_auth_methods"] == ["Basic"]


def test_a_proxy_that_forbids(lab: Lab) -> None:
    report = through(lab, "forbidding")
    expect(report, Verdict.BLOCKED, "http.proxy-refused", step=Step.CONNECT, owner=Owner.NETWORK)
    assert "403" in story(report)


def test_a_proxy_that_finds_no_way(lab: Lab) -> None:
    with lab.policy("ip daddr 20.60.7.0/24 reject with tcp reset"):
        report = through(lab, "open")
    expect(report, Verdict.BLOCKED, "http.proxy-refused", step=Step.CONNECT, owner=Owner.NETWORK)


# --- inspection --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [True, False])
def test_a_proxy_that_inspects(lab: Lab, trusted: bool) -> None:
    ca_file = str(lab.squid("inspecting").authority) if trusted else None
    report = through(lab, "inspecting", ca_file=ca_file)
    code = "cloud.inspected" if trusted else "tls.intercepted"
    expect(report, Verdict.LIMITED, code, step=Step.TLS, owner=Owner.NETWORK)
    assert report.finding is not None
    assert INSPECTOR in report.finding.detail
    assert "the same for microsoft.com, microsoftonline.com, office365.com" in report.finding.detail
    passed(report, Step.HANDSHAKE)


@pytest.mark.parametrize("trusted", [True, False])
def test_inspection_that_nobody_configured(lab: Lab, trusted: bool) -> None:
    squid = lab.squid("inspecting")
    with squid.intercepting(lab.topology):
        report = asked(lab, ca_file=str(squid.authority) if trusted else None)
    code = "cloud.inspected" if trusted else "tls.intercepted"
    expect(report, Verdict.LIMITED, code, step=Step.TLS, owner=Owner.NETWORK)
    assert check_of(report, Step.CONNECT).summary.startswith("connected to 20.60.7.")
    assert INSPECTOR in story(report)


def test_a_gateway_that_dns_leads_to(lab: Lab) -> None:
    """A private address answers, under the right name, with a certificate of a private authority."""
    gateway = lab.gateway("s3.amazonaws.com")
    lab.dns().record("s3.amazonaws.com", gateway.address)
    report = asked(lab, "s3", ca_file=str(gateway.own.root))
    expect(report, Verdict.LIMITED, "cloud.private-answer", step=Step.TLS, owner=Owner.NETWORK)
    passed(report, Step.HANDSHAKE)


def test_a_filter_that_cuts_by_name(lab: Lab) -> None:
    with lab.squid("cutting").intercepting(lab.topology):
        report = asked(lab)
    expect(report, Verdict.BLOCKED, "cloud.cut-by-name", step=Step.TLS, owner=Owner.NETWORK)
    passed(report, Step.CONNECT)


def test_inspection_that_forbids_shows_its_own_page(lab: Lab) -> None:
    squid = lab.squid("inspecting-and-forbidding")
    report = through(lab, "inspecting-and-forbidding", ca_file=str(squid.authority))
    expect(report, Verdict.BLOCKED, "cloud.block-page", step=Step.HANDSHAKE, owner=Owner.NETWORK)
    assert "ERR_ACCESS_DENIED" in story(report)


# --- captive portals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "code"),
    [("redirecting", "cloud.portal"), ("showing", "cloud.portal"), ("by-status", "http.captive-portal")],
)
def test_a_captive_portal(lab: Lab, variant: str, code: str) -> None:
    with lab.topology.leading_to(lab.portal(variant).host, 443):
        report = asked(lab)
    expect(report, Verdict.BLOCKED, code, step=Step.HANDSHAKE, owner=Owner.NETWORK)
    faults = {check.finding.cause.code for check in report.checks if check.step is Step.TLS and check.finding}
    assert faults == {"tls.untrusted", "tls.name-mismatch"}
    assert report.footprint.connections >= 3


# --- by other means ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "shows"),
    [
        ("open", "HTTP/1.1 404 Not Found"),
        ("login", "407 Proxy Authentication Required"),
        ("forbidding", "403 Forbidden"),
    ],
)
def test_curl_meets_the_same_proxies(lab: Lab, variant: str, shows: str) -> None:
    proxy = f"http://{lab.squid(variant).address}:3128"
    curl = ["curl", "-vkI", "-x", proxy, "https://graph.microsoft.com/"]
    done = lab.agent.command(curl)
    assert shows in done.stdout + done.stderr
    if variant == "login":
        done = lab.agent.command([*curl, "--proxy-user", f"{lab.squid(variant).user}:{PASSWORD}"])
        assert "HTTP/1.1 404 Not Found" in done.stdout


def by_hand(lab: Lab, report: Report, code: str) -> str:
    """Run the story's command for a cause in a shell of the agent; return the command and its output."""
    rung = next(rung for rung in tell(report).rungs if rung.code == code)
    line = rung.by_hand[0].removeprefix("On the agent: ").split("; then")[0]
    done = lab.agent.command(["sh", "-c", f"{line} 2>&1"])
    return f"{line}\n{done.stdout}"


def test_inspection_is_confirmed_by_hand(lab: Lab) -> None:
    squid = lab.squid("inspecting")
    with squid.intercepting(lab.topology):
        report = asked(lab, ca_file=str(squid.authority))
        assert INSPECTOR in by_hand(lab, report, "cloud.inspected")


def test_a_filter_that_cuts_by_name_is_confirmed_by_hand(lab: Lab) -> None:
    with lab.squid("cutting").intercepting(lab.topology):
        report = asked(lab)
        assert "no peer certificate available" in by_hand(lab, report, "cloud.cut-by-name")


def test_a_portal_is_confirmed_by_hand(lab: Lab) -> None:
    with lab.topology.leading_to(lab.portal("redirecting").host, 443):
        report = asked(lab)
        assert "Location: https://portal.corp/login" in by_hand(lab, report, "cloud.portal")


def test_a_sinkhole_is_confirmed_by_hand(lab: Lab) -> None:
    lab.dns().record("graph.microsoft.com", "0.0.0.0")
    report = asked(lab)
    assert "0.0.0.0" in by_hand(lab, report, "cloud.sinkholed")
