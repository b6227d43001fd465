"""Five protocols behind a real HAProxy, set up rightly and in the usual wrong ways, beside what other clients get."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fixtures.lab.accounts import PASSWORD, SCANNER
from fixtures.lab.dovecot import Dovecot
from fixtures.lab.haproxy import VARIANTS, HAProxy
from fixtures.lab.lab import Lab
from fixtures.lab.web import Website
from scanready.model import Owner, Report, Step, Verdict
from tests.ladder import climb, expect, finding_of, story, target
from tests.peers.running import by_curl, by_psql, by_ssh, running

TYPES = ("http", "https", "imap", "imaps", "postgresql", "ssh", "unix")
#: Verdict, cause, step and owner.
Found = tuple[Verdict, str | None, Step | None, Owner | None]

FINE: Found = (Verdict.SCANNABLE, None, None, None)
PROMPT: Found = (Verdict.READY, None, None, None)
HUNG_UP: Found = (Verdict.BLOCKED, "handshake.hung-up", Step.HANDSHAKE, Owner.SERVER)
SILENT: Found = (Verdict.BLOCKED, "handshake.silent", Step.HANDSHAKE, Owner.NETWORK)
HEADER: Found = (Verdict.UNDECIDED, "handshake.proxy-header", Step.HANDSHAKE, Owner.SERVER)
REFUSED: Found = (Verdict.BLOCKED, "http.request-refused", Step.AUTH, Owner.SERVER)
UNAVAILABLE: Found = (Verdict.BLOCKED, "http.unavailable", Step.HANDSHAKE, Owner.SERVER)
#: The web server's 400 in clear is all that is heard: it may be one of plain HTTP.
NO_TLS: Found = (Verdict.BLOCKED, "tls.not-offered", Step.TLS, Owner.SERVER)

HEALTHY: Mapping[str, Found] = {type_: FINE if type_.startswith("http") else PROMPT for type_ in TYPES}
NOBODY: Mapping[str, Found] = dict.fromkeys(TYPES, HUNG_UP)
EXPECTED: Mapping[str, Mapping[str, Found]] = {
    "plain": HEALTHY,
    "proxied": HEALTHY,
    "proxied-v2": HEALTHY,
    "passthrough": HEALTHY,
    "no-backend": NOBODY,
    "dead-backend": NOBODY,
    "down-backend": NOBODY,
    "dead-website": {**NOBODY, "http": UNAVAILABLE},
    # A server that speaks first waits for the header, and who speaks first is reset.
    "accept-proxy": {**NOBODY, "imap": SILENT},
    "send-proxy": {"http": REFUSED, "https": NO_TLS, "imap": HEADER, "unix": HEADER, "ssh": HEADER},
    "send-proxy-v2": {"http": REFUSED, "https": NO_TLS, "imap": HEADER, "unix": HEADER, "ssh": HEADER},
}


def haproxy(lab: Lab, variant: str) -> HAProxy:
    """That HAProxy, before servers whose certificates name all of them."""
    names = [f"peer-haproxy-{name}.lab" for name in VARIANTS]
    web = lab.alone("behind-web", lambda host, own: Website(host, own, lab.authority.issue(host.label, names)))
    mail = lab.alone(
        "behind-mail", lambda host, own: Dovecot(host, own, "starttls", lab.authority.issue(host.label, names))
    )
    behind = {80: web.address, 443: web.address, 143: mail.address, 993: mail.address}
    behind |= {5432: lab.postgresql("scram").address, 22: lab.openssh("password").address}
    proxy = haproxy(lab, "accept-proxy").address if VARIANTS[variant].to == "proxy" else ""
    return running(lab, HAProxy, f"haproxy-{variant}", lambda host, own: HAProxy(host, own, variant, behind, proxy))


def others(lab: Lab, type_: str, host: str) -> bool:
    """Whether a client of another maker gets in, or to the login prompt."""
    account = ("-u", f"{SCANNER}:{PASSWORD}", "--ssl-reqd")
    match type_:
        case "http" | "https":
            return by_curl(lab, f"{type_}://{host}/", "--fail")[0]
        case "imap" | "imaps":
            return by_curl(lab, f"{type_}://{host}/", *account)[0]
        case "postgresql":
            return by_psql(lab, host, 5432, "er", "hr")[0]
        case _:
            return by_ssh(lab, host)[0]


@pytest.mark.parametrize(
    ("variant", "type_"), [(variant, type_) for variant in VARIANTS for type_ in TYPES if type_ != "unix"]
)
def test_a_target_behind_it(lab: Lab, variant: str, type_: str) -> None:
    server = haproxy(lab, variant)
    verdict, code, step, owner = EXPECTED[variant].get(type_, HUNG_UP)
    report = expect(climb(target(type_, server.hostname), lab.agent, timeout=6), verdict, code, step=step, owner=owner)
    assert report.footprint.login_attempts == 0
    if (variant, type_) != (
        "send-proxy",
        "imap",
    ):  # curl takes no notice of an answer to a command that it did not send
        assert others(lab, type_, server.hostname) is (verdict in (Verdict.SCANNABLE, Verdict.READY)), story(report)


def test_both_types_of_port_22_say_the_same(lab: Lab) -> None:
    server = haproxy(lab, "send-proxy")
    verdict, code, step, owner = HEADER
    report = expect(climb(target("unix", server.hostname), lab.agent), verdict, code, step=step, owner=owner)
    assert "Invalid SSH identification string" in finding_of(report).detail


@pytest.mark.parametrize("variant", ["no-backend", "dead-backend", "accept-proxy"])
@pytest.mark.parametrize("type_", ["http", "postgresql"])
def test_the_remedy_names_the_load_balancer(lab: Lab, variant: str, type_: str) -> None:
    report = climb(target(type_, haproxy(lab, variant).hostname), lab.agent)
    cause = finding_of(report).cause
    assert "load balancer" in cause.meaning
    assert "accept-proxy" in cause.remedy


@pytest.mark.parametrize("variant", ["send-proxy", "send-proxy-v2"])
def test_nginx_answers_the_header_as_it_does_plain_http(lab: Lab, variant: str) -> None:
    report = climb(target("https", haproxy(lab, variant).hostname), lab.agent)
    assert "PROXY protocol" in finding_of(report).detail, story(report)


def test_apache_hangs_up_on_the_header(lab: Lab) -> None:
    behind = {443: lab.apache().site("ntlm").address}
    server = running(lab, HAProxy, "haproxy-apache", lambda host, own: HAProxy(host, own, "send-proxy", behind))
    verdict, code, step, owner = HUNG_UP
    report = climb(target("https", server.hostname), lab.agent)
    expect(report, verdict, code, step=step, owner=owner)
    assert not by_curl(lab, f"https://{server.hostname}/", "--insecure")[0]


def named(lab: Lab, host: str) -> Report:
    return climb(target("https", host), lab.agent)


def test_a_passthrough_knows_sites_by_name(lab: Lab) -> None:
    server = haproxy(lab, "passthrough")
    lab.topology.name({"another.lab": [server.address]})
    for name in (server.address, "another.lab"):
        expect(named(lab, name), Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE, owner=Owner.SERVER)
        assert not by_curl(lab, f"https://{name}/", "--insecure")[0]
